"""What was measured, against the bounds that judge it.

In: how the signals of a run's documents are spread, and its bounds. Out: one `Histogram` a rule. The
decision: kept and dropped are drawn apart, above and below the axis, each scaled to its own tallest bar: the
question is whether a bound cuts between two shapes, and how many it cut is said in figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np

from curate.audit.rules import Bound
from curate.finished import FinishedRun
from curate.report.facts.of_table import SIDES, Facts, own_bounds
from curate.report.facts.spread import Numbers, Spread, merged
from curate.report.thresholds import Thresholds, thresholds

BINS = 36
LOG_RATIO = 30


@dataclass(frozen=True)
class Histogram:
    """Heights in [0, 1] by bin: kept, dropped by this rule, dropped by others (stacked on it).

    Heights are square roots of counts. `marks`: places of the bounds in [0, 1] with their values.
    Bars are within a hundredth of a value of where they belong; counts at bounds are exact.
    `trial`: other bounds and what they would drop, with their places on the axis.
    """

    bound: Bound
    table: str
    dropped_documents: int
    low: float
    high: float
    logarithmic: bool
    kept: Sequence[float]
    own: Sequence[float]
    others: Sequence[float]
    marks: Sequence[tuple[float, float]]
    kept_rows: int
    dropped_rows: int
    median_kept: float | None
    median_dropped: float | None
    trial: Thresholds
    trial_places: Sequence[float]


def histograms(
    run: FinishedRun, limits: Mapping[str, Bound], facts: Mapping[str, Facts]
) -> list[Histogram]:
    """One for every rule with measured values, those that dropped most first."""
    found: list[Histogram] = []
    for table in run.documents:
        dropped = table.table.total().dropped
        for bound in own_bounds(table, limits.values()):
            spreads = [facts[table.name].spread(bound, side) for side in SIDES]
            if any(spread.total for spread in spreads):
                found.append(_histogram(bound, table.name, dropped.get(bound.drop, 0), *spreads))
    return sorted(found, key=lambda h: -h.dropped_documents)


def _histogram(
    bound: Bound, table: str, dropped: int, kept: Spread, own: Spread, others: Spread
) -> Histogram:
    gone = merged([own, others])
    values = merged([kept, gone])
    logarithmic, low, high = _axis(values, bound)
    whole = high - low <= 2 * BINS and values.is_even and not any(v % 1 for v in _finite(bound))
    edges = (
        np.arange(np.floor(low), high + 2) - 0.5
        if whole
        else _edges(values, low, high, list(_finite(bound)), logarithmic)
    )
    up, by_own, by_others = (_count(part, edges) for part in (kept, own, others))
    down = np.sqrt((by_own + by_others) / (float((by_own + by_others).max()) or 1.0))
    own_share = by_own / np.where(by_own + by_others > 0, by_own + by_others, 1.0)
    trial = thresholds(kept, own, bound, low, high)
    return Histogram(
        bound, table, dropped, float(edges[0]) + whole / 2, float(edges[-1]) - whole / 2, logarithmic,
        list(np.sqrt(up / (float(up.max()) or 1.0))),
        list(down * own_share), list(down * (1 - own_share)),
        list(_marks(bound, edges, logarithmic, whole / 2)),
        kept.total, gone.total, _median(kept), _median(gone),
        trial, [_scaled(value, edges, logarithmic) for value in trial.at],
    )  # fmt: skip


def _axis(values: Spread, bound: Bound) -> tuple[bool, float, float]:
    """Nearly all values (0.5 % to 99.5 %), and the bounds where they are not far beyond."""
    low, high = (float(edge) for edge in values.quantiles(np.array([0.005, 0.995])))
    logarithmic = low >= 1 and high / low > LOG_RATIO
    for value in _finite(bound):
        near = (
            low / 10 <= value <= 10 * high
            if logarithmic
            else value <= max(1, low + 3 * (high - low))
        )
        if near:
            low, high = min(low, value), max(high, value)
    return (logarithmic, low, high) if low < high else (False, low - 0.5, high + 0.5)


def _edges(
    values: Spread, low: float, high: float, marks: Sequence[float], logarithmic: bool
) -> Numbers:
    """About `BINS` bins. A bound is an edge, so that no bar lies on both sides of it, and where
    values lie beyond a bound at the end of the axis, there is a bin for them."""
    before = low in marks and bool(values.about_below(np.array([low]))[0])
    after = high in marks and values.upto(int(np.searchsorted(values.points, high))) < values.total
    if not logarithmic:
        return _cut(low, high, [mark for mark in marks if low < mark <= high], before, after)
    inner = [log(mark) for mark in marks if low < mark <= high]
    edges = np.exp(_cut(log(low), log(high), inner, before, after))
    nearest = np.abs(edges[:, None] - np.array([*marks, low])).argmin(axis=0)
    edges[nearest] = np.where(  # what exp and log make of a bound is not always the bound
        np.isclose(edges[nearest], [*marks, low], rtol=1e-9), [*marks, low], edges[nearest]
    )
    return edges


def _cut(low: float, high: float, marks: Sequence[float], before: bool, after: bool) -> Numbers:
    """Edges of even bins from `low` to `high`, the first of `marks` among them."""
    inside = next(iter(marks), high)
    wanted = max(1, round(BINS * (inside - low) / (high - low)))
    width = (inside - low) / wanted
    if width * 4 * BINS < high - low:
        wanted, width = 0, (high - low) / BINS
    bins = int(np.ceil((high - low) / width - 1e-9))
    edges = low + width * np.arange(-before, bins + after + 1)
    if wanted:
        edges[wanted + before] = inside
    return np.asarray(edges, np.float64)


def _finite(bound: Bound) -> Iterator[float]:
    return (value for value in (bound.low, bound.high) if -inf < value < inf)


def _count(values: Spread, edges: Numbers) -> Numbers:
    """Values beyond the axis are counted in its outermost bins."""
    below = values.about_below(edges[1:-1])
    return np.diff(below, prepend=0.0, append=float(values.total))


def _marks(
    bound: Bound, edges: Numbers, logarithmic: bool, beside: float
) -> Iterator[tuple[float, float]]:
    """(place on the axis, value) of the bounds on it; whole numbers are cut `beside` their bins."""
    low, high = edges[0], edges[-1]
    for value, cut in ((bound.low, bound.low - beside), (bound.high, bound.high + beside)):
        if -inf < value < inf and low <= cut <= high:
            yield _scaled(cut, edges, logarithmic), value


def _scaled(value: float, edges: Numbers, logarithmic: bool) -> float:
    """Where a value lies on the axis, in [0, 1]."""
    low, high = float(edges[0]), float(edges[-1])
    inside = min(max(value, low), high)
    if logarithmic:
        return log(inside / low) / log(high / low)
    return (inside - low) / (high - low)


def _median(values: Spread) -> float | None:
    return float(values.quantiles(np.array([0.5]))[0]) if values.total else None
