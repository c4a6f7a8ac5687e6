"""Word documents (Office Open XML, transitional and strict) to text.

In: a file's bytes. Out: `Page`: the body in its order as Markdown, footnotes at its end, and the core
properties. The decision: the text is what a reader of the final document sees: insertions are in;
deletions, comments, field codes, hidden text, headers and footers are out. Hence a reader of the
XML of our own: python-docx passes over insertions, content controls and footnotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from curate.extract.blocks import Block, markdown, table
from curate.extract.books.docx_styles import Styles, number, read_styles, value
from curate.extract.books.packed import Packed, PackedError, resolve
from curate.extract.iso_date import iso_date
from curate.extract.page import Page
from curate.extract.xml_tree import attribute, find, find_all, tag_of, words

SKIPPED = frozenset(
    [
        "del",
        "moveFrom",
        "instrText",
        "delText",
        "rPr",
        "pPr",
        "sectPr",
        "tblPr",
        "tblGrid",
        "trPr",
        "tcPr",
        "sdtPr",
        "fldData",
        "Fallback",
        "drawing",
        "pict",
        "object",
        "rt",
    ]
)
CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote"}
OFF = frozenset({"0", "false", "off"})
OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # a compound file: an encrypted package, or a document of Word 97
MAX_DEPTH = 100
MAX_LABEL_CHARS = 1000


@dataclass
class Body:
    """The styles, and the notes that were referred to so far: kind and number in the file."""

    styles: Styles
    notes: list[tuple[str, str]] = field(default_factory=list)


def extract_docx(content: bytes) -> Page:
    """The text and metadata of a Word document. Never raises for what is in the file."""
    if content.startswith(OLE_MAGIC):
        return Page("", {"extract.note": "password, or a document of Word 97"})
    try:
        package = Packed(content)
        parts = _parts(package)
        document = package.tree(parts["officeDocument"])
    except PackedError as error:
        return Page("", {"extract.note": f"damaged: {error}"})
    except KeyError:
        return Page("", {"extract.note": "damaged: no document in the package"})
    body = Body(read_styles(_part(package, parts, "styles"), _part(package, parts, "numbering")))
    blocks = [*_blocks(document, body, 0)]
    blocks += _notes(body, {kind: _part(package, parts, f"{kind}s") for kind in NOTES.values()})
    text = markdown(blocks)
    labels = _labels(_part(package, parts, "core-properties"))
    return Page(text, labels, text.count("\ufffd"))


def _parts(package: Packed) -> dict[str, str]:
    """The package's parts, by the last word of their relationship's type."""
    parts = dict(_related(package, "", "_rels/.rels"))
    folder, _, name = parts["officeDocument"].rpartition("/")
    relations = f"{folder}/_rels/{name}.rels".lstrip("/")
    if relations in package:
        parts |= _related(package, parts["officeDocument"], relations)
    return parts


def _related(package: Packed, base: str, name: str) -> Iterator[tuple[str, str]]:
    for element in find_all(package.tree(name), "Relationship"):
        target = element.get("Target", "")
        if element.get("TargetMode") != "External":
            kind = element.get("Type", "").rpartition("/")[2]
            yield kind, resolve("" if target.startswith("/") else base, target)


def _part(package: Packed, parts: dict[str, str], kind: str) -> etree._Element | None:
    """A part that a document can do without."""
    try:
        return package.tree(parts[kind]) if kind in parts else None
    except PackedError:
        return None


def _blocks(element: etree._Element, body: Body, depth: int) -> Iterator[Block]:
    """The blocks of a body, a cell, a note, or what wraps them (content controls, text boxes)."""
    for child in element if depth < MAX_DEPTH else ():
        name = tag_of(child)
        if name == "p":
            yield _paragraph(child, body)
            for box in find_all(child, "txbxContent"):
                if not any(tag_of(above) == "Fallback" for above in box.iterancestors()):
                    yield from _blocks(box, body, depth + 1)
        elif name == "tbl":
            yield table(
                [_row(row, body, depth) for row in find_all(child, "tr") if _own(row, child)]
            )
        elif name and name not in SKIPPED:
            yield from _blocks(child, body, depth + 1)


def _own(row: etree._Element, of: etree._Element) -> bool:
    """Whether a row is the table's own, not that of a table in one of its cells."""
    return next(above for above in row.iterancestors() if tag_of(above) == "tbl") is of


