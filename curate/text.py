"""A text that remembers how it was cut into lines, paragraphs, words and sentences.

In: a string. Out: the same string (`Text` is a `str`) with lazily computed, cached views, so that
ten filters measuring one document tokenise it once. An edit makes a new `Text`.
"""

from __future__ import annotations

import re
from functools import cached_property

_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
_SENTENCE_END = re.compile(r"[.!?؟।]+[\"'”’)\]]*(?=\s|$)|[。！？]+")


class Text(str):
    """A string with cached views.

    >>> Text("One line.\\nTwo words").words
    ['One', 'line', 'Two', 'words']
    """

    @cached_property
    def lines(self) -> list[str]:
        """Non-empty lines, stripped."""
        return [line for line in (raw.strip() for raw in self.split("\n")) if line]

    @cached_property
    def paragraphs(self) -> list[str]:
        """Blocks between empty lines, stripped; never empty ones."""
        return [block for block in (raw.strip() for raw in re.split(r"\n\s*\n", self)) if block]

    @cached_property
    def words(self) -> list[str]:
        """Runs of word characters, inner apostrophes and hyphens kept, punctuation left out."""
        return _WORD.findall(self)

    @cached_property
    def tokens(self) -> list[str]:
        """What stands between white space, punctuation included."""
        return self.split()

    @cached_property
    def sentence_count(self) -> int:
        """Sentence ends (terminal punctuation before white space or the end; CJK stops anywhere)."""
        return sum(1 for _ in _SENTENCE_END.finditer(self))
