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

    def place(rank: Numbers, row: int, other: str = "") -> Place:
        return Place(
            (float(rank[row]), float(coins[row])), ids[row], file, int(numbers[row]), other
        )

    drawn = {}
    for drop, at in groups.items():
        first = at[np.lexsort((coins[at], planted[at]))[: _most(drop)]].tolist()
        drawn[drop] = tuple(place(planted, row) for row in first)
    copies = {}
    for step, (copied, others, unlike) in pairs.items():
        ranks = np.zeros(len(rows))
        ranks[copied] = unlike
        order = np.lexsort((coins[copied], unlike)).tolist()
        copies[step] = _least(place(ranks, copied[i], others[i]) for i in order)
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
    return {step: _least(sorted(p for part in parts for p in part.get(step, ()))) for step in steps}


def _most(drop: str) -> int:
    return PER_REASON if drop else KEPT


def _least(ordered: Iterable[Place]) -> tuple[Place, ...]:
    """The first `PAIRS`, and the first of each of the first `HEADS` documents with copies: one that has
    very many leaves room for others."""
    found: list[Place] = []
    heads: set[str] = set()
    for place in ordered:
        if len(found) < PAIRS or (place.other not in heads and len(heads) < HEADS):
            found.append(place)
        elif len(heads) >= HEADS:
            break
        heads.add(place.other)
    return tuple(found)


def _pairs(
    step: str,
    measured: Mapping[str, tuple[Rows, Numbers]],
    labels: Mapping[str, tuple[Rows, pa.Array]],
) -> tuple[list[int], list[str], Numbers] | None:
    """(rows, ids of the others, similarities or 0) of the copies a step found; equal documents are none."""
    if f"{step}.duplicate_of" not in labels:
        return None
    at, others = labels[f"{step}.duplicate_of"]
    signal = COPIES[step]
    like = np.zeros(int(at.max()) + 1)
    if signal is not None:
        rows, values = measured.get(signal, (np.empty(0, np.int64), np.empty(0)))
        like = np.ones(int(max(at.max(), rows.max(initial=0))) + 1)
        like[rows] = values
    chosen = np.flatnonzero((like[at] < 1) & others.is_valid().to_numpy(zero_copy_only=False))
    return at[chosen].tolist(), others.take(pa.array(chosen)).to_pylist(), like[at[chosen]]
