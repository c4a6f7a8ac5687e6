"""What the tasks wrote, put together.

Enters: a row for each file, as the tasks returned them. Leaves: the files that need all shards, and
what the manifest says: the shards, and by format every file with its size and checksum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from curate.split import TRAIN
from curate.tokens.encode import PAYLOAD
from curate.tokens.formats import File, Folder, TokenShard, finish, home

Row = Mapping[str, Any]
NAMES = tuple(field.name for field in fields(File))


def put_together(
    rows: Sequence[Row], folder: Folder, dtype: str, eos: int, formats: Sequence[str]
) -> dict[str, Any]:
    """Write what needs all shards; returns `shards` and `files` of the manifest."""
    rows = sorted(rows, key=lambda row: (row["split"] != TRAIN, row["shard"]))
    payloads = [row for row in rows if row["format"] == PAYLOAD and row["file"].endswith(".bin")]
    shards = [TokenShard(folder, row["split"], dtype, eos, _file(row)) for row in payloads]
    files: dict[str, list[File]] = {}
    by_shard: dict[tuple[str, str], list[File]] = {}
    for row in rows:
        files.setdefault(row["format"], []).append(_file(row))
        by_shard.setdefault((row["format"], row["shard"]), []).append(_file(row))
    for name in formats:
        made = [by_shard.get((name, shard.name), []) for shard in shards]
        last = finish(name, home(name, folder), shards, made)
        files.setdefault(name, []).extend(last)
    return {
        "shards": [{"split": row["split"], **_plain(row)} for row in payloads],
        "files": {name: [_listed(name, file, folder) for file in files[name]] for name in files},
    }


def _plain(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in NAMES}


def _file(row: Row) -> File:
    return File(**_plain(row))


def _listed(name: str, file: File, folder: Folder) -> dict[str, Any]:
    below = home(name, folder).path(file.file)[len(folder.root) + 1 :]
    return {"file": below, "bytes": file.bytes, "sha256": file.sha256}
