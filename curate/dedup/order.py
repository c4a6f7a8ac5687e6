"""Which document of a group stays: an order the user chooses, total, and the same in every run.

Enters: Arrow batches with the columns of a document. Leaves: for each row a key of bytes; the row with
the smallest key of a group is its best. The decision: eight big-endian bytes a preference, then the
id. The order lives in the bytes, so "the best document of a group" is a plain minimum in every later
step, whatever the partitioning; the id decides the rest, never a row number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.split import HELDOUT

if TYPE_CHECKING:
    from pyspark.sql import Column

PLAIN = ("heldout", "longest", "shortest", "newest", "oldest")
NAMED = ("source", "highest", "lowest")
PREFER = ("heldout", "longest")
_WORST = np.uint64(2**64 - 1)
_SIGN = np.uint64(1 << 63)


def check(prefer: Sequence[str]) -> None:
    """Raises `ValueError` for what is no preference.

    `heldout`; `longest`, `shortest` (characters of text); `newest`, `oldest` (by `fetched`);
    `source:a,b` (sources in this order, then the others); `highest:SIGNAL`, `lowest:SIGNAL`. Without
    a date or a signal a document comes last.
    """
    for preference in prefer:
        kind, _, value = preference.partition(":")
        if preference not in PLAIN and not (kind in NAMED and value):
            raise ValueError(
                f"prefer: {preference!r} is none of {', '.join(PLAIN)}, source:NAME,…, "
                "highest:SIGNAL, lowest:SIGNAL"
            )


def columns(prefer: Sequence[str], texts: Sequence[str] = ("text",)) -> tuple[str, ...]:
    """The columns of a document that `keys` reads."""
    kinds = {preference.partition(":")[0] for preference in prefer}
    needed = {
        "id": True,
        "source": "source" in kinds,
        "fetched": bool(kinds & {"newest", "oldest"}),
        **dict.fromkeys(texts, bool(kinds & {"longest", "shortest"})),
        "signals": bool(kinds & {"highest", "lowest"}),
        "labels": "heldout" in kinds,
    }
    return tuple(name for name, wanted in needed.items() if wanted)


def keys(
    batch: pa.RecordBatch, prefer: Sequence[str], texts: Sequence[str] = ("text",)
) -> list[bytes]:
    """One key a row; the better of two documents has the smaller one.

    `texts`: the columns whose length counts, the first that is not null (`content` before extraction).
    """
    ids = [name.encode() for name in batch.column("id").to_pylist()]
    if not prefer:
        return ids
    ranks = np.stack([_ranks(batch, preference, texts) for preference in prefer], axis=1)
    packed = ranks.astype(">u8").tobytes()
    width = 8 * len(prefer)
    return [packed[row * width : (row + 1) * width] + name for row, name in enumerate(ids)]


def document_id(key: bytes, prefer: Sequence[str]) -> str:
    """The id at the end of a key."""
    return key[8 * len(prefer) :].decode()


def id_of(key: str, prefer: Sequence[str], before: int = 0) -> Column:
    """The id at the end of a column of keys with `before` other bytes in front of them."""
    from pyspark.sql import functions as f

    return f.expr(f"cast(substring({key}, {before + 8 * len(prefer) + 1}) as string)")


def _ranks(batch: pa.RecordBatch, preference: str, texts: Sequence[str]) -> NDArray[np.uint64]:
    """The rank of each row, the best one smallest."""
    kind, _, value = preference.partition(":")
    if kind == "heldout":
        split = pc.map_lookup(batch.column("labels"), "split", "first")
        return np.asarray(pc.fill_null(pc.not_equal(split, HELDOUT), True)).astype(np.uint64)
    if kind == "source":
        places = {name: place for place, name in enumerate(value.split(","))}
        sources = batch.column("source").to_pylist()
        return np.array([places.get(source, len(places)) for source in sources], np.uint64)
    if kind in ("longest", "shortest"):
        measured = [_length(batch.column(name)) for name in texts]
        lengths = np.asarray(pc.coalesce(*measured, pa.scalar(0, pa.int64()))).astype(np.uint64)
        return lengths if kind == "shortest" else _WORST - lengths
    if kind in ("newest", "oldest"):
        moments = batch.column("fetched").cast(pa.int64())
        return _ordered(moments, descending=kind == "newest")
    signal = pc.map_lookup(batch.column("signals"), value, "first")
    return _ordered(signal, descending=kind == "highest")


def _length(column: pa.Array) -> pa.Array:
    """Characters of strings, bytes of binary values."""
    is_text = pa.types.is_string(column.type)
    measured = pc.utf8_length(column) if is_text else pc.binary_length(column)
    return measured.cast(pa.int64())


def _ordered(values: pa.Array, descending: bool) -> NDArray[np.uint64]:
    """Whole or floating-point numbers as unsigned ones of the same order; null and NaN come last."""
    missing = np.asarray(pc.fill_null(pc.is_null(values, nan_is_null=True), True))
    plain = np.asarray(pc.fill_null(values, 0))
    bits = plain.view(np.uint64)
    if plain.dtype == np.float64:
        # IEEE 754: with the sign, or all bits of a negative number, turned over, bits sort as numbers
        plain = plain + 0.0
        bits = plain.view(np.uint64)
        bits = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    else:
        bits = bits ^ _SIGN
    if descending:
        bits = ~bits
    return np.where(missing, _WORST, np.minimum(bits, _WORST - np.uint64(1)))
