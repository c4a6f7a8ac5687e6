"""A US patent in XML to text.

In: one `us-patent-grant` or `us-patent-application` (USPTO Red Book, versions 4.0 to 4.7). Out:
Markdown: title, abstract, description with its headings and tables, claims; number, date, inventors
and classification as labels. The decision: claims keep their own numbers and nest as their steps do;
figures, chemistry and sequences are left out, mathematics is written as a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from curate.extract.iso_date import iso_date
from curate.extract.page import Page
from curate.extract.papers.mathml import formula_of
from curate.extract.tables import pipe_table
from curate.extract.xml_tree import find, find_all, parse, tag_of, words

MEDIA_TYPE = "application/vnd.uspto.patent+xml"
LICENCE = "public domain"  # 37 CFR 1.71(d): save for what a notice in the patent reserves
SKIPPED = frozenset(["img", "chemistry", "figref-list", "program-listing-deposit", "sequence-list"])
RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
LOWERED = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
DIGITS = re.compile(r"[\d+\-]+")
ROOTS = ("us-patent-grant", "us-patent-application")


def extract_patent(content: bytes) -> Page:
    """The patent as Markdown."""
    tree = parse(content)
    if tree.root is None:
        return Page("", {}, tree.replaced)
    patent = tree.root if tag_of(tree.root) in ROOTS else find(tree.root, *ROOTS)
    patent = tree.root if patent is None else patent
    labels = _labels(patent)
    if tree.error:
        labels["xml.error"] = tree.error[:200]
    blocks = [f"# {labels['title']}"] if "title" in labels else []
    for name, title in (
        ("abstract", "Abstract"),
        ("description", "Description"),
        ("claims", "Claims"),
    ):
        part = next((child for child in patent if tag_of(child) == name), None)
        found = [] if part is None else list(_claims(part) if name == "claims" else _blocks(part))
        blocks += [f"## {title}", *found] if found else []
    return Page("\n\n".join(blocks), labels, tree.replaced)


def _labels(patent: Any) -> dict[str, str]:
    published = find(patent, "publication-reference")
    number = "".join(words(find(published, name)) for name in ("country", "doc-number", "kind"))
    people = find(patent, "inventors")
    if people is None:
        people = find(patent, "applicants", "us-applicants")
    names = [
        f"{words(find(person, 'first-name'))} {words(find(person, 'last-name'))}".strip()
        for person in (() if people is None else people)
    ]
    found = {
        "title": words(find(patent, "invention-title")),
        "identifier": number,
        "date": iso_date(words(find(published, "date"))) or "",
        "authors": "; ".join(name for name in names if name),
        "patent.kind": (patent.get("id") or tag_of(patent)).removeprefix("us-patent-"),
        "patent.class": _classification(patent),
        "licence": LICENCE,
    }
    return {name: value for name, value in found.items() if value}


def _classification(patent: Any) -> str:
    """The first CPC or IPC symbol, as `G06F 17/30`."""
    symbol = find(patent, "classification-cpc", "classification-ipcr")
    section, kind, subclass, group, subgroup = (
        words(find(symbol, name))
        for name in ("section", "class", "subclass", "main-group", "subgroup")
    )
    return f"{section}{kind}{subclass} {group}/{subgroup}" if section and group else ""


def _blocks(part: Any) -> Iterator[str]:
    """Headings, paragraphs and tables, in order."""
    for child in part:
        tag = tag_of(child)
        if tag == "heading":
            if line := _line(child):
                yield f"### {line}"
        elif tag in ("p", "li"):
            if line := _line(child):
                yield line
            for table in find_all(child, "table"):
                if block := _table(table):
                    yield block
        elif tag and tag not in SKIPPED:
            yield from _blocks(child)


def _claims(claims: Any) -> Iterator[str]:
    for claim in claims:
        if tag_of(claim) == "claim":
            lines = ["  " * depth + line for depth, line in _steps(claim, -1) if line.strip()]
            if lines:
                yield "\n".join(lines)


def _steps(element: Any, depth: int) -> Iterator[tuple[int, str]]:
    """The parts of a claim with how deep they are; a part's own words end where its steps begin."""
    parts = [element.text or ""]
    for child in element:
        if tag_of(child) == "claim-text":
            yield max(depth, 0), " ".join("".join(parts).split())
            yield from _steps(child, depth + 1)
            parts = [child.tail or ""]
        else:
            parts += [*_pieces(child), child.tail or ""]
    yield max(depth, 0), " ".join("".join(parts).split())


def _line(element: Any) -> str:
    return " ".join("".join(_inner(element)).split())


def _inner(element: Any) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""


def _pieces(element: Any) -> Iterator[str]:
    """The words of an element within a line."""
    tag = tag_of(element)
    if tag in ("maths", "math"):
        yield f" {formula_of(element)} "
    elif tag in ("sup", "sub"):
        line = "".join(_inner(element)).strip()
        fits = DIGITS.fullmatch(line)
        yield line.translate(RAISED if tag == "sup" else LOWERED) if fits else line
    elif tag == "br":
        yield " "
    elif tag and tag not in SKIPPED and tag not in ("tables", "table"):
        space = " " if tag in ("li", "ul", "ol", "dd", "dt", "p") else ""
        yield space
        yield from _inner(element)
        yield space
    elif not tag and (element.text or "").startswith("&"):
        yield element.text


def _table(table: Any) -> str:
    rows = [
        [(_line(cell), 1, 1) for cell in row if tag_of(cell) == "entry"]
        for row in find_all(table, "row")
    ]
    return pipe_table(rows)
