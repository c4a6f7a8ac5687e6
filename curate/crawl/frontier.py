"""Which URL is fetched next. No network in here.

In: seeds, and for each fetched URL the links or the redirect it held. Out: batches of URLs, each
URL once, and a count of the URLs left out by reason. The decision that matters: breadth first, one
level at a time, in the order in which the pages mention them. Which pages a crawl visits then
depends on the site and the options alone, not on which answer came first, and a crawl that was cut
off can be played again from its archive.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from curate.crawl.addresses import literal_refusal
from curate.crawl.links import Reading
from curate.crawl.options import CrawlOptions
from curate.crawl.traps import Repeats, trap
from curate.crawl.urls import host, names_other_media, registered_domain, without_session

_DIGITS = re.compile(r"\d+")
_VALUES = re.compile(r"=[^&;]*")
Place = tuple[int, int]


@dataclass(frozen=True)
class Share:
    """The hosts of one shard: a registered domain with all its hosts is in one shard."""

    number: int = 0
    shards: int = 1

    def owns(self, url: str) -> bool:
        """Whether a URL's host is one of this share."""
        return self.shards == 1 or shard_of(host(url), self.shards) == self.number


def shard_of(name: str, shards: int) -> int:
    """The shard of a host, the same in every process.

    >>> shard_of("www.example.co.uk", 97) == shard_of("example.co.uk", 97)
    True
    """
    digest = hashlib.sha1(registered_domain(name).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") % shards


@dataclass(frozen=True)
class Arrival:
    """A URL that another shard found `depth` links from a seed, behind `hops` redirects; `root` if
    a seed redirected to it."""

    url: str
    depth: int
    hops: int = 0
    root: bool = False


class Frontier:
    """The URLs of a crawl, level by level; `skipped` counts those that are left out,
    and `seen` are all that were judged.

    Of several shards it takes the URLs of its `share` and those that `arrivals` bring, and leaves
    in `sent` what belongs to others.
    """

    def __init__(
        self,
        seeds: Sequence[str],
        options: CrawlOptions,
        share: Share | None = None,
        arrivals: Iterable[Arrival] = (),
    ) -> None:
        self.level = 0
        self.skipped: Counter[str] = Counter()
        self.sent: dict[str, Arrival] = {}
        self.repeats = Repeats(options.max_repeats)
        self._options, self._share = options, share or Share()
        self._exclude = [re.compile(pattern) for pattern in options.exclude]
        self._year = datetime.now(UTC).year
        self._patterns: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self._sites: set[str] = {self._site(seed) for seed in seeds}
        self.seen: set[str] = set()
        self._nofollow: set[str] = set()
        self._hops: dict[str, int] = {}
        self._came: dict[str, str] = {}
        self._order: dict[str, int] = {}
        self._pending: deque[str] = deque()
        self._found: dict[str, Place] = {}
        self._redirected: dict[str, Place] = {}
        self._arrivals: dict[int, list[Arrival]] = {}
        for arrival in sorted(arrivals, key=lambda arrival: arrival.url):
            self._arrivals.setdefault(arrival.depth, []).append(arrival)
        self.start(seed for seed in seeds if self._share.owns(seed))
        self._arrive()

    def __len__(self) -> int:
        """URLs of this level that wait."""
        return len(self._pending)

    def start(self, urls: Iterable[str]) -> None:
        """URLs to begin with: seeds, and what sitemaps name."""
        for url in urls:
            self._admit(self._plain(url))

    def take(self, limit: int | None) -> list[str]:
        """At most `limit` URLs; the next level begins when all of this one was answered.

        To be called only when every URL taken before was answered. Empty: the crawl is over.
        """
        self._merge(self._redirected)
        while not self._pending and (self._found or self._arrivals):
            if self.level == self._options.depth:
                self._leave("depth")
                break
            self.level += 1
            self._order.clear()
            self._merge(self._found)
            self._arrive()
        size = len(self._pending) if limit is None else min(limit, len(self._pending))
        return [self._pending.popleft() for _ in range(size)]

    def put_back(self, urls: Sequence[str]) -> None:
        """URLs that were taken and not asked for; they come first."""
        self._pending.extendleft(reversed(urls))

    def give_up(self) -> None:
        """The page limit is reached: what waits is counted, and nothing more is taken."""
        self._leave("max_pages")

    def page(self, url: str, reading: Reading) -> None:
        """A page was read; what it links to belongs to the next level."""
        if reading.canonical and (same := self._plain(reading.canonical)) not in self.seen:
            self.seen.add(same)
            self.skipped["canonical"] += 1
        self._nofollow.update(map(self._plain, reading.nofollow))
        for position, target in enumerate(map(self._plain, reading.links)):
            if target not in self.seen:
                place = (self._order[url], position)
                self._found[target] = min(place, self._found.get(target, place))

    def redirect(self, url: str, target: str | None) -> None:
        """A URL answered with a redirect; the target belongs to the same level.

        A target that is the same URL with a session id keeps it: there is no other way in.
        """
        hops = self._hops.get(url, 0) + 1
        if target is None or hops > self._options.max_redirects:
            self.skipped["redirect"] += 1
            return
        target = target if self._plain(target) == url else self._plain(target)
        if target in self._chain(url):
            self.skipped["redirect_loop"] += 1
        elif target not in self.seen:
            if self.level == 0:
                self._sites.add(self._site(target))
            self._hops[target], self._came[target] = hops, url
            place = (self._order[url], 0)
            self._redirected[target] = min(place, self._redirected.get(target, place))

    def skip(self, reason: str, count: int = 1) -> None:
        """URLs were answered with something that is not a page, or not asked for."""
        self.skipped[reason] += count

    def summary(self) -> dict[str, int]:
        """URLs left out, by reason, at the end of a crawl."""
        nofollow = len(self._nofollow - self.seen)
        counts = self.skipped + Counter({"nofollow": nofollow})
        return dict(sorted(counts.items()))

    def _chain(self, url: str) -> list[str]:
        """A URL and those that redirected to it, one by one."""
        chain = [url]
        while (before := self._came.get(chain[-1])) and before not in chain:
            chain.append(before)
        return chain

    def _plain(self, url: str) -> str:
        return url if self._options.keep_session_ids else without_session(url)

    def _leave(self, reason: str) -> None:
        arrived = {each.url for level in self._arrivals.values() for each in level}
        waiting = {*self._found, *arrived}
        self.skipped[reason] += len(self._pending) + len(waiting - self.seen)
        self.seen |= waiting
        for store in (self._pending, self._found, self._arrivals):
            store.clear()

    def _arrive(self) -> None:
        for arrival in self._arrivals.pop(self.level, ()):
            if arrival.root:
                self._sites.add(self._site(arrival.url))
            self._hops.setdefault(arrival.url, arrival.hops)
            self._admit(arrival.url)

    def _merge(self, found: dict[str, Place]) -> None:
        for url in sorted(found, key=found.__getitem__):
            self._admit(url)
        found.clear()

    def _admit(self, url: str) -> None:
        if url in self.seen:
            return
        self.seen.add(url)
        reason = self._refusal(url)
        if reason is None and not self._share.owns(url):
            hops = self._hops.get(url, 0)
            self.sent[url] = Arrival(url, self.level, hops, root=self.level == 0 and hops > 0)
            return
        reason = reason or self._excess(url)
        if reason:
            self.skipped[reason] += 1
        else:
            self._order[url] = len(self._order)
            self._pending.append(url)

    def _refusal(self, url: str) -> str | None:
        """Why a URL is out, whatever else was fetched."""
        options = self._options
        if options.scope != "any" and self._site(url) not in self._sites:
            return "scope"
        if len(url) > options.max_url_chars:
            return "url_length"
        if any(pattern.search(url) for pattern in self._exclude):
            return "exclude"
        if not options.allow_private and literal_refusal(host(url)):
            return "refused_address"
        if names_other_media(url, options.media_types):
            return "media_type"
        return trap(url, self._year) if options.avoid_traps else None

    def _excess(self, url: str) -> str | None:
        """Why a URL is one too many of its kind."""
        if self.repeats.covers(url):
            return "trap_repeats"
        for key, counts, limit, reason in (
            (_pattern(url), self._patterns, self._options.max_pages_per_pattern, "pattern"),
            (urlsplit(url).netloc, self._hosts, self._options.max_pages_per_host, "max_pages_per_host"),
        ):  # fmt: skip
            if limit is not None:
                counts[key] += 1
                if counts[key] > limit:
                    return reason
        return None

    def _site(self, url: str) -> str:
        parts = urlsplit(url)
        domain = self._options.scope == "domain"
        return registered_domain(parts.hostname or "") if domain else parts.netloc


def _pattern(url: str) -> str:
    return _VALUES.sub("=", _DIGITS.sub("0", url))
