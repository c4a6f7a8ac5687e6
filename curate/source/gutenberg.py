"""Project Gutenberg's plain text: the book without its licence.

In: a file with the header and footer of any year since 1991, or without. Out: one row: the text in
paragraphs, and what the header says as labels. The decision: only lines that the project itself
wrote are removed: up to the start mark, the credits right after it, and from the end mark. Where
there is no mark nothing is cut, and the label `gutenberg.marks` says which were found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO

from curate.document import Document
from curate.errors import InputError
from curate.extract.books.unwrap import unwrap
from curate.extract.charset import decode
from curate.extract.iso_date import iso_date
from curate.source.file_content import fill, open_whole
from curate.source.media import is_binary
from curate.source.origin import Origin

OPTIONS: Mapping[str, str] = {"lines": "join", "italics": "remove"}
CHOICES = {"lines": ("join", "keep"), "italics": ("remove", "keep")}
FILE_NAME = re.compile(r"(?:pg)?(\d{1,6})(?:-(?:0|8|h|utf8|images))?", re.IGNORECASE)
START = re.compile(
    r"^[ \t]*\*{2,3}[ \t]*START OF (?:THE|THIS)[ \t]+PROJECT GUTENBERG"
    r"(?:[^*\n]*(?:\n(?=[^\S\n]*\S)[^*\n]*){0,3}?\*+[ \t]*$|.*$)"
    r"|^.{0,10}\*[ \t]*END[ \t]*+\*?[ \t]*+THE SMALL PRINT.*$"
    r"|^\*{2,3}[ \t]*This etext was prepared.*\*{2,3}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
END = re.compile(
    r"^[ \t]*\*{2,3}[ \t]*END OF (?:THE|THIS)[ \t]+PROJECT GUTENBERG", re.IGNORECASE | re.MULTILINE
)
FULL_LICENCE = re.compile(r"^[ \t]*\*{2,3}[ \t]*START: FULL LICENSE", re.IGNORECASE | re.MULTILINE)
SOFT_END = re.compile(
    r"^[ \t*]*(?:This is the )?(?:End of|Ende|Fin de|Fin du|Fin del|Einde van|Fine (?:del|di)|Slut på)"
    r"[ \t]+(?:the |this |dieses |het |le |la |l[’'])?Proje(?:c?t|kt|cto) Gutenberg",
    re.IGNORECASE | re.MULTILINE,
)
SOFT_END_CHARS = 3_000  # how far before the end mark its older form can stand
HEADER_CHARS = 30_000
FIELD = re.compile(
    r"^[ \t]*(Title|Author|Release Date|Posting Date|Language|Character set encoding)[ \t]*:[ \t]*"
    r"(\S.*(?:\n[ \t]{2,}+(?!\w++[ \t]?\w*+:)\S.*)*)",
    re.IGNORECASE | re.MULTILINE,
)
NUMBER = re.compile(r"([^\n\[]{0,40})\[E-?(?:Book|Text)[ -]*#[ \t]*(\d+)\]", re.IGNORECASE)
OLD_TITLE = re.compile(
    r"^[* \t]*(?:The )?Project Gutenberg(?:[’']s|[ \t]+E-?(?:text|book),?(?: of)?)[ \t]++"
    r"(.+?)(?:(?<!\s),?\s+by\s+(.+?))?(?<![* \t])[* \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
CREDIT = re.compile(
    r"[\[(*_ \t]*(?:(?:this |the )?(?:e-?text|e-?book|file|html version|text)?[ \t]*(?:was |is )?"
    r"(?:first )?(?:produced|prepared|transcribed|scanned|digiti[sz]ed|proofread|typed)"
    r"(?: and \w+| for the| from| by|,)|transcriber[’']?s?[’']?s?[ \t]+note|credits?:|"
    r"note: (?:project gutenberg|images of)|and the online distributed|"
    r"(?:updated|corrected) edition|e-?text prepared)",
    re.IGNORECASE,
)
CREDIT_BLOCKS = 8
MARKUP = re.compile(r"(?<![ \t])[ \t]*\[Pg[ .]*\d+\]|^[ \t]*\[Illustration\][ \t]*$", re.MULTILINE)
ITALICS = re.compile(r"(?<![^\W_])_(?=[^\s_])([^_]{0,2000}?[^\s_])_(?![^\W_])")
COPYRIGHTED = re.compile(r"COPYRIGHTED[ \t]+Project[ \t]+Gutenberg", re.IGNORECASE)
LANGUAGES = dict(
    pair.split(":")
    for pair in [
        "english:en",
        "french:fr",
        "german:de",
        "finnish:fi",
        "dutch:nl",
        "italian:it",
        "spanish:es",
        "portuguese:pt",
        "chinese:zh",
        "greek:el",
        "swedish:sv",
        "hungarian:hu",
        "esperanto:eo",
        "latin:la",
        "danish:da",
        "tagalog:tl",
        "catalan:ca",
        "polish:pl",
        "japanese:ja",
        "norwegian:no",
        "welsh:cy",
        "czech:cs",
        "russian:ru",
        "hebrew:he",
        "icelandic:is",
        "irish:ga",
        "afrikaans:af",
        "bulgarian:bg",
        "serbian:sr",
        "romanian:ro",
    ]
)


def read_gutenberg(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The book as `text`. Raises InputError for an option's unknown value."""
    options = {name: origin.options.get(name, default) for name, default in OPTIONS.items()}
    for name, value in options.items():
        if value not in CHOICES[name]:
            known = " or ".join(CHOICES[name])
            raise InputError(f"format gutenberg: {name} is {value!r}; it can be {known}")
    row, content = open_whole(stream, origin)
    row.media_type = "text/plain"
    if row.drop is None and is_binary(content):
        row.drop = "record.binary"
    elif row.drop is None:
        declared = re.search(rb"Character set encoding:[ \t]*([\w-]+)", content[:HEADER_CHARS])
        decoded = decode(content, declared[1].decode() if declared else None)
        text, labels = split_book(decoded.text)
        number = FILE_NAME.fullmatch(PurePosixPath(origin.path).name.split(".")[0])
        if number:
            labels.setdefault("identifier", f"gutenberg:{number[1]}")
        row.labels |= {"charset": decoded.encoding, **labels}
        fill(row, book_text(text, options["lines"] == "join", options["italics"] == "remove"))
    yield row


