"""Bytes to text.

In: documents with `content`. Out: the same with `text`, or dropped as `extract.<reason>`. The
decision: extraction runs in a sandbox, and a page on which the chosen extractor fails gets a second
chance with the plainest one before it is dropped; labels say which made the text and why.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

from curate.document import Document
from curate.extract.page import Page, Request
from curate.sandbox import Sandbox, SandboxCrash, SandboxError, SandboxMemory, SandboxTimeout
from curate.text import Text

__all__ = ["Extract", "Extractor"]

Extractor = Literal["auto", "trafilatura", "resiliparse", "justext", "decode"]

MARKUP = ("html", "xml")
TEXT = ("text/", "json", "javascript")
SECOND_CHANCE = "resiliparse"
REASONS: tuple[tuple[type[SandboxError], str], ...] = (
    (SandboxTimeout, "timeout"),
    (SandboxCrash, "crash"),
    (SandboxMemory, "memory"),
    (SandboxError, "error"),
)


@dataclass(frozen=True)
class Extract:
    """Text from web pages, books, papers and office documents, by media type.

    Web pages by `extractor`: `auto`, a learned choice of the page's segments (see
    `curate.extract.main_content`); trafilatura (Barbaresi, ACL 2021 demo,
    10.18653/v1/2021.acl-demo.15); resiliparse (Bevendorff et al., ECIR 2018,
    10.1007/978-3-319-76941-7_83); justext (Pomikálek, thesis, Masaryk University 2011); or `decode`,
    the markup left as it is. Where the chosen one fails, resiliparse is tried.

    A page may take `timeout_seconds` and `memory_bytes` in a child process, which is replaced after
    `recycle_calls` pages. `tables` of `auto` are Markdown, or text with a line a row. `fast` skips
    trafilatura's own fallbacks; `comments` of trafilatura and resiliparse keeps readers' comments.
    Documents that have text already pass.

    Drops: extract.timeout, extract.crash, extract.memory, extract.error, extract.empty,
    extract.unsupported.
    """

    name: ClassVar[str] = "extract"
    extractor: Extractor = "auto"
    tables: Literal["markdown", "text"] = "markdown"
    fast: bool = False
    comments: bool = True
    timeout_seconds: float = 10
    memory_bytes: int = 1 << 30
    recycle_calls: int = 1000

    def __call__(self, document: Document) -> None:
        """Replace the content by text."""
        content, document.content = document.content, None
        if content is None:
            if document.text is None:
                document.drop = "extract.empty"
            return
        failure, reason = None, "unsupported"
        for extractor in self._attempts(document.media_type or "text/html"):
            page, reason = self._try(content, document, extractor)
            if page is not None:
                _accept(document, page, extractor, failure)
                return
            failure = failure or f"{extractor} {reason}"
        document.drop = f"extract.{reason}"
        if failure:
            document.labels["extract.fallback"] = failure

    def _attempts(self, media_type: str) -> tuple[str, ...]:
        from curate.extract.extractors import BY_MEDIA_TYPE

        if media_type in BY_MEDIA_TYPE:
            return (BY_MEDIA_TYPE[media_type],)
        if any(kind in media_type for kind in MARKUP):
            whole = self.extractor in ("decode", SECOND_CHANCE)
            return (self.extractor,) if whole else (self.extractor, SECOND_CHANCE)
        return ("decode",) if any(kind in media_type for kind in TEXT) else ()

    def _try(self, content: bytes, document: Document, extractor: str) -> tuple[Page | None, str]:
        """A page with text, or None and why there is none."""
        sandbox = _sandbox(os.getpid(), self.timeout_seconds, self.memory_bytes, self.recycle_calls)
        charset = document.labels.get("charset")
        request = Request(charset, document.url, self.tables, self.fast, self.comments)
        try:
            page: Page = sandbox.call(content, request, extractor)
        except SandboxError as error:
            document.labels["extract.error"] = str(error)
            return None, next(reason for kind, reason in REASONS if isinstance(error, kind))
        if page.text.strip():
            return page, ""
        document.labels.update({k: v for k, v in page.labels.items() if k == "extract.note"})
        return None, "empty"


def _accept(document: Document, page: Page, extractor: str, failure: str | None) -> None:
    document.text = Text(page.text)
    document.labels = {**page.labels, **document.labels, "extract.extractor": extractor}
    if failure:
        document.labels["extract.fallback"] = failure
    if page.replaced:
        document.signals["extract.replaced_chars"] = page.replaced


@cache
def _sandbox(
    process: int, timeout_seconds: float, memory_bytes: int, recycle_calls: int
) -> Sandbox:
    """The sandbox of this process: never pickled, made at the first page. The extractors are
    imported here, before the fork, so that no page pays for it."""
    from curate.extract.extractors import extract

    return Sandbox(extract, timeout_seconds, memory_bytes, recycle_calls)
