"""A bounded look at the rows of a table.

In: a table. Out: some of its rows. The decision: the first rows of files spread evenly over the
table, kept and dropped apart, at most so many in all. What is drawn from them shows shapes and
examples; every count on the page comes from manifests instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.document import SCHEMA
from curate.finished import FinishedTable

MEASURED_ROWS = 20_000
MEASURED_FILES = 32
READ_ROWS = 4_000
READ_FILES = 8
READ_BYTES = 64 << 20
TEXT_BATCH_ROWS = 4


@dataclass(frozen=True)
class Measured:
    """Numbers of some rows of a table with one outcome: `row[i]` had `value[i]` for `key[i]`."""

    kept: bool
    drops: Sequence[str | None]
    keys: Sequence[str]
    key: NDArray[np.int64]
    row: NDArray[np.int64]
    value: NDArray[np.float64]

    def of(self, signal: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(values, rows) of a signal; both empty if nobody measured it."""
        if signal not in self.keys:
            return np.empty(0), np.empty(0, np.int64)
        at = (self.key == self.keys.index(signal)) & np.isfinite(self.value)
        return self.value[at], self.row[at]


def measured(table: FinishedTable, kept: bool) -> Measured:
    """The signals of at most `MEASURED_ROWS` rows, from at most `MEASURED_FILES` files."""
    part = head(table, kept, ["drop", "signals"], MEASURED_ROWS, MEASURED_FILES)
    drops = part["drop"].to_pylist()
    maps = part["signals"].combine_chunks()
    if not len(maps):
        none = np.empty(0, np.int64)
        return Measured(kept, drops, [], none, none, np.empty(0))
    lengths = pc.fill_null(pc.list_value_length(_as_list(maps)), 0).to_numpy(zero_copy_only=False)
    entries = _as_list(maps).flatten()
    encoded = entries.field("key").dictionary_encode()
    return Measured(
        kept,
        drops,
        encoded.dictionary.to_pylist(),
        encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        np.repeat(np.arange(len(maps)), lengths),
        entries.field("value").to_numpy(zero_copy_only=False).astype(np.float64),
    )


def rows(table: FinishedTable, kept: bool, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """At most `READ_ROWS` whole rows, from at most `READ_FILES` files."""
    yield from head(table, kept, columns, READ_ROWS, READ_FILES).to_pylist()


def head(
    table: FinishedTable, kept: bool, columns: Sequence[str], most: int, files: int
) -> pa.Table:
    """The first rows of files spread over the table, `most` rows and `READ_BYTES` bytes in all."""
    fragments = sorted(
        table.table.dataset(kept).get_fragments(), key=lambda fragment: fragment.path
    )
    chosen = fragments[:: max(1, -(-len(fragments) // files))]
    parts = [
        part
        for fragment in chosen
        for part in _first(fragment, columns, -(-most // len(chosen)), READ_BYTES // len(chosen))
    ]
    none = SCHEMA.empty_table().select(list(columns))
    return pa.concat_tables([none, *map(pa.Table.from_batches, ([part] for part in parts))])


def _first(
    fragment: Any, columns: Sequence[str], rows_left: int, bytes_left: int
) -> Iterator[pa.RecordBatch]:
    """Rows until either limit; a few at a time where they hold texts, which may be of any length."""
    size = TEXT_BATCH_ROWS if "text" in columns else 512
    scanner = fragment.scanner(
        schema=SCHEMA, columns=list(columns), batch_size=size, batch_readahead=1
    )
    for batch in scanner.to_batches():
        yield (part := batch.slice(0, rows_left))
        rows_left -= part.num_rows
        bytes_left -= part.nbytes
        if rows_left <= 0 or bytes_left <= 0:
            return


def _as_list(maps: pa.Array) -> pa.ListArray:
    return maps.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.float64())])))
