"""A word that was broken at the end of a line.

In: the line's end, the next line's start and the words of the document. Out: what stands between
them. The decision: the document itself knows: `light-` + `house` is `lighthouse` if that word
occurs elsewhere in it, and stays `well-known` if that does; a word that occurs in neither form is
decided by the caller, since a typesetter hyphenates and a typist does not.
"""

from __future__ import annotations

import re
from collections.abc import Collection

WORD = re.compile(r"[^\W\d_]+(?:[-’'][^\W\d_]+)*")
LAST_PART = re.compile(r"([^\W\d_]+(?:-[^\W\d_]+)*)-$")
FIRST_PART = re.compile(r"[^\W\d_]+")
MAX_PART_CHARS = 100


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, with the hyphens inside them.

    >>> sorted(words_of("The well-known light-\\nhouse"))
    ['house', 'light', 'the', 'well-known']
    """
    return frozenset(WORD.findall(text.lower()))


def mend(before: str, after: str, words: Collection[str], unknown_joins: bool) -> str:
    """Two neighbouring lines, the first one ending in a hyphen, as one.

    >>> mend("the light-", "house shone", {"lighthouse"}, unknown_joins=False)
    'the lighthouse shone'
    >>> mend("a well-", "known man", {"well-known"}, unknown_joins=True)
    'a well-known man'
    """
    last = LAST_PART.search(before, max(0, len(before) - MAX_PART_CHARS))
    first = FIRST_PART.match(after)
    if not last or not first:
        return before + after
    halves = last[1].lower(), first[0].lower()
    if "-".join(halves) in words and "".join(halves) not in words:
        return before + after
    if "".join(halves) in words or (unknown_joins and first[0].islower() and "-" not in last[1]):
        return before[:-1] + after
    return before + after
