"""Addresses nobody wants to train on: blocked hosts, and words in the address.

In: a document, of which only `url` is looked at. Out: signals `url.blocked_host` (0 or 1),
`url.subwords`, `url.hard_words`, `url.soft_words` (counts), and the drop they lead to. The decision:
words are whole words of the address (`essex.ac.uk` holds no "sex"), except a few strings that occur
in no other word. A document without a URL passes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar
from urllib.parse import urlsplit

import fsspec

from curate.document import Document
from curate.errors import InputError

# The three tiers of RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, Appendix G.1): a string that
# always condemns, a whole word that does, and words of which it takes two.
SUBWORDS = ("xvideos", "xnxx", "xhamster", "pornhub", "redtube", "youporn", "groupsex", "gangbang")
HARD_WORDS = frozenset(
    {"porn", "porno", "xxx", "orgy", "hentai", "milf", "blowjob", "creampie", "bukkake"}
)
SOFT_WORDS = frozenset(
    {
        "sex",
        "sexy",
        "adult",
        "nude",
        "naked",
        "escort",
        "escorts",
        "webcam",
        "cams",
        "erotic",
        "fetish",
        "casino",
        "poker",
        "betting",
        "viagra",
    }
)
_SPLIT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Url:
    """Drop documents by their address (RefinedWeb, Penedo et al. 2023, arXiv:2306.01116, G.1).

    `blocked_hosts`, `blocked_words`: your own lists (path or URL; one entry a line, # comments). A
    blocked host takes its subdomains with it; the format is that of the UT1 block lists. A blocked
    word is a whole word of the address. `soft_words`: so many words of the soft list condemn
    (None: never). Drops: `url.blocked_host`, `url.subwords`, `url.hard_words`, `url.soft_words`.
    """

    blocked_hosts: str | None = None
    blocked_words: str | None = None
    soft_words: int | None = 2
    name: ClassVar[str] = "url"

    def __post_init__(self) -> None:
        for path in self.inputs():
            file_system, place = fsspec.core.url_to_fs(path)
            if not file_system.exists(place):
                raise InputError(
                    f"url: the block list {path} does not exist; give the path of a text file"
                )

    def inputs(self) -> Iterator[str]:
        """The files this step reads."""
        yield from filter(None, (self.blocked_hosts, self.blocked_words))

    def __call__(self, document: Document) -> None:
        """Judge the address; the text is not needed."""
        if not document.url:
            return
        measured = self.measure(document.url)
        for signal, count in measured.items():
            document.signals[f"{self.name}.{signal}"] = float(count)
        limits = {"blocked_host": 1, "subwords": 1, "hard_words": 1, "soft_words": self.soft_words}
        for signal, limit in limits.items():
            if limit is not None and measured[signal] >= limit and document.drop is None:
                document.drop = f"{self.name}.{signal}"

    def measure(self, url: str) -> dict[str, int]:
        """Counts of what is blocked in an address."""
        lowered = url.lower()
        words = set(_SPLIT.split(lowered))
        hard = HARD_WORDS | entries(self.blocked_words) if self.blocked_words else HARD_WORDS
        blocked = entries(self.blocked_hosts) if self.blocked_hosts else frozenset()
        return {
            "blocked_host": int(not blocked.isdisjoint(_hosts(lowered))),
            "subwords": sum(word in lowered for word in SUBWORDS),
            "hard_words": len(hard & words),
            "soft_words": len(SOFT_WORDS & words),
        }


def _hosts(url: str) -> list[str]:
    """The host and all its parents: a.b.org, b.org, org."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return []
    labels = host.rstrip(".").split(".")
    return [".".join(labels[i:]) for i in range(len(labels))]


def entries(path: str) -> frozenset[str]:
    """The entries of a list file, lower case; read again when a local file has changed."""
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError:
        changed = 0
    return _entries(path, changed)


@cache
def _entries(path: str, changed: int) -> frozenset[str]:
    try:
        with fsspec.open(path, "rt", encoding="utf-8", compression="infer") as file:
            lines = [line.split("#")[0].strip().lower() for line in file]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable list, one entry a line: {error}") from None
    return frozenset(line for line in lines if line)
