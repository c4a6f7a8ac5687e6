"""Cells to a Markdown table.

In: rows of cells with the columns and rows they span. Out: lines of `| a | b |`. The decision: a
cell that spans several stands in the first of them and the others are empty, so that columns stay
in line and no word is said twice. A table of more than `MAX_CELLS` cells is written without its
spans and without empty cells at the ends of rows, so that none grows far beyond its markup.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_SPAN = 100
MAX_COLUMNS = 1000
MAX_CELLS = 200_000


def pipe_table(rows: Sequence[Sequence[tuple[str, int, int]]]) -> str:
    """Rows of (text, columns, rows) as a table; the first row is its head. Empty if no cell is filled.

    >>> print(pipe_table([[("a", 1, 2), ("b", 1, 1)], [("c", 1, 1)]]))
    | a | b |
    | --- | --- |
    |  | c |
    """
    grid = [row for row in _grid(rows) if any(row)]
    if not grid:
        return ""
    width = max(map(len, grid))
    padded = width if width * len(grid) <= MAX_CELLS else 0
    grid[0] += [""] * (width - len(grid[0]))
    lines = [f"| {' | '.join(row + [''] * (padded - len(row)))} |" for row in grid]
    return "\n".join([lines[0], f"| {' | '.join(['---'] * width)} |", *lines[1:]])


def _grid(rows: Sequence[Sequence[tuple[str, int, int]]]) -> list[list[str]]:
    grid: list[list[str]] = []
    total = 0
    taken: dict[int, int] = {}
    for row in rows:
        cells: list[str] = []
        held = {column for column, left in taken.items() if left > 0}
        taken = {column: left - 1 for column, left in taken.items() if left > 1}
        for text, columns, down in row:
            while len(cells) in held:
                cells.append("")
            for column in range(len(cells), len(cells) + min(max(columns, 1), MAX_SPAN)):
                if down > 1:
                    taken[column] = min(down, MAX_SPAN) - 1
                cells.append("")
            cells[-min(max(columns, 1), MAX_SPAN)] = _cell(text)
            if len(cells) > MAX_COLUMNS:
                break
        grid.append(cells[:MAX_COLUMNS])
        total += len(cells)
        if total > MAX_CELLS:
            return [[_cell(text) for text, _, _ in row] for row in rows]
    return grid


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
