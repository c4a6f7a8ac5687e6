"""Sitemaps (sitemaps.org, protocol 0.9): sets, indexes and text files, plain or gzip. No network.

In: the bytes of a sitemap. Out: the pages and the further sitemaps it names. The decision that
matters: a sitemap is a hint. One that is too large, malformed or missing is counted and costs
nothing else; `lastmod`, `changefreq` and `priority` are not used.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lxml.etree import LxmlError
from scrapy.utils.sitemap import Sitemap

from curate.crawl.archive import Note
from curate.crawl.urls import normalise, resolve

MAX_BYTES = 50 << 20  # decoded; the protocol's limit
MAX_URLS = 50_000  # in one sitemap; the protocol's limit
MAX_PAGES = 1_000_000  # of one crawl
MAX_NESTING = 2  # the protocol allows an index to name sitemaps only; some name another index
_KINDS = {"urlset": "url", "sitemapindex": "sitemap"}


class Malformed(ValueError):
    """What should be a sitemap is none; the reason is its first argument."""


@dataclass(frozen=True)
class Parsed:
    """What a sitemap names; `more` is how many URLs stood beyond the limit."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    more: int = 0


def parse(url: str, body: bytes) -> Parsed:
    """Pages and sitemaps in the order of the file. `Malformed` if it is no sitemap or too large.

    >>> parse("http://a.org/s.txt", b"http://a.org/1\\nhttp://a.org/2\\n").pages
    ('http://a.org/1', 'http://a.org/2')
    """
    plain = _plain(body)
    if plain.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        kind, found = _xml(plain)
    else:
        lines = (line.strip() for line in plain.decode("utf-8", "replace").splitlines())
        kind, found = "urlset", [line for line in lines if line]
    named, more = found[:MAX_URLS], max(0, len(found) - MAX_URLS)
    urls = [resolved for each in named if (resolved := _absolute(url, each, kind))]
    if named and not urls:
        raise Malformed("sitemap_malformed")
    urls = list(dict.fromkeys(urls))
    return Parsed(sitemaps=tuple(urls), more=more) if kind == "sitemapindex" else Parsed(tuple(urls), more=more)  # fmt: skip


def _absolute(url: str, named: str, kind: str) -> str | None:
    return resolve(url, named) if kind == "sitemapindex" else normalise(named)


def _plain(body: bytes) -> bytes:
    if len(body) > MAX_BYTES:
        raise Malformed("sitemap_too_large")
    if not body.startswith(b"\x1f\x8b"):
        return body
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = inflate.decompress(body, MAX_BYTES)
    except zlib.error:
        raise Malformed("sitemap_malformed") from None
    if inflate.unconsumed_tail:
        raise Malformed("sitemap_too_large")
    return plain


def _xml(plain: bytes) -> tuple[str, list[str]]:
    """The root's name and the locations. Entities are not resolved, and what is cut off ends."""
    try:
        sitemap = Sitemap(plain.lstrip(b"\xef\xbb\xbf \t\r\n"))
        if sitemap.type not in _KINDS:
            raise Malformed("sitemap_malformed")
        return sitemap.type, [entry["loc"] for entry in sitemap]
    except (LxmlError, StopIteration, SyntaxError):
        raise Malformed("sitemap_malformed") from None


class Sitemaps:
    """Which sitemap is read next, one nesting level at a time, and the pages they named.

    In order of the sites and of the files, whichever answered first. `skipped` counts by reason.
    """

    def __init__(self, sites: Iterable[str], limit: int) -> None:
        self.pages: dict[str, None] = {}
        self.skipped: Counter[str] = Counter()
        self.read = 0
        self._limit = limit
        self._nesting = 0
        self._order: dict[str, int] = {}
        self._level = list(dict.fromkeys(f"{site}/sitemap.xml" for site in sites))
        self._notes: dict[str, Note] = {}
        self._seen: set[str] = set(self._level)

    def take(self) -> list[str]:
        """The sitemaps of the next level; to be called when all taken before were answered."""
        for url in sorted(self._notes, key=self._order.__getitem__):
            self._settle(self._notes[url])
        self._notes.clear()
        self._order = {url: place for place, url in enumerate(self._level)}
        level, self._level = self._level, []
        self._nesting += 1
        return level

    def answer(self, url: str, note: Note) -> None:
        """What became of a sitemap."""
        self._notes[url] = note

    def _settle(self, note: Note) -> None:
        if note.reason == "sitemap":
            self.read += 1
        elif note.reason != "redirect":
            self.skipped[note.reason] += 1
        room = MAX_PAGES - len(self.pages)
        self.pages.update(dict.fromkeys(note.pages[:room]))
        over = len(note.pages[room:]) + note.more
        for url in (*note.sitemaps, *([note.location] if note.location else ())):
            if url in self._seen:
                continue
            self._seen.add(url)
            if self._nesting > MAX_NESTING + 1 or len(self._seen) > self._limit:
                over += 1
            else:
                self._level.append(url)
        if over:
            self.skipped["sitemap_limit"] += over
