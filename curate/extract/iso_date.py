"""A date as people and programs write it, to ISO 8601.

In: a string, a number or a date. Out: ISO 8601 as exact as it was given, or None. The decision: a
date that could be two days (`03/04/2021`) is none.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

DAY = re.compile(
    r"([12]\d{3})(?:[-/.]?(\d\d)[-/.]?(\d\d)|[-/.](\d\d?)[-/.](\d\d?))(?:[T ].*)?", re.ASCII
)
WRITTEN = ("%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "%B %Y", "%Y-%m", "%Y")
EPOCH_SECONDS = 1e8  # a larger number is a time and no year; 1973 and later
EPOCH_MILLISECONDS = 1e11


def iso_date(value: object) -> str | None:
    """A date or time as ISO 8601, as exact as it was given; None if it is no certain date.

    `03/04/2021` is none: which is the month depends on the country.

    >>> iso_date("March 4, 2021"), iso_date(1614816000), iso_date("20210304"), iso_date("03/04/2021")
    ('2021-03-04', '2021-03-04T00:00:00+00:00', '2021-03-04', None)
    """
    try:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _from_number(value)
        return _from_words(value.strip()) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _from_number(value: float) -> str | None:
    if value == int(value) and 1000 <= value <= 2999:
        return str(int(value))
    if value < EPOCH_SECONDS:
        return None
    seconds = value / 1000 if value >= EPOCH_MILLISECONDS else value
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _from_words(words: str) -> str | None:
    if len(words) > 64:
        return None
    if found := DAY.fullmatch(words):
        year, month, at = (int(part) for part in found.groups() if part)
        day = date(year, month, at).isoformat()
        try:
            return datetime.fromisoformat(words).isoformat() if len(words) > 10 else day
        except ValueError:
            return day
    for form in WRITTEN:
        try:
            given = datetime.strptime(words, form).date().isoformat()
        except ValueError:
            continue
        return given[: 4 if form == "%Y" else 10 if "%d" in form else 7]
    return parsedate_to_datetime(words).isoformat() if "," in words and ":" in words else None
