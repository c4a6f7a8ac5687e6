"""What a page says about other pages and about itself. No network in here.

In: a stored page. Out: its links in the order of the page, its canonical URL, and what it asks of
robots. The decision that matters: a canonical URL that differs from the page's own in nothing but
the query is the same page, and is not fetched again; any other is one more link, because pages
that call the front page their canonical are common.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from scrapy.http import HtmlResponse
from scrapy.linkextractors.lxmlhtml import LxmlLinkExtractor
from scrapy.utils.response import get_base_url, get_meta_refresh

from curate.crawl.archive import Page
from curate.crawl.options import CrawlOptions
from curate.crawl.urls import normalise, resolve

_EXTRACTOR = LxmlLinkExtractor(
    tags=("a", "area", "frame"), attrs=("href", "src"), deny_extensions=(), unique=True
)
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_AGENT = re.compile(r"\s*([\w.-]+)\s*:")


@dataclass(frozen=True)
class Reading:
    """`links` are to be followed, `nofollow` not; `canonical` is another name of the same page;
    `words` are the robots directives that concern this crawler, obeyed or not."""

    links: tuple[str, ...] = ()
    nofollow: tuple[str, ...] = ()
    canonical: str | None = None
    words: frozenset[str] = frozenset()


def read(url: str, page: Page, options: CrawlOptions) -> Reading:
    """What a page says; only HTML says more than its headers do."""
    words = frozenset(_header_words(page.robots_tags, options.robots_token))
    if "html" not in page.content_type.lower():
        return Reading(words=words)
    response = HtmlResponse(url, headers={"Content-Type": page.content_type}, body=page.body)
    try:
        base = get_base_url(response)
    except ValueError:  # an impossible <base href> is no base
        response = response.replace(body=re.sub(rb"(?i)<base\b", b"<x", page.body))
        base = url
    words |= frozenset(_meta_words(response, options.robots_token))
    obeyed = words & set(options.obey)
    links, nofollow = _links(response, "nofollow" in options.obey)
    own, canonical = without_query(url), _canonical(response, base)
    if canonical and without_query(canonical) != own:
        links, canonical = [*links, canonical], None
    if "nofollow" in obeyed:
        links, nofollow = [], [*links, *nofollow]
    return Reading(tuple(links), tuple(nofollow), None if canonical == url else canonical, words)


def without_query(url: str) -> str:
    """Host and path of a URL."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def _links(response: HtmlResponse, obey: bool) -> tuple[list[str], list[str]]:
    links, nofollow = list[str](), list[str]()
    for link in _EXTRACTOR.extract_links(response):
        if target := normalise(link.url):
            (nofollow if obey and link.nofollow else links).append(target)
    try:
        refresh = normalise(get_meta_refresh(response)[1] or "")
    except ValueError:
        refresh = None
    return [*links, refresh] if refresh else links, nofollow


def _canonical(response: HtmlResponse, base: str) -> str | None:
    for link in response.xpath("//head/link[@rel and @href]"):
        if "canonical" in link.attrib["rel"].lower().split():
            return resolve(base, link.attrib["href"])
    return None


def _meta_words(response: HtmlResponse, token: str) -> Iterator[str]:
    for meta in response.xpath("//meta[@name and @content]"):
        if meta.attrib["name"].strip().lower() in ("robots", token.lower()):
            yield from _words([meta.attrib["content"]])


def _header_words(lines: Iterable[str], token: str) -> Iterator[str]:
    """Directives of X-Robots-Tag, one a line; `name: …` is for the robot of that name only."""
    for line in lines:
        agent = _AGENT.match(line)
        if agent and agent[1].lower() not in _VALUED:
            if agent[1].lower() != token.lower():
                continue
            line = line[agent.end() :]
        yield from _words([line])


def _words(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        for word in value.lower().split(","):
            yield from ("noindex", "nofollow") if word.strip() == "none" else (word.strip(),)
