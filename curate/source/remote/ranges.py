"""A remote file as a stream that can seek, read in few requests.

In: something that fetches bytes from a place on, and the spans that will be wanted. Out: a binary
stream. The decision: neighbouring spans are one request if the gap between them is cheaper to read
than a request is to make (at 10 MB/s and 0.1 s a request, 1 MB). A span that was not announced is
still read, so a wrong plan costs time, never bytes.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Protocol

from curate.source.pieces import Span

GAP_BYTES = 1 << 20
# Readers look so far beyond where a record starts or ends (`compressed.READ_BYTES`, and what is fed
# to a decoder); unannounced, it would cost every record a second request.
MARGIN_BYTES = 320 << 10
UNANNOUNCED_BYTES = 64 << 10  # doubled for every request that goes on where the last one ended
MAX_UNANNOUNCED_BYTES = 8 << 20
JUMP_BYTES = 256 << 10


class Fetch(Protocol):
    """A file somewhere else."""

    def fetch(self, start: int, stop: int | None) -> bytes:
        """Some bytes from `start` on, b"" only at the file's end. Reading is going to go on to
        `stop` (None: the end)."""
        ...

    def size(self) -> int:
        """Raises io.UnsupportedOperation if the file can only be read from its beginning."""
        ...

    def close(self) -> None: ...


def disjoint(spans: Iterable[Span], gap: int = 0) -> list[Span]:
    """Spans in order; those that overlap, or are at most `gap` bytes apart, become one.

    >>> disjoint([(50, 60), (0, 10), (10, 20)])
    [(0, 20), (50, 60)]
    >>> disjoint([(0, 10), (50, 60)], gap=40)
    [(0, 60)]
    """
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


class RangeReader(io.RawIOBase):
    """Reads `file`; `spans` are the parts that will be wanted, () for all of it.

    `read` gives as many bytes as it is asked for, fewer only at the end of a merged range and at
    the end of the file.
    """

    def __init__(self, file: Fetch, spans: Iterable[Span] = ()) -> None:
        self._file = file
        self._ranges = disjoint(
            # a reader looks at the byte before a record: does a line end there?
            ((max(0, start - 1), stop + MARGIN_BYTES) for start, stop in spans),
            GAP_BYTES,
        )
        self._at = 0
        self._jumped = False
        self._held, self._held_at = b"", 0
        self._unannounced = UNANNOUNCED_BYTES
        self._head = b""  # the file's first bytes, which are looked at again for every span

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        place = offset + (self._file.size() if origin is None else origin)
        if place < 0:
            raise ValueError(f"negative seek position {place}")
        self._jumped = self._jumped or place != self._at
        self._at = place
        return place

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return self.readall()
        stop = self._range_end()
        limit = size if stop is None else min(size, stop - self._at)
        parts: list[bytes] = []
        while limit > 0 and (part := self._part(limit, stop)):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _range_end(self) -> int | None:
        """Where the merged range around the current place ends; None if nothing was announced."""
        if not self._ranges:
            return None
        index = bisect_right(self._ranges, self._at, key=lambda span: span[0]) - 1
        stop = self._ranges[index][1] if index >= 0 else 0
        if self._at < stop:
            return stop
        following = self._ranges[index + 1][0] if index + 1 < len(self._ranges) else None
        unannounced = self._at + self._unannounced
        return unannounced if following is None else min(unannounced, following)

    def _part(self, limit: int, stop: int | None) -> bytes:
        """Up to `limit` bytes from the current place on."""
        data, start = self._head, 0
        if self._at >= len(data):
            data, start = self._held, self._held_at
        if not 0 <= self._at - start < len(data):
            data, start = self._fetch(limit, stop), self._at
        part = data[self._at - start : self._at - start + limit]
        self._at += len(part)
        return part

    def _fetch(self, limit: int, stop: int | None) -> bytes:
        """Bytes from the current place on, and hold them."""
        if stop is None and self._jumped:
            stop = self._at + max(limit, JUMP_BYTES)
        goes_on = self._held and self._at == self._held_at + len(self._held)
        self._unannounced = (
            min(2 * self._unannounced, MAX_UNANNOUNCED_BYTES) if goes_on else UNANNOUNCED_BYTES
        )
        data = self._file.fetch(self._at, stop)
        # a reader that looked ahead comes back for the next span
        kept = self._held[-MARGIN_BYTES:] if goes_on and self._ranges else b""
        if data:  # looking at the file's end loses nothing
            self._held, self._held_at = kept + data, self._at - len(kept)
        if self._at == 0 and self._ranges:
            self._head = data
        return data
