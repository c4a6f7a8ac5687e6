"""Which licence a folder of code is under, by the files in it.

In: names and contents of the licence files and package manifests of one folder. Out: an SPDX
expression and the file it comes from. The decision: one licence file that is recognised says it
best, because manifests are filled in by tools (npm's default is ISC); of several (`LICENSE-MIT`,
`LICENSE-APACHE`) only the manifest can say whether one may choose.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping

from curate.source.code.licences import UNKNOWN, expression, licence_of

MAX_FILE_BYTES = 1 << 20
TEXT_FILE = re.compile(
    r"(?:un)?licen[sc]es?(?:[-_.][\w.-]+)?|copying(?:[-_.][\w.-]+)?|mit-license(?:\.\w+)?",
    re.IGNORECASE,
)
NO_TEXT = re.compile(
    r"\.(?:py|js|ts|go|rs|c|h|cc|cpp|java|json|ya?ml|toml|html?|xml|spdx|png|gz|asc|sig)(?:\.|$)",
    re.IGNORECASE,
)
MANIFEST = re.compile(
    r"package\.json|composer\.json|pyproject\.toml|Cargo\.toml|setup\.cfg|PKG-INFO|METADATA|.+\.gemspec"
)
HEADER = re.compile(r"^License(?:-Expression)?:[ \t]*(\S[^\n]*)$", re.MULTILINE)
SETTING = re.compile(
    r"^[ \t]*(?:\w+\.)?licen[sc]es?[ \t]*=[ \t]*\[?[ \t]*[\"']?([^\"'\n\]]+)", re.MULTILINE
)
CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?([^\"'\n]+)")


def matters(name: str) -> bool:
    """Whether a file of this name may say which licence its folder is under.

    >>> [matters(name) for name in ("LICENSE", "licence.md", "COPYING.LESSER", "license.py")]
    [True, True, True, False]
    """
    text = TEXT_FILE.fullmatch(name) and not NO_TEXT.search(name)
    return bool(text or MANIFEST.fullmatch(name))


def folder_licence(files: Mapping[str, bytes]) -> tuple[str, str] | None:
    """The licence of a folder, and the name of the file that says so; None if nothing does.

    >>> folder_licence({"package.json": b'{"license": "(MIT OR GPL-3.0)"}'})
    ('(MIT OR GPL-3.0)', 'package.json')
    """
    decoded = {name: files[name].decode("utf-8", "replace") for name in sorted(files)}
    texts = {
        name: licence_of(text) for name, text in decoded.items() if not MANIFEST.fullmatch(name)
    }
    known = {name: licence for name, licence in texts.items() if licence != UNKNOWN}
    if "LGPL-3.0" in known.values():
        known = {name: licence for name, licence in known.items() if licence != "GPL-3.0"}
    if len(known) == 1:
        return next((licence, name) for name, licence in known.items())
    for name, text in decoded.items():
        if MANIFEST.fullmatch(name) and (said := manifest_licence(name, text)):
            return said, name
    if known:
        return " AND ".join(dict.fromkeys(known.values())), next(iter(known))
    return (UNKNOWN, next(iter(texts))) if texts else None


def manifest_licence(name: str, text: str) -> str | None:
    """The licence that a package manifest declares, as an SPDX expression.

    >>> manifest_licence("Cargo.toml", '[package]\\nlicense = "MIT OR Apache-2.0"')
    'MIT OR Apache-2.0'
    """
    try:
        if name.endswith(".json"):
            found = _in_json(json.loads(text))
        elif name.endswith(".toml"):
            found = _in_toml(tomllib.loads(text))
        else:
            found = HEADER.findall(text) + SETTING.findall(text)
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None
    said = (expression(value) for value in found if isinstance(value, str) and len(value) < 200)
    classified = (expression(value.strip()) for value in CLASSIFIER.findall(text))
    return next(filter(None, said), None) or next(filter(None, classified), None)


def _in_json(package: Mapping[str, object]) -> list[object]:
    """npm's and Composer's `license`: a string, an object with `type`, or several of them."""
    values = [package.get("license"), package.get("licenses")]
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    named = [item.get("type") if isinstance(item, dict) else item for item in flat]
    several = [item for item in named if isinstance(item, str)]
    return [" OR ".join(several)] if len(several) > 1 else list(several)


def _in_toml(package: Mapping[str, Mapping[str, object]]) -> list[object]:
    """`[project]` (PEP 621, PEP 639), `[package]` (Cargo), `[tool.poetry]`."""
    tool = package.get("tool", {}).get("poetry", {})
    tables = [package.get("project", {}), package.get("package", {}), tool]
    values = [table.get("license") for table in tables if isinstance(table, Mapping)]
    return [value.get("text") if isinstance(value, Mapping) else value for value in values]
