"""A shard that has been written, read back document by document for another format.

Enters: `NAME.bin`, `NAME.idx` and `NAME.ids.parquet`. Leaves: documents in the shard's order, as
bytes. The decision: every other format is made from the finished Megatron shard. Counts are known
before a header is written, one format is in the making at a time, and shards that were written long
ago are exported by the same code.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.errors import InputError, WorkError
from curate.tokens.formats.folder import File, Folder

Item = TypeVar("Item")
IDS = ".ids.parquet"
IDS_AT_ONCE = 1 << 14
COUNT = struct.Struct("<Q")
COUNT_AT, LENGTHS_AT = 18, 34  # in a `.idx`, see `curate.tokens.shards`


@dataclass(frozen=True)
class TokenShard:
    """A shard in a folder; `payload` is its `.bin`, `eos` the token that ends a document."""

    folder: Folder
    split: str
    dtype: str
    eos: int
    payload: File

    @property
    def name(self) -> str:
        """Such as train-00003."""
        return self.payload.file.removesuffix(".bin")

    @property
    def number(self) -> int:
        """Its place among the shards of the split."""
        return int(self.name.rpartition("-")[2])

    @property
    def width(self) -> int:
        """Bytes of a token."""
        return int(np.dtype(self.dtype).itemsize)

    def lengths(self) -> NDArray[np.int32]:
        """Tokens of every document, its end token included."""
        with self.folder.open(f"{self.name}.idx") as file:
            file.seek(COUNT_AT)
            (count,) = COUNT.unpack(file.read(COUNT.size))
            file.seek(LENGTHS_AT)
            return np.frombuffer(file.read(4 * count), "<i4")

    def documents(self) -> Iterator[bytes]:
        """Every document's tokens. `WorkError` if the payload is shorter than its index says."""
        with self.folder.open(self.payload.file) as file:
            for length in self.lengths():
                tokens = file.read(int(length) * self.width)
                if len(tokens) != int(length) * self.width:
                    raise WorkError(f"{self.folder.path(self.payload.file)} is cut short")
                yield tokens

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Every document's id and tokens. `InputError` if the shard has no ids."""
        yield from zip(self._ids(), self.documents(), strict=True)

    def blocks(self) -> Iterator[bytes]:
        """The payload, a few megabytes at a time."""
        return self.folder.blocks(self.payload.file)

    def _ids(self) -> Iterator[str]:
        name = f"{self.name}{IDS}"
        if not self.folder.holds(name):
            raise InputError(f"{self.folder.path(name)} is missing; run tokenize again")
        with self.folder.open(name) as file:
            for batch in pq.ParquetFile(file).iter_batches(IDS_AT_ONCE, columns=["id"]):
                yield from batch.column(0).to_pylist()


def runs(items: Iterable[Item], weight: Callable[[Item], int], limit: int) -> Iterator[list[Item]]:
    """Items in runs that weigh at most `limit` together; a heavier item is a run of its own.

    >>> list(runs([3, 4, 9, 1], lambda item: item, 8))
    [[3, 4], [9], [1]]
    """
    held: list[Item] = []
    total = 0
    for item in items:
        if held and total + weight(item) > limit:
            yield held
            held, total = [], 0
        held.append(item)
        total += weight(item)
    if held:
        yield held
