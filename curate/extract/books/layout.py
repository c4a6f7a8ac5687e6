"""Lines with places on pages to paragraphs.

In: the lines of each page, with left and right edge, baseline and height in points. Out: text, with
a blank line between paragraphs. The decision: a line's end is the author's if the next line's first
word would still have fitted; everything else was broken by the typesetter and is joined again.

Running heads: a line among the two highest or two lowest of its page is furniture if the same
words, numbers masked, stand at the same height on three pages or more, and so is any line at a
height at which a third of the pages have furniture (heads that change with the chapter).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from curate.extract.books.hyphen import mend, words_of

OUTER_LINES = 2
REPEATED_PAGES = 3
FURNITURE_SHARE = 1 / 3
SAME_HEIGHT_POINTS = 1.5
USUAL_LEADING = 1.2
PARAGRAPH_GAP = 1.3  # of the document's usual distance between baselines
SIZE_CHANGE = 0.18
LOWER_CASE_SHARE = 0.6  # of the column's width
INDENT = 0.8  # of the line's height
SAME_ROW = 0.5  # of the line's height
FAR_GAP = 4.0  # of the line's height: past a figure
COLUMN_POINTS = 36
SHARED_EDGE_LINES = 3
SHARED_EDGE_SHARE = 0.15
MAX_SET_IN = 4  # columns of 36 points
NUMBER = re.compile(r"\d+")
ROMAN = re.compile(r"\W*[ivxlcdm]+\W*", re.IGNORECASE)
BROKEN = re.compile(r"[^\W\d_]-$")
ITEM = re.compile(r"[•◦‣▪●○■□–∙·⁃*]\s|\(?(?:\d{1,3}|[a-z])[.)]\s")


@dataclass(frozen=True)
class Line:
    """One line of a page. Points, measured from the page's lower left corner."""

    text: str
    left: float
    right: float
    baseline: float
    height: float


