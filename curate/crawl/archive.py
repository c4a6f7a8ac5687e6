"""What an earlier run left in the folder: the archive is the state of a crawl.

In: the folder's `crawl-*.warc.gz`. Out: by URL, the page or the note stored for it, and the payloads
stored, for the revisit records to come. The decision
that matters: a record cut off at the end of a file (the process was killed while it wrote) is
removed, which makes the file valid again; anything else that cannot be read is the user's to judge.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from curate.crawl.warc_writer import PATTERN, REFERS_TO, Payload
from curate.errors import OutputError

_CHUNK_BYTES = 1 << 16
_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True)
class Page:
    """A stored page: its Content-Type and X-Robots-Tag as sent, and its decoded body; `repeated` if
    the body had been stored before, for another URL."""

    content_type: str
    body: bytes
    robots_tags: tuple[str, ...] = ()
    repeated: bool = False


@dataclass(frozen=True)
class Note:
    """What became of a URL that is no page: `reason`, for a redirect the `location`, for a sitemap
    the pages and sitemaps it names, and how many `more` it named than are taken."""

    reason: str
    location: str | None = None
    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    more: int = 0

    def fields(self) -> list[tuple[str, str]]:
        """The note as the fields of a metadata record."""
        fields = [("reason", self.reason)]
        fields += [("location", self.location)] if self.location else []
        fields += [("page", url) for url in self.pages]
        fields += [("sitemap", url) for url in self.sitemaps]
        return [*fields, ("more", str(self.more))] if self.more else fields


class Archive:
    """The records of earlier runs, found by URL and read when asked for.

    Errors: OutputError if a file is damaged otherwise than by a cut at its end.
    """

    def __init__(self, folder: Path) -> None:
        self.pages = 0
        self.payloads: dict[str, Payload] = {}
        self._places: dict[str, tuple[Path, int]] = {}
        self._notes: dict[str, Note] = {}
        for path in sorted(folder.glob(PATTERN)):
            whole = 0
            for begin, end, content in members(path):
                whole = end
                self._index(_record(content, path, begin), (path, begin))
            _cut(path, whole)

    def _index(self, record: WarcRecord, place: tuple[Path, int]) -> None:
        headers, kind = record.headers, record.record_type
        url = headers.get("WARC-Target-URI")
        if not url or url in self._places:
            return
        if kind == WarcRecordType.revisit and headers.get(REFERS_TO) not in self._places:
            return  # what it refers to was taken away: the page is fetched again
        self._places[url] = place
        self.pages += kind in (WarcRecordType.response, WarcRecordType.revisit)
        digest = headers.get("WARC-Payload-Digest")
        if digest and kind == WarcRecordType.response:
            self.payloads.setdefault(digest, (url, headers.get("WARC-Date") or ""))

    def remember(self, url: str, note: Note) -> None:
        """Answers a URL without a record of it."""
        self._notes[url] = note

    def __contains__(self, url: str) -> bool:
        return url in self._places or url in self._notes

    def __len__(self) -> int:
        return len(self._places)

    def read(self, url: str) -> Page | Note:
        """What is stored for a URL."""
        if url not in self._places:
            return self._notes[url]
        path, offset = self._places[url]
        record = _record(next(members(path, offset))[2], path, offset)
        if record.record_type in (WarcRecordType.response, WarcRecordType.revisit):
            return self._page(record)
        return _note(record.reader.read())

    def _page(self, record: WarcRecord) -> Page:
        record.parse_http()
        headers = list(record.http_headers.items())
        tags = tuple(value for name, value in headers if name.lower() == "x-robots-tag")
        media = next((value for name, value in headers if name.lower() == "content-type"), "")
        if record.record_type == WarcRecordType.response:
            return Page(media, record.reader.read(), tags)
        first = self.read(record.headers[REFERS_TO])
        return Page(media, first.body if isinstance(first, Page) else b"", tags, repeated=True)


def members(path: Path, begin: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Each whole gzip member from byte `begin` on: where it begins and ends, and its content.

    Errors: OutputError for bytes that are not gzip. A member that is cut off is left out.
    """
    with path.open("rb") as file:
        file.seek(begin)
        inflate, content, rest = zlib.decompressobj(_GZIP), b"", b""
        while chunk := rest or file.read(_CHUNK_BYTES):
            try:
                content += inflate.decompress(chunk)
            except zlib.error as error:
                raise _damaged(path, begin) from error
            rest = inflate.unused_data
            if inflate.eof:
                end = file.tell() - len(rest)
                yield begin, end, content
                begin, inflate, content = end, zlib.decompressobj(_GZIP), b""


def _record(content: bytes, path: Path, begin: int) -> WarcRecord:
    record = next(iter(ArchiveIterator(BytesIO(content), parse_http=False)), None)
    if record is None:
        raise _damaged(path, begin)
    return record


def _damaged(path: Path, begin: int) -> OutputError:
    return OutputError(f"{path} is damaged at byte {begin}; move it elsewhere and crawl again")


def _cut(path: Path, end: int) -> None:
    """Makes a file end with its last whole record; a file without one is removed."""
    if not end:
        path.unlink()
    elif end < path.stat().st_size:
        os.truncate(path, end)


def _note(block: bytes) -> Note:
    found: dict[str, list[str]] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(": ")
        found.setdefault(name, []).append(value)
    return Note(
        found.get("reason", ["unknown"])[0],
        found.get("location", [None])[0],
        tuple(found.get("page", ())),
        tuple(found.get("sitemap", ())),
        int(found.get("more", ["0"])[0]),
    )
