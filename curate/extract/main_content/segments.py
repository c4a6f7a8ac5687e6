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
class Container:
    """A block-level element. `parent` is its place in `Segmented.containers`."""

    tag: str
    parent: int
    depth: int
    hints: int
    all_hints: int
    element: etree._Element


@dataclass(slots=True)
class Segment:
    """Text of one container up to the next block-level tag. `link_chars` of it are inside links."""

    text: str
    link_chars: int
    container: int
    verbatim: bool


@dataclass(slots=True)
class Segmented:
    """The segments of a page in their order, and the containers they stand in (0 is the root)."""

    root: etree._Element
    segments: list[Segment] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)


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
    walk.enter(root)
    while walk.open:
        children, _, _ = walk.open[-1]
        for child in children:
            tag = child.tag
            if tag in INVISIBLE or not isinstance(tag, str):
                walk.text(child.tail)
            elif tag in INLINE or walk.verbatim or len(walk.open) > MAX_DEPTH:
                if len(child):
                    walk.enter_inline(child)
                    break
                walk.text(child.text, tag == "a")
                if tag == "br":
                    walk.text("\n")
                walk.text(child.tail)
            else:
                walk.cut()
                walk.enter(child)
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
        self.verbatim = False
        self._place = 0
        self._links = 0
        self._parts: list[str] = []
        self._link_chars = 0

    def enter(self, element: etree._Element) -> None:
        """A block-level element begins, after the segment before it was cut."""
        containers = self.page.containers
        own = hints_of(element)
        before = containers[self._place] if containers else None
        inherited, depth = (before.all_hints, before.depth + 1) if before else (0, 0)
        containers.append(Container(element.tag, self._place, depth, own, own | inherited, element))
        self._place = len(containers) - 1
        self.verbatim = element.tag == "pre"
        self.open.append((iter(element), element, True))
        self.text(element.text)

    def enter_inline(self, element: etree._Element) -> None:
        """An element begins whose text belongs to the segment around it."""
        self._links += element.tag == "a"
        self.open.append((iter(element), element, False))
        self.text(element.text)

    def leave(self) -> None:
        """The innermost element ends."""
        _, element, is_block = self.open.pop()
        if is_block:
            self.cut()
            self._place = self.page.containers[self._place].parent
            self.verbatim = False
        else:
            self._links -= element.tag == "a"
        if self.open:
            self.text(element.tail)

    def text(self, text: str | None, linked: bool = False) -> None:
        """Text of the segment that is being gathered."""
        if text and (self._parts or self.verbatim or not text.isspace()):
            self._parts.append(text)
            if linked or self._links:
                self._link_chars += len(" ".join(text.split()))

    def cut(self) -> None:
        """End the segment here."""
        if not self._parts:
            return
        text = "".join(self._parts)
        text = text.strip("\r\n") if self.verbatim else " ".join(text.split())
        if text and not text.isspace():
            chars = min(self._link_chars, len(text))
            self.page.segments.append(Segment(text, chars, self._place, self.verbatim))
        self._parts.clear()
        self._link_chars = 0
