"""Blocks of a document to Markdown.

In: headings, paragraphs, list items, tables and preformatted text in their order. Out: text with a
blank line between blocks. The decision: structure is written as Markdown, words are never escaped,
since the reader is a language model and no renderer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from curate.extract.tables import pipe_table

MAX_HEADING = 6
ITEM_INDENT = "  "


@dataclass(frozen=True)
class Block:
    """`level` is a heading's from 1, or an item's depth from 0. `mark` is an item's `-` or `1.`."""

    kind: Literal["heading", "paragraph", "item", "verbatim"]
    text: str
    level: int = 0
    mark: str = "-"


def markdown(blocks: Iterable[Block]) -> str:
    """The blocks as one text.

    >>> print(markdown([Block("heading", "One", 2), Block("item", "a"), Block("item", "b", 1, "1.")]))
    ## One
    <BLANKLINE>
    - a
      1. b
    """
    parts: list[str] = []
    before = None
    for block in blocks:
        if not block.text.strip():
            continue
        if before is not None:
            parts.append("\n" if before.kind == block.kind == "item" else "\n\n")
        parts.append(_line(block))
        before = block
    return "".join(parts)


def _line(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * min(max(block.level, 1), MAX_HEADING)} {' '.join(block.text.split())}"
    if block.kind == "item":
        indent = ITEM_INDENT * block.level
        return f"{indent}{block.mark} " + block.text.strip().replace(
            "\n", f"\n{indent}{ITEM_INDENT}"
        )
    return block.text.strip("\n") if block.kind == "verbatim" else block.text.strip()


def table(rows: Sequence[Sequence[tuple[str, int, int]]]) -> Block:
    """Rows of cells (text, columns, rows) as a Markdown table; one of a single column is
    paragraphs, for it only lays out.

    >>> table([[("a", 1, 1)], [("b", 1, 1)]]).text
    'a\\n\\nb'
    """
    if all(len(row) <= 1 for row in rows):
        return Block("paragraph", "\n\n".join(cell.strip() for row in rows for cell, _, _ in row))
    return Block("paragraph", pipe_table(rows))
