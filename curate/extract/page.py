"""What an extractor is asked, and what it makes of some bytes.

In: nothing; these are the shapes. The decision: an extractor is a pure function from bytes and a
`Request` to a `Page`, run in a child process, so both hold plain values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Request:
    """What is known of the bytes, and how the text is wanted. `charset` is the HTTP header's."""

    charset: str | None = None
    url: str | None = None
    tables: Literal["markdown", "text"] = "markdown"
    fast: bool = False
    comments: bool = True


@dataclass(frozen=True)
class Page:
    """Text and what the document says of itself.

    `labels` go to the document's labels under the same names: `title`, `authors` (joined by "; "),
    `date` (ISO 8601), `licence`, `canonical_url`, `declared_language`, `identifier`. `replaced`
    counts characters that could not be decoded.
    """

    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    replaced: int = 0
