"""Which URL is fetched next. No network in here.

In: seeds, and for each fetched URL the links or the redirect it held. Out: batches of URLs, each
URL once, and a count of the URLs left out by reason. The decision that matters: breadth first, one
level at a time, in the order in which the pages mention them. Which pages a crawl visits then
depends on the site and the options alone, not on which answer came first, and a crawl that was cut
off can be played again from its archive.
"""

from __future__ import annotations

import mimetypes
import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from functools import cache
from posixpath import splitext
from urllib.parse import urlsplit, urlunsplit

from scrapy.http import HtmlResponse
from scrapy.linkextractors import IGNORED_EXTENSIONS
from scrapy.linkextractors.lxmlhtml import LxmlLinkExtractor
from scrapy.utils.response import get_meta_refresh
from tldextract import TLDExtract
from w3lib.url import safe_url_string

from curate.crawl.addresses import literal_refusal
from curate.crawl.options import CrawlOptions

_PORTS = {"http": 80, "https": 443}
_DIGITS = re.compile(r"\d+")
_VALUES = re.compile(r"=[^&;]*")
_EXTRACTOR = LxmlLinkExtractor(
    tags=("a", "area", "frame"), attrs=("href", "src"), deny_extensions=(), unique=True
)
_MEDIA_TYPES = mimetypes.MimeTypes(filenames=())
_EXTENSIONS = frozenset(f".{extension}" for extension in IGNORED_EXTENSIONS)
Place = tuple[int, int]


def normalise(url: str) -> str | None:
    """The one spelling of a URL: escaped, host in lower case, no default port, no fragment.

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
    return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))


def links(url: str, content_type: str, body: bytes) -> list[str]:
    """The links of a page in the order of the page, normalised, without `rel=nofollow`.

    `content_type` is the header as it was sent; only HTML has links.
    """
    if "html" not in content_type.lower():
        return []
    page = HtmlResponse(url, headers={"Content-Type": content_type}, body=body)
    refresh = get_meta_refresh(page)[1]
    found = [link.url for link in _EXTRACTOR.extract_links(page) if not link.nofollow]
    targets = [*found, refresh] if refresh else found
    return [target for each in targets if (target := normalise(each))]


class Frontier:
    """The URLs of a crawl, level by level; `skipped` counts those that are left out."""

    def __init__(self, seeds: Sequence[str], options: CrawlOptions) -> None:
        self.level = 0
        self.skipped: Counter[str] = Counter()
        self._options = options
        self._exclude = [re.compile(pattern) for pattern in options.exclude]
        self._patterns: Counter[str] = Counter()
        self._sites: set[str] = {site for seed in seeds for site in self._site(seed)}
        self._seen: set[str] = set()
        self._hops: dict[str, int] = {}
        self._order: dict[str, int] = {}
        self._pending: deque[str] = deque()
        self._found: dict[str, Place] = {}
        self._redirected: dict[str, Place] = {}
        for seed in seeds:
            self._admit(seed)

    def __len__(self) -> int:
        """URLs of this level that wait."""
        return len(self._pending)

    def take(self, limit: int | None) -> list[str]:
        """At most `limit` URLs; the next level begins when all of this one was answered.

        To be called only when every URL taken before was answered. Empty: the crawl is over.
        """
        self._merge(self._redirected)
        while not self._pending and self._found:
            if self.level == self._options.depth:
                self._leave("depth")
                break
            self.level += 1
            self._order.clear()
            self._merge(self._found)
        size = len(self._pending) if limit is None else min(limit, len(self._pending))
        return [self._pending.popleft() for _ in range(size)]

    def give_up(self) -> None:
        """The page limit is reached: what waits is counted, and nothing more is taken."""
        self._leave("max_pages")

    def page(self, url: str, targets: Iterable[str]) -> None:
        """A page was read and links to `targets`; they belong to the next level."""
        for position, target in enumerate(targets):
            if target not in self._seen:
                place = (self._order[url], position)
                self._found[target] = min(place, self._found.get(target, place))

    def redirect(self, url: str, target: str | None) -> None:
        """A URL answered with a redirect; the target belongs to the same level."""
        hops = self._hops.get(url, 0) + 1
        if target is None or hops > self._options.max_redirects:
            self.skipped["redirect"] += 1
        elif target not in self._seen:
            if self.level == 0:
                self._sites.update(self._site(target))
            self._hops[target] = hops
            place = (self._order[url], 0)
            self._redirected[target] = min(place, self._redirected.get(target, place))

    def skip(self, reason: str) -> None:
        """A URL was answered with something that is not a page."""
        self.skipped[reason] += 1

    def _leave(self, reason: str) -> None:
        left = len(self._pending) + sum(url not in self._seen for url in self._found)
        if left:
            self.skipped[reason] += left
        self._pending.clear()
        self._found.clear()

    def _merge(self, found: dict[str, Place]) -> None:
        for url in sorted(found, key=found.__getitem__):
            self._admit(url)
        found.clear()

    def _admit(self, url: str) -> None:
        if url in self._seen:
            return
        self._seen.add(url)
        reason = self._refusal(url)
        if reason:
            self.skipped[reason] += 1
        else:
            self._order[url] = len(self._order)
            self._pending.append(url)

    def _refusal(self, url: str) -> str | None:
        options = self._options
        if options.scope != "any" and not self._sites.intersection(self._site(url)):
            return "scope"
        if len(url) > options.max_url_chars:
            return "url_length"
        if any(pattern.search(url) for pattern in self._exclude):
            return "exclude"
        if not options.allow_private and literal_refusal(urlsplit(url).hostname or ""):
            return "refused_address"
        if _other_media_type(url, options.media_types):
            return "media_type"
        limit = options.max_pages_per_pattern
        if limit is not None:
            pattern = _VALUES.sub("=", _DIGITS.sub("0", url))
            self._patterns[pattern] += 1
            if self._patterns[pattern] > limit:
                return "pattern"
        return None

    def _site(self, url: str) -> tuple[str]:
        parts = urlsplit(url)
        if self._options.scope == "domain":
            return (_registered_domain(parts.hostname or ""),)
        return (parts.netloc,)


def _other_media_type(url: str, media_types: Sequence[str]) -> bool:
    """Whether the name alone says that it is an image, an archive or the like."""
    extension = splitext(urlsplit(url).path)[1].lower()
    return (
        extension in _EXTENSIONS and _MEDIA_TYPES.guess_type(f"a{extension}")[0] not in media_types
    )


@cache
def _suffixes() -> TLDExtract:
    return TLDExtract(suffix_list_urls=(), cache_dir=None)


@cache
def _registered_domain(host: str) -> str:
    """`example.co.uk` of `www.example.co.uk` (the public suffix list that tldextract carries)."""
    return _suffixes()(host).top_domain_under_public_suffix or host
