"""The source of one paper: which file is the main one, and everything it inputs.

In: bytes of a .tex file, or of an arXiv e-print (a tar of several files, or one gzipped file). Out:
one string without comments, verbatim parts set aside. The decision: a file is looked up only among
the names in the archive, so a path leads nowhere else; what is included is bounded in depth, number
and size, so a cycle ends.

Comments go as in the cleaning of RedPajama-Data 1 (Together, 2023, `data_prep/arxiv`): a whole line
with its end, else from the sign to the end of the line.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import re
import tarfile
import zlib
from dataclasses import dataclass, field

from curate.extract.charset import decode
from curate.extract.papers.latex.braces import skip_blank

TEX_SUFFIXES = (".tex", ".ltx", ".latex", ".sty", ".cls", ".txt", "")
MAX_CHARS = 32 << 20
MAX_FILES = 2000
MAX_INCLUDED = 500
MAX_DEPTH = 12
MAIN_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv")
DOCUMENT_CLASS = re.compile(r"\\document(?:class|style)\b")
PART_CLASS = re.compile(r"\\documentclass\s*(?:\[[^\]]*\])?\s*\{(?:subfiles|standalone)\}")
BEGIN_DOCUMENT = re.compile(r"\\begin\s*\{document\}")
INPUT = re.compile(
    r"\\(?:(?:input|include|subfile|loadsection)\s*\{([^{}]{1,200})\}|input\s+([\w./\-]{1,200})"
    r"|(?:sub)?(?:import|inputfrom|includefrom)\*?\s*\{([^{}]{0,200})\}\s*\{([^{}]{1,200})\})"
)
VERBATIM = ("verbatim", "Verbatim", "lstlisting", "minted", "alltt", "listing", "code", "BVerbatim")
LITERAL = re.compile(
    r"\\begin\s*\{(?P<environment>(?:" + "|".join(VERBATIM) + r")\*?|comment)\}"
    r"|\\(?:verb|lstinline)\*?(?P<mark>[^\w\s*{\\])|(?P<false>\\iffalse\b)"
    r"|\\(?:url|nolinkurl|path|href)\s*\{[^{}\n]{1,2000}\}|\\.|(?P<comment>%)",
    re.DOTALL,
)
LITERAL_OPTIONS = re.compile(r"[ \t]*(?:\[[^\]\n]*\])?(?:\{[^}\n]*\})?[ \t]*\n?")
CONDITION = re.compile(r"\\(if(?!f\b)[a-zA-Z@]*|fi)\b")
BLANK_LINE = re.compile(r"[ \t]*\n")
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
SET_ASIDE = "\x02{}\x03"


@dataclass
class Source:
    """The text of the main file with its inputs. `literal` are the verbatim parts, in their order:
    where they stand is `\\x02<number>\\x03`. `styles` are the archive's own .sty files by name."""

    text: str
    literal: list[tuple[bool, str]] = field(default_factory=list)
    styles: dict[str, str] = field(default_factory=dict)
    replaced: int = 0


def read_source(content: bytes) -> Source:
    """The paper's source. Never raises for what is in it."""
    files, replaced = _files(content)
    literal: list[tuple[bool, str]] = []
    clean = {name: without_comments(text, literal) for name, text in files.items()}
    papers = {name: text for name, text in clean.items() if not name.endswith((".sty", ".cls"))}
    styles = {name: text for name, text in clean.items() if name.endswith((".sty", ".cls"))}
    if not papers:
        return Source("", literal, styles, replaced)
    name = _main(papers)
    return Source(_Inclusion(papers).resolve(name, papers[name], 0), literal, styles, replaced)


def _files(content: bytes) -> tuple[dict[str, str], int]:
    """The decoded files by their names, and how many characters could not be decoded."""
    if content.startswith(b"\x1f\x8b"):
        content = _unzipped(content)
    members = {"main.tex": content}
    if content[257:262] == b"ustar" or (b"\0" in content[:512] and len(content) % 512 == 0):
        members = _members(content) or members
    files, replaced = {}, 0
    for name, data in members.items():
        decoded = decode(data)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n\n")
        files[name] = CONTROL.sub("", text)
        replaced += decoded.replaced
    return files, replaced


def _unzipped(content: bytes) -> bytes:
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_CHARS)
    except (OSError, EOFError, zlib.error):
        return content


def _members(content: bytes) -> dict[str, bytes]:
    """The TeX files of a tar, by their cleaned names."""
    members: dict[str, bytes] = {}
    left = MAX_CHARS
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for number, member in enumerate(archive):
                name = _clean_name(member.name)
                suffix = posixpath.splitext(name)[1].lower()
                if number >= MAX_FILES or left <= 0:
                    break
                if (
                    member.isfile()
                    and suffix in TEX_SUFFIXES
                    and (file := archive.extractfile(member))
                ):
                    members[name] = file.read(left)
                    left -= len(members[name])
    except (tarfile.TarError, OSError, EOFError, ValueError):
        pass
    return members


