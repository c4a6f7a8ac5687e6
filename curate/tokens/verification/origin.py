"""The table that the documents of token shards came from.

Enters: the manifest of a tokens table. Leaves: how many documents of each split are wanted, copies
counted, and the hashes of the ids that are held out. The decision: the table beside the shards is
preferred to the path that was written down, so that a run may be moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from curate.errors import InputError
from curate.split import HELDOUT, TRAIN
from curate.table import Table

COLUMNS = ["id", "labels", "signals"]
ROWS_AT_ONCE = 1 << 14
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Wanted:
    """`documents` by split, each counted as often as `mix` wants it; `kept` without that."""

    documents: Mapping[str, int]
    kept: int
    most_copies: int


@dataclass(frozen=True)
class Origin:
    """A committed table of documents."""

    table: Table

    def wanted(self) -> Wanted:
        """Of its kept documents. `OSError` or `pa.ArrowException` if they cannot be read."""
        documents = {TRAIN: 0, HELDOUT: 0}
        kept, most = 0, 1
        for batch in self._batches():
            copies = pc.map_lookup(batch.column("signals"), pa.scalar("mix.copies"), "first")
            numbers = copies.fill_null(1.0).to_numpy(zero_copy_only=False).astype(np.int64)
            heldout = _heldout(batch)
            documents[HELDOUT] += int(numbers[heldout].sum())
            documents[TRAIN] += int(numbers[~heldout].sum())
            kept += len(numbers)
            most = max(most, int(numbers.max(initial=1)))
        return Wanted(documents, kept, most)

    def heldout_ids(self) -> Iterator[Hashes]:
        """Hashes of the ids of held-out documents."""
        for batch in self._batches():
            held = batch.column("id").filter(pa.array(_heldout(batch)))
            yield id_hashes(held.to_pylist())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self.table.files(True):
            yield from self.table.dataset(True).to_batches(columns=COLUMNS, batch_size=ROWS_AT_ONCE)


def find_origin(path: str, manifest: Mapping[str, Any]) -> Origin | None:
    """The table that the manifest of the tokens at `path` names; None if it is not there."""
    named = manifest.get("input")
    if not isinstance(named, str) or not named.strip("/"):
        return None
    beside = f"{path.rstrip('/').rpartition('/')[0]}/{named.rstrip('/').rpartition('/')[2]}"
    for candidate in (beside, named):
        try:
            table = Table(candidate)
            if (table.manifest or {}).get("kind", "tokens") != "tokens":
                return Origin(table)
        except (InputError, OSError):
            continue
    return None


def id_hashes(ids: list[str]) -> Hashes:
    """A 64-bit hash of each id. Of a billion ids against ten million, one pair in two thousand such
    comparisons would be taken for the same."""
    digest = xxhash.xxh3_64_intdigest
    found = (digest(identity.encode("utf-8", "surrogatepass")) for identity in ids)
    return np.fromiter(found, np.uint64, len(ids))


def _heldout(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    split = pc.map_lookup(batch.column("labels"), pa.scalar("split"), "first")
    held: NDArray[np.bool_] = (
        pc.equal(split, HELDOUT).fill_null(False).to_numpy(zero_copy_only=False).astype(np.bool_)
    )
    return held
