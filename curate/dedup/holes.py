"""A text without some of its tiles: the rest stays byte for byte, line breaks around a hole are mended.

Enters: a text, where its tiles begin, and the numbers of those to remove. Leaves: what is left, and
what went. The decision: white space is nobody's. Where a hole closes, the white space before it or
behind it stays, whichever has more line feeds; so a paragraph stays one, what was a border of two
sentences or lines still is one, and an indented line keeps its indentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.words import unspaced_chars


@dataclass(frozen=True)
class Cut:
    """`text`: what is left; `first`: the first piece that went, in one stretch; `removed_ratio`: of
    the characters of all tiles, white space around them aside."""

    text: str
    first: str
    removed_ratio: float


def cut(text: str, places: Sequence[int], gone: Sequence[int]) -> Cut:
    """Remove the tiles with the (ascending) numbers `gone`; `places` are theirs and the text's end.

    >>> cut("One.\\n\\nTwo. Three. Four.\\n\\nFive.", [0, 6, 11, 18, 25, 30], [1, 2, 3]).text
    'One.\\n\\nFive.'
    >>> cut("One. Two. Three.", [0, 5, 10, 16], [1])
    Cut(text='One. Three.', first='Two.', removed_ratio=0.2857142857142857)
    """
    kept: list[str] = []
    spaces: list[str] = []  # around and inside the hole that is open
    holes: list[tuple[int, int]] = []
    lost = total = behind = 0
    for start, end, goes in _contents(text, places, set(gone)):
        total += end - start
        if goes:
            lost += end - start
            holes.append((holes.pop()[0] if spaces else start, end))
            spaces.append(text[behind:start])
        else:
            space = text[behind:start]
            gap = _gap([*spaces, space], bool(kept)) if spaces else space
            if spaces and not gap and kept and _are_one_word(kept[-1][-1:], text[start]):
                gap = " "
            kept.append(gap)
            kept.append(text[start:end])
            spaces = []
        behind = end
    kept.append(text[behind:])
    first = text[slice(*holes[0])] if holes else ""
    return Cut("".join(kept), first, lost / total if total else 0.0)


def _contents(text: str, places: Sequence[int], gone: set[int]) -> list[tuple[int, int, bool]]:
    """(start, end, whether it goes) of every tile that is not blank, without the white space around."""
    found = []
    for number, (start, end) in enumerate(zip(places, places[1:], strict=False)):
        tile = text[start:end]
        if content := tile.strip():
            begin = start + len(tile) - len(tile.lstrip())
            found.append((begin, begin + len(content), number in gone))
    return found


def _are_one_word(left: str, right: str) -> bool:
    """Whether two characters that now meet would be read as one word."""
    both = left + right
    return left.isalnum() and right.isalnum() and not unspaced_chars(both)


def _gap(spaces: Sequence[str], is_inside: bool) -> str:
    """What stays of the white space before, inside and behind a hole; before the first tile that is
    left that is its indentation."""
    before, after = spaces[0], spaces[-1]
    indentation = after[after.rfind("\n") + 1 :] if "\n" in after else ""
    if not is_inside:
        return indentation
    strongest = max(spaces, key=lambda space: space.count("\n"))
    if "\n" not in strongest:
        return before or after
    start, end = _break(strongest), strongest.rfind("\n") + 1
    return before[: max(_break(before), 0)] + strongest[start:end] + indentation


def _break(space: str) -> int:
    """Where the first line break begins; -1 if there is none."""
    place = space.find("\n")
    return place - 1 if place > 0 and space[place - 1] == "\r" else place
