"""A web page to text, by one named extractor.

In: a page's bytes and what is known of it. Out: `Page`. The decision: these functions may hang,
crash or take all memory (native parsers on hostile pages), so nothing calls them but through a
sandbox; see `Extract`.

On 520 pages of seven kinds (WCXB) with one core, in one run, each page judged by weights fitted on
other sites: see the table in the README, which `tests/benchmarks/extraction.py` prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import justext
import trafilatura
from ftfy import fix_encoding
from resiliparse.extract.html2text import extract_plain_text

from curate.extract.charset import Decoded, decode
from curate.extract.main_content import main_content
from curate.extract.metadata import page_labels
from curate.extract.page import Page, Request

C1 = re.compile("[\x80-\x9f]")
STOP_WORDS: dict[str, str] = {
    "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish",
}  # fmt: skip


def page_of(content: bytes, request: Request, extractor: str) -> Page:
    """Decode a page and take its text with one of `EXTRACTORS`."""
    decoded = decode(content, request.charset)
    markup = mend_controls(decoded.text.replace("\0", "\ufffd"))
    text = EXTRACTORS[extractor](markup, request) or ""
    labels = page_labels(markup, request.url) if text else {}
    return Page(text, {**labels, **_encoding(decoded)}, decoded.replaced)


def decoded_page(content: bytes, request: Request) -> Page:
    """The markup or the plain text as it is."""
    decoded = decode(content, request.charset)
    return Page(decoded.text.replace("\0", "\ufffd"), _encoding(decoded), decoded.replaced)


def _encoding(decoded: Decoded) -> dict[str, str]:
    return {"extract.charset": f"{decoded.encoding} {decoded.by}"}


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


def _auto(markup: str, request: Request) -> str:
    return main_content(markup, request.url, request.tables)


def _trafilatura(markup: str, request: Request) -> str | None:
    text: str | None = trafilatura.extract(
        markup, fast=request.fast, include_comments=request.comments
    )
    return text


def _resiliparse(markup: str, request: Request) -> str:
    return extract_plain_text(markup, main_content=True, comments=request.comments)


def _justext(markup: str, request: Request) -> str:
    """With the stop words of the language the page declares, else English."""
    declared = page_labels(markup).get("declared_language", "en")
    language = STOP_WORDS.get(declared[:2].lower(), "English")
    paragraphs = justext.justext(markup, justext.get_stoplist(language))
    return "\n".join(one.text for one in paragraphs if not one.is_boilerplate)


EXTRACTORS: dict[str, Callable[[str, Request], str | None]] = {
    "auto": _auto,
    "trafilatura": _trafilatura,
    "resiliparse": _resiliparse,
    "justext": _justext,
}
