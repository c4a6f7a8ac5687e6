"""Bytes to text.

In: documents with `content`. Out: the same with `text`, or dropped as `extract.<reason>`. The
decision: extraction runs in a sandbox, and a page on which the chosen extractor fails gets a second
chance with the plainer one before it is dropped; labels say which made the text and why.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from curate.document import Document
from curate.sandbox import Sandbox, SandboxCrash, SandboxError, SandboxMemory, SandboxTimeout
from curate.text import Text

if TYPE_CHECKING:
    from curate.extract.html import Page

__all__ = ["Extract", "Extractor"]

Extractor = Literal["trafilatura", "resiliparse", "decode"]

MARKUP = ("html", "xml")
REASONS: tuple[tuple[type[SandboxError], str], ...] = (
    (SandboxTimeout, "timeout"),
    (SandboxCrash, "crash"),
    (SandboxMemory, "memory"),
    (SandboxError, "error"),
)


@dataclass(frozen=True)
class Extract:
    """Text from HTML pages: trafilatura (Barbaresi, ACL 2021 demo, 10.18653/v1/2021.acl-demo.15),
    with resiliparse (Bevendorff et al., ECIR 2018, 10.1007/978-3-319-76941-7_83) where it fails;
    or resiliparse alone; or `decode`, the markup left as it is.

    A page may take `timeout_seconds` and `memory_bytes` in a child process, which is replaced after
    `recycle_calls` pages. `fast` skips trafilatura's own fallbacks, `comments` keeps readers'
    comments. Documents that have text already pass.

    Drops: extract.timeout, extract.crash, extract.memory, extract.error, extract.empty.
    """

    name: ClassVar[str] = "extract"
    extractor: Extractor = "trafilatura"
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
        failure = None
        for extractor in self._attempts(document):
            page, reason = self._try(content, document, extractor)
            if page is not None:
                _accept(document, page, extractor, failure)
                return
            failure = failure or f"{extractor} {reason}"
        document.drop = f"extract.{reason}"
        if failure:
            document.labels["extract.fallback"] = failure

    def _attempts(self, document: Document) -> tuple[Extractor, ...]:
        media_type = document.media_type or "text/html"
        if not any(kind in media_type for kind in MARKUP):
            return ("decode",)
        return (
            ("trafilatura", "resiliparse") if self.extractor == "trafilatura" else (self.extractor,)
        )

    def _try(
        self, content: bytes, document: Document, extractor: Extractor
    ) -> tuple[Page | None, str]:
        """A page with text, or None and why there is none."""
        sandbox = _sandbox(os.getpid(), self.timeout_seconds, self.memory_bytes, self.recycle_calls)
        charset = document.labels.get("charset")
        try:
            page: Page = sandbox.call(content, charset, extractor, self.fast, self.comments)
        except SandboxError as error:
            document.labels["extract.error"] = str(error)
            return None, next(reason for kind, reason in REASONS if isinstance(error, kind))
        return (page, "") if page.text.strip() else (None, "empty")


def _accept(document: Document, page: Page, extractor: Extractor, failure: str | None) -> None:
    document.text = Text(page.text)
    labels = document.labels
    labels["extract.extractor"] = extractor
    labels["extract.charset"] = f"{page.encoding} {page.encoding_by}"
    if failure:
        labels["extract.fallback"] = failure
    if page.title:
        labels["title"] = page.title
    if page.replaced:
        document.signals["extract.replaced_chars"] = page.replaced


@cache
def _sandbox(
    process: int, timeout_seconds: float, memory_bytes: int, recycle_calls: int
) -> Sandbox:
    """The sandbox of this process: never pickled, made at the first page. The extractors are
    imported here, before the fork, so that no page pays for it."""
    from curate.extract.html import extract

    return Sandbox(extract, timeout_seconds, memory_bytes, recycle_calls)
