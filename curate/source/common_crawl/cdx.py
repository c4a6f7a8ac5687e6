"""Lines of a CDX index: what was captured, and where the record lies.

In: lines of Common Crawl's CDXJ files (`key timestamp {json}`), of a CDX server's answer (a JSON
object a line), or of a classic CDX file (columns, told by its ` CDX …` line). Out: the `Capture`s
that meet the criteria. The decisions: a line without file name and offset is malformed; one without
a length is not, since a record says itself where it ends. A line that mentions no wanted host or
language is not parsed: an index has billions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from curate.source.common_crawl.selection import Capture, Select, Tally

# Field letters of classic CDX (Internet Archive, "CDX File Format", 2006): original URL, media type,
# status, compressed record size, compressed file offset, file name.
LETTERS = {"a": "url", "m": "mime", "s": "status", "S": "length", "V": "offset", "g": "filename"}
ELEVEN = list("NbamskrMSVg")


def captures(lines: Iterable[bytes], select: Select, tally: Tally) -> Iterator[Capture]:
    """The captures that meet the criteria, in order; `tally` counts all lines but headers and
    blank ones."""
    letters = ELEVEN
    mentions = _mentions(select)
    for line in lines:
        if line.startswith(b"!") or not line.strip():  # pywb's own header
            continue
        if line.startswith(b"{") or b" {" in line:
            tally.lines += 1
            low = line.lower()
            if all(any(word in low for word in words) for words in mentions):
                capture = _from_json(line)
            elif line.rstrip().endswith(b"}"):
                continue
            else:
                capture = None
        elif line.lstrip().startswith(b"CDX "):
            letters = line.decode("utf-8", "replace").split()[1:]
            continue
        else:
            tally.lines += 1
            capture = _from_columns(line, letters)
        if capture is None:
            tally.malformed += 1
        elif select.accepts(capture):
            yield capture


def _mentions(select: Select) -> list[list[bytes]]:
    """What a line of JSON that meets the criteria is bound to hold: one of each list."""
    groups = [
        [domain.encode() for domain in select.domain],
        [host.encode() for host in select.host],
        [f'"{code}'.encode() for code in select.language],
    ]
    return [group for group in groups if group]


def _from_json(line: bytes) -> Capture | None:
    try:
        found = orjson.loads(line[line.index(b"{") :])
    except orjson.JSONDecodeError:
        return None
    return _capture(found)


def _from_columns(line: bytes, letters: list[str]) -> Capture | None:
    columns = line.decode("utf-8", "replace").split()
    if len(columns) != len(letters):
        return None
    named = zip(letters, columns, strict=True)
    return _capture({LETTERS[letter]: value for letter, value in named if letter in LETTERS})


def _capture(found: Mapping[str, Any]) -> Capture | None:
    offset, length = _number(found.get("offset")), _number(found.get("length"))
    filename = found.get("filename")
    if offset is None or not isinstance(filename, str) or filename in ("", "-") or length == 0:
        return None
    return Capture(
        filename,
        offset,
        length,
        str(found.get("url", "")),
        str(found.get("mime-detected") or found.get("mime") or ""),
        _number(found.get("status")),
        str(found.get("languages") or ""),
    )


def _number(value: Any) -> int | None:
    """CDX writes numbers as text, and a hyphen for none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
