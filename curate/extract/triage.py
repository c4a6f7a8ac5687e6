"""What a cheap look can rule out before extraction, which costs most of a crawl's time.

In: a document with `content`. Out: the same, or dropped as `triage.<reason>`. The decision: only
what is nearly certain is dropped here, so the language is judged from the longest runs of text
between tags, and only a wrong one that the model is sure of counts; the step `language` judges the
extracted text. Rules on the address are the step `url`, equal payloads `dedup: {method: payload}`;
both can stand before `extract` too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from curate.document import Document
from curate.extract.charset import decode
from curate.filters.language import identify

SCANNED_BYTES = 128 << 10
UNSEEN = re.compile(r"<(script|style|noscript|svg)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
TAGS = re.compile(r"<[^>]*>?")
RUN_CHARS = 40
TEXT_CHARS = 2000
LEAST_CHARS = 200  # fewer say too little of a page's language


@dataclass(frozen=True)
class Triage:
    """Drop before extraction by media type, size or a certain language (order of work as in CCNet,
    arXiv 1911.00359, §3, turned round: the language before the dear step).

    `media_types`: only these (None: any). `min_bytes`, `max_bytes`: bounds on the raw content.
    `languages`: drop what is another language by at least `other_low` (None: any language).

    Drops: triage.media_type, triage.bytes, triage.language.
    """

    name: ClassVar[str] = "triage"
    media_types: tuple[str, ...] | None = None
    min_bytes: int | None = None
    max_bytes: int | None = 20_000_000
    languages: tuple[str, ...] | None = None
    other_low: float = 0.9

    def __call__(self, document: Document) -> None:
        """Look, and drop what breaks a rule."""
        content = document.content
        if content is None:
            return
        size = len(content)
        document.signals["triage.bytes"] = size
        if self.media_types is not None and document.media_type not in self.media_types:
            document.drop = "triage.media_type"
        elif size < (self.min_bytes or 0) or (self.max_bytes is not None and size > self.max_bytes):
            document.drop = "triage.bytes"
        elif self.languages is not None:
            self._judge_language(document, content)
        if document.drop is not None:
            document.content = None

    def _judge_language(self, document: Document, content: bytes) -> None:
        text = glimpse(decode(content[:SCANNED_BYTES], document.labels.get("charset")).text)
        if len(text) < LEAST_CHARS:
            return
        language, score = identify(text)
        document.signals["triage.language_score"] = score
        document.labels["triage.language"] = language or ""
        if language not in self.languages and score >= self.other_low:  # type: ignore[operator]
            document.drop = "triage.language"


def glimpse(markup: str) -> str:
    """The longest runs of text between tags, in their order, about `TEXT_CHARS` characters.

    >>> glimpse("<script>var unseen = 1</script><a>Home</a><p>" + "A sentence of some length. " * 2)
    'A sentence of some length. A sentence of some length.'
    """
    runs = [" ".join(run.split()) for run in TAGS.split(UNSEEN.sub(" ", markup))]
    long = [(len(run), place) for place, run in enumerate(runs) if len(run) >= RUN_CHARS]
    chosen, total = [], 0
    for length, place in sorted(long, reverse=True):
        if total < TEXT_CHARS:
            chosen.append(place)
            total += length
    return " ".join(runs[place] for place in sorted(chosen))
