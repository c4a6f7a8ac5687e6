"""JSON Lines, a JSON array, or one JSON object: each object, one document.

In: a stream, compressed or not. Out: documents whose place is the line, or the element's number in
the array, from 1. The decision: the bytes say which of the three it is, since `.json` names them
all (`.jsonl` and `.ndjson` name lines only). An array is decoded over a sliding window, so its size
does not matter; a line or an element larger than `max_record_bytes` is `record.too_large`.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from curate.document import Document
from curate.source.media import UTF16_BOM
from curate.source.opening import DamagedError, damage, is_compressed
from curate.source.origin import Origin
from curate.source.pieces import Joint
from curate.source.records import fields
from curate.source.records.head import HEAD_BYTES, head_of
from curate.source.records.json_lines import Record, line_at, lines, object_of, record_of

LINE_SUFFIXES = {".jsonl", ".ndjson"}
BLANKS = b" \t\r\n\xef\xbb\xbf"
BLANK = re.compile("[ \t\r\n\ufeff]*")
NO_RECORDS = "the file holds nothing"
UNDECODED = re.compile("[\udc80-\udcff]")
TOKEN_CHARS = 16  # an error this near to the end of what was read may be only that end
DECODER = json.JSONDecoder()


def read_json(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document an object, in whichever of the three shapes the file is."""
    return fields.documents(records(stream, origin), origin, NO_RECORDS)


def records(stream: BinaryIO, origin: Origin) -> Iterator[tuple[int, Record]]:
    """Numbered objects, or the row that says why there is none."""
    head, reader = head_of(stream)
    return (_from_lines if _is_lines(head, origin.path) else _from_values)(reader, origin)


def _is_lines(head: bytes, path: str) -> bool:
    """Whether each line is a record: neither an array nor an object over several lines."""
    if head.startswith(UTF16_BOM):
        return False
    if LINE_SUFFIXES & {suffix.lower() for suffix in PurePosixPath(path).suffixes}:
        return True
    if json.detect_encoding(head) not in ("utf-8", "utf-8-sig"):
        return False
    line, end, _ = head.lstrip(BLANKS).partition(b"\n")
    if line.startswith(b"["):
        return False
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return not end or error.pos < len(error.doc.rstrip())
    except (ValueError, RecursionError):
        return True
    return True


def read_span(
    stream: BinaryIO, origin: Origin, begin: int, end: int
) -> Generator[Document, None, Joint]:
    """The rows of the lines that start in bytes [begin, end) of a file that can seek; a joint's places
    are the numbers of lines. The first piece of what is not plain lines is all of it."""
    if (begin, end) == (0, sys.maxsize) or not _is_plain_lines(stream, origin.path):
        if begin == 0:
            yield from read_json(stream, origin)
        return Joint(begin, end, None if begin else 1, None)
    document = fields.Fields(origin).document
    first = after = None
    for number, start, line in lines(stream, origin.max_record_bytes, *line_at(stream, begin)):
        if line is not None and line.isspace():
            continue
        if start >= end:
            after = number
            break
        first = first or number
        record = record_of(line, number, origin)
        yield record if isinstance(record, Document) else document(record, number)
    if begin == 0 and not first and not after:
        yield origin.lost("empty_file", None, NO_RECORDS, 0)
    return Joint(begin, end, first or after, after)


def _is_plain_lines(stream: BinaryIO, path: str) -> bool:
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    return not is_compressed(head) and _is_lines(head, path)


def _from_lines(reader: BinaryIO, origin: Origin) -> Iterator[tuple[int, Record]]:
    """Blank lines are no record."""
    number = 0
    try:
        for number, _, line in lines(reader, origin.max_record_bytes):
            if line is None or not line.isspace():
                yield number, record_of(line, number, origin)
    except DamagedError as error:
        number += 1
        yield number, origin.lost("unreadable", number, f"the rest of the file: {error}")


class _Lost(Exception):
    """The values cannot be followed further: the kind of the lost row and the reason."""


def _from_values(reader: BinaryIO, origin: Origin) -> Iterator[tuple[int, Record]]:
    """The elements of top-level arrays, and objects beside them."""
    window = _Window(reader, origin.max_record_bytes)
    number, inside = 0, False
    try:
        while mark := window.mark():
            if mark in "]," or (mark == "[" and not inside):
                inside = mark != "]" and (inside or mark == "[")
                window.at += 1
                continue
            number += 1
            value, damaged = window.value()
            if damaged:
                yield number, origin.lost("unreadable", number, "its bytes are not UTF-8")
            else:
                yield number, object_of(value, number, origin)
        if inside:
            number += 1
            yield number, origin.lost("unreadable", number, "the file ends inside its array")
    except _Lost as lost:
        kind, reason = lost.args
        yield number, origin.lost(kind, number, f"the rest of the file: {reason}"[:300])
    except DamagedError as error:
        number += 1
        yield number, origin.lost("unreadable", number, f"the rest of the file: {error}")


class _Window:
    """The decoded text from the current value on."""

    def __init__(self, reader: BinaryIO, max_bytes: int) -> None:
        self._reader = reader
        self._max_bytes = max_bytes
        self._decoder: codecs.IncrementalDecoder | None = None
        self._text = ""
        self._ended = False
        self.at = 0

    def mark(self) -> str:
        """The next character that is not blank; empty at the end of the file."""
        while True:
            found = BLANK.match(self._text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._more():
                return ""

    def value(self) -> tuple[Any, bool]:
        """The value that starts here, and whether bytes in it could not be decoded.

        What is read ahead doubles at each attempt, so a large value costs twice its length.
        """
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self.at)
                if end + TOKEN_CHARS < len(self._text) or isinstance(value, (dict, list, str)):
                    start, self.at = self.at, end
                    return value, UNDECODED.search(self._text, start, end) is not None
                if not self._more():
                    self.at = end
                    return value, False
            except json.JSONDecodeError as error:
                self._incomplete(error)
            except (ValueError, RecursionError) as error:
                raise _Lost("unreadable", f"{type(error).__name__}: {error}") from None

    def _incomplete(self, error: json.JSONDecodeError) -> None:
        """Read more, if more can mend the error."""
        cut = error.msg.startswith("Unterminated") or error.pos + TOKEN_CHARS > len(self._text)
        if len(self._text) - self.at > self._max_bytes:
            raise _Lost("too_large", f"a value is longer than {self._max_bytes} bytes")
        if not cut or not self._more():
            raise _Lost("unreadable", f"not JSON: {error.msg}")

    def _more(self) -> bool:
        """Read as much again as is held; False at the end of the file."""
        if self._ended:
            return False
        with damage():
            data = self._reader.read(max(HEAD_BYTES, len(self._text) - self.at))
        if self._decoder is None:
            encoding = json.detect_encoding(data)
            errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
            self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._ended = not data
        self._text = self._text[self.at :] + self._decoder.decode(data, final=not data)
        self.at = 0
        return not self._ended or bool(self._text)
