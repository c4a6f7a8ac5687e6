"""What a Word document's styles and numbering say of a paragraph: heading, list item or neither.

In: the parts styles.xml and numbering.xml, either of which may be missing. Out: heading levels by
style, and the mark of each list paragraph. The decision: a style is a heading by its name
(`heading 2`, in every language of Word), by its outline level, or by the style that it is based on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from curate.extract.xml_tree import attribute, find, find_all

HEADING = re.compile(r"heading (\d)")
MAX_BASED_ON = 11  # Word allows a chain of ten
LEVELS = 9
ListPlace = tuple[str, int]  # the list's numId and the level in it


@dataclass
class Styles:
    """`counts` is the state of the numbering at the paragraph that is being read."""

    headings: Mapping[str, int]
    lists: Mapping[str, ListPlace]
    formats: Mapping[ListPlace, tuple[str, int]]
    counts: Counter[ListPlace] = field(default_factory=Counter)

    def mark(self, place: ListPlace) -> str | None:
        """The mark of the list's next paragraph; None if it shows none."""
        kind, start = self.formats.get(place, ("bullet", 1))
        list_id, level = place
        if kind in ("none", "") or list_id == "0":
            return None
        for deeper in range(level + 1, LEVELS):
            self.counts.pop((list_id, deeper), None)
        self.counts[place] += 1
        return "-" if kind == "bullet" else f"{start + self.counts[place] - 1}."


def read_styles(styles: etree._Element | None, numbering: etree._Element | None) -> Styles:
    """The styles of a document."""
    all_styles = list(find_all(styles, "style")) if styles is not None else []
    parents = {attribute(style, "styleId"): value(style, "basedOn") for style in all_styles}
    named = {attribute(style, "styleId"): _heading(style) for style in all_styles}
    headings = {style: level for style in parents if (level := _inherited(style, named, parents))}
    lists = {
        attribute(style, "styleId"): (list_id, number(value(style, "ilvl")))
        for style in all_styles
        if (list_id := value(style, "numId"))
    }
    return Styles(headings, lists, dict(_formats(numbering)) if numbering is not None else {})


def _heading(style: etree._Element) -> int:
    """The level that a style itself states; 0 for none."""
    name, outline = value(style, "name").lower(), value(style, "outlineLvl")
    if found := HEADING.fullmatch(name):
        return int(found[1])
    if name == "title":
        return 1
    return int(outline) + 1 if outline.isdecimal() and int(outline) < LEVELS else 0


def _inherited(style: str, named: Mapping[str, int], parents: Mapping[str, str]) -> int:
    for _ in range(MAX_BASED_ON):
        if level := named.get(style):
            return level
        style = parents.get(style, "")
    return 0


def _formats(numbering: etree._Element) -> Iterator[tuple[ListPlace, tuple[str, int]]]:
    """Format (`bullet`, `decimal`, …) and first number of every list and level."""
    abstract = {
        attribute(one, "abstractNumId"): {
            number(attribute(level, "ilvl")): (
                value(level, "numFmt"),
                number(value(level, "start"), 1),
            )
            for level in find_all(one, "lvl")
        }
        for one in find_all(numbering, "abstractNum")
    }
    for one in find_all(numbering, "num"):
        for level, form in abstract.get(value(one, "abstractNumId"), {}).items():
            yield (attribute(one, "numId"), level), form


def value(element: etree._Element | None, name: str) -> str:
    """The `val` of the first descendant of that name; "" if there is none."""
    found = find(element, name)
    return "" if found is None else attribute(found, "val")


def number(text: str, otherwise: int = 0) -> int:
    """A small natural number.

    >>> number("3"), number("x", 1)
    (3, 1)
    """
    return int(text) if text.isdecimal() and len(text) < 6 else otherwise
