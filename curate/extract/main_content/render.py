"""Chosen segments to text.

In: the segments to keep, in their order. Out: text: a blank line between blocks, list items marked,
code with its white space, tables as Markdown or one line a row. The decision: a table is written as
one only if it holds data, that is at least two rows of at least two cells, none of them long;
tables that lay out a page are paragraphs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal

from curate.extract.blocks import Block, markdown
from curate.extract.main_content.segments import Segment, Segmented
from curate.extract.tables import pipe_table

Tables = Literal["markdown", "text"]
LISTS = frozenset(("ul", "ol", "menu", "dir"))
CELLS = frozenset(("td", "th"))
MAX_CELL_CHARS = 500
ROOT = -1


def render(page: Segmented, chosen: Sequence[Segment], tables: Tables) -> str:
    """The chosen segments as one text."""
    blocks: list[Block] = []
    numbers = _numbers(page)
    for table, group in groupby(chosen, lambda segment: _around(page, segment.container, "table")):
        segments = list(group)
        rows = _rows(page, segments) if table != ROOT else []
        if rows:
            text = pipe_table(rows) if tables == "markdown" else _lines(rows)
            blocks.append(Block("verbatim", text))
        else:
            blocks += _blocks(page, segments, numbers)
    return markdown(blocks)


def _around(page: Segmented, place: int, tag: str) -> int:
    """The nearest container of a tag around a place; ROOT if there is none."""
    while place > 0 and page.containers.tags[place] != tag:
        place = page.containers.parents[place]
    return place if place > 0 else ROOT


def _blocks(
    page: Segmented, segments: Sequence[Segment], numbers: Mapping[int, int]
) -> Iterator[Block]:
    marked = ROOT
    for segment in segments:
        item = _around(page, segment.container, "li")
        if segment.verbatim:
            yield Block("verbatim", segment.text)
        elif item in (ROOT, marked):
            yield Block("paragraph", segment.text)
        else:
            marked = item
            yield Block("item", segment.text, *_level_and_mark(page, numbers, item))


def _numbers(page: Segmented) -> dict[int, int]:
    """The list items by their places: which of its list each is, from 1."""
    seen: Counter[int] = Counter()
    numbers = {}
    for place, tag in enumerate(page.containers.tags):
        if tag == "li":
            seen[page.containers.parents[place]] += 1
            numbers[place] = seen[page.containers.parents[place]]
    return numbers


def _level_and_mark(page: Segmented, numbers: Mapping[int, int], item: int) -> tuple[int, str]:
    """How deep a list item is nested, from 0, and what stands before it."""
    level, place = -1, page.containers.parents[item]
    listed = place
    while place > 0:
        level += page.containers.tags[place] in LISTS
        place = page.containers.parents[place]
    if page.containers.tags[listed] != "ol":
        return max(level, 0), "-"
    return max(level, 0), f"{numbers[item]}."


def _rows(page: Segmented, segments: Sequence[Segment]) -> list[list[tuple[str, int, int]]]:
    """Cells (text, columns, rows) by row; nothing if the table holds no data."""
    rows: dict[int, dict[int, str]] = {}
    for segment in segments:
        row = _around(page, segment.container, "tr")
        if row == ROOT or segment.verbatim:
            return []
        cell = segment.container
        while cell > row and page.containers.tags[cell] not in CELLS:
            cell = page.containers.parents[cell]
        if cell == row:
            return []
        cells = rows.setdefault(row, {})
        cells[cell] = f"{cells[cell]} {segment.text}" if cell in cells else segment.text
        if len(cells[cell]) > MAX_CELL_CHARS:
            return []
    if len(rows) < 2 or sum(len(cells) > 1 for cells in rows.values()) < 2:
        return []
    return [_row(page, row, cells) for row, cells in rows.items()]


def _row(page: Segmented, row: int, cells: dict[int, str]) -> list[tuple[str, int, int]]:
    """All cells of a row, the empty ones too, so that columns stay in line."""
    attributes = page.containers.attributes
    return [
        (
            cells.get(cell, ""),
            _span(attributes[cell], "colspan"),
            _span(attributes[cell], "rowspan"),
        )
        for cell in _inside(page, row)
        if page.containers.tags[cell] in CELLS
    ]


def _inside(page: Segmented, outer: int) -> Iterator[int]:
    """The containers directly in another one."""
    ends, place = page.containers.ends, outer + 1
    while place < ends[outer]:
        yield place
        place = ends[place]


def _span(attributes: Mapping[str, str], name: str) -> int:
    value = attributes.get(name, "1").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 5 else 1


def _lines(rows: Sequence[Sequence[tuple[str, int, int]]]) -> str:
    """A line a row, a tab between cells."""
    return "\n".join("\t".join(text for text, _, _ in row) for row in rows)
