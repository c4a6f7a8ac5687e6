"""CSV and TSV: one row below the header, one document.

In: a stream, compressed or not, whose first record names the columns. Out: documents whose place is
the record's number, from 1. The decision: a record that has not as many fields as the header is
`record.unreadable`, since no one can know which field is missing. The encoding is decided once, by
the first megabyte; a record of a UTF-8 file that is no UTF-8 is decoded by itself.

The default dialect is RFC 4180's; `escape: "\\\\"` is that of PostgreSQL's `COPY … ESCAPE '\\'`.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

from curate.document import Document
from curate.errors import InputError
from curate.extract.charset import decode
from curate.source.opening import DamagedError, damage
from curate.source.origin import Origin
from curate.source.records import fields
from curate.source.records.head import head_of
from curate.source.whole_file import suffix_of

OPTIONS: Mapping[str, str] = {**fields.OPTIONS, "delimiter": "", "quote": '"', "escape": ""}
TAB_SUFFIXES = (".tsv", ".tab")
DELIMITERS = (",", "\t", ";", "|")
NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "\\t": "\t"}
SAMPLE_BYTES = 1 << 20
ESCAPED = re.compile("[\udc80-\udcff]")


def read_csv(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a record. Blank lines are no record."""
    return fields.documents(records(stream, origin), origin, "the file holds no rows")


def records(stream: BinaryIO, origin: Origin) -> Iterator[tuple[int, dict[str, str] | Document]]:
    """Numbered records by the names of their columns, or the row that says why there is none."""
    csv.field_size_limit(origin.max_record_bytes)
    number = 0
    try:
        lines = _Lines(stream, origin.max_record_bytes)
        reader = csv.reader(lines, **_dialect(lines.sample, origin))
        header = next(filter(None, reader), None)
        while header is not None:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                yield number, _lost(number, str(error), origin)
                continue
            number += bool(values)
            if values:
                yield number, _record(header, values, number, lines.take_long(), origin)
    except csv.Error as error:
        yield number, origin.lost("unreadable", 0, f"its header: {error}")
    except DamagedError as error:
        yield number + 1, origin.lost("unreadable", number + 1, f"the rest of the file: {error}")


def _record(
    header: list[str], values: list[str], number: int, long: bool, origin: Origin
) -> dict[str, str] | Document:
    if long or sum(map(len, values)) > origin.max_record_bytes:
        return _lost(number, "field larger than field limit", origin)
    if len(values) != len(header):
        reason = f"{len(values)} fields where the header has {len(header)}"
        return origin.lost("unreadable", number, reason)
    return dict(zip(header, _mended(values), strict=True))


def _lost(number: int, reason: str, origin: Origin) -> Document:
    if reason.startswith("field larger"):
        reason = f"the record is longer than {origin.max_record_bytes} bytes, or a quote never ends"
        return origin.lost("too_large", number, reason)
    return origin.lost("unreadable", number, reason)


def _mended(values: list[str]) -> list[str]:
    """The values with the bytes that are not UTF-8 decoded as the record's own encoding."""
    if not any(map(ESCAPED.search, values)):
        return values
    whole = decode("\0".join(values).encode("utf-8", "surrogateescape")).text.split("\0")
    if len(whole) == len(values):
        return whole
    return [decode(value.encode("utf-8", "surrogateescape")).text for value in values]


def _dialect(sample: str, origin: Origin) -> dict[str, Any]:
    quote = origin.options.get("quote", OPTIONS["quote"])
    escape = origin.options.get("escape", "")
    dialect: dict[str, Any] = {"delimiter": _delimiter(sample, origin), "strict": False}
    for name, mark in (("delimiter", dialect["delimiter"]), ("quote", quote), ("escape", escape)):
        if len(mark) > 1:
            raise InputError(f"option {name}: {mark!r} is longer than one character; give one")
    if quote:
        dialect |= {"quotechar": quote, "doublequote": not escape}
    else:
        dialect["quoting"] = csv.QUOTE_NONE
    return dialect | ({"escapechar": escape} if escape else {})


def _delimiter(sample: str, origin: Origin) -> str:
    """The one the recipe or the file's name says, else the commonest of the header."""
    given = origin.options.get("delimiter", "")
    if given:
        return NAMES.get(given, given)
    if suffix_of(origin.path) in TAB_SUFFIXES:
        return "\t"
    header = re.sub(r'"[^"]*"', "", sample.lstrip("\r\n").split("\n", 1)[0])
    return max(DELIMITERS, key=header.count)


class _Lines:
    """Decoded lines with their ends; a line that is too long is cut, and `take_long` says so."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        head, reader = head_of(stream, SAMPLE_BYTES)
        encoding = _encoding(head)
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        self._text = io.TextIOWrapper(
            cast(io.BufferedReader, reader), encoding=encoding, errors=errors, newline=""
        )
        self._max_chars = max_bytes
        self._long = False
        self.sample = head.decode(encoding, "replace")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with damage():
            line = self._text.readline(self._max_chars)
            rest = line
            while len(rest) == self._max_chars and not rest.endswith("\n"):
                self._long = True
                rest = self._text.readline(self._max_chars)
        if not line:
            raise StopIteration
        return line.replace("\0", "\ufffd")

    def take_long(self) -> bool:
        """Whether a line was cut since the last call."""
        long, self._long = self._long, False
        return long


def _encoding(head: bytes) -> str:
    """The encoding of a file that begins so; the head may end inside a character."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"),
                       (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if head.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return decode(head).encoding
    return "utf-8"
