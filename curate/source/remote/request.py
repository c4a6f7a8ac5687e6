"""One request to a web server, and what its answer means.

In: a method, a URL, headers. Out: an open response, or the one error that fits: `Busy` for what may
pass, InputError for a file that is missing or not ours to read. The decision: urllib3 follows
redirects and keeps connections open, but never tries again by itself; patience is in one place.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from functools import cache
from time import time
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from curate import __version__
from curate.errors import InputError, WorkError
from curate.source.remote.patience import Busy

TIMEOUT = urllib3.Timeout(connect=30, read=120)
HEADERS = {"User-Agent": f"curate/{__version__}", "Accept-Encoding": "identity"}
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = urllib3.Retry(
    total=5, connect=0, read=0, status=0, other=0, respect_retry_after_header=False
)


def ask(
    method: str, url: str, headers: dict[str, str], allowed: tuple[int, ...] = (416,)
) -> urllib3.BaseHTTPResponse:
    """One request. Raises Busy for what may pass, an error of ours for every other refusal."""
    try:
        response = _pool(url).request(
            method, url, headers={**HEADERS, **headers}, preload_content=False,
            retries=REDIRECTS, timeout=TIMEOUT,
        )  # fmt: skip
    except urllib3.exceptions.LocationValueError as error:
        raise InputError(f"{url}: {reason_of(error)}") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Busy(reason_of(error)) from None
    if response.status in (200, 206, *allowed):
        return response
    told = retry_after(response.headers.get("Retry-After", ""))
    response.close()
    said = f"HTTP {response.status} {response.reason or ''}".rstrip()
    if response.status in PASSING:
        raise Busy(said, told)
    if response.status in (404, 410):
        raise InputError(f"{url}: {said}; no such file")
    if response.status in (401, 403):
        raise InputError(f"{url}: {said}; it needs a login, or the server blocks this machine")
    raise WorkError(f"{url}: {said}")


@cache
def _manager(proxy: str | None) -> urllib3.PoolManager:
    return urllib3.ProxyManager(proxy, maxsize=8) if proxy else urllib3.PoolManager(maxsize=8)


def _pool(url: str) -> urllib3.PoolManager:
    """Connections, kept open; through a proxy where HTTP_PROXY and its like say so."""
    parts = urlsplit(url)
    passed = bool(parts.hostname) and proxy_bypass(parts.hostname or "")
    return _manager(None if passed else getproxies().get(parts.scheme))


def reason_of(error: Exception) -> str:
    """One line for an error of the connection."""
    cause = getattr(error, "reason", None) or error
    return f"{type(cause).__name__}: {cause}".splitlines()[0][:300]


def content_length(response: urllib3.BaseHTTPResponse) -> int | None:
    """The length that the answer states, in bytes; None if it states none."""
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def content_range(value: str) -> tuple[int | None, int | None, int | None]:
    """First byte, last byte and size of the whole (RFC 9110, 14.4).

    >>> content_range("bytes 0-499/1234"), content_range("bytes */1234")
    ((0, 499, 1234), (None, None, 1234))
    """
    span, _, size = value.removeprefix("bytes").strip().partition("/")
    first, _, last = span.partition("-")
    numbers = [
        int(part) if part.isascii() and part.isdigit() else None for part in (first, last, size)
    ]
    return numbers[0], numbers[1], numbers[2]


def retry_after(value: str) -> float | None:
    """Seconds to wait: a number or a date (RFC 9110, 10.2.3); None if it is neither.

    >>> retry_after("120"), retry_after("soon")
    (120.0, None)
    """
    if value.strip().isdecimal():
        return float(value)
    when = http_time(value)
    return None if when is None else max(0.0, when - time())


def http_time(value: str) -> float | None:
    """A date of HTTP in seconds since 1970.

    >>> http_time("Thu, 01 Jan 1970 00:01:00 GMT")
    60.0
    """
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