def split_book(text: str) -> tuple[str, dict[str, str]]:
    """The book without header, credits and footer, and its labels."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    end = _end(text)
    starts = list(START.finditer(text, 0, min(end, HEADER_CHARS)))
    start = starts[-1].end() if starts else 0
    found = [name for name, there in (("start", starts), ("end", end < len(text))) if there]
    labels = labels_of(text[:start]) if starts else {}
    labels["gutenberg.marks"] = " and ".join(found) or "none"
    book = text[start:end]
    return (_without_credits(book) if starts else book).strip("\n"), labels


def _end(text: str) -> int:
    """Where the footer begins: the end mark, or its older form just before it or without it."""
    marks = [found.start() for found in END.finditer(text)]
    hard = marks[-1:] or [found.start() for found in FULL_LICENCE.finditer(text)][:1]
    end = hard[0] if hard else len(text)
    soft = [found.start() for found in SOFT_END.finditer(text, 0, end)]
    near = [at for at in soft if at >= end - SOFT_END_CHARS] if hard else soft[-1:]
    return near[0] if near else end


def labels_of(header: str) -> dict[str, str]:
    """What a header says: title, authors, date, language, number and licence."""
    fields: dict[str, list[str]] = {}
    for name, value in FIELD.findall(header):
        fields.setdefault(name.lower(), []).append(" ".join(value.split()))
    old = OLD_TITLE.search(header)
    number = NUMBER.search(header)
    dates = [*fields.get("release date", []), *fields.get("posting date", [])]
    dates += [number[1]] if number else []
    language = fields.get("language", [""])[0]
    rights = "copyrighted" if COPYRIGHTED.search(header) else "public domain in the USA"
    found = {
        "title": fields.get("title", [old[1] if old else ""])[0].strip(" ,"),
        "authors": "; ".join(fields.get("author", [old[2] if old and old[2] else ""])).strip(" ,"),
        "date": next((date for one in dates if (date := _date(one))), ""),
        "declared_language": LANGUAGES.get(language.lower(), language),
        "identifier": f"gutenberg:{number[2]}" if number else "",
        "licence": f"Project Gutenberg License, {rights}",
    }
    return {name: value for name, value in found.items() if value}


def _date(value: str) -> str | None:
    """A release date as any header has it.

    >>> _date("August 20, 2006 [EBook #1234]"), _date("June, 1993  [Etext #68]")
    ('2006-08-20', '1993-06')
    """
    words = value.split("[")[0].strip(" .")
    return iso_date(words) or iso_date(words.replace(",", ""))


def _without_credits(book: str) -> str:
    """The book without the blocks at its start that say who transcribed it."""
    blocks = re.split(r"(\n[ \t]*\n\s*)", "\n\n" + book.lstrip("\n"))
    kept: list[str] = []
    note = False
    for at in range(0, len(blocks), 2):
        block = blocks[at]
        credit = at // 2 <= CREDIT_BLOCKS and bool(CREDIT.match(block))
        if not (credit or note):
            kept += blocks[at : at + 2]
        note = (note or (credit and block.lstrip().startswith("["))) and "]" not in block[-3:]
        note = note and at // 2 <= CREDIT_BLOCKS
    return "".join(kept)


def book_text(book: str, join_lines: bool, remove_italics: bool) -> str:
    """The book's words: page numbers and pictures without a caption out, lines joined.

    >>> book_text("He _never_ came.[Pg 12] snake_case", True, True)
    'He never came. snake_case'
    """
    book = MARKUP.sub("", book)
    if remove_italics:
        book = ITALICS.sub(r"\1", book)
    return unwrap(book) if join_lines else book
