"""What stands around a segment: its containers and its neighbours.

In: the page's arrays. Out: columns. The decision: sums over containers and over windows are
differences of running sums, all quantities of a level or a width in one array operation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curate.extract.main_content.arrays import Columns, Page
from curate.extract.main_content.characters import Array

LEVELS = 5
WINDOWS = (1, 2, 4, 8, 16)
NEIGHBOURS = (1, 2, -1, -2)
LEVEL_NAMES = "chars link_ratio segments prose_ratio page_ratio punctuation_ratio".split()
WINDOW_NAMES = "chars link_ratio prose_ratio punctuation_ratio headings".split()
NEIGHBOUR_NAMES = "chars link_ratio heading prose item depth ends_sentence".split()
BEYOND = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)  # before the first and after the last segment


def levels(page: Page) -> Iterator[Columns]:
    """Of the parent, the grandparent and so on: how much text, how much of it link, prose."""
    counts = page.counts
    parts = (
        counts.chars,
        page.links,
        page.prose_chars,
        counts.punctuation,
        np.ones_like(page.links),
    )
    chars, links, prose, marks, segments = (page.inside(values) for values in parts)
    size = np.maximum(chars, 1)
    table = np.stack(
        (
            np.log1p(chars),
            links / size,
            np.log1p(segments),
            prose / size,
            chars / page.total,
            marks / size,
        )
    )
    at = page.place
    for level in range(1, LEVELS + 1):
        at = page.parents[at]
        yield [f"level{level}_{name}" for name in LEVEL_NAMES], table[:, at]


def windows(page: Page) -> Iterator[Columns]:
    """Of the segment and some on each side together."""
    counts, rows = page.counts, len(page.row)
    parts = (counts.chars, page.links, page.prose_chars, counts.punctuation, page.heading)
    sums = np.zeros((len(parts), rows + 1))
    np.cumsum(parts, axis=1, out=sums[:, 1:])
    for width in WINDOWS:
        high = np.minimum(page.row + width + 1, rows)
        values = sums[:, high] - sums[:, np.maximum(page.row - width, 0)]
        values[1:4] /= values[0]
        values[0] = np.log1p(values[0])
        yield [f"window{width}_{name}" for name in WINDOW_NAMES], values


def neighbours(page: Page) -> Iterator[Columns]:
    """Of the next segments and the ones before."""
    counts, rows = page.counts, len(page.row)
    reach = max(map(abs, NEIGHBOURS))
    values: Array = np.repeat(np.array(BEYOND)[:, None], rows + 2 * reach, axis=1)
    values[:, reach : reach + rows] = (
        np.log1p(counts.chars), page.links / counts.chars, page.heading, page.prose, page.item,
        page.depth, counts.ends,
    )  # fmt: skip
    for step in NEIGHBOURS:
        found = values[:, reach + step : reach + step + rows].copy()
        found[NEIGHBOUR_NAMES.index("depth")] -= page.depth
        yield [f"next{step}_{name}" for name in NEIGHBOUR_NAMES], found
