"""Which rules agree, and what only one of them catches.

In: the stored signals of dropped documents, and the bounds of the run. Out: for each rule how many it
catches, how many it catches alone, and which other rule most often catches the same. The decision: every bound is judged again on every row, not only the first that dropped it. A dropped
document skips the steps after, so rules of later steps are judged where the recipe's `measure_dropped`
let them measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from curate.audit.rules import Bound
from curate.report.facts.agreement import Agreement

IN_MATRIX = 12


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
    for the first `IN_MATRIX` rules. `documents`: all that were dropped."""

    rules: Sequence[RuleOverlap]
    shares: Sequence[Sequence[float]]
    documents: int


def overlap(
    found: Iterable[Agreement | None], bounds: Sequence[Bound], documents: int
) -> Overlap | None:
    """The overlap of a run's rules over the dropped documents of all tables; None if no rule broke."""
    known = [part for part in found if part is not None]
    if not known:
        return None
    whole = sum(known[1:], known[0])
    caught = np.diag(whole.together)
    order = [int(i) for i in np.argsort(-caught, kind="stable") if caught[i]]
    if not order:
        return None
    others = whole.together - np.diag(caught)
    best = others.argmax(axis=1)
    rules = [
        RuleOverlap(
            bounds[i], int(whole.judged[i]), int(caught[i]), int(whole.alone[i]),
            bounds[best[i]].key if others[i, best[i]] else None, int(others[i, best[i]]),
        )
        for i in order
    ]  # fmt: skip
    first = order[:IN_MATRIX]
    shares = [[float(whole.together[i, j] / caught[i]) for j in first] for i in first]
    return Overlap(rules, shares, documents)
