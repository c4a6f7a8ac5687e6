"""How the values of a signal are spread, over any number of documents.

In: values. Out: how many lie at, and between, the points of a fixed grid. The decision: the points are
the numbers of three significant digits, those that a person writes into a recipe, and the recipe's own
bounds. Counts below and up to a point are therefore exact, whatever the number of documents and however
they are merged; between two neighbouring points, less than 1 % apart, places are only known to lie there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
EXPONENTS = range(-8, 10)  # 0.000001 to 10**12


@dataclass(frozen=True, eq=False)
class Spread:
    """`counts[i]` values in the cell `cells[i]`: 2p is what lies between the points p - 1 and p, and
    2p + 1 the point p itself. `is_whole`: no value has a fraction."""

    marks: tuple[float, ...]
    cells: Ints
    counts: Ints
    is_whole: bool

    @classmethod
    def of(cls, values: Numbers, marks: tuple[float, ...] = ()) -> Spread:
        """The spread of finite values, with some points of one's own.

        >>> found = Spread.of(np.array([0.5, 0.5004, 0.5006, 7.0]), (0.5004,))
        >>> points = found.points
        >>> [found.below(points.searchsorted(at)) for at in (0.5, 0.5004, 0.501, 7)]
        [0, 1, 3, 3]
        """
        points = _points(marks)
        found, times = np.unique(values, return_counts=True)
        place = np.searchsorted(points, found)
        at = points[np.minimum(place, len(points) - 1)] == found
        cells, first = np.unique(2 * place + at, return_index=True)
        counts = np.add.reduceat(times, first) if len(times) else times
        return cls(marks, cells, counts, not (found % 1).any())

    @property
    def points(self) -> Numbers:
        """The grid."""
        return _points(self.marks)

    @cached_property
    def total(self) -> int:
        """Values in all."""
        return int(self.counts.sum())

    @property
    def is_even(self) -> bool:
        """Whether all values stand at points, and are whole numbers."""
        return self.is_whole and bool((self.cells % 2).all())

    @cached_property
    def _up_to(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.counts)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spread) and (
            (self.marks, self.is_whole) == (other.marks, other.is_whole)
            and np.array_equal(self.cells, other.cells)
            and np.array_equal(self.counts, other.counts)
        )

    def below(self, point: int) -> int:
        """How many values are less than a point of the grid."""
        return int(self._up_to[np.searchsorted(self.cells, 2 * point + 1)])

    def upto(self, point: int) -> int:
        """How many values are less than a point or equal to it."""
        return int(self._up_to[np.searchsorted(self.cells, 2 * point + 1, "right")])

    def about_below(self, edges: Numbers) -> Numbers:
        """How many values are less than some numbers, exact for points; the values between two points
        are taken to be spread evenly."""
        points = self.points
        place = np.searchsorted(points, edges)
        at = np.searchsorted(self.cells, 2 * place)
        here = np.append(self.cells, -1)[at] == 2 * place
        inside = np.where(here, np.append(self.counts, 0)[at], 0)
        above = points[np.minimum(place, len(points) - 1)]
        before = points[np.maximum(place - 1, 0)]
        width = np.where(above > before, above - before, 1.0)
        part = np.where(above == edges, 1.0, np.clip((edges - before) / width, 0, 1))
        return np.asarray(self._up_to[at] + part * inside, np.float64)

    def quantiles(self, shares: Numbers) -> Numbers:
        """The value that a share of the values reaches, for each share; there has to be a value."""
        ranks = np.clip(np.ceil(np.asarray(shares) * self.total), 1, self.total)
        cells = self.cells[np.searchsorted(self._up_to[1:], ranks)]
        points = self.points
        above = points[np.minimum(cells // 2, len(points) - 1)]
        before = points[np.maximum((cells - 1) // 2, 0)]
        return np.asarray(np.where(cells % 2, above, (above + before) / 2), np.float64)

    @property
    def ends(self) -> tuple[int, int]:
        """The points around all values."""
        first, last = int(self.cells[0]), int(self.cells[-1])
        return max(0, (first - 1) // 2), min(last // 2, len(self.points) - 1)


def merged(spreads: list[Spread]) -> Spread:
    """The spread of the values of all, which have the same grid."""
    cells = np.concatenate([spread.cells for spread in spreads])
    counts = np.concatenate([spread.counts for spread in spreads])
    order = np.argsort(cells, kind="stable")
    found, first = np.unique(cells[order], return_index=True)
    summed = np.add.reduceat(counts[order], first) if len(order) else counts
    return Spread(spreads[0].marks, found, summed, all(spread.is_whole for spread in spreads))


@cache
def _points(marks: tuple[float, ...]) -> Numbers:
    if marks:
        return np.union1d(_points(()), marks)
    positive = [float(f"{digits}e{power}") for power in EXPONENTS for digits in range(100, 1000)]
    ends = [*positive, 1e12]
    return np.unique([*ends, 0.0, *(-value for value in ends)])
