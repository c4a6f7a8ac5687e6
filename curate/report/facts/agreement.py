"""How the bounds of a run judge the documents it dropped.

In: the stored signals of some dropped documents. Out: counts by bound and by pair of bounds, which add
up. The decision: every bound is judged again on every document, not only the first that dropped it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.audit.rules import Bound
from curate.signals import Numbers, Rows

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Counts of dropped documents by bound: judged by it, caught by it and by another, caught alone."""

    judged: Ints
    together: Ints
    alone: Ints

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(
            self.judged + other.judged, self.together + other.together, self.alone + other.alone
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Agreement) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("judged", "together", "alone")
        )


def agreement(
    measured: Mapping[str, tuple[Rows, Numbers]],
    by_drop: Mapping[str, Rows],
    count: int,
    bounds: Sequence[Bound],
) -> Agreement:
    """How the bounds judge `count` dropped documents. A rule caught what was dropped for it, also
    where its signal is no number, which no bound admits."""
    broken = np.zeros((count, len(bounds)), bool)
    judged = np.zeros(len(bounds), np.int64)
    for column, bound in enumerate(bounds):
        here = np.zeros(count, bool)
        here[by_drop.get(bound.drop, np.empty(0, np.int64))] = True
        broken[:, column] = here
        if bound.key in measured:
            rows, values = measured[bound.key]
            broken[rows, column] |= (values < bound.low) | (values > bound.high)
            here[rows] = True
        judged[column] = here.sum()
    together = np.array([broken[column].sum(axis=0) for column in broken.T], np.int64)
    alone = broken[broken.sum(axis=1) == 1].sum(axis=0).astype(np.int64)
    return Agreement(judged, together.reshape(len(bounds), len(bounds)), alone)
