"""What a crawl is told, and what it tells afterwards. No network in here.

In: a user's choices. Out: `CrawlOptions`, checked once, and `CrawlReport`, one page's worth of
numbers that `crawl.json` repeats. The defaults are polite: one request a second and host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from curate.errors import InputError

Scope = Literal["host", "domain", "any"]
PAGES = ("text/html", "text/plain", "application/xhtml+xml")
USER_AGENT = "curate-crawl/1.0 (collects text for language models; obeys robots.txt)"


@dataclass(frozen=True)
class CrawlOptions:
    """How far, how fast and what. `None` switches a limit off.

    `scope` says which links are followed: those of the seeds' hosts (name and port), of their
    registered domains, or any. A host that a seed redirects to counts as a seed's host.
    `max_pages_per_pattern` is a limit for traps: URLs that differ only in digits and in the values
    of their query are one pattern. The proxy variables of the environment are not used, because a
    proxy would resolve names that `allow_private=False` has to check.

    Errors: InputError for a value that cannot be meant.
    """

    scope: Scope = "host"
    depth: int | None = None
    max_pages: int | None = 1_000
    max_pages_per_pattern: int | None = None
    max_url_chars: int = 2_000
    max_body_bytes: int = 10 << 20
    max_redirects: int = 5
    media_types: tuple[str, ...] = PAGES
    exclude: tuple[str, ...] = ()
    delay_seconds: float = 1.0
    concurrency_per_host: int = 1
    concurrency: int = 16
    timeout_seconds: float = 30.0
    retries: int = 2
    user_agent: str = USER_AGENT
    allow_private: bool = False
    file_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if self.scope not in get_args(Scope):
            raise InputError(
                f"scope {self.scope!r} is unknown; use one of {', '.join(get_args(Scope))}"
            )
        for name, low in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise InputError(f"{name} is {value}; it must be at least {low}")
        for pattern in self.exclude:
            try:
                re.compile(pattern)
            except re.error as error:
                raise InputError(
                    f"exclude {pattern!r} is not a regular expression: {error}"
                ) from None
        if not self.user_agent.strip() or not self.user_agent.isprintable():
            raise InputError("user_agent is empty or not printable; name the crawler and a contact")

    @property
    def robots_token(self) -> str:
        """The name robots.txt is asked for: the product of the user agent (RFC 9309, 2.2.1)."""
        return re.split(r"[/\s]", self.user_agent.strip(), maxsplit=1)[0]


_LOWEST: Mapping[str, float] = {
    "depth": 0,
    "max_pages": 1,
    "max_pages_per_pattern": 1,
    "max_url_chars": 10,
    "max_body_bytes": 1,
    "max_redirects": 0,
    "delay_seconds": 0,
    "concurrency_per_host": 1,
    "concurrency": 1,
    "timeout_seconds": 0.1,
    "retries": 0,
    "file_bytes": 1,
}


@dataclass(frozen=True)
class CrawlReport:
    """What a crawl left in its folder.

    `pages` are the response records reached, `fetched` of them in this run and the rest in earlier
    ones; `body_bytes` is their content, decoded and uncompressed. `skipped` counts URLs by reason,
    each URL once.
    """

    seeds: tuple[str, ...]
    pages: int
    fetched: int
    body_bytes: int
    depth: int
    seconds: float
    skipped: Mapping[str, int]
    files: tuple[str, ...]
    options: CrawlOptions

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return asdict(self)
