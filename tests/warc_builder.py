"""WARC and ARC bytes for tests, well-formed and not.

In: what a record should say. Out: the bytes of records and of files made of them. Well-formed by
default; tests break single things by argument.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping

import zstandard

PAGE = b"<!DOCTYPE html><html><head><title>Page</title></head><body><p>Words of a page.</p></body></html>"


def http_response(
    body: bytes = PAGE,
    status: str = "200 OK",
    content_type: str | None = "text/html; charset=utf-8",
    fields: Mapping[str, str] | None = None,
) -> bytes:
    """An HTTP/1.1 response; `content_type=None` leaves the field out."""
    lines = [f"HTTP/1.1 {status}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def warc_record(
    block: bytes = b"",
    kind: str | None = "response",
    uri: str | None = "http://example.org/",
    date: str = "2024-05-17T23:31:22Z",
    content_type: str | None = "application/http; msgtype=response",
    content_length: int | str | None = -1,
    version: str = "WARC/1.0",
    fields: Mapping[str, str] | None = None,
    ending: bytes = b"\r\n\r\n",
) -> bytes:
    """One record. `content_length=-1` says the truth, None leaves the field out."""
    named = {
        "WARC-Type": kind,
        "WARC-Target-URI": uri,
        "WARC-Date": date,
        "Content-Type": content_type,
        "Content-Length": len(block) if content_length == -1 else content_length,
        **(fields or {}),
    }
    lines = [version, *(f"{name}: {value}" for name, value in named.items() if value is not None)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + ending


def page_record(number: int = 0, body: bytes | None = None) -> bytes:
    """A well-formed response record whose body and address hold the number."""
    if body is None:
        body = PAGE.replace(b"Words", b"Page %d has words" % number)
    return warc_record(http_response(body), uri=f"http://example.org/{number}")


def warcinfo() -> bytes:
    """The record that opens a file."""
    return warc_record(
        b"software: test\r\n", "warcinfo", None, content_type="application/warc-fields"
    )


def arc_record(
    block: bytes, url: str = "http://example.org/", media_type: str = "text/html", length: int = -1
) -> bytes:
    """One ARC v1 record; `length=-1` says the truth."""
    length = len(block) if length == -1 else length
    return f"{url} 192.0.2.1 20080430204825 {media_type} {length}\n".encode() + block + b"\n"


def arc_filedesc() -> bytes:
    """The version block that opens an ARC v1 file."""
    block = b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"
    return arc_record(block, "filedesc://test.arc", "text/plain")


def gzip_members(records: Iterable[bytes], level: int = 6) -> bytes:
    """A gzip member a record, as WARC files are."""
    return b"".join(gzip.compress(record, level, mtime=0) for record in records)


def gzip_whole(records: Iterable[bytes]) -> bytes:
    """One gzip member for all, as `gzip file.warc` makes it."""
    return gzip.compress(b"".join(records), mtime=0)


def zstd_frames(records: Iterable[bytes], dictionary: bytes | None = None) -> bytes:
    """A zstd frame a record; a dictionary goes into a skippable frame before them."""
    data = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
    head = (
        b"\x5d\x2a\x4d\x18" + len(dictionary).to_bytes(4, "little") + dictionary
        if dictionary
        else b""
    )
    compressor = zstandard.ZstdCompressor(dict_data=data, write_checksum=True)
    return head + b"".join(compressor.compress(record) for record in records)
