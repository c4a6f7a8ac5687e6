"""Segments to numbers.

In: a segmented page, its address and its markup. Out: a float32 matrix, a row a segment, a column a
feature. The decision: no feature depends on a
language's words; every one is an array operation over the page's segments. Four groups: the segment
itself, the containers around it, its neighbours, and the page (the same in every row).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from curate.extract.main_content import hints
from curate.extract.main_content.characters import Array, Counts
from curate.extract.main_content.segments import Segmented

Column = tuple[str, npt.NDArray[np.generic]]
TAGS: tuple[str, ...] = tuple(
    "p li h1 h2 h3 h4 h5 h6 td th dd dt div section article main blockquote pre figcaption caption "
    "summary body ul ol form header footer aside nav details address center table tr".split()
)
TAG_INDEX = {tag: index for index, tag in enumerate(TAGS)}
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
PROSE = frozenset(("p", "blockquote", "pre"))
ITEMS = frozenset(("li", "dd", "dt", "td"))
LEVELS = 5
WINDOWS = (1, 2, 4, 8, 16)
NEIGHBOURS = (1, 2, -1, -2)
LONG_CHARS = 200
HEAD_CHARS = 200_000
LD_TYPE = re.compile(r'"@type"\s*:\s*"(\w+)"')
OG_TYPE = re.compile(r"og:type[\"'][^>]{0,40}content=[\"']([\w.:]+)")
LD_GROUPS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "Article NewsArticle BlogPosting TechArticle Report",
        "Product Offer",
        "DiscussionForumPosting QAPage Question",
        "CollectionPage ItemList",
        "Organization LocalBusiness Service",
        "FAQPage",
        "Recipe",
        "WebPage",
    )
)
OG_GROUPS = ("article", "website", "product")
ADDRESS_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"forum|thread|topic|/t/|discussion|questions",
        r"product|shop|/p/|/dp/",
        r"categor|collection|/tag|archive",
        r"blog|news|article|/20\d\d/",
        r"docs|documentation|/api|guide|reference|manual",
        r"service|about|contact",
    )
)


class Page:
    """The arrays that several groups of features share, a value a segment."""

    def __init__(self, page: Segmented) -> None:
        segments, containers = page.segments, page.containers
        self.texts = [segment.text for segment in segments]
        self.counts = Counts(self.texts)
        self.links = np.array([segment.link_chars for segment in segments], np.float64)
        self.place = np.array([segment.container for segment in segments])
        self.parents = np.array([max(container.parent, 0) for container in containers])
        tags = [containers[segment.container].tag for segment in segments]
        self.tag = np.array([TAG_INDEX.get(tag, -1) for tag in tags])
        self.heading = np.array([tag in HEADINGS for tag in tags], np.float64)
        self.prose = np.array([tag in PROSE for tag in tags], np.float64)
        self.item = np.array([tag in ITEMS for tag in tags], np.float64)
        self.depth = np.array([containers[place].depth for place in self.place], np.float64)
        self.prose_chars = self.counts.chars * self.prose
        self.total = self.counts.chars.sum()

    def inside(self, values: Array) -> Array:
        """Sums of a per-segment value over each container and all in it."""
        sums = np.bincount(self.place, values, len(self.parents)).tolist()
        parents = self.parents.tolist()
        for index in range(len(parents) - 1, 0, -1):
            sums[parents[index]] += sums[index]
        return np.array(sums)


def features(page: Segmented, url: str | None, markup: str) -> npt.NDArray[np.float32]:
    """(segments, features). The page has at least one segment."""
    return np.stack([values for _, values in columns(page, url, markup)], 1).astype(np.float32)


def columns(page: Segmented, url: str | None, markup: str) -> Iterator[Column]:
    """All features with their names, in the order of the matrix."""
    shared = Page(page)
    yield from _own(shared, page)
    yield from _hints(page)
    yield from _containers(shared)
    yield from _neighbours(shared)
    rows = len(page.segments)
    for name, value in _page(shared, page, url, markup):
        yield name, np.full(rows, float(value))


def _own(shared: Page, page: Segmented) -> Iterator[Column]:
    counts = shared.counts
    chars, words = counts.chars, np.maximum(counts.words, 1)
    yield "chars", np.log1p(chars)
    yield "words", np.log1p(counts.words)
    yield "link_ratio", shared.links / chars
    yield "word_chars", chars / words
    yield "punctuation_per_word", counts.punctuation / words
    yield "punctuation", np.log1p(counts.punctuation)
    yield "ends_sentence", counts.ends
    yield "starts_upper", counts.capital
    yield "digit_ratio", counts.digits / chars
    yield "upper_ratio", counts.uppers / chars
    yield "separators", np.minimum(counts.separators, 10)
    seen = Counter(shared.texts)
    yield "repeats", np.log(np.array([seen[text] for text in shared.texts], np.float64))
    title = set((page.root.findtext(".//title") or "").lower().split())
    common = [len(title.intersection(text[:300].lower().split())) for text in shared.texts]
    yield "of_title", np.array(common) / max(len(title), 1)
    yield "is_title", np.array(common) / words
    row = np.arange(len(chars))
    yield "place_ratio", row / len(chars)
    yield "chars_before_ratio", (np.cumsum(chars) - chars) / shared.total
    yield "from_start", np.log1p(row)
    yield "from_end", np.log1p(len(chars) - row)
    yield "depth", shared.depth / 10
    for index, tag in enumerate(TAGS):
        yield f"tag_{tag}", shared.tag == index
    yield "heading", shared.heading


def _hints(page: Segmented) -> Iterator[Column]:
    """A bit a column: of the container, of its parent, of all around it."""
    containers = page.containers
    own = [containers[segment.container] for segment in page.segments]
    for name, masks in (
        ("own", [container.hints for container in own]),
        ("parent", [containers[max(container.parent, 0)].hints for container in own]),
        ("around", [container.all_hints for container in own]),
    ):
        raw = b"".join(mask.to_bytes(16, "little") for mask in masks)
        bits = np.frombuffer(raw, np.uint8).reshape(-1, 16)
        bits = np.unpackbits(bits, axis=1, bitorder="little")[:, : hints.COUNT]
        for index in range(hints.COUNT):
            yield f"{name}_hint_{index}", bits[:, index]


def _containers(shared: Page) -> Iterator[Column]:
    """Of the parent, the grandparent and so on: how much text, how much of it link, prose."""
    counts = shared.counts
    chars, links = shared.inside(counts.chars), shared.inside(shared.links)
    prose = shared.inside(shared.prose_chars)
    marks, segments = shared.inside(counts.punctuation), shared.inside(np.ones_like(counts.chars))
    at = shared.place
    for level in range(1, LEVELS + 1):
        at = shared.parents[at]
        size = np.maximum(chars[at], 1)
        yield f"level{level}_chars", np.log1p(chars[at])
        yield f"level{level}_link_ratio", links[at] / size
        yield f"level{level}_segments", np.log1p(segments[at])
        yield f"level{level}_prose_ratio", prose[at] / size
        yield f"level{level}_page_ratio", chars[at] / shared.total
        yield f"level{level}_punctuation_ratio", marks[at] / size


def _neighbours(shared: Page) -> Iterator[Column]:
    counts = shared.counts
    for width in WINDOWS:
        chars = _window(counts.chars, width)
        yield f"window{width}_chars", np.log1p(chars)
        yield f"window{width}_link_ratio", _window(shared.links, width) / chars
        yield f"window{width}_prose_ratio", _window(shared.prose_chars, width) / chars
        yield f"window{width}_punctuation_ratio", _window(counts.punctuation, width) / chars
        yield f"window{width}_headings", _window(shared.heading, width)
    sizes, link_ratio = np.log1p(counts.chars), shared.links / counts.chars
    for step in NEIGHBOURS:
        yield f"next{step}_chars", _shift(sizes, step, 0)
        yield f"next{step}_link_ratio", _shift(link_ratio, step, 1)
        yield f"next{step}_heading", _shift(shared.heading, step, 0)
        yield f"next{step}_prose", _shift(shared.prose, step, 0)
        yield f"next{step}_item", _shift(shared.item, step, 0)
        yield f"next{step}_depth", _shift(shared.depth, step, 0) - shared.depth
        yield f"next{step}_ends_sentence", _shift(counts.ends, step, 0)


def _page(
    shared: Page, page: Segmented, url: str | None, markup: str
) -> Iterator[tuple[str, float]]:
    counts, total = shared.counts, shared.total
    yield "page_chars", np.log1p(total)
    yield "page_segments", np.log1p(len(counts.chars))
    yield "page_link_ratio", shared.links.sum() / total
    yield "page_prose_ratio", shared.prose_chars.sum() / total
    yield "page_punctuation_ratio", counts.punctuation.sum() / total
    long = (counts.chars > LONG_CHARS) & (shared.links < 0.3 * counts.chars)
    yield "page_long_chars", np.log1p(counts.chars[long].sum())
    present = 0
    for container in page.containers:
        present |= container.hints
    yield "page_has_article", bool(present & hints.SECTION_BITS["article"])
    yield "page_has_main", bool(present & hints.SECTION_BITS["main"])
    yield "page_has_body_property", bool(present & hints.BODY_PROPERTY)
    yield "page_articles", sum(container.tag == "article" for container in page.containers)
    kind = OG_TYPE.search(markup, 0, HEAD_CHARS)
    for group in OG_GROUPS:
        yield f"og_{group}", bool(kind and kind[1].startswith(group))
    types = frozenset(LD_TYPE.findall(markup))
    for index, names in enumerate(LD_GROUPS):
        yield f"ld_{index}", not types.isdisjoint(names)
    path = urlsplit(url or "").path.strip("/") if url else ""
    yield "address_depth", path.count("/") + bool(path)
    yield "address_chars", len(path) / 20
    yield "address_root", not path
    yield "address_hyphens", path.count("-")
    for index, pattern in enumerate(ADDRESS_PATTERNS):
        yield f"address_{index}", pattern.search(url or "") is not None


def _window(values: Array, width: int) -> Array:
    """Sums over the segment and `width` on each side."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    row = np.arange(len(values))
    high = np.minimum(row + width + 1, len(values))
    windowed: Array = sums[high] - sums[np.maximum(row - width, 0)]
    return windowed


def _shift(values: Array, step: int, fill: float) -> Array:
    """The value `step` segments on; `fill` beyond the ends."""
    shifted = np.full(len(values), float(fill))
    if abs(step) < len(values):
        if step > 0:
            shifted[:-step] = values[step:]
        else:
            shifted[-step:] = values[:step]
    return shifted
