"""What an answer of a server, or its lack, means for a crawl. No state in here.

In: responses and failures as Scrapy hands them over. Out: the notes that become metadata records,
and whether a later run asks again. The decision that matters: only what a server may do otherwise
tomorrow (5xx, 408, 429, no connection, no name, no answer in time) is asked for again.
"""

from __future__ import annotations

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
    StopDownload,
)
from scrapy.http import Headers, Response
from twisted.python.failure import Failure

from curate.crawl.addresses import REFUSALS
from curate.crawl.archive import Note
from curate.crawl.options import CrawlOptions
from curate.crawl.sitemaps import Malformed, parse
from curate.crawl.urls import resolve

FINAL = ("too_large", "header_too_large")
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 429)  # besides 5xx
_GONE = (404, 410)


def passing(status: int) -> bool:
    """Whether a later run may find another status."""
    return status >= 500 or status in _PASSING


def content_type(headers: Headers) -> str:
    """The Content-Type as sent."""
    return (headers.get("Content-Type") or b"").decode("latin-1")


def wanted(headers: Headers, options: CrawlOptions) -> bool:
    """Whether the media type is one of those to store."""
    return content_type(headers).partition(";")[0].strip().lower() in options.media_types


def refusal(response: Response, url: str, options: CrawlOptions) -> Note | None:
    """Why an answer is not a page; None if it is one."""
    if response.status in _REDIRECTS:
        return _redirect(response, url)
    if not 200 <= response.status < 300:
        return Note(f"http_{response.status}")
    if not wanted(response.headers, options):
        return Note("media_type")
    return None if response.body else Note("empty")


def named_by(response: Response, url: str) -> Note:
    """What a sitemap names, or why it is none."""
    if response.status in _REDIRECTS:
        return _redirect(response, url)
    if not 200 <= response.status < 300:
        absent = response.status in _GONE
        return Note("sitemap_absent" if absent else f"sitemap_http_{response.status}")
    try:
        found = parse(url, response.body)
    except Malformed as error:
        return Note(str(error))
    return Note("sitemap", None, found.pages, found.sitemaps, found.more)


def _redirect(response: Response, url: str) -> Note:
    location = (response.headers.get("Location") or b"").decode("utf-8", "replace")
    return Note("redirect", resolve(url, location))


def reason_of(failure: Failure, name: str) -> tuple[str, str]:
    """Why a URL was not answered: the name it is counted under, and in words."""
    error = failure.value
    if isinstance(error, IgnoreRequest) and str(error) == "Forbidden by robots.txt":
        return "robots", "robots.txt forbids it"
    if isinstance(error, StopDownload):
        return "header_too_large", "its header is larger than max_header_bytes"
    if isinstance(error, (DownloadCancelledError, IgnoreRequest)):
        return "too_large", "it is larger than max_body_bytes"
    if isinstance(error, CannotResolveHostError):
        if name in REFUSALS:
            return "refused_address", f"{name}: {REFUSALS[name]}"
        return "dns", f"the name {name} has no address"
    if isinstance(error, DownloadTimeoutError):
        return "timeout", "it did not answer in time"
    return "connection", f"{error}" or type(error).__name__
