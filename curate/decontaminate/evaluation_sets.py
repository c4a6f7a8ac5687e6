"""Reading evaluation sets: the texts a training corpus must not contain.

Enters: paths, folders and globs of `.jsonl`, `.json`, `.csv`, `.tsv`, `.txt` (all also `.gz`, `.zst`),
`.parquet`, and task files of lm-evaluation-harness (`.yaml`, see `task_file`; in a folder they are
left alone, because their data may lie there too), local or any URL fsspec opens. Leaves: items, each
with the file and its number there, and its texts. A file that is missing or holds nothing usable is
the user's mistake.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.decontaminate import task_file
from curate.errors import InputError
from curate.store import file_system

FIELDS = (
    "question", "query", "prompt", "problem", "instruction", "input", "context", "passage",
    "article", "story", "text", "content", "sentence", "sentence1", "sentence2", "premise",
    "hypothesis", "goal", "ctx", "choices", "options", "context_options", "endings", "answer",
    "answers", "solution", "canonical_solution", "completion", "continuation", "target", "output",
    "response",
)  # fmt: skip
"""Fields with text in the evaluation sets of lm-evaluation-harness, open_lm and OpenAI's releases."""

_SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet")
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Item:
    """One evaluation item. `number`, from 1: its line in a `.jsonl` or `.txt` file, else its place
    among the items; `index`, from 0: its place among the items. `task`: its name in a task file."""

    file: str
    number: int
    texts: tuple[str, ...]
    index: int = 0
    task: str | None = None


@dataclass(frozen=True)
class _File:
    """A file of evaluation items, the name it goes by, and the task file that led to it."""

    fs: Any
    path: str
    name: str = ""
    task: task_file.Task | None = None


def read_items(paths: Sequence[str], fields: Sequence[str] | None = None) -> Iterator[Item]:
    """All items of all files, in the order given, those of a folder or glob by name; each file once.

    `fields`: where the text is; by default every field of `FIELDS` that an item has, in a task file
    what its templates show of the fields. Raises `InputError` for a path without files, a file that
    cannot be read, and one without such a field.
    """
    before: dict[str, int] = {}
    for file in _named([file for path in paths for file in _expand(path, bool(fields))]):
        for item in _items_of(file, tuple(fields or FIELDS), bool(fields)):
            if file.task:  # its items are counted over all its data files
                before[file.name] = index = before.get(file.name, -1) + 1
                item = replace(item, number=index + 1, index=index, task=file.task.name)
            yield item


def input_files(paths: Sequence[str], by_fields: bool = False) -> tuple[str, ...]:
    """The files to watch for changes: the paths as given, folders and task files with what they lead to."""
    found: list[str] = []
    for path in paths:
        fs, plain = file_system(path)
        if not path.endswith(task_file.SUFFIXES) and not fs.isdir(plain):
            found.append(path)
            continue
        found += [_url(fs, name, path) for name in _files(path)]
        found += [_url(f.fs, f.path, path) for f in _expand(path, by_fields) if f.task]
    return tuple(dict.fromkeys(found))


def shortest_names(paths: Sequence[str]) -> list[str]:
    """The last part of every path, with as many folders before it as tell it from the others.

    >>> shortest_names(["a/arc/test.csv", "a/mmlu/test.csv", "a/gsm8k.jsonl"])
    ['arc/test.csv', 'mmlu/test.csv', 'gsm8k.jsonl']
    """
    parts = [tuple(path.strip("/").split("/")) for path in paths]
    ends = Counter(part[-n:] for part in set(parts) for n in range(1, len(part)))
    lengths = (next((n for n in range(1, len(p)) if ends[p[-n:]] == 1), len(p)) for p in parts)
    return ["/".join(part[-n:]) for part, n in zip(parts, lengths, strict=True)]


def _named(files: list[_File]) -> list[_File]:
    """Each file once, under a name that no other has; the data of a task goes by the task file."""
    once = list({(file.path, file.task and file.task.path): file for file in files}.values())
    names = shortest_names([file.task.path if file.task else file.path for file in once])
    return [_File(f.fs, f.path, name, f.task) for f, name in zip(once, names, strict=True)]


