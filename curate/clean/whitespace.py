"""White space: one way to end a line, to separate words and to separate paragraphs.

In: any text. Out: text with `\\n` line ends, no trailing spaces, single spaces between words, at most
one empty line in a row and none at the ends. The decision: leading white space is kept, because it
is the meaning of code, lists and verse; tabs are kept, because they separate the cells of tables.
"""

from __future__ import annotations

import re

from curate.step import Edit

_LINE_END = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_RUN = re.compile(r"(?<=\S) {2,}")
_EMPTY_LINES = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """Normalise white space; linear in the length of the text, and idempotent.

    >>> tidy("a  b \\r\\n\\r\\n\\r\\n\\r\\n    x  =  1\\n")
    'a b\\n\\n    x = 1'
    """
    text = _LINE_END.sub("\n", text)
    if not text.isascii():
        text = _SPACES.sub(" ", text)
    if "  " in text:
        text = _RUN.sub(" ", text)
    text = "\n".join([line.rstrip() for line in text.split("\n")])
    return _EMPTY_LINES.sub("\n\n", text).strip("\n")


WHITESPACE = Edit("whitespace", tidy)
