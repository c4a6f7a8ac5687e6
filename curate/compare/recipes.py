"""What was done differently: steps and parameters, bounds of rules, sources, code.

In: two finished runs. Out: `Change`s, flat: `steps.NAME.PARAMETER`. The decision: recipes are compared
as they were written, and the bounds that followed from them beside that, since a bound can change by
a default that nobody wrote. Bounds are those that this version reads out of the recorded steps.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from curate.audit.rules import bounds
from curate.finished import FinishedRun


@dataclass(frozen=True)
class Change:
    """A place in the recipe and what stands there; None: nothing does."""

    where: str
    a: str | None
    b: str | None


def recipe_changes(a: FinishedRun, b: FinishedRun) -> list[Change]:
    """All differences: of steps, bounds, other keys of the recipe, code versions."""
    changes = _of_steps(_steps(a.recipe), _steps(b.recipe))
    whole = {change.where for change in changes if change.a is None or change.b is None}
    changes += [
        change
        for change in _differences(_bounds(a), _bounds(b))
        if f"steps.{change.where.split('.')[1]}" not in whole
    ]
    changes += _differences(_flat("", _others(a.recipe)), _flat("", _others(b.recipe)))
    return changes + _differences({"code": _code(a)}, {"code": _code(b)})


def _of_steps(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """One change for a step that came or went, one for each parameter of one that stayed."""
    changes = []
    for name in [*a, *(name for name in b if name not in a)]:
        if name in a and name in b:
            changes += _differences(
                _flat(f"steps.{name}", a[name]), _flat(f"steps.{name}", b[name])
            )
        else:
            sides = (_text(side[name]) if name in side else None for side in (a, b))
            changes.append(Change(f"steps.{name}", *sides))
    common = [[name for name in side if name in a and name in b] for side in (a, b)]
    if common[0] != common[1]:
        changes.append(Change("order of steps", *(", ".join(names) for names in common)))
    return changes


def _steps(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by step; the second step of a name is `NAME#2`."""
    found: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for step in recipe.get("steps", ()):
        for name, params in ({step: {}} if isinstance(step, str) else step).items():
            seen[name] += 1
            found[name if seen[name] == 1 else f"{name}#{seen[name]}"] = params or {}
    return found


def _others(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without its steps, its sources by name."""
    rest = {key: value for key, value in recipe.items() if key not in ("steps", "sources")}
    sources = {source["name"]: dict(source) for source in recipe.get("sources", ())}
    for source in sources.values():
        del source["name"]
    return {**rest, "sources": sources}


def _bounds(run: FinishedRun) -> dict[str, str]:
    return {f"bound.{drop}": bound.describe() for drop, bound in bounds(run).items()}


def _code(run: FinishedRun) -> str:
    return ", ".join(dict.fromkeys(str(table.manifest.get("code")) for table in run.tables))


def _flat(where: str, value: Any) -> dict[str, str]:
    """
    >>> _flat("steps.gopher", {"word_count": {"low": 50}, "stop_words": ["the", "of"]})
    {'steps.gopher.word_count.low': '50', 'steps.gopher.stop_words': '["the", "of"]'}
    """
    if not isinstance(value, Mapping):
        return {where: _text(value)}
    found: dict[str, str] = {}
    for key, inner in value.items():
        found |= _flat(f"{where}.{key}" if where else str(key), inner)
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _differences(a: Mapping[str, str], b: Mapping[str, str]) -> list[Change]:
    names: Iterable[str] = dict.fromkeys([*a, *b])
    return [Change(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]