def _url(fs: Any, name: str, given: str) -> str:
    """A file's name as the user would write it who wrote `given`."""
    return str(fs.unstrip_protocol(name)) if "://" in given else name


def _files(pattern: str) -> list[str]:
    fs, path = file_system(pattern)
    if fs.isdir(path):
        files = sorted(file for file in fs.find(path) if _format(file) is not None)
    elif any(sign in path for sign in "*?["):
        files = sorted(fs.glob(path))
    else:
        files = [path] if fs.exists(path) else []
    if not files:
        raise InputError(
            f"evaluation set {pattern}: no such file; give a {', '.join(_SUFFIXES)} or .yaml file"
        )
    return files


def _expand(pattern: str, by_fields: bool) -> Iterator[_File]:
    fs, _ = file_system(pattern)
    for path in _files(pattern):
        if not path.endswith(task_file.SUFFIXES):
            yield _File(fs, path)
            continue
        task = task_file.read(_url(fs, path, pattern), by_fields)
        for data in task.data_files:
            data_fs, _ = file_system(data)
            yield from (_File(data_fs, name, task=task) for name in _files(data))


def _items_of(file: _File, fields: tuple[str, ...], by_fields: bool) -> Iterator[Item]:
    usable, seen, task = False, (), None if by_fields else file.task
    try:
        for index, (number, record) in enumerate(_records(file.fs, file.path)):
            if isinstance(record, str):
                record = {"text" if task else fields[0]: record}
            if task:
                texts = task.texts(record, index)
            else:
                texts = tuple(text for field in fields for text in _strings(record.get(field)))
            usable, seen = usable or bool(texts), seen or tuple(record)
            yield Item(file.name, number, texts, index)
    except (OSError, EOFError, ValueError, csv.Error, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"evaluation set {file.path}: cannot be read: {reason}") from None
    if not usable:
        where = "its templates" if task else f"the fields {', '.join(fields)}"
        raise InputError(
            f"evaluation set {file.path}: no text in {where}; "
            f"it has: {', '.join(map(str, seen)) or 'no items'}; name them with `fields`"
        )


def _records(fs: Any, path: str) -> Iterator[tuple[int, Any]]:
    kind = _format(path)
    if kind == ".parquet":
        with fs.open(path, "rb") as file:
            yield from enumerate(_rows(file), 1)
        return
    if kind is None:
        raise ValueError(f"not one of {', '.join(_SUFFIXES)} (.gz, .zst) or .yaml")
    with fs.open(path, "rt", compression="infer", encoding="utf-8-sig", newline="") as file:
        if kind in (".csv", ".tsv"):
            yield from enumerate(_table(file, "," if kind == ".csv" else "\t"), 1)
        elif kind == ".json":
            yield from _json(file.read())
        else:
            yield from _lines(file, kind == ".txt")


def _rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(file).iter_batches():
        yield from batch.to_pylist()


def _table(file: Any, delimiter: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(sys.maxsize)
    for row in csv.DictReader(file, delimiter=delimiter):
        yield {str(key): value for key, value in row.items()}


def _json(text: str) -> Iterator[tuple[int, Any]]:
    """A list, an object that holds one (as SQuAD's `data`), or lines of objects by another name."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise ValueError(f"not JSON: {error}") from None
        yield from _lines(text.split("\n"), False)
        return
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        holds_items = len(lists) == 1 and lists[0] and all(isinstance(x, dict) for x in lists[0])
        found = lists[0] if holds_items else [found]
    if not isinstance(found, list) or not _has_records(found):
        raise ValueError("not a JSON list of objects or texts")
    yield from enumerate(found, 1)


def _has_records(found: list[Any]) -> bool:
    return all(isinstance(record, dict | str) for record in found)


def _lines(lines: Iterator[str] | list[str], plain: bool) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line if plain else _parse(line, number)


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
