"""What another bound would drop: the numbers behind the sliders of the histograms.

In: how a signal is spread, of kept documents and of those its rule dropped. Out: about a hundred bounds
one could set, and how many documents lie below and above each. The decision: the bounds offered are
points of the grid on which all documents were counted, so the counts are exact, nothing is interpolated
and no value of a document stands in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from curate.audit.rules import Bound
from curate.report.facts.spread import Ints, Numbers, Spread, merged

EVEN = 60
QUANTILES = 40


@dataclass(frozen=True)
class Thresholds:
    """`at`: bounds in order, those of the recipe among them (`low`, `high`: their places; None: no
    such side). `below[i]`: values < at[i]; `upto[i]`: values <= at[i]."""

    at: Sequence[float]
    low: int | None
    high: int | None
    kept: int
    kept_below: Sequence[int]
    kept_upto: Sequence[int]
    own: int
    own_below: Sequence[int]
    own_upto: Sequence[int]

    def effect(self, low: int | None, high: int | None) -> tuple[int, int]:
        """(kept documents that would go, dropped ones that would pass) with other bounds."""
        return (
            _below(self.kept_below, low) + self.kept - _upto(self.kept_upto, high, self.kept),
            _upto(self.own_upto, high, self.own) - _below(self.own_below, low),
        )

    def as_json(self, places: Sequence[float]) -> dict[str, Any]:
        """For the page's script; `places` are those of `at` on the axis, in [0, 1]."""
        sides = {"low": self.low, "high": self.high}
        return {
            "say": [exact(value) for value in self.at],
            "x": [round(place, 4) for place in places],
            **sides,
            "kept": [self.kept, *self._counted(self.kept_below, self.kept_upto)],
            "own": [self.own, *self._counted(self.own_below, self.own_upto)],
        }

    def _counted(self, below: Sequence[int], upto: Sequence[int]) -> tuple[list[int], list[int]]:
        """Only what the rule's sides need."""
        return (
            list(below) if self.low is not None else [],
            list(upto) if self.high is not None else [],
        )


def thresholds(kept: Spread, own: Spread, bound: Bound, low: float, high: float) -> Thresholds:
    """The bounds one could set between `low` and `high`, the ends of the drawn axis, and beyond."""
    points = kept.points
    at = _positions(merged([kept, own]), bound, low, high)
    return Thresholds(
        points[at].tolist(), _place(points[at], bound.low), _place(points[at], bound.high),
        kept.total, [kept.below(point) for point in at], [kept.upto(point) for point in at],
        own.total, [own.below(point) for point in at], [own.upto(point) for point in at],
    )  # fmt: skip


def exact(value: float) -> str:
    """A bound as one would write it into a recipe.

    >>> exact(0.15), exact(100000.0), exact(1234567.5)
    ('0.15', '100,000', '1,234,567.5')
    """
    return f"{value:,.0f}" if value == round(value) else f"{value:,.12g}"


def _positions(spread: Spread, bound: Bound, low: float, high: float) -> Ints:
    """Points of the grid: even steps, the quantiles on the axis, all that the values reach, the bounds."""
    found = spread.quantiles(np.linspace(0, 1, QUANTILES + 1))
    inner = found[(found >= low) & (found <= high)]
    offered = np.concatenate([np.linspace(low, high, EVEN + 1), inner])
    points = spread.points
    near = _nearest(points, np.round(offered) if spread.is_whole else offered)
    own = [value for value in (bound.low, bound.high) if -inf < value < inf]
    return np.unique([*near, *spread.ends, *np.searchsorted(points, own)])


def _nearest(points: Numbers, values: Numbers) -> Ints:
    after = np.clip(np.searchsorted(points, values), 1, len(points) - 1)
    return after - (values - points[after - 1] < points[after] - values)


def _place(at: Numbers, value: float) -> int | None:
    return int(np.searchsorted(at, value)) if -inf < value < inf else None


def _below(counts: Sequence[int], place: int | None) -> int:
    return 0 if place is None else counts[place]


def _upto(counts: Sequence[int], place: int | None, all_of_them: int) -> int:
    return all_of_them if place is None else counts[place]
