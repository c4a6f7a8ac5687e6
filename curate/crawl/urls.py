"""URLs: the one spelling of each, without session ids, and the site it belongs to. No network.

In: URLs as pages spell them. Out: normalised URLs, or None. The decision that matters: what is taken
out of a URL is only what no server tells pages apart by, in the forms that are session ids beyond
doubt (the rules of Heritrix' StripSessionIDs, and the parameters of advertisement trackers).
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from posixpath import splitext
from urllib.parse import urljoin, urlsplit, urlunsplit

from scrapy.linkextractors import IGNORED_EXTENSIONS
from tldextract import TLDExtract
from w3lib.url import safe_url_string

_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.I)
_ESCAPED_DOT = re.compile("%2e", re.I)
_PORTS = {"http": 80, "https": 443}
_MEDIA_TYPES = mimetypes.MimeTypes(filenames=())
_EXTENSIONS = frozenset(f".{extension}" for extension in IGNORED_EXTENSIONS)
_PATH_SESSION = re.compile(
    r";(?:jsessionid|phpsessid|sid)=[^/?;]*|/\([saf]\([0-9a-z]{24}\)\)", re.I
)
_SESSION = re.compile(
    r"(?:jsessionid|phpsessid|cfid|cftoken|zenid|oscsid|aspsessionid[a-z]{8}"
    r"|utm_(?:source|medium|campaign|term|content|id)|gclid|fbclid|msclkid)=.*"
    r"|(?:sid|s|session|sessionid|session_id|sessid)=[0-9a-z]{32,}",
    re.I | re.S,
)


def normalise(url: str) -> str | None:
    """The one spelling of a URL: escaped, host in lower case, no default port, no `..`, no fragment.

    None if it is not an absolute http(s) URL. A normalised URL is left as it is.

    >>> normalise("HTTP://Example.com:80?q=é#top")
    'http://example.com/?q=%C3%A9'
    """
    try:
        parts = urlsplit(safe_url_string(url.strip()))
        port = parts.port
    except (ValueError, UnicodeError):
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in _PORTS or not host or re.search(r"[\s%@]", host):
        return None
    name = f"[{host}]" if ":" in host else host
    netloc = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    return urlunsplit((parts.scheme, netloc, _without_dots(parts.path or "/"), parts.query, ""))


def _without_dots(path: str) -> str:
    """The path as a server reads it (RFC 3986, 5.2.4), so that robots.txt is asked about the same.

    >>> _without_dots("/a/./b/%2E./c"), _without_dots("/../a/.")
    ('/a/c', '/a/')
    """
    if not _DOTS.search(path):
        return path
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        dots = _ESCAPED_DOT.sub(".", segment)
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
    return "/" + "/".join(kept if dots not in (".", "..") else [*kept, ""])


def resolve(base: str, target: str) -> str | None:
    """`target` as `base` spells it, normalised; None if it is no URL to fetch.

    >>> resolve("http://a.org/b/", "../c"), resolve("http://a.org/", "http://[")
    ('http://a.org/c', None)
    """
    try:
        return normalise(urljoin(base, target.strip()))
    except ValueError:
        return None


def without_session(url: str) -> str:
    """A normalised URL without session ids and trackers; a short `sid=` may be a page's own.

    >>> without_session("http://a.org/x;jsessionid=1A?PHPSESSID=9&id=7&utm_source=mail&sid=3")
    'http://a.org/x?id=7&sid=3'
    """
    parts = urlsplit(url)
    path = _PATH_SESSION.sub("", parts.path) if ";" in url or "(" in url else parts.path
    pairs = re.split(r"([&;])", parts.query)
    kept = [pair for pair in pairs[::2] if not _SESSION.fullmatch(pair)]
    query = parts.query if len(kept) == len(pairs[::2]) else "&".join(kept)
    return urlunsplit((parts.scheme, parts.netloc, path or "/", query, ""))


def host(url: str) -> str:
    """The host of a URL, without its port."""
    return urlsplit(url).hostname or ""


def names_other_media(url: str, media_types: Sequence[str]) -> bool:
    """Whether the name alone says that it is an image, an archive or the like."""
    extension = splitext(urlsplit(url).path)[1].lower()
    return (
        extension in _EXTENSIONS and _MEDIA_TYPES.guess_type(f"a{extension}")[0] not in media_types
    )


@lru_cache(maxsize=1 << 16)
def registered_domain(name: str) -> str:
    """`example.co.uk` of `www.example.co.uk` (the public suffix list that tldextract carries)."""
    return _suffixes()(name).top_domain_under_public_suffix or name


@cache
def _suffixes() -> TLDExtract:
    return TLDExtract(suffix_list_urls=(), cache_dir=None)
