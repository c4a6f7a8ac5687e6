"""Which rules agree, and what only one of them catches.

In: the stored signals of the documents that were looked at, and the bounds of the run. Out: for each
rule how many it catches, how many it catches alone, and which other rule most often catches the same.
The decision: every bound is judged again on every row, not only the first that dropped it. A dropped
document skips the steps after, so rules of later steps are judged where the recipe's `measure_dropped`
let them measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.audit.rules import Bound
from curate.finished import FinishedRun
from curate.report.glance import Measured, measured

IN_MATRIX = 12
Broken = NDArray[np.bool_]


@dataclass(frozen=True)
class RuleOverlap:
    """`alone`: caught by no other rule; `companion`: the rule that most often catches the same, with
    how many."""

    bound: Bound
    judged: int
    caught: int
    alone: int
    companion: str | None
    together: int


@dataclass(frozen=True)
class Overlap:
    """Rules by what they catch; `shares[i][j]`: of what rule i catches, the share rule j catches too,
    for the first `IN_MATRIX` rules. `documents`: dropped rows looked at."""

    rules: Sequence[RuleOverlap]
    shares: Sequence[Sequence[float]]
    documents: int


def overlap(run: FinishedRun, limits: Mapping[str, Bound]) -> Overlap | None:
    """The overlap of a run's rules on the dropped rows looked at; None if no rule broke."""
    bounds = list(limits.values())
    parts = [measured(table, False) for table in run.documents]
    judged = [_judged(part, bounds) for part in parts]
    broken = np.concatenate([found for found, _ in judged])
    if not broken.any():
        return None
    measured_rows = np.sum([counts for _, counts in judged], axis=0)
    return _overlap(bounds, broken, measured_rows, sum(_documents(part) for part in parts))


def _overlap(
    bounds: Sequence[Bound], broken: Broken, judged: NDArray[np.int64], documents: int
) -> Overlap:
    together = broken.T.astype(np.int64) @ broken
    caught = np.diag(together)
    alone = (broken & (broken.sum(axis=1) == 1)[:, None]).sum(axis=0)
    order = [int(i) for i in np.argsort(-caught, kind="stable") if caught[i]]
    others = together - np.diag(caught)
    best = others.argmax(axis=1)
    rules = [
        RuleOverlap(
            bounds[i], int(judged[i]), int(caught[i]), int(alone[i]),
            bounds[best[i]].key if others[i, best[i]] else None, int(others[i, best[i]]),
        )
        for i in order
    ]  # fmt: skip
    first = order[:IN_MATRIX]
    shares = [[float(together[i, j] / caught[i]) for j in first] for i in first]
    return Overlap(rules, shares, documents)


def _judged(part: Measured, bounds: Sequence[Bound]) -> tuple[Broken, NDArray[np.int64]]:
    """(rows x bounds: broken; by bound: rows with its signal)."""
    broken = np.zeros((len(part.drops), len(bounds)), bool)
    judged = np.zeros(len(bounds), np.int64)
    drops = np.array(part.drops, object)
    for column, bound in enumerate(bounds):
        values, rows = part.of(bound.key)
        here = drops == bound.drop  # some for a signal that is not a number
        broken[:, column] = here
        broken[rows, column] |= (values < bound.low) | (values > bound.high)
        here[rows] = True
        judged[column] = here.sum()
    return broken, judged


def _documents(part: Measured) -> int:
    return sum(1 for drop in part.drops if drop and not drop.startswith("record."))
