"""`--set` on the command line: one value of a recipe's plain data, addressed by a path.

Enters: the data as YAML gave it, and `sources.0.path='x'` or, by name, `steps.language.low=.5`.
Leaves: the data, changed in place, or one line that says which part of the path is not there.
"""

from __future__ import annotations

from typing import Any

import yaml

from curate.errors import RecipeError


def override(data: Any, change: str) -> None:
    """`sources.0.path='x'` or, by name, `steps.language.low=.5`."""
    target, separator, text = change.partition("=")
    if not separator or not target:
        raise RecipeError(f"--set wants key=value, got '{change}'")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise RecipeError(f"--set {target}: '{text}' is not a YAML value") from None
    *parents, last = target.split(".")
    for key in parents:
        data = _descend(data, key, change)
    if isinstance(data, list):
        data[_index(data, last, change)] = value
    elif isinstance(data, dict):
        data[last] = value
    else:
        raise RecipeError(f"--set {change}: there is nothing to set '{last}' on")


def _descend(data: Any, key: str, change: str) -> Any:
    if isinstance(data, list):
        index = _index(data, key, change)
        item = data[index]
        if isinstance(item, str) and not key.isdigit():
            data[index] = item = {item: {}}
        if isinstance(item, dict) and not key.isdigit() and key in item:
            item[key] = {} if item[key] is None else item[key]
            return item[key]
        return item
    if isinstance(data, dict):
        return data.setdefault(key, {})
    raise RecipeError(f"--set {change}: there is nothing below '{key}'")


def _index(items: list[Any], key: str, change: str) -> int:
    if key.isdigit() and int(key) < len(items):
        return int(key)
    for index, item in enumerate(items):
        if item == key or (isinstance(item, dict) and (key in item or item.get("name") == key)):
            return index
    raise RecipeError(f"--set {change}: no entry '{key}' among {len(items)}")
