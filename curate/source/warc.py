"""WARC, ARC and WET files as documents.

In: a file of records (see `framing`). Out: one row a record or unreadable span. The decision: a
document is a response with status 200, or a resource or conversion, whose media type is HTML or
text; every other record is counted as `record.<kind>` and its content is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from curate.document import RECORD, Document
from curate.source import http_message
from curate.source.decoders import TooLarge
from curate.source.framing import Frame, frames
from curate.source.http_message import Response
from curate.source.media import HTML_TYPES, TEXT_TYPES, believe
from curate.source.origin import Origin

KINDS = frozenset({"warcinfo", "filedesc", "request", "metadata", "revisit", "continuation"})
CONTENT_KINDS = frozenset({"response", "resource", "conversion"})
DOCUMENT_TYPES = HTML_TYPES | TEXT_TYPES
DATE = re.compile(r"(\d{4})-?(\d\d)?-?(\d\d)?[T ]?(\d\d)?:?(\d\d)?:?(\d\d)?(?:[.,](\d{1,6}))?\d*Z?")
HTTP_OK = 200


def read(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One row a record, in the order of the file."""
    empty = True
    for frame in frames(stream, origin.max_record_bytes):
        empty = False
        yield _row(frame, origin)
    if empty:
        yield origin.lost("empty_file", None, "the file holds nothing", 0)


def _row(frame: Frame, origin: Origin) -> Document:
    if frame.lost:
        row = origin.lost(frame.lost, frame.place, frame.reason or "", frame.length)
    else:
        row = origin.document(frame.place)
    header = frame.header
    row.url = header.get("warc-target-uri", "").strip().strip("<>") or None
    row.fetched = parse_date(header.get("warc-date", ""))
    for name, label in (("warc-record-id", "warc_id"), ("warc-truncated", "warc_truncated")):
        if header.get(name):
            row.labels[label] = header[name].strip("<>")[:200]
    if frame.repaired:
        row.labels["record.repaired"] = frame.repaired
    if not frame.lost:
        _judge(row, frame, origin.max_record_bytes)
    return row


def _judge(row: Document, frame: Frame, max_bytes: int) -> None:
    """Document or not, and of which kind."""
    kind = frame.header.get("warc-type", "").lower()
    if kind in KINDS:
        row.drop = RECORD + kind
    elif (row.url or "").startswith("metadata:"):  # Wget's own log and manifest
        row.drop = RECORD + "metadata"
    elif kind not in CONTENT_KINDS:
        row.drop = RECORD + "unknown_type"
        row.labels["warc_type"] = kind[:40]
    else:
        try:
            response = _response(frame, max_bytes)
        except TooLarge as error:
            row.drop = RECORD + "too_large"
            row.labels["record.reason"] = str(error)
            return
        _judge_content(row, response, kind)


def _response(frame: Frame, max_bytes: int) -> Response:
    """The HTTP response; a block without an HTTP header is the body itself, and its media type is
    the record's."""
    declared = frame.header.get("content-type", "")
    if frame.header.get("warc-type", "").lower() == "conversion":
        return Response(None, {"content-type": declared}, frame.body)
    response = http_message.parse(frame.body, max_bytes)
    if response.status is None and http_message.media_type(declared) != "application/http":
        response.fields["content-type"] = declared
    return response


def _judge_content(row: Document, response: Response, kind: str) -> None:
    row.labels.update(response.notes if kind == "response" else {})
    if response.status is not None:
        row.labels["http_status"] = str(response.status)
    if response.charset:
        row.labels["charset"] = response.charset[:40]
    row.media_type = believe(response.media_type, response.body)
    if response.media_type and row.media_type != response.media_type:
        row.labels["declared_media_type"] = response.media_type[:80]
    if response.status not in (None, HTTP_OK):
        row.drop = RECORD + "http_status"
    elif not response.body or response.body.isspace():
        row.drop = RECORD + "empty"
    elif row.media_type not in DOCUMENT_TYPES:
        row.drop = RECORD + "media_type"
    elif kind == "conversion" and row.media_type == "text/plain":
        row.text = response.body.decode("utf-8", "replace")
    else:
        row.content = response.body


def parse_date(value: str) -> datetime | None:
    """A W3C date of any precision (WARC 1.1 §5.4) or 14 digits (ARC); None if it is neither.

    >>> parse_date("2016-11").isoformat()
    '2016-11-01T00:00:00+00:00'
    """
    found = DATE.fullmatch(value.strip()[:40])
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups()
    try:
        return datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
            int(second or 0), int((fraction or "0").ljust(6, "0")), UTC,
        )  # fmt: skip
    except ValueError:
        return None
