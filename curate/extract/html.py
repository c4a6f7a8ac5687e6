"""HTML to text, by one named extractor.

In: a page's bytes and the charset its HTTP header named. Out: `Page`: text, title, encoding. The
decision: these functions may hang, crash or take all memory (native parsers on hostile pages), so
nothing calls them but through a sandbox; see `Extract`.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable
from dataclasses import dataclass

import trafilatura
from ftfy import fix_encoding
from resiliparse.extract.html2text import extract_plain_text

from curate.extract.charset import decode

TITLE = re.compile(r"<title\b[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
TITLE_SEARCH_CHARS = 64 << 10
MAX_TITLE_CHARS = 300
C1 = re.compile("[\x80-\x9f]")


@dataclass(frozen=True)
class Page:
    """What was made of a page. `replaced` counts characters that could not be decoded."""

    text: str
    title: str | None
    encoding: str
    encoding_by: str
    replaced: int


def extract(
    content: bytes, charset: str | None, extractor: str, fast: bool, comments: bool
) -> Page:
    """Decode and extract one page."""
    decoded = decode(content, charset)
    markup = decoded.text.replace("\0", "\ufffd")
    if extractor != "decode":
        markup = mend_controls(markup)
    text = EXTRACTORS[extractor](markup, fast, comments) or ""
    title = None if extractor == "decode" else title_of(markup)
    return Page(text, title, decoded.encoding, decoded.by, decoded.replaced)


def mend_controls(markup: str) -> str:
    """Mend the mojibake of lines that hold C1 control characters.

    Those controls are bytes of a character that was encoded twice. Extractors throw them away, and
    after that no repair can know the character: of the quotes and dashes that an audit damaged so,
    none came back before this, all since.

    >>> mend_controls("<p>the ship\u00e2\x80\x99s cook</p>")
    '<p>the ship’s cook</p>'
    """
    if not C1.search(markup):
        return markup
    lines = markup.split("\n")
    return "\n".join(fix_encoding(line) if C1.search(line) else line for line in lines)


def title_of(markup: str) -> str | None:
    """The <title>, white space collapsed.

    >>> title_of("<title>Fish &amp; Chips </title>")
    'Fish & Chips'
    """
    found = TITLE.search(markup, 0, TITLE_SEARCH_CHARS)
    title = " ".join(entities.unescape(found[1]).split()) if found else ""
    return title[:MAX_TITLE_CHARS] or None


def _trafilatura(markup: str, fast: bool, comments: bool) -> str | None:
    text: str | None = trafilatura.extract(markup, fast=fast, include_comments=comments)
    return text


def _resiliparse(markup: str, fast: bool, comments: bool) -> str:
    return extract_plain_text(markup, main_content=True, comments=comments)


def _decode(markup: str, fast: bool, comments: bool) -> str:
    return markup


EXTRACTORS: dict[str, Callable[[str, bool, bool], str | None]] = {
    "trafilatura": _trafilatura,
    "resiliparse": _resiliparse,
    "decode": _decode,
}
