"""A book's XHTML to blocks.

In: the tree of one file. Out: its headings, paragraphs, lists, tables and preformatted text. The
decision: everything in the body is text of the book; nothing is guessed to be boilerplate. Only
what is marked as apparatus is left out: tables of contents, page numbers, covers, copyright pages,
ruby readings, and Project Gutenberg's own header and footer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from lxml import etree

from curate.extract.blocks import Block, table
from curate.extract.xml_tree import tag_of

EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
HEADINGS = {f"h{level}": level for level in range(1, 7)}
SKIPPED = frozenset(
    [
        "head",
        "script",
        "style",
        "template",
        "svg",
        "math",
        "audio",
        "video",
        "object",
        "iframe",
        "form",
        "nav",
        "rt",
        "rp",
    ]
)
APPARATUS = frozenset(  # EPUB 3 Structural Semantics Vocabulary
    [
        "toc",
        "landmarks",
        "page-list",
        "loi",
        "lot",
        "cover",
        "copyright-page",
        "pagebreak",
        "index",
        "toc-brief",
    ]
)
BOILERPLATE_CLASSES = frozenset({"pg-boilerplate", "pagenum", "pageno", "x-ebookmaker-pageno"})
BLOCKS = frozenset(
    [
        "html",
        "body",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "aside",
        "blockquote",
        "figure",
        "figcaption",
        "center",
        "dl",
        "dt",
        "dd",
        "p",
        "address",
        "details",
        "summary",
        "fieldset",
        "li",
        "ul",
        "ol",
        "table",
        "pre",
        "hr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "tr",
        "td",
        "th",
        "tbody",
        "thead",
        "tfoot",
        "caption",
        "hgroup",
    ]
)
SPACES = re.compile(r"[ \t\r\n\f]+")
LINE_BREAK = "\v"  # cannot be in XML
MAX_DEPTH = 200


def blocks_of(root: etree._Element) -> Iterator[Block]:
    """The blocks of a whole file."""
    body = next((element for element in root.iter() if tag_of(element) == "body"), root)
    if not _is_apparatus(body):
        yield from _inside(body, 0, 0)


def _inside(element: etree._Element, depth: int, level: int) -> Iterator[Block]:
    """Blocks of an element: runs of words between its block elements are paragraphs. `depth` is the
    element's in the tree, `level` a list's in the lists around it."""
    words = [element.text or ""]
    for child in element:
        name = tag_of(child)
        if _is_apparatus(child):
            pass
        elif name in BLOCKS or _holds_block(child):
            yield Block("paragraph", _collapse("".join(words)))
            words = []
            yield from _block(child, name, depth + 1, level)
        else:
            words.append(_words(child))
        words.append(child.tail or "")
    yield Block("paragraph", _collapse("".join(words)))


def _block(element: etree._Element, name: str, depth: int, level: int) -> Iterator[Block]:
    if depth > MAX_DEPTH:
        yield Block("paragraph", _collapse("".join(element.itertext())))
    elif name in HEADINGS:
        yield Block("heading", _collapse(_words(element)), HEADINGS[name])
    elif name == "hr":
        yield Block("paragraph", "* * *")
    elif name == "pre":
        yield Block("verbatim", "".join(element.itertext()))
    elif name in ("ul", "ol"):
        yield from _list(element, name, depth, level)
    elif name == "table":
        yield from _table(element, depth, level)
    else:
        yield from _inside(element, depth, level)


def _list(element: etree._Element, name: str, depth: int, level: int) -> Iterator[Block]:
    """An item's words up to the first list in it are the item; that list is one level deeper."""
    start = element.get("start", "")
    number = int(start) if start.isdecimal() else 1
    for child in element:
        if not tag_of(child) or _is_apparatus(child):
            continue
        if tag_of(child) in ("ul", "ol"):
            yield from _block(child, tag_of(child), depth + 1, level + 1)
            continue
        blocks = [block for block in _inside(child, depth + 1, level + 1) if block.text.strip()]
        own = list(takewhile(lambda block: block.kind != "item", blocks))
        mark = f"{number}." if name == "ol" else "-"
        yield Block("item", "\n".join(block.text for block in own), level, mark)
        yield from blocks[len(own) :]
        number += 1


def _table(element: etree._Element, depth: int, level: int) -> Iterator[Block]:
    """Its caption, then its rows, those of tables in its cells among them."""
    for child in element:
        if tag_of(child) == "caption":
            yield from _inside(child, depth + 1, level)
    rows = (row for row in element.iter() if tag_of(row) == "tr")
    yield table(
        [
            [
                (_cell(cell), _span(cell, "colspan"), _span(cell, "rowspan"))
                for cell in row
                if tag_of(cell) in ("td", "th")
            ]
            for row in rows
        ]
    )


def _cell(element: etree._Element) -> str:
    """The words of a cell, those of its blocks apart, those of tables in it left to their own rows."""
    parts = [element.text or ""]
    for child in element:
        if tag_of(child) == "table" or _is_apparatus(child):
            parts.append(" ")
        elif tag_of(child) in BLOCKS or _holds_block(child):
            parts += [" ", _cell(child), " "]
        else:
            parts.append(_words(child))
        parts.append(child.tail or "")
    return "".join(parts).replace(LINE_BREAK, " ")


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name, "1")
    return int(value) if value.isdecimal() and len(value) < 5 else 1


def _words(element: etree._Element) -> str:
    """The text of an element that holds words; <br> is a line's end."""
    parts: list[str] = []
    skipped: etree._Element | None = None
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if skipped is None and event == "start":
            if node is not element and _is_apparatus(node):
                skipped = node
            else:
                parts.append((LINE_BREAK if tag_of(node) == "br" else "") + (node.text or ""))
        elif node is skipped:
            skipped = None
        if skipped is None and event == "end" and node is not element:
            parts.append(node.tail or "")
    return "".join(parts)


def _is_apparatus(element: etree._Element) -> bool:
    if not tag_of(element) or tag_of(element) in SKIPPED:
        return True
    roles = f"{element.get(EPUB_TYPE, '')} {element.get('role', '').replace('doc-', '')}".split()
    classes = element.get("class", "").split()
    return not APPARATUS.isdisjoint(roles) or not BOILERPLATE_CLASSES.isdisjoint(classes)


def _holds_block(element: etree._Element) -> bool:
    """Whether an inline element (or one that is unknown) has block elements in it."""
    return any(tag_of(inner) in BLOCKS for inner in element.iterdescendants())


def _collapse(words: str) -> str:
    lines = (SPACES.sub(" ", line).strip() for line in words.split(LINE_BREAK))
    return "\n".join(lines).strip()
