"""What another bound would drop: the numbers behind the sliders of the histograms.

In: the values of a signal, of kept documents and of those its rule dropped. Out: about a hundred bounds
one could set, and how many documents lie below and above each. The decision: the bounds offered are
few and round, and the counts at each of them are exact for the rows looked at, so nothing is
interpolated and no value of a document stands in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.audit.rules import Bound

EVEN = 60
QUANTILES = 40
Numbers = NDArray[np.float64]


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


def thresholds(kept: Numbers, own: Numbers, bound: Bound, low: float, high: float) -> Thresholds:
    """The bounds one could set between `low` and `high`, the ends of the drawn axis, and beyond."""
    at = _positions(np.concatenate([kept, own]), bound, low, high)
    kept, own = np.sort(kept), np.sort(own)
    return Thresholds(
        at.tolist(), _place(at, bound.low), _place(at, bound.high),
        len(kept), _counts(kept, at, "left"), _counts(kept, at, "right"),
        len(own), _counts(own, at, "left"), _counts(own, at, "right"),
    )  # fmt: skip


def exact(value: float) -> str:
    """A bound as one would write it into a recipe.

    >>> exact(0.15), exact(100000.0), exact(1234567.5)
    ('0.15', '100,000', '1,234,567.5')
    """
    return f"{value:,.0f}" if value == round(value) else f"{value:,.12g}"


def _positions(values: Numbers, bound: Bound, low: float, high: float) -> Numbers:
    inner = values[(values >= low) & (values <= high)]
    spread = np.linspace(low, high, EVEN + 1)
    quantiles = np.quantile(inner, np.linspace(0, 1, QUANTILES + 1)) if len(inner) else spread
    offered = np.concatenate([spread, quantiles, [values.min(), values.max()]])
    rounded = np.round(offered) if not (values % 1).any() else _rounded(offered)
    own = [value for value in (bound.low, bound.high) if -inf < value < inf]
    return np.unique(np.concatenate([rounded, own]))


def _rounded(values: Numbers) -> Numbers:
    """Three significant digits."""
    return np.array([float(f"{value:.3g}") for value in values])


def _place(at: Numbers, value: float) -> int | None:
    return int(np.searchsorted(at, value)) if -inf < value < inf else None


def _counts(values: Numbers, at: Numbers, side: Any) -> list[int]:
    return [int(count) for count in np.searchsorted(values, at, side)]


def _below(counts: Sequence[int], place: int | None) -> int:
    return 0 if place is None else counts[place]


def _upto(counts: Sequence[int], place: int | None, all_of_them: int) -> int:
    return all_of_them if place is None else counts[place]