def _row(row: etree._Element, body: Body, depth: int) -> list[tuple[str, int, int]]:
    """The cells of a row: text, columns, rows. A cell that continues the one above it is empty."""
    return [
        (
            "\n".join(block.text for block in _blocks(cell, body, depth + 1)),
            number(value(find(cell, "tcPr"), "gridSpan"), 1),
            1,
        )
        for cell in find_all(row, "tc")
        if next(above for above in cell.iterancestors() if tag_of(above) == "tr") is row
    ]


def _paragraph(element: etree._Element, body: Body) -> Block:
    """A heading, an item or a paragraph, as its style and numbering say."""
    text = "".join(_pieces(element, body, 0)).strip(" ")
    properties = next((child for child in element if tag_of(child) == "pPr"), None)
    style = value(properties, "pStyle")
    outline = value(properties, "outlineLvl")
    level = (
        number(outline) + 1
        if outline and number(outline) < 9
        else body.styles.headings.get(style, 0)
    )
    if level and text.strip():
        return Block("heading", text, level)
    place = body.styles.lists.get(style)
    if list_id := value(properties, "numId"):
        place = (list_id, number(value(properties, "ilvl")))
    mark = body.styles.mark(place) if place and text.strip() else None
    return Block("item", text, place[1], mark) if place and mark else Block("paragraph", text)


def _pieces(element: etree._Element, body: Body, depth: int) -> Iterator[str]:
    """The text of a paragraph's runs, links, insertions and content controls."""
    for child in element if depth < MAX_DEPTH else ():
        name = tag_of(child)
        if name == "t":
            yield child.text or ""
        elif name in CHARACTERS:
            yield CHARACTERS[name] if attribute(child, "type") != "page" else "\n"
        elif name in NOTES:
            yield _reference(child, NOTES[name], body)
        elif name == "r" and _is_hidden(child):
            continue
        elif name and name not in SKIPPED and name != "p":
            yield from _pieces(child, body, depth + 1)


def _is_hidden(run: etree._Element) -> bool:
    hidden = find(next((child for child in run if tag_of(child) == "rPr"), None), "vanish")
    return hidden is not None and attribute(hidden, "val") not in OFF


def _reference(element: etree._Element, kind: str, body: Body) -> str:
    """A note's mark, numbered in the order of the text."""
    body.notes.append((kind, attribute(element, "id")))
    return f"[^{len(body.notes)}]"


def _notes(body: Body, parts: dict[str, etree._Element | None]) -> Iterator[Block]:
    """The notes, in the order in which the text refers to them."""
    found = {
        (kind, attribute(note, "id")): note
        for kind, part in parts.items()
        if part is not None
        for note in find_all(part, kind)
    }
    for at, place in enumerate(list(body.notes), 1):
        if place in found:
            blocks = (block.text.strip() for block in _blocks(found[place], body, 0))
            yield Block("paragraph", f"[^{at}]: " + "\n\n".join(text for text in blocks if text))


def _labels(properties: etree._Element | None) -> dict[str, str]:
    """What the core properties (Dublin Core) say."""
    stated = {
        name: words(find(properties, name))
        for name in ("title", "creator", "language", "identifier")
    }
    created = iso_date(words(find(properties, "created")))
    found = {
        "title": stated["title"],
        "authors": "; ".join(one.strip() for one in stated["creator"].split(";") if one.strip()),
        "date": created or "",
        "declared_language": stated["language"],
        "identifier": stated["identifier"],
    }
    return {name: text[:MAX_LABEL_CHARS] for name, text in found.items() if text}
