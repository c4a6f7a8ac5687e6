"""Files on web servers, read politely.

In: a URL. Out: its size and its bytes from any place on. The decision: one request at a time, as
long as the server allows (a whole file is one request, which is what Common Crawl asks for), taken
up where it stopped after a dropped connection. A file that changes while it is read is an error.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import urllib3

from curate.errors import InputError, WorkError
from curate.source.remote.patience import LISTING_ATTEMPTS, Busy, patiently
from curate.source.remote.ranges import GAP_BYTES
from curate.source.remote.request import ask, content_length, content_range, http_time, reason_of

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Version:
    """What tells one version of a file from another; None where the server does not say."""

    size: int | None
    etag: str | None
    modified: str | None

    def differs(self, other: Version) -> bool:
        """Whether the servers' words about both contradict each other."""
        pairs = ((self.size, other.size), (self.etag, other.etag), (self.modified, other.modified))
        return any(a is not None and b is not None and a != b for a, b in pairs)


class WebFile:
    """A file behind a URL (see `ranges.Fetch`). Raises InputError for one that is not there or not
    ours to read, WorkError for a server that stays busy and for a file that changed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._version: Version | None = None
        self._response: urllib3.BaseHTTPResponse | None = None
        self._at = 0  # where the response's next byte stands in the file
        self._stop: int | None = None  # where the response ends
        self._ranged = True

    def fetch(self, start: int, stop: int | None) -> bytes:
        """Some bytes from `start` on; b"" at the file's end."""
        return patiently(lambda: self._piece(start, stop), self._url)

    def size(self) -> int:
        """The file's size. Raises io.UnsupportedOperation if the server has no ranges."""
        if self._version is None or self._version.size is None:
            patiently(lambda: self._request(0, 1), self._url)
        if not self._ranged or self._version is None or self._version.size is None:
            raise io.UnsupportedOperation(f"{self._url}: the server has no byte ranges")
        return self._version.size

    def close(self) -> None:
        """Give the connection up: what is left of the response is not wanted."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _piece(self, start: int, stop: int | None) -> bytes:
        if self._version is not None and start == self._version.size:
            return b""
        if not self._continues(start) and not self._request(start, stop):
            return b""
        try:
            while self._response is not None and self._at < start:
                self._take(min(PIECE_BYTES, start - self._at))
            if self._response is None:
                raise self._beyond(start, self._at)
            return self._take(PIECE_BYTES)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self.close()
            raise Busy(f"the connection broke: {reason_of(error)}") from None

    def _continues(self, start: int) -> bool:
        """Whether the open response leads to `start` soon enough."""
        if self._response is None or start < self._at:
            return False
        return not self._ranged or (
            start <= self._at + GAP_BYTES and (self._stop is None or start < self._stop)
        )

    def _take(self, size: int) -> bytes:
        assert self._response is not None
        data: bytes = self._response.read(size, decode_content=False)
        self._at += len(data)
        if not data or self._at == self._stop:
            self._response.release_conn()
            self._response = None
            if self._stop is None and self._version:  # only its end told how long the body is
                self._version = replace(self._version, size=self._at)
            elif self._stop is not None and self._at < self._stop:
                raise OSError(f"the body ended at byte {self._at} of {self._stop}")
        return data

    def _request(self, start: int, stop: int | None) -> bool:
        """Open a response that holds `start`; False if the file ends before it."""
        if self._response is not None and self._stop and self._stop - self._at <= GAP_BYTES:
            self._response.drain_conn()  # cheaper than another connection
        self.close()
        whole = start == 0 and stop is None
        wanted = {} if whole else {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        response = ask("GET", self._url, wanted)
        first, last, size = content_range(response.headers.get("Content-Range", ""))
        if response.status == 416:
            response.drain_conn()
            if size is not None and start > size:
                raise self._beyond(start, size)
            return False
        if response.status == 206 and first != start:
            response.close()
            raise WorkError(f"{self._url}: the server sent other bytes than those asked for")
        self._ranged = whole or response.status == 206
        if response.status == 200:
            first, size = 0, content_length(response)
            last = None if size is None else size - 1
        self._check(response, size)
        self._response, self._at = response, first or 0
        self._stop = None if last is None else last + 1
        return True

    def _beyond(self, start: int, size: int) -> InputError:
        return InputError(
            f"{self._url}: holds {size} bytes, but is to be read from byte {start} on; "
            "the index belongs to another file"
        )

    def _check(self, response: urllib3.BaseHTTPResponse, size: int | None) -> None:
        etag = response.headers.get("ETag")
        # a weak ETag is no promise about bytes
        strong = None if etag is None or etag.startswith("W/") else etag
        found = Version(size, strong, response.headers.get("Last-Modified"))
        if self._version is not None and self._version.differs(found):
            response.close()
            raise WorkError(f"{self._url}: the file changed while it was read; run it again")
        self._version = found if self._version is None else self._version


class Web:
    """Web servers with the few calls of a file system that listing needs; bare names are URLs."""

    def info(self, url: str) -> dict[str, Any]:
        """Size and time of a file. Raises FileNotFoundError if there is none."""
        response = patiently(lambda: self._head(url), url, LISTING_ATTEMPTS)
        if response.status in (404, 410):
            raise FileNotFoundError(url)
        modified = response.headers.get("Last-Modified", "")
        ranged = content_range(response.headers.get("Content-Range", ""))[2]
        size = content_length(response) if ranged is None else ranged
        return {"type": "file", "name": url, "size": size, "mtime": http_time(modified)}

    def glob(self, url: str, detail: bool = True) -> Any:
        """What a server's page about a folder links to."""
        import fsspec

        return fsspec.filesystem("http").glob(url, detail=detail)

    def ls(self, url: str, detail: bool = True) -> list[Any]:
        """Nothing: the names next to a missing file are not to be had."""
        return []

    def unstrip_protocol(self, url: str) -> str:
        return url

    def _head(self, url: str) -> urllib3.BaseHTTPResponse:
        response = ask("HEAD", url, {}, allowed=(404, 410, 403, 405, 501))
        if response.status in (403, 405, 501):  # presigned addresses and old servers refuse HEAD
            response = ask("GET", url, {"Range": "bytes=0-0"}, allowed=(404, 410, 416))
            response.close()
        response.drain_conn()
        return response
