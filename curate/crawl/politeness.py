"""What Scrapy leaves to its users of a server's wishes. Downloader middlewares and signals.

In: requests and responses on their way. Out: the same, held back as long as the server asked for
(Retry-After, RFC 9110, 10.2.3; Crawl-delay), robots.txt read by the rules of RFC 9309, and the
headers of a page as they were received. Scrapy itself obeys robots.txt, spaces the requests of a
host, retries, decodes and limits sizes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, DownloadCancelledError, IgnoreRequest
from scrapy.http import Response, TextResponse
from scrapy.robotstxt import RobotParser

from curate.crawl.addresses import REFUSALS

LONGEST_WAIT_SECONDS = 120.0
_BUSY = (429, 503)
_FORBIDDEN = b"User-agent: *\nDisallow: /\n"


class Wire:
    """Nearest to the network: waits for a busy host, and keeps a page's headers as received."""

    def __init__(self) -> None:
        self._not_before: dict[str, float] = {}

    async def process_request(self, request: Request) -> None:
        """Waits until the host is to be asked again."""
        wait = self._not_before.get(urlsplit(request.url).netloc, 0.0) - monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    def process_response(self, request: Request, response: Response) -> Response:
        """Notes Retry-After and the headers; a body not downloaded has no encoding."""
        wait = retry_after_seconds(response.headers.get("Retry-After"))
        if response.status in _BUSY and wait:
            wait = min(wait, LONGEST_WAIT_SECONDS)
            self._not_before[urlsplit(request.url).netloc] = monotonic() + wait
        request.meta["received"] = response.headers.copy()
        if "download_stopped" in response.flags:
            response.headers.pop("Content-Encoding", None)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """A name that resolves to a refused address is not worth a retry."""
        if (
            isinstance(exception, CannotResolveHostError)
            and urlsplit(request.url).hostname in REFUSALS
        ):
            request.meta["dont_retry"] = True


class RobotsStatus:
    """robots.txt by its status, after the retries: 5xx forbids all, 4xx nothing (RFC 9309, 2.3.1);
    one that does not come forbids all too, and its pages fail as it did."""

    def __init__(self) -> None:
        self._unreachable: dict[str, Exception] = {}

    def process_response(self, request: Request, response: Response) -> Response:
        """The answer to a robots.txt request as one that Scrapy's parser understands."""
        if not request.meta.get("dont_obey_robotstxt") or response.status < 400:
            return response
        unreachable = response.status >= 500 or response.status == 429
        return response.replace(body=_FORBIDDEN if unreachable else b"")

    def process_exception(self, request: Request, exception: Exception) -> Response | None:
        """Scrapy would take a robots.txt that does not come for one that allows everything."""
        name = urlsplit(request.url).netloc
        if request.meta.get("dont_obey_robotstxt"):
            if not isinstance(exception, (DownloadCancelledError, IgnoreRequest)):
                self._unreachable[urlsplit(_first_url(request)).netloc] = exception
            return TextResponse(request.url, body=_FORBIDDEN, encoding="utf-8")
        if isinstance(exception, IgnoreRequest) and name in self._unreachable:
            raise self._unreachable[name]
        return None


def _first_url(request: Request) -> str:
    """What was asked for before any redirect."""
    came: list[str] = request.meta.get("redirect_urls") or [request.url]
    return came[0]


def obey_crawl_delay(crawler: Crawler, robotparser: RobotParser, request: Request) -> None:
    """On the signal `robots_parsed`: a Crawl-delay longer than ours is the host's delay."""
    token = crawler.settings["ROBOTSTXT_USER_AGENT"]
    delay = robotparser.crawl_delay(token) or 0.0
    downloader = crawler.engine.downloader
    if delay > crawler.settings.getfloat("DOWNLOAD_DELAY"):
        key = downloader.get_slot_key(request)
        downloader.per_slot_settings[key] = {"delay": delay}
        if key in downloader.slots:
            downloader.slots[key].delay = delay


def retry_after_seconds(value: bytes | None) -> float:
    """The seconds that a Retry-After header asks for, 0 without one that can be read.

    >>> retry_after_seconds(b"7")
    7.0
    """
    text = (value or b"").decode("latin-1").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
