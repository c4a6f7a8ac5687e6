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
    """The first rows of files spread over the table, `most` in all."""
    fragments = sorted(
        table.table.dataset(kept).get_fragments(), key=lambda fragment: fragment.path
    )
    chosen = fragments[:: max(1, -(-len(fragments) // files))]
    parts = [
        fragment.scanner(
            schema=SCHEMA, columns=list(columns), batch_size=512, batch_readahead=1
        ).head(-(-most // len(chosen)))
        for fragment in chosen
    ]
    return pa.concat_tables(parts) if parts else SCHEMA.empty_table().select(list(columns))


def _as_list(maps: pa.Array) -> pa.ListArray:
    return maps.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.float64())])))
