"""A run's token shards, for the story of a record.

In: a finished run, and an id or a token of a shard. Out: where the document stands, or the id of the
document that the token is of.
"""

from __future__ import annotations

from curate.errors import InputError
from curate.finished import FinishedRun
from curate.tokens.places import Place, document_in, places_of
from curate.tokens.stored import StoredTokens, stored


def places(run: FinishedRun, identity: str) -> tuple[Place, ...]:
    """Where the document stands in the run's shards; empty if they keep no ids or it is in none."""
    return tuple(place for tokens in _shards(run) for place in places_of(tokens, identity))


def document_of(run: FinishedRun, key: str) -> str:
    """The id of the document at a token, such as train-00003.bin:1204. `InputError`: no such token."""
    shard, _, token = key.rpartition(":")
    for tokens in _shards(run):
        return document_in(tokens, shard, int(token)).id
    raise InputError(f"{run.path} has no token shards with ids; run tokenize again")


def _shards(run: FinishedRun) -> list[StoredTokens]:
    """The shards of the run that know their documents."""
    tables = [table for table in run.tables if not table.holds_documents]
    return [
        stored(table.table, table.manifest)
        for table in tables
        if all("seed" in part.get("tokens", ()) for part in table.manifest["slices"])
    ]
