"""Places where a site goes on for ever. No network in here.

In: URLs, and whether a page's payload was met before. Out: the reason to leave a URL out, or
nothing. The decision that matters: a URL is judged by its shape alone wherever that is enough, so
most traps cost no request; what only the content gives away (the same pages under new names) stops
the folder or script it happens under, never a whole host.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

MAX_SEGMENTS = 20  # Heritrix, TooManyPathSegmentsDecideRule
MAX_RUNS = 2  # Heritrix, PathologicalPathDecideRule: a third run in a row is a loop
MAX_SCATTERED = 3  # times that one word stands in a path
MAX_PARAMETERS = 20
MAX_EQUAL_PARAMETERS = 2
YEARS_AHEAD, YEARS_BACK = 1, 10
_HINT = re.compile(
    r"(?<![a-z])(?:cal|calendar|kalender|calendrier|events?|agenda|schedule|date|day|week|month|year"
    r"|from|start|eventdisplay|tribe-bar-date)(?![a-z])",
    re.I,
)
_HINTED = re.compile(r"(?<!\d)((?:1[5-9]|2\d)\d\d)[-/_.]?(?:0[1-9]|1[0-2]|[1-9](?!\d))")
_YEAR = re.compile(r"[?&](?:year|yr|y|cal_year)=(\d{4})(?!\d)", re.I)
_FOLDERS = re.compile(r"/(2\d\d\d)/(?:0[1-9]|1[0-2])(?=/|$)")


def trap(url: str, year: int) -> str | None:
    """Why the shape of a URL is that of a trap; `year` is the present one.

    >>> trap("http://a.org/x/y/x/y/x/y/", 2025), trap("http://a.org/calendar?month=2031-07", 2025)
    ('trap_path', 'trap_calendar')
    >>> trap("http://a.org/2019/07/a-post", 2025) is None
    True
    """
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) > MAX_SEGMENTS or _runs(segments) or _scattered(segments):
        return "trap_path"
    parameters = Counter(re.split("[&;]", parts.query)) if parts.query else Counter[str]()
    if parameters.total() > MAX_PARAMETERS or _most(parameters) > MAX_EQUAL_PARAMETERS:
        return "trap_query"
    return "trap_calendar" if _far(parts.path, parts.query, year) else None


def _runs(segments: list[str]) -> bool:
    """Whether the same segments stand three times in a row."""
    times = MAX_RUNS + 1
    return any(
        segments[begin : begin + size] * times == segments[begin : begin + size * times]
        for size in range(1, len(segments) // times + 1)
        for begin in range(len(segments) - size * times + 1)
    )


def _scattered(segments: Sequence[str]) -> bool:
    return _most(Counter(word for word in segments if not word.isdigit())) > MAX_SCATTERED


def _most(counts: Counter[str]) -> int:
    return max(counts.values(), default=0)


def _far(path: str, query: str, year: int) -> bool:
    """A month of a calendar that lies far ahead or far back, or a folder of months to come."""
    text = f"{path}?{query}"
    ahead = [int(found) for found in _FOLDERS.findall(path)]
    if any(found > year + YEARS_AHEAD for found in ahead):
        return True
    if not _HINT.search(text):
        return False
    years = [int(found) for found in _HINTED.findall(text) + _YEAR.findall(text)]
    return any(not year - YEARS_BACK <= found <= year + YEARS_AHEAD for found in years)


class Repeats:
    """Stops a place after `limit` pages in a row that each repeat a payload met before.

    The places of a page are its URL without the query, its folder, and the first folder of its
    path; the root of a host is none.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._runs: Counter[str] = Counter()
        self.stopped: dict[str, None] = {}

    def add(self, url: str, repeated: bool) -> list[str]:
        """A page was read; the places that this stops."""
        stops = []
        for place in _places(url) if self._limit is not None else ():
            if not repeated:
                self._runs.pop(place, None)
                continue
            self._runs[place] += 1
            if self._runs[place] == self._limit and place not in self.stopped:
                stops.append(place)
        self.stopped.update(dict.fromkeys(stops))
        return stops

    def covers(self, url: str) -> bool:
        """Whether a URL lies in a place that was stopped."""
        return bool(self.stopped) and any(place in self.stopped for place in _places(url))


def _places(url: str) -> list[str]:
    """
    >>> _places("http://a.org/b/c/d?e")
    ['http://a.org/b/c/d', 'http://a.org/b/c/', 'http://a.org/b/']
    """
    parts = urlsplit(url)
    folder = parts.path.rpartition("/")[0] + "/"
    first = "/" + parts.path.split("/")[1] + "/" if folder != "/" else "/"
    found = dict.fromkeys(place for place in (parts.path, folder, first) if place != "/")
    return [f"{parts.scheme}://{parts.netloc}{place}" for place in found]
