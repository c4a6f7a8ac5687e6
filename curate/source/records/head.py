"""The first bytes of a stream, read without losing them.

In: a stream, compressed or not. Out: its head, decompressed, and a reader that begins with that head.
The decision: damage that is met while looking ahead is not raised here but when the reader gets there,
so what stands before it is not lost.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from curate.source.opening import DamagedError, damage, decompressed

HEAD_BYTES = 256 << 10


def head_of(stream: BinaryIO, size_bytes: int = HEAD_BYTES) -> tuple[bytes, BinaryIO]:
    """About `size_bytes` from the start, and a buffered reader of the whole. The reader raises what
    decompressors raise (see `damage`)."""
    opened: Any = decompressed(stream)
    met: DamagedError | None = None
    parts, size = [], 0
    try:
        while size < size_bytes:
            with damage():
                piece = opened.read1(size_bytes - size)
            if not piece:
                break
            parts.append(piece)
            size += len(piece)
    except DamagedError as error:
        met = error
    head = b"".join(parts)
    return head, cast(BinaryIO, io.BufferedReader(_Resumed(head, opened, met), HEAD_BYTES))


class _Resumed(io.RawIOBase):
    """The head again, then the rest, or the damage that was met at the head's end: asked again, a
    decompressor may go on behind it."""

    def __init__(self, head: bytes, rest: Any, met: DamagedError | None) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest
        self._met = met

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head.read(len(buffer))
        if not data and self._met:
            raise self._met
        data = data or self._rest.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)
