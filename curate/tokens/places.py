"""Where a document stands in the shards, and which document stands at a token.

Enters: committed shards, and an id, or a shard and the number of a token. Leaves: `Place`s. The
decision: a shard is a range of the hash that orders the documents, so the shard of an id is computed,
and one small file is read, however many shards there are (all of them, after an order by a signal).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from curate.errors import InputError
from curate.tokens.formats import TokenShard
from curate.tokens.formats.token_shard import IDS
from curate.tokens.order import place, shard_of
from curate.tokens.stored import StoredTokens, open_tokens


@dataclass(frozen=True)
class Place:
    """A document in a shard: `tokens` tokens from `first_token` on, the end token included."""

    shard: str
    first_token: int
    tokens: int
    id: str
    source: str


def locate(tokens_dir: str, identity: str) -> list[Place]:
    """Where the document stands, once for every copy; empty if it is in no shard.

    `InputError`: no committed shards there, or shards of a version that kept no ids.
    """
    return places_of(open_tokens(tokens_dir), identity)


def places_of(tokens: StoredTokens, identity: str) -> list[Place]:
    """`locate` in shards that are open."""
    if "seed" not in tokens.about:
        raise InputError(f"{tokens.path}: its shards have no ids; run tokenize again")
    shards = {shard.name: shard for shard in tokens.shards}
    found: list[Place] = []
    if tokens.about.get("order_by"):  # where a signal puts it is not known from its id
        every = (_rows(shard, pc.field("id") == identity) for shard in tokens.shards)
        return [place for rows in every for place in rows]
    for split, ranges in tokens.about["ranges"].items():
        held: dict[str, list[Place]] = {}
        asked: Counter[str] = Counter()
        for copy in count():
            number = shard_of(place(identity, tokens.about["seed"], copy), ranges)
            name = f"{split}-{number:05d}"
            if name in shards and name not in held:
                held[name] = list(_rows(shards[name], pc.field("id") == identity))
            asked[name] += 1
            if asked[name] > len(held.get(name, ())):
                break
        found += [one for name in sorted(held) for one in held[name]]
    return found


def document_at(tokens_dir: str, shard: str, token: int) -> Place:
    """The document that token number `token` of `shard` (such as train-00003.bin) is of.

    `InputError`: no such shard, or it has fewer tokens.
    """
    tokens = open_tokens(tokens_dir)
    return document_in(tokens, shard, token)


def document_in(tokens: StoredTokens, shard: str, token: int) -> Place:
    """`document_at` in shards that are open."""
    known = {one.payload.file: one for one in tokens.shards}
    if shard not in known:
        names = sorted(known)
        raise InputError(
            f"{tokens.path} has no shard {shard}; it has {len(names)}, {names[0]} to {names[-1]}"
        )
    after = pc.field("first_token") + pc.field("tokens")
    holds = (pc.field("first_token") <= token) & (after > token)
    found = next(_rows(known[shard], holds), None)
    if found is None:
        raise InputError(
            f"{shard} has no token {token:,}; it holds {known[shard].payload.tokens:,}, from 0"
        )
    return found


def _rows(shard: TokenShard, where: Any) -> Iterator[Place]:
    path = shard.folder.path(f"{shard.name}{IDS}")
    if not shard.folder.fs.exists(path):
        raise InputError(f"{path} is missing; run tokenize again")
    rows = ds.dataset([path], format="parquet", filesystem=shard.folder.fs)
    for batch in rows.to_batches(filter=where):
        for row in batch.to_pylist():
            yield Place(
                shard.payload.file, row["first_token"], row["tokens"], row["id"], row["source"]
            )
