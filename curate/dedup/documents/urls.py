"""One key for all spellings of a page's address: what deduplication by URL compares.

In: a URL. Out: its host and path as archives sort them, after the canonicalisation of the Internet
Archive (Heritrix' canonicalisation policies; SURT): no scheme, no `www.`, no session ids or trackers,
the parameters sorted, no slash at the end.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from curate.crawl.urls import normalise, without_session

_WWW = re.compile(r"www\d*\.(?=[^/]*\.)")


def canonical_url(url: str) -> str:
    """The key of a URL; a string that is no http(s) URL is its own key.

    >>> canonical_url("https://www.Example.org:443/a/?b=2&a=1&utm_source=x#top")
    'example.org/a?a=1&b=2'
    >>> canonical_url("urn:isbn:1")
    'urn:isbn:1'
    """
    normal = normalise(url)
    if normal is None:
        return url
    parts = urlsplit(without_session(normal))
    host = _WWW.sub("", parts.netloc, count=1) if _WWW.match(parts.netloc) else parts.netloc
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    return f"{host}{parts.path.rstrip('/')}{'?' if query else ''}{query}"
