"""WARC, ARC and WET files as documents.

In: a file of records (see `framing`), or a span of one. Out: one row a record or unreadable span.
The decision: a document is a response with status 200, or a resource or conversion, whose media type
is HTML, text or one that option `media_types` names; every other record is counted as
`record.<kind>` and its content is not kept. With `digests: check` the digests that records declare
are verified; a wrong one is a label, not a drop, since writers disagree about what they hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from functools import cache
from typing import BinaryIO

from curate.document import RECORD, Document
from curate.source.media import HTML_TYPES, TEXT_TYPES, believe
from curate.source.origin import Origin
from curate.source.pieces import Joint
from curate.source.web_archive import http_message
from curate.source.web_archive.decoders import TooLarge
from curate.source.web_archive.framing import Frame, frames
from curate.source.web_archive.http_message import Response

KINDS = frozenset({"warcinfo", "filedesc", "request", "metadata", "revisit", "continuation"})
CONTENT_KINDS = frozenset({"response", "resource", "conversion"})
DOCUMENT_TYPES = HTML_TYPES | TEXT_TYPES
DATE = re.compile(r"(\d{4})-?(\d\d)?-?(\d\d)?[T ]?(\d\d)?:?(\d\d)?:?(\d\d)?(?:[.,](\d{1,6}))?\d*Z?")
HTTP_OK = 200
# what holds an EPUB or an office document: its signature says less than the declared type
CONTAINER_TYPES = frozenset({"application/zip", "application/x-ole-storage"})
OPTIONS: Mapping[str, str] = {"media_types": " ".join(sorted(DOCUMENT_TYPES)), "digests": "ignore"}
CHOICES: Mapping[str, tuple[str, ...]] = {"digests": ("ignore", "check")}
DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}


def read(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One row a record, in the order of the file."""
    yield from read_span(stream, origin, 0, sys.maxsize)


def read_span(
    stream: BinaryIO, origin: Origin, begin: int, end: int
) -> Generator[Document, None, Joint]:
    """The rows of the records that start in file bytes [begin, end)."""
    found, empty = frames(stream, origin.max_record_bytes, begin, end), True
    while True:
        try:
            frame = next(found)
        except StopIteration as stop:
            joint: Joint = stop.value
            break
        empty = False
        yield _row(frame, origin)
    if empty and begin == 0 and joint.next is None:
        yield origin.lost("empty_file", None, "the file holds nothing", 0)
    return joint


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
    if declared := parse_digest(header.get("warc-payload-digest", "")):
        row.labels["payload_digest"] = f"{declared[0]}:{declared[1].hex()}"
    if not frame.lost:
        if origin.options.get("digests") == "check":
            row.labels.update(check_digests(frame))
        wanted = document_types(origin.options.get("media_types", ""))
        _judge(row, frame, origin.max_record_bytes, wanted)
    return row


@cache
def document_types(more: str) -> frozenset[str]:
    """The media types that are documents: the usual ones, and what option `media_types` lists.

    >>> "application/pdf" in document_types("application/pdf application/epub+zip")
    True
    """
    return DOCUMENT_TYPES | frozenset(more.lower().split())


def _judge(row: Document, frame: Frame, max_bytes: int, wanted: Set[str]) -> None:
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
        _judge_content(row, response, kind, wanted)


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


def _judge_content(row: Document, response: Response, kind: str, wanted: Set[str]) -> None:
    row.labels.update(response.notes if kind == "response" else {})
    if response.status is not None:
        row.labels["http_status"] = str(response.status)
    if response.charset:
        row.labels["charset"] = response.charset[:40]
    row.media_type = believe(response.media_type, response.body)
    if row.media_type in CONTAINER_TYPES and response.media_type in wanted:
        row.media_type = response.media_type
    if response.media_type and row.media_type != response.media_type:
        row.labels["declared_media_type"] = response.media_type[:80]
    if response.status not in (None, HTTP_OK):
        row.drop = RECORD + "http_status"
    elif not response.body or response.body.isspace():
        row.drop = RECORD + "empty"
    elif row.media_type not in wanted:
        row.drop = RECORD + "media_type"
    elif kind == "conversion" and row.media_type == "text/plain":
        row.text = response.body.decode("utf-8", "replace")
    else:
        row.content = response.body


def check_digests(frame: Frame) -> dict[str, str]:
    """Labels `warc.block_digest` and `warc.payload_digest`, for those that the record declares."""
    labels = {}
    if declared := frame.header.get("warc-block-digest"):
        labels["warc.block_digest"] = _verdict(declared, (frame.body,))
    if declared := frame.header.get("warc-payload-digest"):
        # a revisit's payload is that of another record; a segment's is that of all segments
        elsewhere = "warc-segment-number" in frame.header
        elsewhere |= frame.header.get("warc-type", "").lower() == "revisit"
        payloads = (b"",) if elsewhere else _payloads(frame)
        verdict = _verdict(declared, payloads)
        stored = verdict not in ("ok", "wrong") or not elsewhere
        labels["warc.payload_digest"] = verdict if stored else "not stored"
    return labels


def _payloads(frame: Frame) -> Iterator[bytes]:
    """What a payload digest may cover. WARC 1.1 §5.9 means the entity-body, without
    transfer-encoding; Wget, Heritrix and warcio hash it as it was sent, so either will do."""
    declared = http_message.media_type(frame.header.get("content-type"))
    stored = frame.body[http_message.body_start(frame.body) :]
    if declared == "application/http" and stored is frame.body:
        stored = frame.body.partition(b"\r\n\r\n")[2]
    yield stored
    yield http_message.dechunk(stored)[0]


def _verdict(declared: str, contents: Iterable[bytes]) -> str:
    algorithm = declared.partition(":")[0].strip().lower()
    if (parsed := parse_digest(declared)) is None:
        known = algorithm.replace("-", "") in DIGEST_BYTES or ":" not in declared
        return "malformed" if known else f"unknown algorithm {algorithm[:20]}"
    found = (hashlib.new(parsed[0], content).digest() for content in contents)
    return "ok" if parsed[1] in found else "wrong"


def parse_digest(declared: str) -> tuple[str, bytes] | None:
    """The algorithm and the digest of `sha1:…`, in base32 or hexadecimal; None if it is neither.

    >>> parse_digest("SHA1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ")[1].hex()
    'da39a3ee5e6b4b0d3255bfef95601890afd80709'
    """
    name, _, text = (part.strip() for part in declared.partition(":"))
    name = name.lower().replace("-", "")
    size, text = DIGEST_BYTES.get(name, 0), text.rstrip("=").upper()
    try:
        if size and len(text) == 2 * size:
            return name, bytes.fromhex(text)
        if size and len(text) == -(-size * 8 // 5):
            return name, base64.b32decode(text + "=" * (-len(text) % 8))
    except (ValueError, binascii.Error):
        pass
    return None


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
