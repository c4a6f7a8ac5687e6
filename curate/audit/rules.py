"""The bounds of a run's rules: which signal has to be between what.

In: a finished run. Out: `Bound`s by drop reason, as the recipe of that run set them. Filters carry their
rules; the few steps that judge by a parameter are listed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from curate.errors import CurateError
from curate.finished import FinishedRun
from curate.registry import build_step
from curate.step import Filter

# step -> (signal, the parameter that bounds it, which side, the reason of a drop)
PARAMETERS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "language": (("score", "low", "low", "low_score"),),
    "c4": (("sentence_count", "sentences", "low", "sentence_count"),),
    "toxicity": (
        ("mean", "high", "high", "mean"),
        ("toxic_chars_ratio", "high_ratio", "high", "toxic_chars_ratio"),
    ),
}


@dataclass(frozen=True)
class Bound:
    """`step.signal` has to be within [low, high]; a document beyond is dropped as `drop`."""

    step: str
    signal: str
    low: float
    high: float
    drop: str

    @property
    def key(self) -> str:
        """The name of the signal in the column `signals`."""
        return f"{self.step}.{self.signal}"

    def describe(self) -> str:
        """
        >>> Bound("gopher", "word_count", 50, 100_000, "gopher.word_count").describe()
        '50 to 100,000'
        >>> Bound("gopher", "hash_ratio", -inf, 0.1, "gopher.hash_ratio").describe()
        '≤ 0.1'
        """
        low, high = (
            f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
            for value in (self.low, self.high)
        )
        if self.low > -inf and self.high < inf:
            return f"{low} to {high}"
        return f"≥ {low}" if self.low > -inf else f"≤ {high}"


def bounds(run: FinishedRun) -> dict[str, Bound]:
    """All bounds of a run by the drop they cause, in the order of its steps.

    Steps that this version cannot build from the recorded parameters are left out.
    """
    found = (bound for table in run.documents for step in table.steps for bound in _of(*step))
    return {bound.drop: bound for bound in found}


def _of(name: str, params: dict[str, Any]) -> Iterator[Bound]:
    try:
        built = build_step(name, {key: value for key, value in params.items() if key != "only"})
    except CurateError:
        return
    if isinstance(built, Filter):
        for rule in built.rules:
            yield Bound(name, rule.signal, rule.low, rule.high, f"{name}.{rule.signal}")
    for signal, parameter, side, reason in PARAMETERS.get(name, ()):
        value = getattr(built, parameter, None)
        if value is not None:
            low, high = (value, inf) if side == "low" else (-inf, value)
            yield Bound(name, signal, low, high, f"{name}.{reason}")
