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
    try:
        with damage():
            opened: Any = decompressed(stream)
    except DamagedError:
        opened = stream
    parts, size = [], 0
    try:
        while size < size_bytes:
            with damage():
                piece = opened.read1(size_bytes - size)
            if not piece:
                break
            parts.append(piece)
            size += len(piece)
    except DamagedError:
        pass
    head = b"".join(parts)
    return head, cast(BinaryIO, io.BufferedReader(_Resumed(head, opened), HEAD_BYTES))


class _Resumed(io.RawIOBase):
    """The head again, then the rest."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head.read(len(buffer)) or self._rest.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)
