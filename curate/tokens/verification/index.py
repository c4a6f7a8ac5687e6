"""A `.idx` against itself and the manifest (its layout: `curate.tokens.shards`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.tokens.formats import TokenShard
from curate.tokens.shards import DTYPE_CODES, HEADER, MAGIC, VERSION, index_bytes
from curate.tokens.verification.findings import Problem

BYTES_A_DOCUMENT = 4 + 8 + 8


@dataclass(frozen=True)
class Index:
    """The tokens of each document; None if that cannot be told."""

    lengths: NDArray[np.int32] | None
    problems: tuple[Problem, ...]


def read_index(shard: TokenShard, mend: str) -> Index:
    """The index of a shard. `OSError` if it cannot be read."""
    name = f"{shard.name}.idx"
    with shard.folder.open(name) as file:
        raw = file.read()
    where = shard.folder.path(name)
    broken = _header(raw, shard.dtype)
    if broken is not None:
        return Index(None, (Problem(where, broken, mend),))
    _, _, _, count, _ = HEADER.unpack_from(raw)
    lengths = np.frombuffer(raw, "<i4", count, HEADER.size)
    problems = tuple(Problem(where, what, mend) for what in _body(raw, lengths, shard))
    return Index(lengths if not len(lengths) or lengths.min() > 0 else None, problems)


def _header(raw: bytes, dtype: str) -> str | None:
    if len(raw) < HEADER.size or not raw.startswith(MAGIC):
        return "not a Megatron index"
    _, version, code, count, entries = HEADER.unpack_from(raw)
    if (version, code) != (VERSION, DTYPE_CODES.get(dtype)):
        return f"says version {version} and token type {code}, the manifest {VERSION} and {dtype}"
    if entries != count + 1:
        return f"{count:,} documents and {entries:,} borders of documents"
    expected = HEADER.size + BYTES_A_DOCUMENT * count + 8
    if len(raw) != expected:
        return f"{len(raw):,} bytes where {count:,} documents take {expected:,}"
    return None


def _body(raw: bytes, lengths: NDArray[np.int32], shard: TokenShard) -> Iterator[str]:
    if len(lengths) and lengths.min() < 1:
        number = int(np.flatnonzero(lengths < 1)[0])
        yield f"document {number:,} has {int(lengths[number]):,} tokens; it cannot be without an end"
    elif index_bytes(lengths.tolist(), shard.dtype) != raw:
        yield "where documents start is not the sum of the lengths before them"
    if len(lengths) != shard.payload.documents:
        yield f"{len(lengths):,} documents, the manifest says {shard.payload.documents:,}"
    tokens = int(lengths.sum(dtype=np.int64))
    if tokens != shard.payload.tokens:
        yield f"{tokens:,} tokens in its documents, the manifest says {shard.payload.tokens:,}"
