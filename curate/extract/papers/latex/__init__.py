"""LaTeX to text.

In: one .tex file, or an arXiv e-print (a tar of a paper's files, or one gzipped file). Out: Markdown
with mathematics as it was written; title, authors and date as labels. The decision: a tokeniser of our
own, since what is read is what authors sent, not what compiles: it knows common commands, drops the
names of others and keeps their text, and its time grows with length whatever the input is.
"""

from __future__ import annotations

import re

from curate.extract.iso_date import iso_date
from curate.extract.page import Page
from curate.extract.papers.latex.braces import argument, match_braces, option
from curate.extract.papers.latex.macros import Expansion, collect
from curate.extract.papers.latex.render import Rendering, render
from curate.extract.papers.latex.source import BEGIN_DOCUMENT, Source, read_source
from curate.extract.papers.latex.tidy import tidy

__all__ = ["extract_latex"]

FRONT = re.compile(r"\\(title|author|date|abstract)\*?(?![a-zA-Z])")
PACKAGES = re.compile(r"\\(?:usepackage|documentclass)\s*(?:\[[^\]]*\])?\s*\{([^{}]{1,500})\}")
END_DOCUMENT = re.compile(r"\\end\s*\{document\}")
BIBLIOGRAPHY = re.compile(
    r"\\begin\s*\{(thebibliography|references)\}.*?(?:\\end\s*\{\1\}|\Z)", re.DOTALL
)
PERSONS = re.compile(r"\s*(?:\\(?:and|And|AND|quad|qquad)\b|,\s*and\b|\band\b|,|;)\s*")
NOISE = re.compile(r"\$[^$]{0,80}\$|\[\^\d+\]|[*†‡§¶]|\S{1,80}@\S{1,80}|\^\S*")
ABSTRACT = re.compile(r"\\begin\s*\{abstract\}")
MAX_AUTHORS = 500
MAX_NAME_CHARS = 60


def extract_latex(content: bytes, references: bool = False) -> Page:
    """The paper as Markdown. `references` keeps a bibliography that is in the source."""
    source = read_source(content)
    text, macros, theorems = collect(_with_styles(source))
    text = text.rpartition("\x01")[2]
    text = Expansion(macros, len(text)).expand(text)
    preamble, body = _parts(text)
    if references:
        body = BIBLIOGRAPHY.sub(lambda found: found[0].replace(found[1], "itemize"), body)
    shift = 1 if "\\chapter" not in body else 2
    state = Rendering(source.literal, theorems, shift)
    front = _front(preamble + "\n\n" + body, state)
    written = tidy(render(body, state))
    blocks = [f"# {front['title']}"] if front.get("title") else []
    if "## Abstract" not in written and front.get("abstract"):
        blocks += ["## Abstract", front["abstract"]]
    blocks += [written, *(f"[^{number}]: {note}" for number, note in enumerate(state.notes, 1))]
    labels = {name: front[name] for name in ("title", "authors", "date") if front.get(name)}
    return Page("\n\n".join(block for block in blocks if block), labels, source.replaced)


def _with_styles(source: Source) -> str:
    """The definitions of the archive's own style files before the text."""
    named = {
        name.strip() + suffix
        for found in PACKAGES.finditer(source.text)
        for name in found[1].split(",")
        for suffix in (".sty", ".cls")
    }
    own = [text for name, text in source.styles.items() if name.rsplit("/", 1)[-1] in named]
    definitions = "\n".join(own)
    return f"{definitions}\n\x01{source.text}" if own else source.text


def _parts(text: str) -> tuple[str, str]:
    """Preamble and body. What has no \\begin{document} is all body."""
    begin = BEGIN_DOCUMENT.search(text)
    if begin is None:
        return ("", text)
    end = END_DOCUMENT.search(text, begin.end())
    return text[: begin.start()], text[begin.end() : end.start() if end else len(text)]


def _front(text: str, state: Rendering) -> dict[str, str]:
    """Title, authors, date and abstract, wherever in the document they are given."""
    pairs = match_braces(text)
    found: dict[str, list[str]] = {}
    behind = 0
    for command in FRONT.finditer(text):
        at = command.end()
        if at < behind:
            continue
        while given := option(text, at):
            at = given[2]
        if (taken := argument(text, at, pairs)) and len(found.get(command[1], ())) < MAX_AUTHORS:
            found.setdefault(command[1], []).append(text[taken[0] : taken[1]])
            behind = taken[2]
    if (begin := ABSTRACT.search(text)) and "abstract" not in found:
        end = text.find("\\end{abstract}", begin.end())
        found["abstract"] = [text[begin.end() : end]] if end > 0 else []
    front = {
        name: _line(values[0], state)
        for name, values in found.items()
        if values and name != "author"
    }
    names = dict.fromkeys(
        name for given in found.get("author", ()) for name in _names(given, state)
    )
    front["authors"] = "; ".join(names)
    front["date"] = iso_date(front.get("date", "")) or ""
    return front


def _line(source: str, state: Rendering) -> str:
    own = Rendering(state.literal, state.theorems)
    return " ".join(re.sub(r"\[\^\d+\]", "", tidy(render(source, own, 1))).split())


def _names(source: str, state: Rendering) -> list[str]:
    """The persons of one \\author: each part's first line, without marks and addresses."""
    names = []
    for part in re.split(r"\\(?:and|And|AND)\b", source):
        line = _line(part.split("\\\\", 1)[0], state)
        for name in PERSONS.split(NOISE.sub("", line)):
            name = " ".join(name.split()).strip(" ,.;0123456789")
            if 2 < len(name) <= MAX_NAME_CHARS and any(map(str.isalpha, name)):
                names.append(name)
    return names
