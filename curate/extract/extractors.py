"""Every extractor by name, and which media type is read by which: what runs in the sandbox.

In: bytes, a `Request` and an extractor's name. Out: `Page`. The decision: the module of a format is
imported when its first document comes, except those of web pages, so that a crawl pays for none of
the others and an extra that is missing is missed only by who needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from curate.extract.html import EXTRACTORS as WEB
from curate.extract.html import decoded_page, page_of
from curate.extract.page import Page, Request

BY_MEDIA_TYPE: dict[str, str] = {
    "application/pdf": "books.pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "books.docx",
    "application/epub+zip": "books.epub",
    "application/jats+xml": "papers.jats",
    "application/x-latex": "papers.latex",
    "application/vnd.uspto.patent+xml": "papers.patent",
}


def extract(content: bytes, request: Request, extractor: str) -> Page:
    """The page, or whatever its extractor raises."""
    if extractor in WEB:
        return page_of(content, request, extractor)
    if extractor == "decode":
        return decoded_page(content, request)
    read: Callable[[bytes], Page] = getattr(
        import_module(f"curate.extract.{extractor}"), f"extract_{extractor.rpartition('.')[2]}"
    )
    return read(content)
