"""A column of maps, taken apart key by key.

In: the column `signals` of a batch. Out: for each signal the rows that have it and their numbers. The
decision: what is no finite number is left out here, once, for every reader of measurements.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]


def numbers(maps: pa.Array) -> Iterator[tuple[str, Rows, Numbers]]:
    """(signal, rows, finite values) of a column of maps; a row without the signal is not among them.

    >>> maps = pa.array([[("a", 1.0)], None, [("a", 2.0)]], pa.map_("string", "double"))
    >>> [(name, rows.tolist(), found.tolist()) for name, rows, found in numbers(maps)]
    [('a', [0, 2], [1.0, 2.0])]
    """
    for name, row, items in by_key(maps):
        values = items.to_numpy(zero_copy_only=False).astype(np.float64)
        is_finite = np.isfinite(values)
        yield name, row[is_finite], values[is_finite]


def by_key(maps: pa.Array) -> Iterator[tuple[str, Rows, pa.Array]]:
    """(key, rows, values) of a column of maps, one key after the other."""
    row, keys, items = entries(maps)
    for name, at in places(keys):
        yield name, row[at], items.take(pa.array(at))


def entries(maps: pa.Array) -> tuple[Rows, pa.Array, pa.Array]:
    """(row, key, item) of every entry of a column of maps."""
    type = pa.struct([("key", maps.type.key_type), ("value", maps.type.item_type)])
    lists = maps.cast(pa.list_(type))
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    flat = lists.flatten()
    return np.repeat(np.arange(len(maps)), lengths), flat.field("key"), flat.field("value")


def places(values: pa.Array) -> Iterator[tuple[str, Rows]]:
    """Each value that is not null, and where in the column it stands, in order."""
    encoded = values.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    order = np.argsort(codes.astype(np.min_scalar_type(len(names))), kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for name, start, end in zip(names, cuts, cuts[1:], strict=False):
        yield name, order[start:end]