def text_of(pages: Sequence[Sequence[Line]]) -> str:
    """The text of all pages, without running heads and page numbers."""
    bare = without_furniture(pages)
    ordered = [in_reading_order(page) for page in (bare if any(bare) else pages)]
    edges = [_column_rights(page) for page in ordered]
    lines = [(line, rights) for page, rights in zip(ordered, edges, strict=True) for line in page]
    words = words_of("\n".join(line.text for line, _ in lines))
    leading = _leading(ordered)
    text: list[str] = []
    for at, (line, _) in enumerate(lines):
        between = _between(*lines[at - 1], line, leading) if at else None
        if between is None:
            text.append(line.text)
        elif between == " " and text[-1].endswith("-"):
            text[-1] = mend(text[-1], line.text, words, unknown_joins=True)
        else:
            text += [between, line.text]
    return "".join(text)


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without the lines that repeat at their head and foot."""
    outer = [_outer(page) for page in pages]
    seen = Counter(place for page in outer for place in {_place(line) for line in page})
    heights: Counter[int] = Counter()
    found: list[set[int]] = []
    for page in outer:
        repeated = {id(line) for line in page if _pages_with(_place(line), seen) >= REPEATED_PAGES}
        heights.update({_rounded(line) for line in page if id(line) in repeated})
        found.append(repeated)
    usual = {
        at
        for at, count in heights.items()
        if count >= max(REPEATED_PAGES, len(pages) * FURNITURE_SHARE)
    }
    for page, repeated in zip(outer, found, strict=True):
        repeated |= {id(line) for line in page if _rounded(line) in usual}
    return [
        [line for line in page if id(line) not in repeated]
        for page, repeated in zip(pages, found, strict=True)
    ]


def _outer(page: Sequence[Line]) -> list[Line]:
    by_height = sorted(page, key=lambda line: line.baseline)
    return (
        by_height
        if len(page) <= 2 * OUTER_LINES
        else by_height[:OUTER_LINES] + by_height[-OUTER_LINES:]
    )


def _rounded(line: Line) -> int:
    return round(line.baseline / SAME_HEIGHT_POINTS)


def _place(line: Line) -> tuple[str, int]:
    masked = "#" if ROMAN.fullmatch(line.text) else NUMBER.sub("#", line.text)
    return " ".join(masked.split()), _rounded(line)


def _pages_with(place: tuple[str, int], seen: Counter[tuple[str, int]]) -> int:
    words, height = place
    return sum(seen[words, near] for near in (height - 1, height, height + 1))


def in_reading_order(page: Sequence[Line]) -> list[Line]:
    """The order in the file, which is the writer's; or from top to bottom where there is one column
    for certain: every line stands wholly below the one above it and shares some width with it."""
    falling = sorted(page, key=lambda line: -line.baseline)
    one_column = all(
        above.baseline - below.baseline > SAME_ROW * below.height
        and min(above.right, below.right) > max(above.left, below.left)
        for above, below in zip(falling, falling[1:], strict=False)
    )
    return falling if one_column else list(page)


def _leading(pages: Sequence[Sequence[Line]]) -> float:
    """The usual distance between baselines, in heights of a line."""
    steps = [
        (above.baseline - below.baseline) / below.height
        for page in pages
        for above, below in zip(page, page[1:], strict=False)
        if SAME_ROW < (above.baseline - below.baseline) / below.height < FAR_GAP
    ]
    return median(steps) if steps else USUAL_LEADING


def _column_rights(page: Sequence[Line]) -> dict[int, float]:
    """The right edge of the text that begins at each place across the page: the one that most lines
    share, else the farthest. Text that is set in has the edge of the column that it is set into."""
    ends: dict[int, list[int]] = {}
    for line in page:
        for near in (-1, 0, 1):
            ends.setdefault(_column(line) + near, []).append(round(line.right))
    edges = {column: _edge(rights) for column, rights in ends.items()}
    return {
        column: max(
            edges.get(outer, 0.0)
            for outer in range(column - MAX_SET_IN, column + 1)
            if outer == column or edges.get(outer, 0.0) > (column + 1) * COLUMN_POINTS
        )
        for column in edges
    }


def _edge(rights: Sequence[int]) -> float:
    farthest = max(rights)  # below zero for lines off the page
    long = [right for right in rights if right >= farthest - abs(farthest) / 2]
    edge, count = Counter(long).most_common(1)[0]
    shared = count >= max(SHARED_EDGE_LINES, SHARED_EDGE_SHARE * len(rights))
    return float(edge if shared else max(rights))


def _column(line: Line) -> int:
    return round(line.left / COLUMN_POINTS)


def _between(above: Line, rights: dict[int, float], below: Line, leading: float) -> str:
    """What stands between two lines that follow each other."""
    step = (above.baseline - below.baseline) / below.height
    if abs(step) <= SAME_ROW:
        return " "
    if abs(above.height - below.height) > SIZE_CHANGE * above.height:
        return "\n\n"
    moved = step < 0 or (step > FAR_GAP and below.text[0].islower())
    if not moved and step > PARAGRAPH_GAP * leading:
        return "\n\n"
    if ITEM.match(below.text):
        return "\n"
    indented = below.left - above.left > INDENT * below.height
    if not moved and indented and not ITEM.match(above.text):
        return "\n\n"
    if BROKEN.search(above.text) and below.text[0].islower():
        return " "
    if _is_full(above, rights, below):
        return " "
    return "\n\n" if moved else "\n"


def _is_full(above: Line, rights: dict[int, float], below: Line) -> bool:
    """Whether the next word did not fit on the line, or continues it with a small letter: a line
    that is not justified may end early."""
    edge, taken = rights[_column(above)], above.right - above.left
    if below.text[0].islower() and taken >= LOWER_CASE_SHARE * (edge - above.left):
        return True
    character = taken / max(len(above.text), 1)
    word = len(below.text.split(" ", 1)[0]) + 1
    return above.right + word * character > edge
