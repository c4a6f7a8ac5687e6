"""The body of a LaTeX document to Markdown.

In: TeX without comments and with the author's commands expanded. Out: headings, paragraphs, lists,
rows of tables, captions; mathematics as it was written. The decision: one pass over tokens, each
either known or dropped by name while its braced text stays; what is captured (a heading, a caption,
a footnote) is rendered by itself, to a bounded depth, so time grows with length only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from curate.extract.papers.latex.braces import argument, match_braces, option, skip_blank
from curate.extract.papers.latex.names import (
    ACCENTS,
    CITATION,
    DROPPED,
    ENVIRONMENT_ARGUMENTS,
    LISTS,
    MATH,
    PICTURES,
    REFERENCE,
    SECTIONS,
    SINGLE,
    SYMBOLS,
    TABLES,
    THEOREMS,
)
from curate.extract.papers.latex.tidy import END_OF_PARAGRAPH, REMOVED, tidy

TOKEN = re.compile(
    r"\\(?P<edge>begin|end)\s*\{\s*(?P<environment>[a-zA-Z]+)\*?\s*\}"
    r"|\\(?P<command>[a-zA-Z@]+)\*?(?P<dimension>[ \t]*(?:=[ \t]*)?[-+]?(?:\d+\.?\d*|\.\d+)[ \t]*"
    r"(?:true[ \t]*)?(?:pt|in|cm|mm|em|ex|bp|pc|sp)\b(?:[ \t]+(?:plus|minus)[ \t]*[\d.]+[a-z]+)*"
    r"|[ \t]*=[ \t]*-?\d+)?"
    r"|\\(?P<single>.|\n)|(?P<math>\$\$?)|(?P<brace>[{}])|\x02(?P<literal>\d+)\x03"
    r"|(?P<paragraph>\n[ \t]*\n\s*)|(?P<cell>&)|(?P<plain>~|``|''|---?)",
    re.DOTALL,
)
PLAIN = {"~": " ", "``": "“", "''": "”", "--": "–", "---": "—"}
LABEL = re.compile(r"\\(?:label|nonumber|notag)\b[ \t]*(?:\{[^{}]{0,500}\})?")
REFERENCES = re.compile(rf"{CITATION}|{REFERENCE}")
MAX_DEPTH = 8


@dataclass
class Rendering:
    """State of one document: where lists and tables are, and what waits for the end."""

    literal: list[tuple[bool, str]]
    theorems: dict[str, str]
    shift: int = 1
    notes: list[str] = field(default_factory=list)
    lists: list[list[int | str]] = field(default_factory=list)
    tables: int = 0
    floats: list[str] = field(default_factory=list)


def render(text: str, state: Rendering, depth: int = 0) -> str:
    """The text as Markdown, not yet tidied."""
    return _Renderer(text, state, depth).run()


class _Renderer:
    """One pass over one text."""

    def __init__(self, text: str, state: Rendering, depth: int) -> None:
        self._text, self._state, self._depth = text, state, depth
        self._pairs = match_braces(text)
        self._out: list[str] = []
        self._absent: set[str] = set()
        self._at = 0

    def run(self) -> str:
        text = self._text
        while found := TOKEN.search(text, self._at):
            self._out.append(text[self._at : found.start()].replace("\n", " "))
            self._at = found.end()
            kind = found.lastgroup if found.lastgroup != "dimension" else "command"
            HANDLERS[kind or "single"](self, found)
        self._out.append(text[self._at :].replace("\n", " "))
        return "".join(self._out)

    def literal(self, found: re.Match[str]) -> None:
        number = int(found["literal"])
        if number < len(self._state.literal):
            block, content = self._state.literal[number]
            self._out.append(f"\n\n\x05{content}\x06\n\n" if block else content)

    def plain(self, found: re.Match[str]) -> None:
        self._out.append(PLAIN[found[0]])

    def paragraph(self, found: re.Match[str]) -> None:
        self._out.append("\n\n")

    def brace(self, found: re.Match[str]) -> None:
        pass

    def cell(self, found: re.Match[str]) -> None:
        self._out.append(" | " if self._state.tables else "&")

    def math(self, found: re.Match[str]) -> None:
        """From a dollar to the next; one without a partner in its paragraph is a dollar."""
        mark, start = found[0], found.end()
        end = self._closing_dollar(mark, start)
        if end is None:
            self._out.append(mark if mark == "$" else "")
            return
        self._formula(self._text[start:end], mark)
        self._at = end + len(mark)

    def _closing_dollar(self, mark: str, at: int) -> int | None:
        while (end := self._text.find(mark, at)) >= 0:
            if "\n\n" in self._text[at:end]:
                return None
            if self._text[end - 1] != "\\":
                return end
            at = end + 1
        return None

    def _formula(self, source: str, mark: str) -> None:
        source = _without_labels(source)
        if not source:
            return
        self._out.append(f"${source}$" if mark == "$" else f"\n\n$${source}$$\n\n")

    def single(self, found: re.Match[str]) -> None:
        char = found["single"]
        if char == "\\":
            self._line_end()
        elif char in "([":
            closing = "\\)" if char == "(" else "\\]"
            end = -1 if closing in self._absent else self._text.find(closing, self._at)
            if end < 0:
                self._absent.add(closing)
                return
            self._formula(self._text[self._at : end], "$" if char == "(" else "$$")
            self._at = end + 2
        elif char in ACCENTS:
            self._accent(char)
        else:
            self._out.append(SINGLE.get(char, ""))

    def _line_end(self) -> None:
        if self._text.startswith("*", self._at):
            self._at += 1
        if given := option(self._text, self._at):
            self._at = given[2]
        self._out.append("\n")

    def _accent(self, mark: str) -> None:
        """The next letter with its accent."""
        at = skip_blank(self._text, self._at)
        letter = self._text[at : at + 1]
        if (given := argument(self._text, at, self._pairs)) and given[1] - given[0] <= 8:
            letter, end = self._text[given[0] : given[1]].strip(), given[2]
        elif letter == "\\" and self._text[at + 1 : at + 2] in "ij":
            letter, end = self._text[at : at + 2], at + 2
        elif letter.isalpha():
            end = at + 1
        else:
            return
        letter = letter.lstrip("\\")
        self._out.append(unicodedata.normalize("NFC", letter[:1] + ACCENTS[mark] + letter[1:]))
        self._at = end

    def edge(self, found: re.Match[str]) -> None:
        name = found["environment"]
        if found["edge"] == "end":
            self._end(name)
        elif name in MATH or name in PICTURES:
            self._whole(found, name)
        else:
            self._begin(name)

    def _whole(self, found: re.Match[str], name: str) -> None:
        """A formula as it was written; a picture not at all."""
        given = found[0].partition("{")[2].rstrip("} ").strip()
        mark = f"\\end{{{given}}}"
        end = -1 if mark in self._absent else self._text.find(mark, self._at)
        if end < 0:
            self._absent.add(mark)
            return
        if name in MATH and (source := _without_labels(self._text[self._at : end])):
            self._out.append(f"\n\n\\begin{{{given}}}\n{source}\n{mark}\n\n")
        self._at = end + len(mark)

    def _begin(self, name: str) -> None:
        state, note = self._state, None
        while given := option(self._text, self._at):
            note, self._at = self._text[given[0] : given[1]], given[2]
        self._skip_arguments(TABLES.get(name, ENVIRONMENT_ARGUMENTS.get(name, 0)))
        self._out.append("\n" if name in LISTS and state.lists else "\n\n")
        if name in LISTS:
            state.lists.append([LISTS[name], 0])
        elif name in TABLES:
            state.tables += 1
        elif name in ("figure", "table", "wrapfigure", "wraptable", "algorithm"):
            state.floats.append(name)
        elif name == "abstract":
            self._out.append("## Abstract\n\n")
        elif title := state.theorems.get(name) or THEOREMS.get(name):
            shown = render(title, state, self._depth + 1) if self._depth < MAX_DEPTH else title
            said = (
                f" ({render(note, state, self._depth + 1)})"
                if note and self._depth < MAX_DEPTH
                else ""
            )
            self._out.append(f"**{shown.strip()}**{said}. ")

    def _end(self, name: str) -> None:
        state = self._state
        if name in LISTS and state.lists:
            state.lists.pop()
        elif name in TABLES:
            state.tables = max(0, state.tables - 1)
        elif state.floats and name == state.floats[-1]:
            state.floats.pop()
        elif name == "document":
            self._at = len(self._text)
        self._out.append("\n" if name in LISTS and state.lists else "\n\n")

    def command(self, found: re.Match[str]) -> None:
        name = found["command"]
        if name in COMMANDS:
            COMMANDS[name](self, name)
        elif name in SECTIONS:
            self._section(name)
        elif name in ACCENTS:
            self._accent(name)
        elif name in SYMBOLS:
            self._out.append(SYMBOLS[name])
            self._at = found.end() if found["dimension"] else skip_blank(self._text, self._at)
        elif REFERENCES.fullmatch(name):
            self._options()
            self._skip_arguments(1)
            self._out.append(REMOVED)
        else:
            if name not in ("item", "maketitle"):
                self._options()
            self._skip_arguments(DROPPED.get(name, 0))
            if name not in DROPPED:
                self._at = max(self._at, found.end())
                self._swallow_space()

    def _swallow_space(self) -> None:
        """A command eats the white space behind it, unless that ends a paragraph."""
        at = skip_blank(self._text, self._at)
        if not self._text.startswith("\n", at):
            self._at = at

    def _options(self) -> None:
        while self._text.startswith("[", self._at) and (given := option(self._text, self._at)):
            self._at = given[2]

    def _skip_arguments(self, count: int) -> None:
        for _ in range(count):
            if given := option(self._text, self._at):
                self._at = given[2]
            found = argument(self._text, self._at, self._pairs)
            if found is None:
                return
            self._at = found[2]

    def _captured(self) -> str | None:
        """The next argument, rendered by itself; None if there is none."""
        if given := option(self._text, self._at):
            self._at = given[2]
        found = argument(self._text, self._at, self._pairs)
        if found is None or self._depth >= MAX_DEPTH:
            return None
        self._at = found[2]
        inner = render(self._text[found[0] : found[1]], self._state, self._depth + 1)
        return tidy(inner).replace("\n", " ").strip()

    def _section(self, name: str) -> None:
        title = self._captured()
        if title is None and name in ("beginsection", "head", "subhead", "heading"):
            end = END_OF_PARAGRAPH.search(self._text, self._at)
            stop = min(end.start() if end else len(self._text), self._at + 300)
            title = " ".join(re.sub(r"\\[a-z]+", "", self._text[self._at : stop]).split())
            self._at = stop
        level = min(6, max(2, SECTIONS[name] + self._state.shift))
        self._out.append(f"\n\n{'#' * level} {title}\n\n" if title else "\n\n")

    def item(self, name: str) -> None:
        given = option(self._text, self._at)
        label = ""
        if given:
            label = self._text[given[0] : given[1]]
            label = (
                render(label, self._state, self._depth + 1).strip()
                if self._depth < MAX_DEPTH
                else label
            )
            self._at = given[2]
        self._at = skip_blank(self._text, self._at)
        lists = self._state.lists
        mark = "- "
        if lists:
            lists[-1][1] = int(lists[-1][1]) + 1
            mark = str(lists[-1][0]) or f"{lists[-1][1]}. "
        indent = "  " * min(len(lists) - 1, 8) if lists else ""
        self._out.append(f"\n{indent}\x07{mark}{label + ' ' if label else ''}")

    def caption(self, name: str) -> None:
        kind = self._state.floats[-1] if self._state.floats else ""
        prefix = "Table: " if "table" in kind else "Figure: " if "figure" in kind else ""
        if line := self._captured():
            self._out.append(f"\n\n{prefix}{line}\n\n")

    def footnote(self, name: str) -> None:
        line = self._captured()
        if line:
            self._state.notes.append(line)
            self._out.append(f"[^{len(self._state.notes)}]")

    def href(self, name: str) -> None:
        self._skip_arguments(1)

    def url(self, name: str) -> None:
        if found := argument(self._text, self._at, self._pairs):
            self._out.append(self._text[found[0] : found[1]].replace("\\", "").strip())
            self._at = found[2]

    def ensuremath(self, name: str) -> None:
        if found := argument(self._text, self._at, self._pairs):
            self._formula(self._text[found[0] : found[1]], "$")
            self._at = found[2]

    def abstract(self, name: str) -> None:
        """`\\abstract{…}` as some classes have it."""
        self._out.append("\n\n## Abstract\n\n")
        if line := self._captured():
            self._out.append(f"{line}\n\n")

    def xspace(self, name: str) -> None:
        """White space, where the author left none before a word."""
        if self._text[self._at : self._at + 1].isalnum():
            self._out.append(" ")

    def stop(self, name: str) -> None:
        self._at = len(self._text)


def _without_labels(source: str) -> str:
    return "\n".join(line.strip() for line in LABEL.sub("", source).split("\n") if line.strip())


HANDLERS: dict[str, Callable[[_Renderer, re.Match[str]], None]] = {
    "literal": _Renderer.literal,
    "plain": _Renderer.plain,
    "paragraph": _Renderer.paragraph,
    "brace": _Renderer.brace,
    "cell": _Renderer.cell,
    "math": _Renderer.math,
    "single": _Renderer.single,
    "environment": _Renderer.edge,
    "edge": _Renderer.edge,
    "command": _Renderer.command,
}
COMMANDS: dict[str, Callable[[_Renderer, str], None]] = {
    "item": _Renderer.item,
    "caption": _Renderer.caption,
    "captionof": _Renderer.caption,
    "footnote": _Renderer.footnote,
    "footnotetext": _Renderer.footnote,
    "href": _Renderer.href,
    "url": _Renderer.url,
    "path": _Renderer.url,
    "ensuremath": _Renderer.ensuremath,
    "abstract": _Renderer.abstract,
    "bye": _Renderer.stop,
    "xspace": _Renderer.xspace,
    "appendix": lambda renderer, name: None,
}
