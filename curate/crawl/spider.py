"""The spider: takes URLs from the frontier, stores what comes back, and tells the frontier.

In: a frontier, the archive of earlier runs, a WARC writer. Out: records, and counts. The decision
that matters: a URL found in the archive is answered from it, through the same code as an answer of
the network. Resuming a crawl is playing it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DontCloseSpider,
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
    StopDownload,
)
from scrapy.http import Headers, Response
from twisted.python.failure import Failure

from curate.crawl.addresses import REFUSALS
from curate.crawl.archive import Archive, Note, Page
from curate.crawl.frontier import Frontier, links, normalise
from curate.crawl.options import CrawlOptions
from curate.crawl.politeness import obey_crawl_delay
from curate.crawl.warc_writer import WarcWriter

_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 429)  # besides 5xx
_PROGRESS_SECONDS = 3.0


class Pages(Spider):
    """One crawl. `failure` is what broke it, if its own code or the disk did."""

    name = "curate"

    def __init__(
        self,
        frontier: Frontier,
        archive: Archive,
        writer: WarcWriter,
        options: CrawlOptions,
        on_progress: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.frontier, self.archive, self.writer = frontier, archive, writer
        self.options, self.on_progress = options, on_progress
        self.pages = self.fetched = self.body_bytes = self.depth = 0
        self.first_reason: str | None = None
        self.failure: Exception | None = None
        self.end = ""
        self._waiting: dict[str, deque[str]] = {}
        self._told: set[str] = set()
        self._begin = self._progressed = monotonic()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Pages:
        """The spider, listening to the signals it lives by."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        connect = crawler.signals.connect
        connect(spider.idle, signals.spider_idle)
        connect(spider.headers_received, signals.headers_received)
        connect(spider.robots_parsed, signals.robots_parsed)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        """The first URLs."""
        with self._guarded():
            requests = self._next()
        for request in requests:
            yield request

    def idle(self) -> None:
        """All that was asked for is answered: the next URLs, or the end."""
        with self._guarded():
            requests = self._next()
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    def headers_received(self, headers: Headers, request: Request) -> None:
        """Stops the download of what will not be stored."""
        if "url" in request.cb_kwargs and not self._wanted(headers):
            raise StopDownload(fail=False)

    def robots_parsed(self, robotparser: Any, request: Request) -> None:
        """Takes over the host's Crawl-delay."""
        obey_crawl_delay(self.crawler, robotparser, request)

    def closed(self, reason: str) -> None:
        """Remembers why the crawl ended."""
        self.end = reason

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """An error of our own (a full disk, a defect) ends the crawl instead of being logged."""
        try:
            yield
        except Exception as error:
            self.failure = self.failure or error
            raise CloseSpider("failure") from error

    def answered(self, response: Response, url: str) -> list[Request]:
        """A URL was answered by its server; the host's next one may go."""
        with self._guarded():
            if 200 <= response.status < 300 and self._wanted(response.headers) and response.body:
                self._store(response, url)
            else:
                note = self._judged(response, url)
                passing = response.status >= 500 or response.status in _PASSING
                self._note(url, note, final=not passing)
            self._progress()
            return self._release(_host(url), 1)

    def _judged(self, response: Response, url: str) -> Note:
        """Why an answer is not a page."""
        if response.status in _REDIRECTS:
            location = (response.headers.get("Location") or b"").decode("utf-8", "replace")
            return Note("redirect", normalise(urljoin(url, location)))
        if not 200 <= response.status < 300:
            return Note(f"http_{response.status}")
        return Note("empty" if self._wanted(response.headers) else "media_type")

    def _store(self, response: Response, url: str) -> None:
        received = response.meta["received"]
        headers = [(name, value) for name in received for value in received.getlist(name)]
        ip = str(response.ip_address) if response.ip_address else None
        protocol = response.protocol or "HTTP/1.1"
        self.writer.page(url, protocol, response.status, headers, response.body, ip)
        self.fetched += 1
        self._read(url, Page(_content_type(response.headers), response.body))

    def failed(self, failure: Failure) -> list[Request]:
        """A URL was not answered; unless it is too large, a later run asks for it again."""
        with self._guarded():
            url: str = failure.request.cb_kwargs["url"]  # type: ignore[attr-defined]
            reason, words = _reason(failure, _host(url))
            if reason == "refused_address" and words not in self._told:
                self._told.add(words)
                self.on_progress(f"refused {words} (allow_private permits it)")
            self._note(url, Note(reason), final=reason == "too_large", words=words)
            self._progress()
            return self._release(_host(url), 1)

    def _next(self) -> list[Request]:
        """Requests for the next URLs that the archive does not answer."""
        while True:
            limit = self.options.max_pages
            room = None if limit is None else limit - self.pages
            if room == 0:
                self.frontier.give_up()
            urls = self.frontier.take(room)
            for url in urls:
                if url in self.archive:
                    self._read(url, self.archive.read(url))
                    self._progress()
            missing = [url for url in urls if url not in self.archive]
            if missing or not urls:
                return self._queue(missing)

    def _queue(self, urls: list[str]) -> list[Request]:
        """Holds URLs by host, and hands out as many of each host as may be asked at once.

        Scrapy's own limit does not hold when many requests come in one turn of its loop (2.19).
        """
        for url in urls:
            self._waiting.setdefault(_host(url), deque()).append(url)
        share = self.options.concurrency_per_host
        return [request for host in self._waiting for request in self._release(host, share)]

    def _release(self, host: str, count: int) -> list[Request]:
        waiting = self._waiting[host]
        return [self._request(waiting.popleft()) for _ in range(min(count, len(waiting)))]

    def _request(self, url: str) -> Request:
        meta = {"dont_redirect": True}
        return Request(
            url,
            self.answered,
            errback=self.failed,
            cb_kwargs={"url": url},
            meta=meta,
            dont_filter=True,
        )

    def _read(self, url: str, stored: Page | Note) -> None:
        """The one place where an answer, new or stored, takes effect."""
        if isinstance(stored, Page):
            self.pages += 1
            self.body_bytes += len(stored.body)
            self.depth = self.frontier.level
            self.frontier.page(url, links(url, stored.content_type, stored.body))
        elif stored.reason == "redirect":
            self.frontier.redirect(url, stored.location)
        else:
            self.frontier.skip(stored.reason)

    def _note(self, url: str, note: Note, final: bool, words: str = "") -> None:
        """Takes effect, and is written if a later run would find the same."""
        if note.reason != "redirect":
            self.first_reason = self.first_reason or words or note.reason.replace("_", " ")
        if final:
            location = {"location": note.location} if note.location else {}
            self.writer.note(url, {"reason": note.reason} | location)
        self._read(url, note)

    def _wanted(self, headers: Headers) -> bool:
        return _content_type(headers).partition(";")[0].strip().lower() in self.options.media_types

    def _progress(self) -> None:
        now = monotonic()
        if now - self._progressed >= _PROGRESS_SECONDS:
            self._progressed = now
            self.on_progress(
                f"{self.pages} pages, {self.body_bytes / 1e6:.1f} MB, "
                f"{self.fetched / (now - self._begin):.1f} pages/s, depth {self.frontier.level}"
            )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _content_type(headers: Headers) -> str:
    return (headers.get("Content-Type") or b"").decode("latin-1")


def _reason(failure: Failure, host: str) -> tuple[str, str]:
    """Why a URL was not answered: the name it is counted under, and in words."""
    error = failure.value
    if isinstance(error, IgnoreRequest) and str(error) == "Forbidden by robots.txt":
        return "robots", "robots.txt forbids it"
    if isinstance(error, (DownloadCancelledError, IgnoreRequest)):
        return "too_large", "it is larger than max_body_bytes"
    if isinstance(error, CannotResolveHostError):
        if host in REFUSALS:
            return "refused_address", f"{host}: {REFUSALS[host]}"
        return "dns", f"the name {host} has no address"
    if isinstance(error, DownloadTimeoutError):
        return "timeout", "it did not answer in time"
    return "connection", f"{error}" or type(error).__name__
