"""An `.ids.parquet` against its index and the order of documents.

Enters: a shard, the lengths of its documents, and the order they were put in. Leaves: problems. Rows are read a few thousand at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.tokens.formats import TokenShard
from curate.tokens.formats.token_shard import IDS, IDS_AT_ONCE
from curate.tokens.order import place, shard_of
from curate.tokens.verification.findings import Problem


def id_batches(shard: TokenShard, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a shard. `OSError` or `pa.ArrowException` if they cannot be read."""
    with shard.folder.open(f"{shard.name}{IDS}") as file:
        yield from pq.ParquetFile(file).iter_batches(IDS_AT_ONCE, columns=columns)


class Order:
    """Whether documents stand where the order of a tokenisation puts them. Which copy of a document a row
    is, it does not say: it has to be one that may stand here, and the earliest of them is taken."""

    def __init__(self, shard: TokenShard, seed: int, shards: int, most_copies: int) -> None:
        self.shard, self.seed, self.shards, self.most_copies = shard, seed, shards, most_copies
        self.last = -(2**63)
        self.astray = 0
        self.first: int | None = None

    def add(self, number: int, identity: str) -> None:
        """The next document."""
        places = [place(identity, self.seed, copy) for copy in range(self.most_copies)]
        fits = [where for where in places
                if where >= self.last and shard_of(where, self.shards) == self.shard.number]  # fmt: skip
        if fits:
            self.last = min(fits)
        else:
            self.astray += 1
            self.first = number if self.first is None else self.first


def id_problems(
    shard: TokenShard, lengths: NDArray[np.int32] | None, order: Order | None, mend: str
) -> Iterator[Problem]:
    """Problems of a shard's ids. `OSError`, `pa.ArrowException` or `LookupError` if they cannot be read."""
    where = shard.folder.path(f"{shard.name}{IDS}")
    check = _Rows(lengths)
    for batch in id_batches(shard):
        check.add(batch, order)
    told = list(check.told(shard.payload.documents))
    if order is not None and order.first is not None:
        told.append(
            f"{order.astray:,} documents stand where the order (seed {order.seed}) does not put "
            f"them, first document {order.first:,}"
        )
    for what in told:
        yield Problem(where, what, mend)


class _Rows:
    """Takes the rows of a shard and compares them with its index."""

    def __init__(self, lengths: NDArray[np.int32] | None) -> None:
        self.lengths = lengths
        self.rows = 0
        self.token = 0
        self.wrong: int | None = None
        self.nameless: int | None = None

    def add(self, batch: pa.RecordBatch, order: Order | None) -> None:
        """The next rows."""
        tokens = batch.column("tokens").to_numpy(zero_copy_only=False)
        firsts = batch.column("first_token").to_numpy(zero_copy_only=False)
        wanted = self.token + np.cumsum(tokens) - tokens
        wrong = firsts != wanted
        if self.lengths is not None:
            held = self.lengths[self.rows : self.rows + len(tokens)]
            wrong[: len(held)] |= tokens[: len(held)] != held
        if self.wrong is None and wrong.any():
            self.wrong = self.rows + int(np.flatnonzero(wrong)[0])
        for number, identity in enumerate(batch.column("id").to_pylist(), self.rows):
            if not identity:
                self.nameless = number if self.nameless is None else self.nameless
            elif order is not None:
                order.add(number, identity)
        self.rows += len(tokens)
        self.token += int(tokens.sum())

    def told(self, documents: int) -> Iterator[str]:
        """What is wrong, once all rows were seen."""
        if self.rows != documents:
            yield f"{self.rows:,} rows, the manifest says {documents:,} documents"
        if self.wrong is not None:
            yield f"document {self.wrong:,} does not stand where the index says"
        if self.nameless is not None:
            yield f"document {self.nameless:,} has no id"
