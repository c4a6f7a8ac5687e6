"""What an earlier run left in the folder: the archive is the state of a crawl.

In: the folder's `crawl-*.warc.gz`. Out: by URL, the page or the note stored for it. The decision
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

from curate.crawl.warc_writer import PATTERN
from curate.errors import OutputError

_CHUNK_BYTES = 1 << 16
_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True)
class Page:
    """A stored page: its Content-Type as sent, and its decoded body."""

    content_type: str
    body: bytes


@dataclass(frozen=True)
class Note:
    """What became of a URL that is no page: `reason`, and for a redirect the `location`."""

    reason: str
    location: str | None = None


class Archive:
    """The records of earlier runs, found by URL and read when asked for.

    Errors: OutputError if a file is damaged otherwise than by a cut at its end.
    """

    def __init__(self, folder: Path) -> None:
        self._places: dict[str, tuple[Path, int]] = {}
        for path in sorted(folder.glob(PATTERN)):
            whole = 0
            for begin, end, content in members(path):
                whole = end
                url = _record(content, path, begin).headers.get("WARC-Target-URI")
                if url:
                    self._places.setdefault(url, (path, begin))
            _cut(path, whole)

    def __contains__(self, url: str) -> bool:
        return url in self._places

    def __len__(self) -> int:
        return len(self._places)

    def read(self, url: str) -> Page | Note:
        """What is stored for a URL."""
        path, offset = self._places[url]
        record = _record(next(members(path, offset))[2], path, offset)
        if record.record_type == WarcRecordType.response:
            record.parse_http()
            headers = record.http_headers
            return Page(headers.get("Content-Type") or "", record.reader.read())
        fields = _fields(record.reader.read())
        return Note(fields.get("reason", "unknown"), fields.get("location"))


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


def _fields(block: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in block.decode("utf-8", "replace").splitlines())
    return {name: value for name, _, value in lines if value}
