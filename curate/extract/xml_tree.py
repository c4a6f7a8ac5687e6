"""The bytes of an XML document to a tree, whatever is wrong with them.

In: bytes. Out: the root (None if there is nothing), how many characters could not be decoded, and
the first error that was mended. The decision: no DTD is read and no entity is expanded by the
parser, so a document can neither fetch nor multiply anything; the named characters that the DTDs of
publishers define (`&alpha;`) are HTML's and are put in before parsing.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lxml import etree

from curate.extract.charset import decode

DECLARATION = re.compile(r"<\?xml\b[^>]*\?>")
NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
XMLS_OWN = frozenset({"amp", "lt", "gt", "quot", "apos"})
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Tree(NamedTuple):
    """`error` is the first one that the parser mended, if any."""

    root: Any
    replaced: int
    error: str | None


def parse(content: bytes) -> Tree:
    """The document as a tree. Depth is at most 256, a text node at most 10 MB (libxml2's limits)."""
    decoded = decode(content)
    markup = FORBIDDEN.sub("", decoded.text).lstrip()
    if declaration := DECLARATION.match(markup):
        markup = markup[declaration.end() :]
    parser = etree.XMLParser(
        encoding="utf-8", recover=True, resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        root = etree.fromstring(NAMED.sub(_character, markup).encode(), parser)
    except etree.XMLSyntaxError as error:
        return Tree(None, decoded.replaced, str(error))
    errors = parser.error_log
    return Tree(
        root, decoded.replaced, f"line {errors[0].line}: {errors[0].message}" if errors else None
    )


def _character(name: re.Match[str]) -> str:
    found = html.entities.html5.get(f"{name[1]};")
    return name[0] if found is None or name[1] in XMLS_OWN else found


def tag_of(element: Any) -> str:
    """The name without its namespace; empty for comments, instructions and entities."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def find_all(element: Any, *names: str) -> Iterator[Any]:
    """Descendants of any namespace, in document order."""
    return element.iter(*(f"{{*}}{name}" for name in names))  # type: ignore[no-any-return]


def find(element: Any, *names: str) -> Any:
    """The first descendant; None if there is none."""
    return next(find_all(element, *names), None) if element is not None else None


def words(element: Any) -> str:
    """All text below the element, white space collapsed."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def attribute(element: Any, name: str) -> str:
    """An attribute of any namespace; empty if it is not there."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