def _clean_name(name: str) -> str:
    """A name below the archive's root, wherever it pretends to lead.

    >>> _clean_name("../../etc/./passwd")
    'etc/passwd'
    """
    return posixpath.normpath("/" + name.strip().replace("\\", "/")).lstrip("/")


def _main(papers: dict[str, str]) -> str:
    """The file to begin with: one with a document class, by its usual name or its length; else the
    longest that nothing inputs."""
    classed = {
        n: t for n, t in papers.items() if DOCUMENT_CLASS.search(t) and not PART_CLASS.search(t)
    }
    whole = {n: t for n, t in classed.items() if BEGIN_DOCUMENT.search(t)} or classed
    if whole:
        return max(
            whole,
            key=lambda n: (
                posixpath.splitext(posixpath.basename(n))[0].lower() in MAIN_NAMES,
                len(whole[n]),
            ),
        )
    inputs = {name for text in papers.values() for name in _input_names(text)}
    free = [n for n in papers if n not in inputs and posixpath.splitext(n)[0] not in inputs]
    return max(free or papers, key=lambda n: (n.endswith((".tex", ".ltx")), len(papers[n])))


def _input_names(text: str) -> set[str]:
    return {_clean_name("/".join(filter(None, found.groups()))) for found in INPUT.finditer(text)}


class _Inclusion:
    """Puts files in the place of their \\input, within bounds."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files
        self._by_lower = {name.lower(): name for name in files}
        self._left_files, self._left_chars = MAX_INCLUDED, MAX_CHARS
        self._open: set[str] = set()

    def resolve(self, name: str, text: str, depth: int) -> str:
        self._open.add(name)
        parts, at = [], 0
        for found in INPUT.finditer(text):
            parts += [
                text[at : found.start()],
                self._included(found, posixpath.dirname(name), depth),
            ]
            at = found.end()
        self._open.discard(name)
        return "".join([*parts, text[at:]])

    def _included(self, found: re.Match[str], folder: str, depth: int) -> str:
        name = self._find("/".join(filter(None, found.groups())), folder)
        if name is None or name in self._open or depth >= MAX_DEPTH or self._left_files <= 0:
            return " "
        text = self._files[name]
        if len(text) > self._left_chars:
            return " "
        self._left_files -= 1
        self._left_chars -= len(text)
        if begin := BEGIN_DOCUMENT.search(text):
            text = text[begin.end() :].split("\\end{document}", 1)[0]
        return self.resolve(name, text, depth + 1)

    def _find(self, wanted: str, folder: str) -> str | None:
        for base in dict.fromkeys((folder, "")):
            name = _clean_name(posixpath.join(base, wanted.strip().strip('"')))
            for candidate in (name, f"{name}.tex", f"{name}.ltx", f"{name}.txt"):
                if found := self._by_lower.get(candidate.lower()):
                    return found
        return None


def without_comments(text: str, literal: list[tuple[bool, str]]) -> str:
    """The text without comments and what is switched off; verbatim parts go to `literal`."""
    parts: list[str] = []
    at, missing = 0, set[str]()
    while found := LITERAL.search(text, at):
        start, end = found.span()
        piece = found[0]
        if found["comment"]:
            end, piece = _comment(text, start)
        elif found["environment"] and found["environment"] not in missing:
            closing = text.find(f"\\end{{{found['environment']}}}", end)
            if closing < 0:
                missing.add(found["environment"])
            else:
                piece = (
                    ""
                    if found["environment"] == "comment"
                    else _aside(text[end:closing], True, literal)
                )
                end = closing + len(f"\\end{{{found['environment']}}}")
        elif found["mark"]:
            closing = text.find(found["mark"], end, end + 500)
            if closing >= 0 and "\n" not in text[end:closing]:
                piece, end = _aside(text[end:closing], False, literal), closing + 1
        elif found["false"] and "false" not in missing:
            if shown := _end_of_condition(text, end):
                piece, end = " ", shown
            else:
                missing.add("false")
        parts += [text[at:start], piece]
        at = end
    return "".join([*parts, text[at:]])


def _comment(text: str, start: int) -> tuple[int, str]:
    """Where a comment ends, and what stays of it: the end of a paragraph."""
    end = text.find("\n", start)
    if end < 0:
        return len(text), ""
    line = text.rfind("\n", max(0, start - 200), start) + 1
    if (line or start <= 200) and not text[line:start].strip():
        return end + 1, ""
    if found := BLANK_LINE.match(text, end + 1):
        return found.end(), "\n\n"
    return skip_blank(text, end + 1), ""


def _aside(content: str, block: bool, literal: list[tuple[bool, str]]) -> str:
    if block and (options := LITERAL_OPTIONS.match(content)):
        content = content[options.end() :].strip("\n")
    literal.append((block, content))
    return SET_ASIDE.format(len(literal) - 1)


def _end_of_condition(text: str, at: int) -> int | None:
    """Behind the \\fi that closes a condition whose content begins at `at`."""
    depth = 1
    for found in CONDITION.finditer(text, at):
        depth += -1 if found[1] == "fi" else 1
        if depth == 0:
            return found.end()
    return None
