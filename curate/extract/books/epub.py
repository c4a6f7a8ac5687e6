"""EPUB 2 and 3 to text.

In: a file's bytes. Out: `Page`: the chapters in the order of the spine as Markdown, and the
metadata of the package. The decision: the book is what its spine calls linear, less what the book
itself marks as cover, table of contents or copyright page. A file that cannot be read says why in
the label `extract.note`; `encrypted` is one under digital rights management.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from curate.extract.blocks import Block, markdown
from curate.extract.books.packed import Packed, PackedError, parse_xml, resolve
from curate.extract.books.xhtml import blocks_of
from curate.extract.iso_date import iso_date
from curate.extract.page import Page
from curate.extract.xml_tree import tag_of

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
XHTML = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/xml"})
LEFT_OUT = frozenset({"cover", "toc", "copyright-page", "loi", "lot", "index"})  # OPF 2 guide types
ISBN = re.compile(r"(?:urn:)?isbn:?\s*([\dX-]{10,17})", re.IGNORECASE)
OPF = "{http://www.idpf.org/2007/opf}"
MAX_LABEL_CHARS = 1000


@dataclass(frozen=True)
class Item:
    """One file of the manifest."""

    name: str
    media_type: str
    properties: frozenset[str]


def extract_epub(content: bytes) -> Page:
    """The text and metadata of an EPUB. Never raises for what is in the file."""
    try:
        book = Packed(content)
        name = _package_name(book)
        package = book.tree(name)
    except PackedError as error:
        return Page("", {"extract.note": f"damaged: {error}"})
    labels = labels_of(package)
    chapters = list(_chapters(package, name))
    if not _encrypted(book).isdisjoint(chapters):
        return Page("", {**labels, "extract.note": "encrypted"})
    blocks: list[Block] = []
    lost: list[str] = []
    for chapter in chapters:
        try:
            blocks += blocks_of(parse_xml(book.read(chapter), chapter))
        except PackedError as error:
            lost.append(str(error))
    if lost:
        labels["extract.note"] = f"damaged: {len(lost)} of {len(chapters)} chapters: {lost[0]}"
    text = markdown(blocks)
    return Page(text, labels, text.count("\ufffd"))


def _package_name(book: Packed) -> str:
    """The name of the package document: what the container says, else the only `.opf` there is."""
    if CONTAINER in book:
        for element in book.tree(CONTAINER).iter():
            if tag_of(element) == "rootfile" and element.get("full-path"):
                return resolve("", element.get("full-path", ""))
    found = [name for name in book.names if name.lower().endswith(".opf")]
    if not found:
        raise PackedError("no package document (.opf)")
    return found[0]


def _chapters(package: etree._Element, base: str) -> Iterator[str]:
    """The names of the files that are the book's text, in reading order."""
    manifest = {
        element.get("id", ""): Item(
            resolve(base, element.get("href", "")),
            element.get("media-type", "").split(";")[0].strip().lower(),
            frozenset(element.get("properties", "").split()),
        )
        for element in package.iter()
        if tag_of(element) == "item"
    }
    left_out = {
        resolve(base, element.get("href", ""))
        for element in package.iter()
        if tag_of(element) == "reference" and element.get("type", "").lower() in LEFT_OUT
    }
    for element in package.iter():
        if tag_of(element) != "itemref" or element.get("linear") == "no":
            continue
        item = manifest.get(element.get("idref", ""))
        if (
            item
            and item.media_type in XHTML
            and "nav" not in item.properties
            and item.name not in left_out
        ):
            yield item.name


def _encrypted(book: Packed) -> frozenset[str]:
    """The names of the files that are encrypted. Obfuscated fonts are listed there too."""
    if ENCRYPTION not in book:
        return frozenset()
    try:
        root = book.tree(ENCRYPTION)
    except PackedError:
        return frozenset()
    return frozenset(
        resolve("", element.get("URI", ""))
        for element in root.iter()
        if tag_of(element) == "CipherReference"
    )


def labels_of(package: etree._Element) -> dict[str, str]:
    """What the package's Dublin Core says."""
    stated: dict[str, list[etree._Element]] = {}
    for element in package.iter():
        if (element.text or "").strip():
            stated.setdefault(tag_of(element), []).append(element)
    words = {
        name: [" ".join((one.text or "").split()) for one in found]
        for name, found in stated.items()
    }
    found = {
        "title": words.get("title", [""])[0],
        "authors": "; ".join(dict.fromkeys(words.get("creator", []))),
        "declared_language": words.get("language", [""])[0],
        "licence": words.get("rights", [""])[0],
        "date": _date(stated.get("date", [])),
        "identifier": _identifier(stated.get("identifier", []), package.get("unique-identifier")),
    }
    return {name: value[:MAX_LABEL_CHARS] for name, value in found.items() if value}


def _date(dates: list[etree._Element]) -> str:
    """The date of publication if one is marked so, else the first that is a date."""
    dates = sorted(
        dates, key=lambda one: one.get(f"{OPF}event") not in ("publication", "original-publication")
    )
    return next((date for one in dates if (date := iso_date(one.text or ""))), "")


def _identifier(identifiers: list[etree._Element], unique: str | None) -> str:
    """An ISBN before the package's own unique identifier, that before the first."""
    texts = [(one.text or "").strip() for one in identifiers]
    for one, text in zip(identifiers, texts, strict=True):
        if (one.get(f"{OPF}scheme") or "").upper() == "ISBN" or ISBN.fullmatch(text):
            found = ISBN.fullmatch(text)
            return f"isbn:{found[1] if found else text}"
    own = [text for one, text in zip(identifiers, texts, strict=True) if one.get("id") == unique]
    return next(iter(own or texts), "")
