"""Which documents the page shows.

In: rows of a file. Out: places, those of the smallest hashes of their ids by reason, and pairs of
copies. The decision: the smallest of a set do not depend on how it is cut up, so the same documents are
drawn from any layout of the same rows, each with the same chance, and nobody picked them. Planted
documents come after real ones, and pairs with the least similar first: there a false pair would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curate.audit.plant import LABEL
from curate.document import share
from curate.signals import Numbers, Rows

PER_REASON = 40
KEPT = 200
PAIRS = 200
HEADS = 10
# step -> the signal that says how like a document and its copy are; None: what was cut out is equal
COPIES: dict[str, str | None] = {
    "dedup": "dedup.similarity",
    "dedup_semantic": "dedup_semantic.similarity",
    "dedup_lines": None,
    "dedup_substrings": None,
}


class Place(NamedTuple):
    """Where a document stands: row `row` of `file`. `rank` orders places; `other` is the id of the
    document it is a copy of."""

    rank: tuple[float, float]
    id: str
    file: str
    row: int
    other: str = ""


Drawn = dict[str, tuple[Place, ...]]


def draws(
    rows: pa.RecordBatch,
    measured: Mapping[str, tuple[Rows, Numbers]],
    labels: Mapping[str, tuple[Rows, pa.Array]],
    by_drop: Mapping[str, Rows],
    file: str,
    numbers: Rows,
    reasons: frozenset[str],
    shows_kept: bool,
) -> tuple[Drawn, Drawn]:
    """(documents to show by drop, copies by step) of some rows; `numbers` are theirs in the file."""
    groups = {drop: at for drop, at in by_drop.items() if drop in reasons}
    if not by_drop and shows_kept:
        groups[""] = np.arange(len(rows))
    pairs = {step: found for step in COPIES if (found := _pairs(step, measured, labels))}
    if not groups and not pairs:
        return {}, {}
    ids = rows["id"].to_pylist()
    coins = np.array([share(name, "report") for name in ids])
    planted = np.zeros(len(rows))
    planted[labels[LABEL][0] if LABEL in labels else []] = 1
    drawn = {}
    for drop, at in groups.items():
        first = at[np.lexsort((coins[at], planted[at]))[: _most(drop)]].tolist()
        ranks = [(float(planted[row]), float(coins[row])) for row in first]
        drawn[drop] = tuple(
            Place(rank, ids[row], file, int(numbers[row]))
            for rank, row in zip(ranks, first, strict=True)
        )
    copies = {
        step: _least(
            Place((unlike, float(coins[row])), ids[row], file, int(numbers[row]), other)
            for row, other, unlike in found
        )
        for step, found in pairs.items()
    }
    return drawn, copies


def merge_drawn(parts: Sequence[Mapping[str, tuple[Place, ...]]]) -> Drawn:
    """The first of all, by drop."""
    drops = sorted({drop for part in parts for drop in part})
    return {
        drop: tuple(nsmallest(_most(drop), (p for part in parts for p in part.get(drop, ()))))
        for drop in drops
    }


def merge_copies(parts: Sequence[Mapping[str, tuple[Place, ...]]]) -> Drawn:
    """The first of all, by step."""
    steps = sorted({step for part in parts for step in part})
    return {step: _least(p for part in parts for p in part.get(step, ())) for step in steps}


def _most(drop: str) -> int:
    return PER_REASON if drop else KEPT


def _least(found: Iterable[Place]) -> tuple[Place, ...]:
    """The first `PAIRS`, and the first of each of the first `HEADS` documents with copies: one that has
    very many leaves room for others."""
    places = sorted(found)
    heads: dict[str, Place] = {}
    for place in places:
        if len(heads) < HEADS:
            heads.setdefault(place.other, place)
    return tuple(sorted({*places[:PAIRS], *heads.values()}))


def _pairs(
    step: str,
    measured: Mapping[str, tuple[Rows, Numbers]],
    labels: Mapping[str, tuple[Rows, pa.Array]],
) -> list[tuple[int, str, float]]:
    """(row, id of the other, similarity or 0) of the copies a step found; equal documents are none."""
    if f"{step}.duplicate_of" not in labels:
        return []
    at, others = labels[f"{step}.duplicate_of"]
    said = dict(zip(at.tolist(), others.to_pylist(), strict=True))
    signal = COPIES[step]
    if signal is None:
        return [(row, other, 0.0) for row, other in said.items() if other]
    rows, values = measured.get(signal, (np.empty(0, np.int64), np.empty(0)))
    known = zip(rows.tolist(), values.tolist(), strict=True)
    return [(row, said[row], value) for row, value in known if value < 1 and said.get(row)]
