"""Plain text whose lines were broken at a width, to paragraphs.

In: text. Out: the same with one line a paragraph, and verse, tables, headings, signatures and
everything set in keeping their lines. The decision: a line's end is the author's if the next line's
first word would still have fitted in the width of the text, or if the block is verse.

Width: the length that 9 of 10 lines stay below, of those that stand at the margin inside a block.
Verse: four of five lines after a block's first begin with a capital letter. In English prose 12 % to
20 % do, in German about a third, so a block of verse has at least three lines and one that does not
fill the width; a text that is verse for the most part keeps shorter and fuller blocks too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import quantiles

from curate.extract.books.hyphen import mend, words_of

MIN_WIDTH = 45
MAX_WIDTH = 100  # longer lines are paragraphs already
MIN_LINES = 10
FEW_LINES_WIDTH = 65
FULL_SHARE = 0.85  # of the width: typists broke early rather than hyphenate
LOWER_CASE_SHARE = 0.6  # of the width: before a small letter
VERSE_SHARE = 0.8
VERSE_LINES = 3
SET_IN = 2
CAPITAL = re.compile(r"""["'“”‘’(\[_*«-]*[^\W\d_]""")
COLUMNS = re.compile(r"\S {3,}\S|\||\.{5,}|\t|(?:\. ){4,}")
BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
DASH_END = re.compile(r"(?<=[^\s-])-{1,2}$|[—–]$")


def unwrap(text: str) -> str:
    """The text with its paragraphs on one line each.

    >>> line = "It was a bright cold day in the village and the clocks of the old"
    >>> unwrap(f"{line}\\ntower were striking.\\n\\nCHAPTER II").split("\\n")[-1]
    'CHAPTER II'
    """
    blocks = [block.split("\n") for block in BLANK_LINES.split(text.strip("\n")) if block.strip()]
    blocks = [[line.rstrip() for line in block if line.strip()] for block in blocks]
    width = width_of(blocks)
    if width > MAX_WIDTH:
        return "\n\n".join("\n".join(block) for block in blocks)
    words = words_of(text)
    verse = _is_verse([line for block in blocks for line in block[1:]])
    return "\n\n".join(
        "\n".join(block if _keeps_lines(block, verse, width) else _joined(block, width, words))
        for block in blocks
    )


def width_of(blocks: Sequence[Sequence[str]]) -> float:
    """The width at which the lines of a text were broken, in characters."""
    inner = [len(line) for block in blocks for line in block[:-1] if line[:1] not in ("", " ")]
    if len(inner) < MIN_LINES:
        return max([FEW_LINES_WIDTH, *inner])
    return max(MIN_WIDTH, quantiles(inner, n=10, method="inclusive")[-1])


def _is_verse(lines: Sequence[str]) -> bool:
    """Whether lines that follow others begin as verse does."""
    starts = [found[0][-1] for line in lines if (found := CAPITAL.match(line.strip()))]
    return bool(starts) and sum(map(str.isupper, starts)) >= VERSE_SHARE * len(starts)


def _keeps_lines(block: Sequence[str], verse: bool, width: float) -> bool:
    """Verse, tables, and what is set in, unless it is a quotation as full as the text."""
    if len(block) == 1 or any(COLUMNS.search(line.strip()) for line in block):
        return True
    full = all(_is_full(a, b, width) for a, b in zip(block, block[1:], strict=False))
    if _is_verse(block[1:]) and (verse or (len(block) >= VERSE_LINES and not full)):
        return True
    indents = {_indent(line) for line in block[1:]}
    if min(indents) < SET_IN:
        return False
    return len(indents) > 1 or not full


def _joined(block: Sequence[str], width: float, words: frozenset[str]) -> Iterator[str]:
    """The block's lines, those that belong together as one."""
    held = [block[0].strip()]
    for before, line in zip(block, block[1:], strict=False):
        deeper = _indent(line) - _indent(before) >= SET_IN
        if deeper or not _goes_on(before, line, width):
            yield " ".join(held)
            held = [line.strip() if _indent(line) < SET_IN else line]
        elif DASH_END.search(held[-1][-3:]):
            held[-1] = mend(held[-1], line.strip(), words, unknown_joins=False)
        else:
            held.append(line.strip())
    yield " ".join(held)


def _goes_on(before: str, line: str, width: float) -> bool:
    """Whether a line's end is only where the width ended."""
    if before.isupper() != line.isupper() and (before.isupper() or line.isupper()):
        return _is_full(before, line, width) and not before.isupper()
    small = line.strip()[:1].islower() and len(before) >= LOWER_CASE_SHARE * width
    return small or _is_full(before, line, width)


def _is_full(before: str, line: str, width: float) -> bool:
    return len(before) + 1 + len(line.split(None, 1)[0]) > FULL_SHARE * width


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
