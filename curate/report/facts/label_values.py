"""Labels with few values: which extractor ran, which backend judged.

In: the labels of a batch. Out: how many documents have each value of a label, or that it has too many
values to be told. The decision: both are known of all documents whatever the order they come in: a label
that has too many values in a part has too many in the whole, and of very many labels the first by name
are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from curate.signals import Rows

VALUES = 8
NAMES = 500
VALUE_CHARS = 110
Labels = Mapping[str, Mapping[str, int] | None]


def count_labels(labels: Mapping[str, tuple[Rows, pa.Array]]) -> Labels:
    """Counts by value; None for a label with more than `VALUES` of them."""
    return {name: _counts(labels[name][1]) for name in sorted(labels)[:NAMES]}


def merge_labels(parts: Sequence[Labels]) -> Labels:
    """The labels of all parts.

    >>> merge_labels([{"a": {"x": 1}, "b": None}, {"a": {"x": 1, "y": 2}, "b": {"z": 1}}])
    {'a': {'x': 2, 'y': 2}, 'b': None}
    """
    names = sorted({name for part in parts for name in part})[:NAMES]
    return {name: _sum([part[name] for part in parts if name in part]) for name in names}


def _sum(counts: Sequence[Mapping[str, int] | None]) -> Mapping[str, int] | None:
    found: Counter[str] = Counter()
    for part in counts:
        found.update(part or {})
    return None if None in counts or len(found) > VALUES else dict(sorted(found.items()))


def _counts(values: pa.Array) -> Mapping[str, int] | None:
    short = pc.utf8_slice_codeunits(values.drop_null(), 0, VALUE_CHARS)
    found = pc.value_counts(short)
    if len(found) > VALUES:
        return None
    return {str(item["values"]): item["counts"] for item in sorted(found.to_pylist(), key=str)}
