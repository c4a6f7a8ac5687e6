"""The spider: takes URLs from the frontier, stores what comes back, and tells the frontier.

In: a frontier, the archive of earlier runs, a WARC writer. Out: records, and counts. The decision
that matters: a URL found in the archive is answered from it, through the same code as an answer of
the network. Resuming a crawl is playing it again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CloseSpider,
    DontCloseSpider,
    StopDownload,
)
from scrapy.http import Headers, Response
from twisted.python.failure import Failure

from curate.crawl.addresses import literal_refusal
from curate.crawl.answers import (
    FINAL,
    content_type,
    named_by,
    passing,
    reason_of,
    refusal,
    wanted,
)
from curate.crawl.archive import Archive, Note, Page
from curate.crawl.frontier import Frontier
from curate.crawl.links import Reading, read
from curate.crawl.options import CrawlOptions
from curate.crawl.politeness import obey_crawl_delay
from curate.crawl.sitemaps import MAX_BYTES, Sitemaps
from curate.crawl.urls import host, resolve
from curate.crawl.warc_writer import WarcWriter

_PROGRESS_SECONDS = 3.0


@dataclass(frozen=True)
class Budget:
    """Where a round of a sharded crawl ends: at so many pages stored in all, or after so long from
    its first request. What was not asked for by then is counted as `waiting`."""

    pages: int | None
    seconds: float


class Pages(Spider):
    """One crawl. `failure` is what broke it, if its own code or the disk did; `to_retry` are the URLs
    that a later run asks for again."""

    name = "curate"

    def __init__(
        self,
        frontier: Frontier,
        sitemaps: Sitemaps,
        archive: Archive,
        writer: WarcWriter,
        options: CrawlOptions,
        on_progress: Callable[[str], None],
        budget: Budget | None = None,
    ) -> None:
        super().__init__()
        self.frontier, self.archive, self.writer = frontier, archive, writer
        self.sitemaps, self.options, self.on_progress = sitemaps, options, on_progress
        self.pages = self.revisits = self.fetched = self.body_bytes = self.depth = 0
        self.to_retry: dict[str, str] = {}
        self._budget, self._asked = budget, 0.0
        self._robots_sitemaps: dict[str, tuple[str, ...]] = {}
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
        """The first URLs; a host that an earlier process asked may have been asked just now."""
        with self._guarded():
            requests = self._next()
        if requests and (len(self.archive) or self._budget):
            await asyncio.sleep(self.options.delay_seconds)
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
        size = sum(len(name) + len(v) for name in headers for v in headers.getlist(name))
        if request.cb_kwargs and size > self.options.max_header_bytes:
            raise StopDownload(fail=True)
        if "url" in request.cb_kwargs and not wanted(headers, self.options):
            raise StopDownload(fail=False)

    def robots_parsed(self, robotparser: Any, request: Request) -> None:
        """Takes over the host's Crawl-delay, and the sitemaps it names."""
        obey_crawl_delay(self.crawler, robotparser, request)
        named = (resolve(request.url, url) for url in robotparser.rp.sitemaps)
        urls = tuple(dict.fromkeys(url for url in named if url))
        self._robots_sitemaps[urlsplit(request.url).netloc] = urls

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
            note = refusal(response, url, self.options)
            if note is None:
                self._store(response, url)
            else:
                self._note(url, note, final=not passing(response.status))
            self._progress()
            return self._release(host(url), 1)

    def _store(self, response: Response, url: str) -> None:
        tags = (tag.decode("latin-1") for tag in response.headers.getlist("X-Robots-Tag"))
        page = Page(content_type(response.headers), response.body, tuple(tags))
        reading = read(url, page, self.options)
        forbidden = next(
            (w for w in ("noai", "noindex") if w in {*self.options.obey} & reading.words), None
        )
        if forbidden:
            self._note(url, Note(forbidden), final=True)
            return
        received = response.meta["received"]
        headers = [(name, value) for name in received for value in received.getlist(name)]
        ip = str(response.ip_address) if response.ip_address else None
        protocol = response.protocol or "HTTP/1.1"
        repeated = self.writer.page(url, protocol, response.status, headers, response.body, ip)
        self.fetched += 1
        self._page(url, replace(page, repeated=repeated), reading)

    def mapped(self, response: Response, sitemap: str) -> None:
        """A sitemap was answered by its server."""
        with self._guarded():
            note = named_by(response, sitemap)
            self._map(sitemap, note, final=not passing(response.status))

    def unmapped(self, failure: Failure) -> None:
        """A sitemap was not answered."""
        with self._guarded():
            url: str = failure.request.cb_kwargs["sitemap"]  # type: ignore[attr-defined]
            reason = reason_of(failure, host(url))[0]
            self._map(url, Note(f"sitemap_{reason}"), final=reason in FINAL)

    def _map(self, url: str, note: Note, final: bool) -> None:
        if urlsplit(url).path == "/sitemap.xml":
            named = self._robots_sitemaps.get(urlsplit(url).netloc, ())
            note = replace(note, sitemaps=tuple(dict.fromkeys((*named, *note.sitemaps))))
        if final:
            self.writer.note(url, note.fields())
        self.sitemaps.answer(url, note)

    def failed(self, failure: Failure) -> list[Request]:
        """A URL was not answered; unless it is too large, a later run asks for it again."""
        with self._guarded():
            url: str = failure.request.cb_kwargs["url"]  # type: ignore[attr-defined]
            reason, words = reason_of(failure, host(url))
            if reason == "refused_address" and words not in self._told:
                self._told.add(words)
                self.on_progress(f"refused {words} (allow_private permits it)")
            self._note(url, Note(reason), final=reason in FINAL, words=words)
            self._progress()
            return self._release(host(url), 1)

    def _next(self) -> list[Request]:
        """Requests for the next URLs that the archive does not answer, sitemaps first."""
        while urls := self.sitemaps.take():
            if requests := self._maps(urls):
                return requests
        self.frontier.start(self.sitemaps.pages)
        self.sitemaps.pages.clear()
        while True:
            limit = self.options.max_pages
            room = None if limit is None else limit - self.pages - self.revisits
            if room == 0:
                self.frontier.give_up()
            urls = self.frontier.take(room)
            for url in urls:
                if url in self.archive:
                    self._read(url, self.archive.read(url))
                    self._progress()
            missing = [url for url in urls if url not in self.archive]
            requests = self._queue(self._affordable(missing))
            if requests or not urls:
                return requests

    def _maps(self, urls: list[str]) -> list[Request]:
        """Requests for the sitemaps that the archive does not answer."""
        requests = []
        for url in urls:
            if not self.options.allow_private and literal_refusal(host(url)):
                self.sitemaps.answer(url, Note("sitemap_refused_address"))
            elif url in self.archive and isinstance(stored := self.archive.read(url), Note):
                self.sitemaps.answer(url, stored)
            else:
                meta = {"dont_redirect": True, "download_maxsize": MAX_BYTES}
                requests.append(
                    Request(
                        url,
                        self.mapped,
                        errback=self.unmapped,
                        cb_kwargs={"sitemap": url},
                        meta=meta,
                        dont_filter=True,
                    )
                )
        return requests

    def _affordable(self, missing: list[str]) -> list[str]:
        """The URLs that the round has pages and time for."""
        if self._budget is None:
            return missing
        pages = self._budget.pages
        room = len(missing) if pages is None else pages - self.archive.pages - self.fetched
        if room <= 0 or self._over():
            self.frontier.skip("waiting", len(missing))
            return []
        self.frontier.put_back(missing[room:])
        return missing[:room]

    def _over(self) -> bool:
        if self._budget is None or not self._asked:
            return False
        return monotonic() - self._asked > self._budget.seconds

    def _queue(self, urls: list[str]) -> list[Request]:
        """Holds URLs by host, and hands out as many of each host as may be asked at once.

        Scrapy's own limit does not hold when many requests come in one turn of its loop (2.19).
        """
        for url in urls:
            self._waiting.setdefault(host(url), deque()).append(url)
        share = self.options.concurrency_per_host
        return [request for name in self._waiting for request in self._release(name, share)]

    def _release(self, name: str, count: int) -> list[Request]:
        """The next requests to a host, without those that have become pointless."""
        waiting, requests = self._waiting[name], list[Request]()
        while waiting and len(requests) < count:
            url = waiting.popleft()
            if self._over():
                self.frontier.skip("waiting")
            elif self.frontier.repeats.covers(url):
                self.frontier.skip("trap_repeats")
            else:
                requests.append(self._request(url))
        return requests

    def _request(self, url: str) -> Request:
        self._asked = self._asked or monotonic()
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
            self._page(url, stored, read(url, stored, self.options))
        elif stored.reason == "redirect":
            self.frontier.redirect(url, stored.location)
        else:
            self.frontier.skip(stored.reason)

    def _page(self, url: str, page: Page, reading: Reading) -> None:
        if page.repeated:
            self.revisits += 1
        else:
            self.pages += 1
            self.body_bytes += len(page.body)
        self.depth = self.frontier.level
        self.frontier.page(url, reading)
        for place in self.frontier.repeats.add(url, page.repeated):
            repeats = f"{self.options.max_repeats} pages in a row repeat payloads"
            self.on_progress(f"stopped {place}: {repeats} (max_repeats)")

    def _note(self, url: str, note: Note, final: bool, words: str = "") -> None:
        """Takes effect, and is written if a later run would find the same."""
        if note.reason != "redirect":
            self.first_reason = self.first_reason or words or note.reason.replace("_", " ")
        if final:
            self.writer.note(url, note.fields())
        else:
            self.to_retry[url] = note.reason
        self._read(url, note)

    def _progress(self) -> None:
        now = monotonic()
        if now - self._progressed >= _PROGRESS_SECONDS:
            self._progressed = now
            self.on_progress(
                f"{self.pages} pages, {self.body_bytes / 1e6:.1f} MB, "
                f"{self.fetched / (now - self._begin):.1f} pages/s, depth {self.frontier.level}"
            )
