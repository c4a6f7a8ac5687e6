"""Which captures of a web archive are wanted, by what its index says about them.

In: the `select` mapping of a source. Out: a `Select` that judges captures. The decision: a capture
has to meet every criterion that is given, and one value of each; a criterion about something the
index does not say of a capture is not met.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

HOST = re.compile(r"[a-z0-9_.-]*[a-z0-9_-][a-z0-9_.-]*")  # a name beyond ASCII is written xn--…


@dataclass(frozen=True, slots=True)
class Capture:
    """A line of an index: where a record lies (`length` None: not said) and what it holds."""

    filename: str
    offset: int
    length: int | None
    url: str = ""
    mime: str = ""
    status: int | None = None
    languages: str = ""


@dataclass
class Tally:
    """Lines (or rows) of an index that were looked at, and how many of them say no place."""

    lines: int = 0
    malformed: int = 0


@dataclass(frozen=True)
class Select:
    """Criteria as Common Crawl's indexes have them.

    `domain`: the domain and every host below it. `host`: this host only. `language`: the main
    language of the page (ISO 639-3). `mime`: the media type found by looking at the content.
    """

    domain: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    mime: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    url_prefix: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Select:
        """From a recipe's mapping. Raises ValueError whose message begins with the wrong key."""
        return cls(**{key: _values(key, value) for key, value in given.items()})

    def describe(self) -> dict[str, list[Any]]:
        """The criteria that are set, as plain data."""
        return {key: list(values) for key, values in asdict(self).items() if values}

    def accepts(self, capture: Capture) -> bool:
        """Whether the capture meets every criterion."""
        return (
            (not self.status or capture.status in self.status)
            and (not self.mime or capture.mime in self.mime)
            and (not self.language or capture.languages.split(",")[0] in self.language)
            and (not self.url_prefix or capture.url.startswith(self.url_prefix))
            and (not (self.host or self.domain) or self._accepts_host(host_of(capture.url)))
        )

    def _accepts_host(self, host: str) -> bool:
        if self.host and host not in self.host:
            return False
        return not self.domain or host in self.domain or host.endswith(self.below())

    def below(self) -> tuple[str, ...]:
        """How the names of hosts below the domains end."""
        return tuple(f".{domain}" for domain in self.domain)


CRITERIA = tuple(field.name for field in fields(Select))


def host_of(url: str) -> str:
    """The host of a URL in small letters; "" if it has none.

    >>> host_of("https://user@Docs.Example.org:8080/a?b")
    'docs.example.org'
    """
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _values(key: str, given: Any) -> tuple[Any, ...]:
    values = given if isinstance(given, list) else [given]
    if not values:
        raise ValueError(f"{key}: expected a value or a list of values, got {given!r}")
    check = _status if key == "status" else _name
    return tuple(check(key, value) for value in values)


def _status(key: str, value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or not 100 <= int(value) <= 999:
        raise ValueError(f"{key}: expected a status such as 200, got {value!r}")
    return int(value)


def _name(key: str, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError(f"{key}: expected text, got {given!r}")
    value: str = given if key == "url_prefix" else given.strip().lower()
    if key == "language" and (len(value) != 3 or not value.isalpha()):
        raise ValueError(f"{key}: expected an ISO 639-3 code such as eng or deu, got {given!r}")
    if key in ("domain", "host"):
        if not HOST.fullmatch(value):
            raise ValueError(f"{key}: expected a name such as example.org, got {given!r}")
        value = value.strip(".")
    return value
