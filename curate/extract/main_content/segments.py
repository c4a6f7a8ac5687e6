"""Markup to segments: the runs of text between block-level tags, and where each stands.

In: a page's markup. Out: `Segmented`. The decision: one walk over the tree gathers all that later
modules ask for, as plain lists, so that a page costs one pass over its elements. Of the tree a
segment remembers its block element and that element's ancestors, as containers with parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from curate.extract.main_content.hints import hints_of

INVISIBLE = frozenset(
    "script style head svg iframe object embed canvas audio video select option datalist input "
    "textarea link title meta source track map area param template".split()
)
INLINE = frozenset(
    "a abbr acronym b bdi bdo big br button cite code data del dfn em font i img ins kbd label mark "
    "math mfrac mi mn mo mrow ms msqrt msub msup mtext nobr picture q rp rt ruby s samp small span "
    "strike strong sub sup time tt u var wbr".split()
)
MAX_DEPTH = 400  # elements inside each other; deeper text belongs to the segment at that depth


@dataclass(slots=True)
class Containers:
    """The block-level elements of a page in the order they open, a list a quantity: as many objects
    would cost more time than all else. A container's number is its place in the lists. What is
    inside it are the numbers after its own up to `ends`; 0 is the root, and its own parent."""

    tags: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    hints: list[int] = field(default_factory=list)
    all_hints: list[int] = field(default_factory=list)  # its own and those of all around it
    elements: list[etree._Element] = field(default_factory=list)


@dataclass(slots=True)
class Segment:
    """Text of one container up to the next block-level tag. `link_chars` of it are inside links."""

    text: str
    link_chars: int
    container: int
    verbatim: bool


@dataclass(slots=True)
class Segmented:
    """The segments of a page in their order, and the containers they stand in."""

    root: etree._Element
    segments: list[Segment] = field(default_factory=list)
    containers: Containers = field(default_factory=Containers)


def parse(markup: str) -> etree._Element | None:
    """The page's tree, as libxml2 repairs it; None if nothing is left. libxml2 gives up what is
    more than 2,048 elements deep."""
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        return etree.fromstring(markup.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:  # no element at all
        return None


def segment(root: etree._Element) -> Segmented:
    """Cut the tree into segments.

    >>> [s.text for s in segment(parse("<p>One <b>two</b><p>three")).segments]
    ['One two', 'three']
    """
    walk = _Walk(Segmented(root))
    walk.meet_block(root, root.tag)
    while walk.open:
        for child in walk.open[-1][0]:
            if walk.meet(child):
                break
        else:
            walk.leave()
    return walk.page


class _Walk:
    """The state of the one pass: the elements that are open, with what is left of each, and the
    text gathered since the last block-level tag."""

    def __init__(self, page: Segmented) -> None:
        self.page = page
        self.open: list[tuple[Iterator[etree._Element], etree._Element, bool]] = []
        self._verbatim = False
        self._place = 0
        self._links = 0
        self._parts: list[str] = []
        self._link_chars = 0

    def meet(self, element: etree._Element) -> bool:
        """Take in the next element; True if others are inside it, which come next."""
        tag = element.tag
        if tag not in INVISIBLE and isinstance(tag, str):
            if tag in INLINE or self._verbatim or len(self.open) > MAX_DEPTH:
                opened = self._meet_inline(element, tag)
            else:
                opened = self.meet_block(element, tag)
            if opened:
                return True
        if text := element.tail:
            self._text(text)
        return False

    def _meet_inline(self, element: etree._Element, tag: str) -> bool:
        """An element whose text belongs to the segment around it."""
        text = element.text
        if len(element):
            self._links += tag == "a"
            self.open.append((iter(element), element, False))
            if text:
                self._text(text)
            return True
        if text:
            self._text(text, tag == "a")
        if tag == "br":
            self._text("\n")
        return False

    def meet_block(self, element: etree._Element, tag: str) -> bool:
        """A block-level element. The segment before it ends."""
        if self._parts:
            self._cut()
        containers, outer, own = self.page.containers, self._place, hints_of(element, tag)
        depth, around = -1, 0
        if containers.tags:
            depth, around = containers.depths[outer], containers.all_hints[outer]
        self._place = len(containers.tags)
        containers.tags.append(tag)
        containers.parents.append(outer)
        containers.ends.append(self._place + 1)
        containers.depths.append(depth + 1)
        containers.hints.append(own)
        containers.all_hints.append(own | around)
        containers.elements.append(element)
        self._verbatim = tag == "pre"
        if text := element.text:
            self._text(text)
        if len(element):
            self.open.append((iter(element), element, True))
            return True
        self._end_block(outer)
        return False

    def _end_block(self, outer: int) -> None:
        if self._parts:
            self._cut()
        self._place = outer
        self._verbatim = False

    def leave(self) -> None:
        """The innermost open element ends."""
        _, element, is_block = self.open.pop()
        if is_block:
            containers = self.page.containers
            containers.ends[self._place] = len(containers.tags)
            self._end_block(containers.parents[self._place])
        else:
            self._links -= element.tag == "a"
        if self.open and (text := element.tail):
            self._text(text)

    def _text(self, text: str, linked: bool = False) -> None:
        """Text of the segment that is being gathered."""
        if self._parts or self._verbatim or not text.isspace():
            self._parts.append(text)
            if linked or self._links:
                self._link_chars += len(" ".join(text.split()))

    def _cut(self) -> None:
        """End the segment here."""
        text = "".join(self._parts)
        text = text.strip("\r\n") if self._verbatim else " ".join(text.split())
        if text and not text.isspace():
            chars = min(self._link_chars, len(text))
            self.page.segments.append(Segment(text, chars, self._place, self._verbatim))
        self._parts.clear()
        self._link_chars = 0
