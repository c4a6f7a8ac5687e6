"""Every step by name, in the groups of the flow; building one from a recipe's parameters.

Enters: a name and the parameters written in a recipe. Leaves: a step, or one line that names the
known alternatives. A step is registered once, in the list of its own package (`FILTERS`, `EDITS`);
this module only joins those lists.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from math import inf
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from curate.clean import EDITS
from curate.decontaminate import Decontaminate
from curate.dedup import DEDUP
from curate.errors import RecipeError
from curate.extract import Extract
from curate.extract.triage import Triage
from curate.filters import FILTERS, VARIANTS
from curate.mix import Mix
from curate.site_lines import SiteLines
from curate.split import Split
from curate.step import Filter, Rule
from curate.tokens import Tokenize

GROUPS: dict[str, dict[str, Any]] = {
    "read": {"split": Split},
    "extract": {"triage": Triage, "extract": Extract},
    "clean": EDITS,
    "filter": FILTERS,
    "lines": {"site_lines": SiteLines},
    "dedup": DEDUP,
    "decontaminate": {"decontaminate": Decontaminate},
    "mix": {"mix": Mix},
    "tokenize": {"tokenize": Tokenize},
}
ROW_GROUPS = ("read", "extract", "clean", "filter")
STEPS: dict[str, Any] = {name: step for group in GROUPS.values() for name, step in group.items()}
GROUP_OF: dict[str, str] = {name: group for group, steps in GROUPS.items() for name in steps}


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line for a name nobody knows: the nearest one first, then all.

    >>> unknown("step", "gophr", ["gopher", "c4"])
    "unknown step 'gophr'; did you mean 'gopher'? Known: c4, gopher"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return f"unknown {kind} '{name}'{hint} Known: {', '.join(names)}"


def build_step(name: str, params: Mapping[str, Any] | None = None) -> Any:
    """The step `name` with a recipe's parameters; `RecipeError` says what is wrong with them."""
    if name not in STEPS:
        raise RecipeError(unknown("step", name, STEPS))
    given = dict(params or {})
    entry = _variant(name, given.pop("variant", None))
    if isinstance(entry, Filter):
        return entry.with_rules(_bounds(entry, given)) if given else entry
    if not isinstance(entry, type):
        if given:
            raise RecipeError(f"step '{name}' takes no parameters, got: {', '.join(given)}")
        return entry
    return _construct(name, entry, given)


def _variant(name: str, variant: str | None) -> Any:
    """The step `name`, in another reading if one is asked for."""
    if variant is None:
        return STEPS[name]
    known = VARIANTS.get(name, {})
    if not known:
        raise RecipeError(f"step '{name}' has no variants, got variant: {variant}")
    if variant not in known:
        raise RecipeError(unknown(f"variant of '{name}':", str(variant), known))
    return known[variant]


def parameters(name: str) -> dict[str, Any]:
    """The parameters of a step and their defaults, as a recipe would write them."""
    entry = STEPS[name]
    if isinstance(entry, Filter):
        return {
            rule.signal: {
                key: value
                for key, value in (("low", rule.low), ("high", rule.high))
                if value not in (inf, -inf)
            }
            for rule in entry.rules
        }
    if not is_dataclass(entry) or not isinstance(entry, type):
        return {}
    return {
        field.name: field.default_factory()
        if field.default_factory is not MISSING
        # a parameter without a default has to be given
        else "(required)"
        if field.default is MISSING
        else field.default
        for field in fields(entry)
    }


def catalogue(*names: str) -> list[dict[str, Any]]:
    """Steps (all, or those of these names and groups): group, name, what it does and cites,
    parameters with their defaults, variants. `RecipeError` for a name nobody knows."""
    for wanted in names:
        if wanted not in STEPS and wanted not in GROUPS:
            raise RecipeError(unknown("step or group", wanted, {*STEPS, *GROUPS}))
    return [
        {
            "group": group,
            "name": name,
            "about": _about(step),
            "parameters": parameters(name),
            "variants": sorted(VARIANTS.get(name, ())),
        }
        for group, steps in GROUPS.items()
        for name, step in steps.items()
        if not names or name in names or group in names
    ]


def _about(step: Any) -> str:
    if not isinstance(step, type):
        module = inspect.getmodule(step.measure if isinstance(step, Filter) else step.edit)
        said = (module.__doc__ or "").partition("\n\n")[0] if module else ""
        return f"{said} {step.source}".strip()
    return (inspect.getdoc(step) or "").partition("\n\n")[0].replace("\n", " ")


def _bounds(entry: Filter, given: Mapping[str, Any]) -> dict[str, Rule | None]:
    known = {rule.signal: rule for rule in entry.rules}
    bounds: dict[str, Rule | None] = {}
    for signal, value in given.items():
        if signal not in known:
            raise RecipeError(unknown(f"rule of '{entry.name}':", str(signal), known))
        if value is not None and (
            not isinstance(value, Mapping)
            or not set(value) <= {"low", "high"}
            or not all(_is_number(bound) for bound in value.values() if bound is not None)
        ):
            raise RecipeError(
                f"{entry.name}.{signal}: expected {{low: number, high: number}} or null, got {value!r}"
            )
        bounds[signal] = None if value is None else _rule(known[signal], value)
    return bounds


def _rule(default: Rule, value: Mapping[str, float | None]) -> Rule:
    low, high = value.get("low", default.low), value.get("high", default.high)
    return Rule(default.signal, -inf if low is None else low, inf if high is None else high)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _construct(name: str, entry: type, given: Mapping[str, Any]) -> Any:
    known = {field.name: field for field in fields(entry)}
    types = get_type_hints(entry)
    values = {}
    for key, value in given.items():
        if key not in known:
            raise RecipeError(unknown(f"parameter of '{name}':", str(key), known))
        try:
            values[key] = TypeAdapter(types[key]).validate_python(value)
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise RecipeError(f"{name}.{key}: {message}, got {value!r}") from None
    missing = [
        key
        for key, field in known.items()
        if key not in values and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise RecipeError(f"step '{name}' needs the parameter '{missing[0]}'")
    try:
        return entry(**values)
    except ValueError as error:
        raise RecipeError(f"{name}: {error}") from None
