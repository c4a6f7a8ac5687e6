"""The bits-per-byte verdict as a forest plot.

In: `verdict.json` of an ablation. Out: places in [0, 1] for points and intervals, and the figures
beside them. The decision: zero is always on the axis, because "no difference" is the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from curate.store import read_json

FILES = ("verdict.json", "ablation/verdict.json")


@dataclass(frozen=True)
class Line:
    """A contrast: difference with its interval over seeds, and the one over held-out documents."""

    name: str
    outcome: str
    reason: str | None
    difference: float
    low: float
    high: float
    point: float
    start: float
    end: float
    documents_start: float
    documents_end: float


@dataclass(frozen=True)
class Forest:
    """`zero` and `ticks` are places on the axis; `verdict` is the whole file."""

    lines: Sequence[Line]
    zero: float
    ticks: Sequence[tuple[float, float]]
    verdict: Mapping[str, Any]


def forest(run_dir: str) -> Forest | None:
    """The verdict beside a run, if one was made (a file of another format is none)."""
    verdict = read_verdict(run_dir)
    try:
        return _forest(verdict) if verdict else None
    except (KeyError, TypeError):
        return None


def read_verdict(run_dir: str) -> Mapping[str, Any] | None:
    """The verdict in a folder or beside a run; None without one that compares anything."""
    found = (read_json(f"{run_dir}/{name}") for name in FILES)
    return next((item for item in found if item and item.get("contrasts")), None)


def _forest(verdict: Mapping[str, Any]) -> Forest:
    contrasts = verdict["contrasts"]
    ends = [c[k] for c in contrasts for k in ("low", "high", "documents_low", "documents_high")]
    low, high = min(0.0, *ends), max(0.0, *ends)
    margin = 0.06 * ((high - low) or 1)
    low, high = low - margin, high + margin

    def place(value: float) -> float:
        return float((value - low) / (high - low))

    lines = [
        Line(
            c["name"], c["outcome"], c["reason"], c["difference"], c["low"], c["high"],
            place(c["difference"]), place(c["low"]), place(c["high"]),
            place(c["documents_low"]), place(c["documents_high"]),
        )
        for c in contrasts
    ]  # fmt: skip
    return Forest(lines, place(0.0), [(place(v), v) for v in _ticks(low, high)], verdict)


def _ticks(low: float, high: float) -> list[float]:
    """Round values, four to eight of them."""
    step = 10.0 ** _exponent(high - low)
    step = next(step * f for f in (0.1, 0.2, 0.5, 1, 2) if (high - low) / (step * f) <= 7)
    first = -(-low // step)
    return [
        round((first + i) * step, 10) + 0.0 for i in range(int((high - first * step) // step) + 1)
    ]


def _exponent(span: float) -> int:
    return floor(log10(span)) if span > 0 else 0
