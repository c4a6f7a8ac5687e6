"""How two texts differ, in a few lines a person can read.

In: two texts. Out: lines of a unified diff. The decision: long lines are cut at their sentence ends,
so that a diff shows the change and not the page.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

DIFF_LINES = 60
LINE_CHARS = 160


def unified_diff(
    first: str, second: str, most: int = DIFF_LINES, names: tuple[str, str] = ("kept", "dropped")
) -> Iterator[str]:
    """A unified diff by sentence-sized lines, at most `most` lines of at most `LINE_CHARS` characters.

    Equal texts give nothing.
    """
    lines = difflib.unified_diff(_cut(first), _cut(second), *names, lineterm="", n=1)
    for number, line in enumerate(lines):
        if number == most:
            yield "…"
            return
        yield line if len(line) <= LINE_CHARS else f"{line[: LINE_CHARS - 1]}…"


def _cut(text: str) -> list[str]:
    """Lines, and long lines at their sentence ends, so that a diff shows the change and not the page.
    Only the first 100,000 characters: difflib is quadratic."""
    return [part for line in text[:100_000].split("\n") for part in re.split(r"(?<=[.!?]) +", line)]
