"""JATS, the XML of journal articles (PubMed Central's `.nxml`), to text.

In: one article in JATS or its NLM predecessors, with or without a namespace. Out: Markdown: title,
abstract, sections, lists, tables, captions, formulas, footnotes; and what the front matter says. The
decision: text stands where the article has it, so citations in the text stay and the list of
references, which is no prose, is left out unless asked for; so are the letters and reviews that come
as sub-articles.

JATS 1.3, ANSI/NISO Z39.96-2021.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from curate.extract.page import Page
from curate.extract.papers import jats_front
from curate.extract.papers.mathml import formula_of
from curate.extract.tables import pipe_table
from curate.extract.xml_tree import find, find_all, parse, tag_of, words

SKIPPED = frozenset(
    ["front", "front-stub", "sub-article", "response", "graphic", "inline-graphic", "media",
     "object-id", "label", "permissions", "bio", "journal-meta", "article-meta", "contrib-group", "processing-meta",
     "title-group", "related-article", "inline-supplementary-material", "sec-meta", "alt-text", "long-desc"]
)  # fmt: skip
NOT_PROSE = frozenset({"graphical", "teaser", "toc", "toc-short", "web-summary"})
RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
RAISABLE = re.compile(r"[\d+\-−=()n]+")
MAX_HEADING = 6


def extract_jats(content: bytes, references: bool = False) -> Page:
    """The article as Markdown. `references` keeps the list of references."""
    tree = parse(content)
    if tree.root is None:
        return Page("", {}, tree.replaced)
    article = find(tree.root, "article")
    article = tree.root if article is None else article
    labels = jats_front.labels(article)
    if tree.error:
        labels["xml.error"] = tree.error[:200]
    text = _Writer(references).article(article, labels.get("title"))
    return Page(text, labels, tree.replaced)


class _Writer:
    """Walks the article and keeps finished blocks, and the words of the block at work."""

    def __init__(self, references: bool) -> None:
        self._references = references
        self._blocks: list[str] = []
        self._words: list[str] = []
        self._notes: list[str] = []
        self._level = 1
        self._handlers: dict[str, Callable[[Any], None]] = {
            **dict.fromkeys(
                ("sec", "app", "boxed-text", "glossary", "ack", "notes"), self._section
            ),
            **dict.fromkeys(("fn-group", "back", "abstract", "ref-list"), self._section),
            **dict.fromkeys(("title", "subtitle"), self._heading),
            **dict.fromkeys(("fig", "table-wrap", "supplementary-material"), self._captioned),
            **dict.fromkeys(("p", "verse-line", "attrib", "speech", "statement"), self._paragraph),
            **dict.fromkeys(("disp-quote", "verse-group"), self._quote),
            **dict.fromkeys(("tex-math", "math", "alternatives"), self._inline_formula),
            "list": self._list,
            "def-list": self._definitions,
            "table": self._table,
            "disp-formula": self._formula,
            "preformat": self._preformat,
            "code": self._preformat,
            "fn": self._note,
            "sup": self._raised,
            "sub": self._lowered,
            "break": lambda element: self._words.append(" "),
            "ref": self._reference,
        }

    def article(self, article: Any, title: str | None) -> str:
        if title:
            self._blocks.append(f"# {title}")
        meta = find(article, "article-meta")
        for abstract in find_all(meta, "abstract") if meta is not None else ():
            if abstract.get("abstract-type") not in NOT_PROSE:
                self._section(abstract)
        for part in article:
            if tag_of(part) in ("body", "back", "floats-group"):
                self._flow(part)
                self._flush()
        if not len(article) or tag_of(article) == "body":
            self._flow(article)
        self._flush()
        return "\n\n".join(self._blocks + self._notes)

    def _flow(self, element: Any) -> None:
        """The words and blocks of an element's content."""
        self._words.append(element.text or "")
        for child in element:
            tag = tag_of(child)
            if tag in self._handlers:
                self._handlers[tag](child)
            elif tag and tag not in SKIPPED:
                self._flow(child)
            elif not tag and child.text and child.text.startswith("&"):
                self._words.append(child.text)
            self._words.append(child.tail or "")

    def _flush(self, prefix: str = "") -> None:
        """End the block at work."""
        block = " ".join("".join(self._words).split())
        self._words = []
        if block:
            self._blocks.append(prefix + block)

    def _inside(self, element: Any) -> str:
        """The element's content as one line, apart from the block at work."""
        kept = self._words, self._blocks
        self._words, self._blocks = [], []
        self._flow(element)
        self._flush()
        line = " ".join(self._blocks)
        self._words, self._blocks = kept
        return line

    def _section(self, element: Any) -> None:
        self._flush()
        tag = tag_of(element)
        if tag == "ref-list" and not self._references:
            return
        self._level += tag != "back"
        named = any(tag_of(child) == "title" for child in element)
        if tag in ("abstract", "fn-group", "ack") and not named:
            name = {"abstract": "Abstract", "fn-group": "Footnotes", "ack": "Acknowledgements"}[tag]
            self._blocks.append(f"{self._marks()} {name}")
        before = len(self._blocks)
        self._flow(element)
        self._flush()
        if not named and len(self._blocks) == before and tag in ("abstract", "fn-group", "ack"):
            self._blocks.pop()
        self._level -= tag != "back"

    def _marks(self) -> str:
        return "#" * min(self._level, MAX_HEADING)

    def _heading(self, element: Any) -> None:
        self._flush()
        line = self._inside(element)
        label = element.getprevious()
        if label is not None and tag_of(label) == "label" and words(label):
            line = f"{words(label)} {line}"
        if line:
            self._blocks.append(f"{self._marks()} {line}")

    def _paragraph(self, element: Any) -> None:
        self._flush()
        self._flow(element)
        self._flush()

    def _quote(self, element: Any) -> None:
        self._flush()
        before = len(self._blocks)
        self._flow(element)
        self._flush()
        self._blocks[before:] = [f"> {block}" for block in self._blocks[before:]]

    def _captioned(self, element: Any) -> None:
        """Label and caption in one paragraph, then a table's rows and feet."""
        self._flush()
        label = next((words(child) for child in element if tag_of(child) == "label"), "")
        captions = [self._caption(child) for child in element if tag_of(child) == "caption"]
        line = " ".join([f"{label.rstrip('.')}." if label else "", *captions]).strip()
        if line:
            self._blocks.append(line)
        for child in element:
            if tag_of(child) in ("table", "alternatives", "table-wrap-foot", "p", "disp-formula"):
                if (table := find(child, "table")) is not None:
                    self._table(table)
                else:
                    self._paragraph(child)

    def _caption(self, caption: Any) -> str:
        parts = [self._inside(child) for child in caption if tag_of(child) in ("title", "p")]
        return " ".join(part for part in parts if part)

    def _table(self, table: Any) -> None:
        self._flush()
        rows = [
            [
                (self._inside(cell), _span(cell, "colspan"), _span(cell, "rowspan"))
                for cell in row
                if tag_of(cell) in ("td", "th")
            ]
            for row in find_all(table, "tr")
            if _table_of(row) is table
        ]
        if block := pipe_table(rows):
            self._blocks.append(block)

    def _list(self, element: Any) -> None:
        """One block, an item a line; what an item holds besides is indented below it."""
        self._flush()
        ordered = element.get("list-type") in ("order", "alpha-lower", "roman-lower", "alpha-upper")
        lines = []
        items = (child for child in element if tag_of(child) == "list-item")
        for number, item in enumerate(items, 1):
            kept, self._blocks = self._blocks, []
            self._flow(item)
            self._flush()
            mark = f"{number}. " if ordered else "- "
            inner = "\n".join(self._blocks).replace("\n", "\n" + " " * len(mark))
            self._blocks = kept
            if inner:
                lines.append(mark + inner)
        if lines:
            self._blocks.append("\n".join(lines))

    def _definitions(self, element: Any) -> None:
        self._flush()
        for item in element:
            if tag_of(item) == "def-item":
                parts = [self._inside(part) for part in item if tag_of(part) in ("term", "def")]
                self._blocks.append(": ".join(part for part in parts if part))
            elif tag_of(item) == "title":
                self._heading(item)

    def _formula(self, element: Any) -> None:
        self._flush()
        label = next((words(child) for child in element if tag_of(child) == "label"), "")
        if formula := formula_of(element):
            inner = formula.strip("$") if formula.startswith("$") else ""
            formula = f"$${inner}$$" if inner else formula
            self._blocks.append(f"{formula} {label}".strip())
        else:
            self._paragraph(element)

    def _inline_formula(self, element: Any) -> None:
        if formula := formula_of(element):
            self._words.append(formula)
        else:
            self._flow(element)

    def _preformat(self, element: Any) -> None:
        self._flush()
        self._blocks.append(f"```\n{''.join(element.itertext()).strip(chr(10))}\n```")

    def _note(self, element: Any) -> None:
        parent = element.getparent()
        if parent is not None and tag_of(parent) in ("fn-group", "table-wrap-foot"):
            label = next((words(child) for child in element if tag_of(child) == "label"), "")
            note = f"{label} {self._inside(element)}".strip()
            self._flush()
            self._blocks.append(note) if note else None
            return
        number = len(self._notes) + 1
        self._notes.append("")
        self._notes[number - 1] = f"[^{number}]: {self._inside(element)}"
        self._words.append(f"[^{number}]")

    def _raised(self, element: Any) -> None:
        line = self._inside(element)
        self._words.append(
            line.translate(RAISED) if RAISABLE.fullmatch(line) else line and f"^{line}"
        )

    def _lowered(self, element: Any) -> None:
        line = self._inside(element)
        self._words.append(line.translate(LOWERED) if RAISABLE.fullmatch(line) else line)

    def _reference(self, element: Any) -> None:
        self._flush()
        if line := self._inside(element):
            self._blocks.append(f"- {line}")


def _table_of(row: Any) -> Any:
    """The table that a row is in, not one around that."""
    return next((above for above in row.iterancestors() if tag_of(above) == "table"), None)


def _span(cell: Any, name: str) -> int:
    value = cell.get(name) or "1"
    return int(value) if value.isascii() and value.isdigit() else 1
