"""Rows of a local JSON Lines file that is no corpus: questions, prompts, chats.

In: paths as every command takes them (compressed or not; a JSON array too). Out: the objects in them,
and how many records were none. The decision: a bad record costs itself and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curate.document import encodable
from curate.source.listing import list_files
from curate.source.origin import Origin
from curate.source.records.json_records import records
from curate.source.remote.places import open_file


@dataclass(frozen=True)
class Rows:
    """objects: the rows. unreadable: records that are no JSON object."""

    objects: list[dict[str, Any]]
    unreadable: int


def read_rows(paths: str | Sequence[str]) -> Rows:
    """The JSON objects of files, in order. InputError: a path does not exist or has no JSON."""
    root, files = list_files(paths, "jsonl")
    found: list[dict[str, Any]] = []
    unreadable = 0
    for file in files:
        where = f"{root.rstrip('/')}/{file.path}" if root else file.path
        with open_file(where) as stream:
            for _, record in records(stream, Origin("rows", file.path, root=root)):
                if isinstance(record, dict):
                    found.append(clean(record))
                else:
                    unreadable += 1
    return Rows(found, unreadable)


def clean(value: Any) -> Any:
    """A JSON value whose strings are all valid UTF-8.

    >>> clean(["a\\ud800", 1])
    ['a\ufffd', 1]
    """
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value
