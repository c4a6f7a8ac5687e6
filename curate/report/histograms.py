"""What was measured, against the bounds that judge it.

In: the measured rows of a run's tables, and its bounds. Out: one `Histogram` a rule. The decision:
kept and dropped are drawn apart, above and below the axis, each scaled to its own tallest bar: the
question is whether a bound cuts between two shapes, and how many it cut is said in figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from curate.audit.rules import Bound
from curate.finished import FinishedRun
from curate.report.glance import Measured, measured
from curate.report.thresholds import Thresholds, thresholds

BINS = 36
LOG_RATIO = 30
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Heights in [0, 1] by bin: kept, dropped by this rule, dropped by others (stacked on it).

    Heights are square roots of counts. `marks`: places of the bounds in [0, 1] with their values.
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


def histograms(run: FinishedRun, limits: Mapping[str, Bound]) -> list[Histogram]:
    """One for every rule with measured values, those that dropped most first."""
    found: list[Histogram] = []
    for table in run.documents:
        wanted = [bound for bound in limits.values() if bound.step in dict(table.steps)]
        if not wanted:
            continue
        stayed, went = measured(table, True), measured(table, False)
        dropped = table.table.total().dropped
        for bound in wanted:
            drawn = _histogram(bound, table.name, dropped.get(bound.drop, 0), stayed, went)
            found += [drawn] if drawn else []
    return sorted(found, key=lambda h: -h.dropped_documents)


def _histogram(
    bound: Bound, table: str, dropped: int, stayed: Measured, went: Measured
) -> Histogram | None:
    kept, _ = stayed.of(bound.key)
    gone, gone_rows = went.of(bound.key)
    values = np.concatenate([kept, gone])
    if not len(values):
        return None
    logarithmic, low, high = _axis(values, bound)
    figures = np.array([*values, *_finite(bound)])
    whole = high - low <= 2 * BINS and not (figures % 1).any()
    edges = (
        np.arange(np.floor(low), high + 2) - 0.5
        if whole
        else _edges(values, low, high, list(_finite(bound)), logarithmic)
    )
    own_rows = np.array([went.drops[row] == bound.drop for row in gone_rows], bool)
    up, own, others = (_count(part, edges) for part in (kept, gone[own_rows], gone[~own_rows]))
    down = np.sqrt((own + others) / max(1, (own + others).max()))
    own_share = own / np.maximum(1, own + others)
    trial = thresholds(kept, gone[own_rows], bound, low, high)
    return Histogram(
        bound, table, dropped, float(edges[0]) + whole / 2, float(edges[-1]) - whole / 2, logarithmic,
        list(np.sqrt(up / max(1, up.max()))), list(down * own_share), list(down * (1 - own_share)),
        list(_marks(bound, edges, logarithmic, whole / 2)),
        len(kept), len(gone), _median(kept), _median(gone),
        trial, [_scaled(value, edges, logarithmic) for value in trial.at],
    )  # fmt: skip


def _axis(values: Numbers, bound: Bound) -> tuple[bool, float, float]:
    """Nearly all values (0.5 % to 99.5 %), and the bounds where they are not far beyond."""
    low, high = (float(edge) for edge in np.quantile(values, [0.005, 0.995]))
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
    values: Numbers, low: float, high: float, marks: Sequence[float], logarithmic: bool
) -> Numbers:
    """About `BINS` bins. A bound is an edge, so that no bar lies on both sides of it, and where
    values lie beyond a bound at the end of the axis, there is a bin for them."""
    if logarithmic:
        positive = [mark for mark in marks if mark > 0]
        inner = np.log(np.maximum(values, low / 2))
        lowest, highest = (float(end) for end in np.log([low, high]))
        return np.exp(_edges(inner, lowest, highest, list(np.log(positive)), False))
    inside = next((mark for mark in marks if low < mark <= high), high)
    width = (inside - low) / max(1, round(BINS * (inside - low) / (high - low)))
    if width * 4 * BINS < high - low:
        width = (high - low) / BINS
    bins = int(np.ceil((high - low) / width - 1e-9))
    before = bool(low in marks and (values < low).any())
    after = bool(high in marks and (values > high).any())
    return np.asarray(low + width * np.arange(-before, bins + after + 1))


def _finite(bound: Bound) -> Iterator[float]:
    return (value for value in (bound.low, bound.high) if -inf < value < inf)


def _count(values: Numbers, edges: Numbers) -> Numbers:
    """Values beyond the axis are counted in its outermost bins."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return counts.astype(float)


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


def _median(values: Numbers) -> float | None:
    return float(np.median(values)) if len(values) else None
