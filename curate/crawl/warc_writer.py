"""Records of a crawl, written so that a crash costs at most the last one.

In: pages (status, headers, decoded body) and notes on URLs that gave none. Out: WARC/1.1 files
`crawl-00000.warc.gz` …, one gzip member a record, each written with a single unbuffered write. The
decision that matters: every `response` record is a page. A redirect, an error status or a refused
media type becomes a `metadata` record, so a resumed crawl knows of it and a reader of pages does not.
A payload that was stored before, under whatever URL, becomes a `revisit` record (WARC 1.1, 6.7.2).

The body is stored as decoded. Headers that no longer fit it keep their value under the names that
Common Crawl uses, `X-Crawl-Content-Encoding` and so on.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from fastwarc.warc import WarcRecord, WarcRecordType

from curate.errors import OutputError

NAME = "crawl-{:05d}.warc.gz"
PATTERN = "crawl-[0-9][0-9][0-9][0-9][0-9].warc.gz"
REFERS_TO = "WARC-Refers-To-Target-URI"
PROFILE = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
Headers = Sequence[tuple[bytes, bytes]]
Fields = Sequence[tuple[str, str]]
Payload = tuple[str, str]  # the URL and the WARC-Date of the record that holds it


class WarcWriter:
    """Appends records to new files in `folder`; a file ends when it holds `file_bytes`.

    `information` are the fields of the `warcinfo` record that opens each file. Nothing is created
    before the first record. `payloads` are those stored already, by digest. Errors: OutputError when the folder takes no more.
    """

    def __init__(
        self,
        folder: Path,
        file_bytes: int,
        information: Mapping[str, str],
        payloads: dict[str, Payload] | None = None,
    ) -> None:
        self._payloads = {} if payloads is None else payloads
        self._folder = folder
        self._file_bytes = file_bytes
        self._information = information
        self._next = 1 + max((int(path.name[6:11]) for path in folder.glob(PATTERN)), default=-1)
        self._file: BinaryIO | None = None

    def page(
        self, url: str, protocol: str, status: int, headers: Headers, body: bytes, ip: str | None
    ) -> bool:
        """A `response` record, or a `revisit` record if the body was stored before; whether it was.

        `headers` are those received, `body` is decoded.
        """
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        lines = [f"{protocol} {status} {phrase}".rstrip().encode("ascii")]
        lines += [name + b": " + value for name, value in consistent(headers, len(body))]
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {"WARC-Target-URI": url, "WARC-Date": date}
        fields |= {"WARC-IP-Address": ip} if ip else {}
        first = self._payloads.get(key := _digest(body))
        if first is None:
            self._write(WarcRecordType.response, fields, head + body, body)
            self._payloads[key] = (url, date)
            return False
        fields |= {"WARC-Profile": PROFILE, REFERS_TO: first[0], "WARC-Refers-To-Date": first[1]}
        self._write(WarcRecordType.revisit, fields, head, body)
        return True

    def note(self, url: str, fields: Fields) -> None:
        """A `metadata` record: what became of a URL that is no page."""
        self._write(WarcRecordType.metadata, {"WARC-Target-URI": url}, _block(fields))

    def __enter__(self) -> WarcWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def _write(
        self,
        kind: WarcRecordType,
        fields: Mapping[str, str],
        block: bytes,
        payload: bytes | None = None,
    ) -> None:
        try:
            file = self._file or self._begin()
            self._append(file, member(kind, fields, block, payload))
        except OSError as error:
            why = error.strerror or str(error)
            raise OutputError(f"{self._folder} cannot be written: {why}") from error

    def _append(self, file: BinaryIO, content: bytes) -> None:
        self._file = None  # a file that failed is not written again: its cut end stays its end
        _write_all(file, content)
        if file.tell() < self._file_bytes:
            self._file = file
        else:
            file.close()

    def _begin(self) -> BinaryIO:
        path = self._folder / NAME.format(self._next)
        self._next += 1
        file = path.open("xb", buffering=0)
        fields = {"WARC-Filename": path.name}
        block = _block(list(self._information.items()))
        _write_all(file, member(WarcRecordType.warcinfo, fields, block))
        return file


def _write_all(file: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def consistent(headers: Headers, body_bytes: int) -> list[tuple[bytes, bytes]]:
    """The headers of a body that was decoded and dechunked, with its true length."""
    kept = []
    for name, value in headers:
        changed = name.lower() in (b"content-encoding", b"transfer-encoding", b"content-length")
        same = name.lower() == b"content-length" and value == b"%d" % body_bytes
        if not same:
            kept.append((b"X-Crawl-" + name if changed else name, value))
    return [*kept, (b"Content-Length", b"%d" % body_bytes)]


def member(
    kind: WarcRecordType, fields: Mapping[str, str], block: bytes, payload: bytes | None = None
) -> bytes:
    """One record as one gzip member."""
    record = WarcRecord()
    record.init_headers(record_type=kind)
    for name, value in fields.items():
        record.headers[name] = value
    if kind in (WarcRecordType.response, WarcRecordType.revisit):
        record.is_http = True
        record.headers["Content-Type"] = "application/http; msgtype=response"
    else:
        record.headers["Content-Type"] = "application/warc-fields"
    record.set_bytes_content(block)
    digest = None if payload is None else hashlib.sha1(payload, usedforsecurity=False).digest()
    plain = BytesIO()
    record.write(plain, checksum_data=True, payload_digest=digest)
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return deflate.compress(plain.getvalue()) + deflate.flush()


def _block(fields: Fields) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode()


def _digest(body: bytes) -> str:
    sha1 = hashlib.sha1(body, usedforsecurity=False).digest()
    return "sha1:" + base64.b32encode(sha1).decode("ascii")
