"""Two runs side by side: recipe, funnel, drift, presence, decisions.

In: two run folders (or committed tables), local or URLs. Out: `Comparison`, as plain data or lines. The
decision: A is what was, B is what is; every change is B less A. Counts come from manifests; rows are
read twice, narrow columns only: once to match documents, once to measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from curate.compare.decisions import Decisions, decisions
from curate.compare.drift import Drift, drift
from curate.compare.funnel import Funnel, funnel
from curate.compare.limits import Limits, broken
from curate.compare.presence import Presence, presence
from curate.compare.recipes import Change, recipe_changes
from curate.compare.terminal import (
    TOP,
    decision_lines,
    drift_lines,
    funnel_lines,
    presence_lines,
    printable,
    recipe_lines,
)
from curate.errors import CurateError, InputError
from curate.finished import FinishedRun, open_run


@dataclass(frozen=True)
class Comparison:
    """`a` and `b` are the folders; `broken` holds a line for each limit that does not hold."""

    a: str
    b: str
    recipe: tuple[Change, ...]
    funnel: Funnel
    drift: Drift
    presence: tuple[Presence, ...]
    decisions: Decisions
    broken: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the data differ in anything that was compared; another recipe alone does not count."""
        return (
            any(flow.total.differs for flow in (self.funnel.whole, *self.funnel.tables))
            or any(signal.population.ks_d > 0 for signal in self.drift.signals)
            or any(part.differs for part in self.presence)
            or self.decisions.differs
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data: everything."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def lines(self, everything: bool = False) -> list[str]:
        """What a terminal shows: the first `TOP` entries of each list, or everything."""
        most = None if everything else TOP
        verdict = "" if self.differs else "no difference in what the two runs hold"
        lines = [f"A  {self.a}", f"B  {self.b}", *([verdict] if verdict else [])]
        for section in (
            recipe_lines(self.recipe, most),
            funnel_lines(self.funnel, most),
            drift_lines(self.drift, most),
            presence_lines(self.presence, most),
            decision_lines(self.decisions, most),
        ):
            lines += ["", *section]
        return [printable(line) for line in lines]


def compare(a: str, b: str, limits: Limits | None = None) -> Comparison:
    """Compare two finished runs. `InputError`: one of them is not there, or damaged."""
    runs = _open(a), _open(b)
    found_funnel, found_drift = funnel(*runs), drift(*runs)
    found_presence, found_decisions = presence(*runs), decisions(*runs)
    lines = broken(limits or Limits(), found_funnel, found_drift, found_presence, found_decisions)
    return Comparison(
        runs[0].path, runs[1].path, tuple(recipe_changes(*runs)), found_funnel, found_drift,
        found_presence, found_decisions, tuple(lines),
    )  # fmt: skip


def _open(path: str) -> FinishedRun:
    try:
        run = open_run(path)
    except CurateError:
        raise
    except Exception as error:  # what a store without credentials or network raises is its own
        raise InputError(f"cannot read {path}: {str(error) or type(error).__name__}") from None
    if not run.documents:
        raise InputError(f"{path} holds no table of documents; give a run that read some")
    return run


def _plain(value: Any) -> Any:
    """Dataclasses as objects, with what they compute (`differs`, `word`, `share_change` …)."""
    if is_dataclass(value):
        computed = [key for key, of in vars(type(value)).items() if isinstance(of, property)]
        return {key: _plain(getattr(value, key)) for key in [*_names(value), *computed]}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value


def _names(value: Any) -> list[str]:
    return [field.name for field in fields(value)]
