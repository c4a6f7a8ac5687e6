"""A segmented page as arrays: what several groups of features share.

In: a segmented page. Out: `Page`, a value a segment. The decision: containers are numbered in the
order their tags open, so all that is inside one is one run of numbers, and the sum over it is a
difference of two running sums. One such difference serves all containers of a page at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curate.extract.main_content.characters import Array, Counts
from curate.extract.main_content.segments import Segmented

Columns = tuple[Sequence[str], npt.ArrayLike]
"""Names, and a row of values for each; a single number is the same for every segment."""

TAGS: tuple[str, ...] = tuple(
    "p li h1 h2 h3 h4 h5 h6 td th dd dt div section article main blockquote pre figcaption caption "
    "summary body ul ol form header footer aside nav details address center table tr".split()
)
TAG_INDEX = {tag: index for index, tag in enumerate(TAGS)}
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
PROSE = frozenset(("p", "blockquote", "pre"))
ITEMS = frozenset(("li", "dd", "dt", "td"))
FIRST_CHARS = 300  # of a segment, looked at for words of the title and the description


class Page:
    """The arrays. `place` is a segment's container, `parents`, `ends`, `depths` are of containers."""

    def __init__(self, page: Segmented) -> None:
        segments, containers = page.segments, page.containers
        self.texts = [segment.text for segment in segments]
        self.counts = Counts(self.texts)
        self.links = np.array([segment.link_chars for segment in segments], np.float64)
        self.place = np.array([segment.container for segment in segments])
        self.row = np.arange(len(segments))
        self.parents = np.array(containers.parents)
        self.ends = np.array(containers.ends)
        self.depths = np.array(containers.depths, np.float64)
        tags = [containers.tags[segment.container] for segment in segments]
        self.tag = np.array([TAG_INDEX.get(tag, -1) for tag in tags])
        self.heading = np.array([tag in HEADINGS for tag in tags], np.float64)
        self.prose = np.array([tag in PROSE for tag in tags], np.float64)
        self.item = np.array([tag in ITEMS for tag in tags], np.float64)
        self.depth = self.depths[self.place]
        self.prose_chars = self.counts.chars * self.prose
        self.total = self.counts.chars.sum()
        self.first_words = [text[:FIRST_CHARS].lower().split() for text in self.texts]

    def inside(self, values: Array) -> Array:
        """(segments,) to (containers,): the sum over each container and all in it."""
        sums = np.zeros(len(self.parents) + 1)
        np.cumsum(np.bincount(self.place, values, len(self.parents)), out=sums[1:])
        found: Array = sums[self.ends] - sums[:-1]
        return found

    def in_common(self, words: set[str]) -> Array:
        """How many of some words each segment begins with."""
        if not words:
            return np.zeros(len(self.texts))
        return np.array([len(words.intersection(own)) for own in self.first_words], np.float64)


def log_distance(rows: npt.NDArray[np.int64]) -> Array:
    """Distances in segments, near ones told apart better, with their sign."""
    distance: Array = np.sign(rows) * np.log1p(np.abs(rows))
    return distance
