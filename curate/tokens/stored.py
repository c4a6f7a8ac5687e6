"""Token shards that `tokenize` has committed, opened again.

Enters: the folder or URL of a tokens table, or of a run that ends in one. Leaves: `StoredTokens`:
its folder, what its manifest says, its shards in order; or one line that says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from curate.errors import InputError
from curate.finished import RUN
from curate.store import read_json
from curate.table import Table
from curate.tokens.formats import File, Folder, TokenShard


@dataclass(frozen=True)
class StoredTokens:
    """`about`: tokenizer_sha256, vocabulary, eos, dtype, shards …, as `tokenize` returned them."""

    path: str
    folder: Folder
    about: Mapping[str, Any]
    shards: tuple[TokenShard, ...]


def open_tokens(path: str) -> StoredTokens:
    """The committed shards at `path`. `InputError` if there are none."""
    table = _tokens_table(path)
    manifest = table.require()
    if manifest.get("kind") != "tokens":
        raise InputError(
            f"{path} holds documents, not token shards; give the --output of `curate tokenize`"
        )
    return stored(table, manifest)


def stored(table: Table, manifest: Mapping[str, Any]) -> StoredTokens:
    """The shards that a tokens table's manifest speaks of. `InputError` if it speaks of none."""
    try:
        (part,) = manifest["slices"]
        about = part["tokens"]
        folder = Folder(table.fs, table.root).below(part["files"][0].partition("/")[0])
        names = [field.name for field in fields(File)]
        shards = tuple(
            TokenShard(
                folder,
                shard["split"],
                about["dtype"],
                about["eos"],
                File(**{name: shard[name] for name in names}),
            )
            for shard in about["shards"]
        )
    except (LookupError, TypeError, ValueError):
        raise InputError(
            f"{table.path}: its manifest.json speaks of no token shards; run tokenize again"
        ) from None
    return StoredTokens(table.path, folder, about, shards)


def _tokens_table(path: str) -> Table:
    """The table at `path`, or the last one of the run there."""
    path = str(path).rstrip("/")
    table = Table(path)
    run = None if table.manifest else read_json(f"{path}/{RUN}")
    return Table(f"{path}/{run['tables'][-1]['name']}") if run and run.get("tables") else table
