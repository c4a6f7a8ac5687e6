"""A file's bytes without their compression.

In: a binary stream. Out: a stream of decompressed bytes. The decision: the bytes say how
they are compressed, not the file's name.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import zstandard

BUFFER_BYTES = 256 << 10
LONG_WINDOW_BYTES = 1 << 31  # zstd --long=31, as the large dumps of forums are packed
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or pzstd's before one
ZSTD_FEED_BYTES = 4 << 10  # bounds what one call can decode to: a block is at most 128 KiB
COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")


class DamagedError(Exception):
    """Compressed bytes that do not decompress, or end too early."""


def decompressed(stream: BinaryIO) -> BinaryIO:
    """The stream without gzip, zstd, bzip2 or xz; concatenated members are one stream."""
    stream = cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream), BUFFER_BYTES))
    magic = cast(io.BufferedReader, stream).peek(6)
    if magic.startswith(GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if ZSTD.match(magic):
        return cast(BinaryIO, io.BufferedReader(_ZstdFrames(stream), BUFFER_BYTES))
    if magic.startswith(BZIP2):
        return cast(BinaryIO, bz2.BZ2File(stream))
    if magic.startswith(XZ):
        return cast(BinaryIO, lzma.LZMAFile(stream))
    return stream


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is one that `decompressed` decompresses.

    >>> is_compressed(gzip.compress(b"")), is_compressed(b"{}")
    (True, False)
    """
    return head.startswith((GZIP, BZIP2, XZ)) or ZSTD.match(head) is not None


class _ZstdFrames(io.RawIOBase):
    """What the frames decode to. Unlike zstandard's own reader this one gives all that stands before
    damage, and tells a file that ends inside a frame from one that ends behind it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._frame = zstandard.ZstdDecompressor(max_window_size=LONG_WINDOW_BYTES).decompressobj()
        self._begun = False
        self._packed = b""
        self._decoded = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._decoded:
            self._packed = self._packed or self._stream.read(ZSTD_FEED_BYTES)
            if not self._packed and self._begun:
                raise EOFError("the file ends inside a zstd frame")
            if not self._packed:
                return 0
            self._decode()
        size = min(len(buffer), len(self._decoded))
        buffer[:size], self._decoded = self._decoded[:size], self._decoded[size:]
        return size

    def _decode(self) -> None:
        packed, self._packed, self._begun = self._packed, b"", True
        self._decoded = memoryview(self._frame.decompress(packed))
        if self._frame.eof:
            self._packed, self._begun = self._frame.unused_data, False
            self._frame = zstandard.ZstdDecompressor(
                max_window_size=LONG_WINDOW_BYTES
            ).decompressobj()


@contextmanager
def damage() -> Iterator[None]:
    """Turn what the decompressors raise into `DamagedError`; a disk's or network's error stays."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise DamagedError(str(error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError(str(error)) from error


def read_whole(stream: BinaryIO, max_bytes: int) -> bytes:
    """The whole file, at most `max_bytes + 1` bytes of it. Raises DamagedError."""
    with damage():
        opened = decompressed(stream)
        parts, size = [], 0
        while size <= max_bytes and (part := opened.read(max_bytes + 1 - size)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)


def seekable(stream: BinaryIO) -> BinaryIO:
    """The stream, or its bytes in memory if it cannot seek (a web server without ranges)."""
    try:
        stream.seek(0, io.SEEK_END)
        stream.seek(0)
    except (OSError, ValueError):
        return io.BytesIO(stream.read())
    return stream
