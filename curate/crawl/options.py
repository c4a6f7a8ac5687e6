"""What a crawl is told, and what it tells afterwards. No network in here.

In: a user's choices. Out: `CrawlOptions`, checked once, and `CrawlReport`, one page's worth of
numbers that `crawl.json` repeats. The defaults are polite: one request a second and host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, Literal, get_args

from curate.errors import InputError

Scope = Literal["host", "domain", "any"]
DIRECTIVES = ("nofollow", "noindex", "noai")
PAGES = ("text/html", "text/plain", "application/xhtml+xml")
USER_AGENT = "curate-crawl/1.0 (collects text for language models; obeys robots.txt)"


@dataclass(frozen=True)
class CrawlOptions:
    """How far, how fast and what. `None` switches a limit off.

    `scope` says which links are followed: those of the seeds' hosts (name and port), of their
    registered domains, or any. A host that a seed redirects to counts as a seed's host.
    `max_pages_per_host` and `max_pages_per_pattern` limit the URLs asked for; URLs that differ only
    in digits and in the values of their query are one pattern. `avoid_traps` leaves out URLs of the
    shapes in `traps`, and `max_repeats` pages in a row that repeat payloads stop their folder.
    Session ids and trackers are taken out of URLs unless `keep_session_ids`. `sitemaps` reads those
    that the seeds' robots.txt name and `/sitemap.xml`, at most `max_sitemaps`.

    `obey` names the directives honoured of rel=nofollow, `<meta name=robots>` and X-Robots-Tag:
    `nofollow` (links are not followed, as CCBot does), `noai` and `noindex` (the page is not stored,
    nor its links followed). noindex is not in the default: it speaks of search results, and Common
    Crawl stores such pages. robots.txt is always obeyed.

    A header of more than `max_header_bytes` or a body of more than `max_body_bytes`, as sent or
    decoded, ends the answer, and so does `timeout_seconds` from the request to its last byte. The proxy variables of the environment are not used, because a
    proxy would resolve names that `allow_private=False` has to check.

    Errors: InputError for a value that cannot be meant.
    """

    scope: Scope = "host"
    depth: int | None = None
    max_pages: int | None = 1_000
    max_pages_per_host: int | None = None
    max_pages_per_pattern: int | None = None
    max_repeats: int | None = 20
    avoid_traps: bool = True
    keep_session_ids: bool = False
    sitemaps: bool = False
    max_sitemaps: int = 1_000
    obey: tuple[str, ...] = ("nofollow", "noai")
    max_url_chars: int = 2_000
    max_body_bytes: int = 10 << 20
    max_header_bytes: int = 64 << 10
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
        unknown = next((word for word in self.obey if word not in DIRECTIVES), None)
        if unknown is not None:
            raise InputError(f"obey {unknown!r} is unknown; use some of {', '.join(DIRECTIVES)}")
        for name, low in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and not low <= value < inf:  # nor is NaN
                raise InputError(f"{name} is {value}; it must be a number of at least {low}")
        for pattern in self.exclude:
            try:
                re.compile(pattern)
            except re.error as error:
                raise InputError(
                    f"exclude {pattern!r} is not a regular expression: {error}"
                ) from None
        agent = self.user_agent
        if not self.robots_token or not agent.isprintable() or not agent.isascii():
            raise InputError(
                "user_agent is without a name or not printable ASCII; name the crawler and a contact"
            )

    @property
    def robots_token(self) -> str:
        """The name robots.txt is asked for: the product of the user agent (RFC 9309, 2.2.1)."""
        return re.split(r"[/\s]", self.user_agent.strip(), maxsplit=1)[0]


_LOWEST: Mapping[str, float] = {
    "depth": 0,
    "max_pages": 1,
    "max_pages_per_host": 1,
    "max_pages_per_pattern": 1,
    "max_repeats": 1,
    "max_sitemaps": 0,
    "max_header_bytes": 1,
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

    `pages` are the response records reached and `revisits` those that repeat a payload; `fetched` of
    both came in this run and the rest in earlier ones. `body_bytes` is the content of the pages,
    decoded and uncompressed. `skipped` counts URLs by reason, each URL once (in a crawl of several
    shards a URL out of scope counts once in each that met it). `stopped` are the places where too
    many pages in a row repeated payloads.
    """

    seeds: tuple[str, ...]
    pages: int
    revisits: int
    fetched: int
    body_bytes: int
    depth: int
    seconds: float
    sitemaps: int
    skipped: Mapping[str, int]
    stopped: tuple[str, ...]
    files: tuple[str, ...]
    options: CrawlOptions

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return asdict(self)

    def line(self) -> str:
        """The report for a person."""
        skipped = ", ".join(f"{reason} {count:,}" for reason, count in self.skipped.items())
        return (
            f"{self.pages:,} pages ({self.body_bytes:,} bytes) and {self.revisits:,} revisits "
            f"in {len(self.files)} files; skipped: {skipped or 'nothing'}"
        )
