"""The bytes of a file around the current place.

In: a binary stream that can be read on, and perhaps seek. Out: bytes by their file offset. The
decision: only what was not let go is held, so a file of any size takes little memory, and a stream
that cannot seek is read up to where it should go on.
"""

from __future__ import annotations

from typing import BinaryIO

READ_BYTES = 256 << 10


class Window:
    """A sliding window from file offset `start` to `end`; it seeks only when asked to."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = bytearray()
        self._ended = False
        self.start = 0

    @property
    def end(self) -> int:
        """Behind the last byte that is held."""
        return self.start + len(self._data)

    def get(self, at: int, size: int) -> bytes:
        """Up to `size` bytes from file offset `at`; fewer only at the end of the file."""
        while self.end < at + size and not self._ended:
            more = self._stream.read(READ_BYTES)
            self._ended = not more
            self._data += more
        return bytes(self._data[at - self.start : at - self.start + size])

    def forget(self, before: int) -> None:
        """Let go of the bytes before a place."""
        if before > self.start:
            del self._data[: before - self.start]
            self.start = before

    def seek(self, at: int) -> bool:
        """Go on at file offset `at`; False if the stream cannot seek (a web server without ranges)."""
        try:
            self._stream.seek(at)
        except (OSError, ValueError):
            return False
        self._data.clear()
        self._ended, self.start = False, at
        return True

    def skip_to(self, at: int) -> None:
        """Go on at a later file offset."""
        if at > self.end and not self.seek(at):
            while self.end < at and self.get(self.end, READ_BYTES):
                self.forget(min(at, self.end))
        self.forget(at)
