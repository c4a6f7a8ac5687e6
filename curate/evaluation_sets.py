"""Reading evaluation sets: the texts a training corpus must not contain.

Enters: paths, folders and globs of `.jsonl`, `.txt` (both also `.gz`, `.zst`) and `.parquet`, local
or any URL fsspec opens. Leaves: items, each with the file and number it has there (line or row,
from 1) and its texts. A file that is missing or holds nothing usable is the user's mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import InputError

FIELDS = (
    "question", "query", "prompt", "problem", "instruction", "input", "context", "passage",
    "article", "story", "text", "content", "sentence", "sentence1", "sentence2", "premise",
    "hypothesis", "goal", "ctx", "choices", "options", "context_options", "endings", "answer",
    "answers", "solution", "canonical_solution", "completion", "continuation", "target", "output",
    "response",
)  # fmt: skip
"""Fields with text in the evaluation sets of lm-evaluation-harness, open_lm and OpenAI's releases."""

_SUFFIXES = (".jsonl", ".txt", ".parquet")
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Item:
    """One evaluation item: `number` is its line or row in `file`, counted from 1."""

    file: str
    number: int
    texts: tuple[str, ...]


def read_items(paths: Sequence[str], fields: Sequence[str] | None = None) -> Iterator[Item]:
    """All items of all files, in the order of the file names.

    `fields`: where the text is; by default every field of `FIELDS` that an item has. Raises
    `InputError` for a path without files, a file that cannot be read, and one without such a field.
    """
    for pattern in paths:
        fs, files = _expand(pattern)
        for path in files:
            yield from _items_of(fs, path, tuple(fields or FIELDS))


def _expand(pattern: str) -> tuple[Any, list[str]]:
    fs, path = fsspec.core.url_to_fs(pattern)
    if fs.isdir(path):
        files = sorted(file for file in fs.find(path) if _format(file) is not None)
    elif any(sign in path for sign in "*?["):
        files = sorted(fs.glob(path))
    else:
        files = [path] if fs.exists(path) else []
    if not files:
        raise InputError(
            f"evaluation set {pattern}: no such file; give a .jsonl, .txt or .parquet file"
        )
    return fs, files


def _items_of(fs: Any, path: str, fields: tuple[str, ...]) -> Iterator[Item]:
    name, usable, seen = path.rpartition("/")[2], False, ()
    try:
        for number, record in _records(fs, path):
            if isinstance(record, str):
                record = {fields[0]: record}
            texts = tuple(text for field in fields for text in _strings(record.get(field)))
            usable, seen = usable or bool(texts), seen or tuple(record)
            yield Item(name, number, texts)
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:
        raise InputError(f"evaluation set {path}: cannot be read: {error}") from None
    if not usable:
        raise InputError(
            f"evaluation set {path}: no text in the fields {', '.join(fields)}; "
            f"it has: {', '.join(seen) or 'no items'}; name them with `fields`"
        )


def _records(fs: Any, path: str) -> Iterator[tuple[int, Any]]:
    kind = _format(path)
    if kind == ".parquet":
        with fs.open(path, "rb") as file:
            yield from enumerate(pq.read_table(file).to_pylist(), 1)
        return
    if kind is None:
        raise ValueError(f"not one of {', '.join(_SUFFIXES)} (.gz, .zst)")
    with fs.open(path, "rt", compression="infer", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line if kind == ".txt" else _parse(line, number)


def _parse(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError(f"line {number} is not a JSON object")
    return record


def _strings(value: object) -> Iterator[str]:
    """All strings in a value, however it is nested."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)


def _format(path: str) -> str | None:
    for suffix in _COMPRESSED:
        path = path.removesuffix(suffix)
    return next((suffix for suffix in _SUFFIXES if path.endswith(suffix)), None)
