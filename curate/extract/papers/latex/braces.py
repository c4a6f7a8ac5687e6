"""Which brace closes which.

In: TeX. Out: the place of the closing brace by that of the opening one, and the arguments at a
place. The decision: braces are matched once for a whole text, so that finding an argument costs
nothing and no input can make it slow.
"""

from __future__ import annotations

import re

BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
BLANK = re.compile(r"[ \t]*\n?[ \t]*")
MARK = re.compile(r"[\]{}]")
OPTION_CHARS = 1000  # an optional argument is shorter


def match_braces(text: str) -> dict[int, int]:
    """Opening place -> closing place; braces without a partner are not there.

    >>> match_braces(r"{a{b}\\}}")
    {2: 4, 0: 7}
    """
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for found in BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and opened:
            pairs[opened.pop()] = found.start()
    return pairs


def skip_blank(text: str, at: int) -> int:
    """Behind white space, but not behind the end of a paragraph."""
    found = BLANK.match(text, at)
    return found.end() if found else at


def argument(text: str, at: int, pairs: dict[int, int]) -> tuple[int, int, int] | None:
    """The braced argument at `at`: its start, its end, and the place behind it."""
    at = skip_blank(text, at)
    if at in pairs:
        return at + 1, pairs[at], pairs[at] + 1
    return None


def option(text: str, at: int) -> tuple[int, int, int] | None:
    """The argument in square brackets at `at`, if one is there."""
    start = skip_blank(text, at)
    if not text.startswith("[", start):
        return None
    depth, limit = 0, start + OPTION_CHARS
    if text.find("]", start, limit) < 0:
        return None
    for found in MARK.finditer(text, start + 1, limit):
        if found[0] == "]" and depth <= 0:
            return start + 1, found.start(), found.end()
        depth += {"{": 1, "}": -1}.get(found[0], 0)
    return None
