"""A file's bytes without their compression.

In: a binary stream. Out: a stream of decompressed bytes. The decision: the bytes say how
they are compressed, not the file's name.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import zstandard

BUFFER_BYTES = 256 << 10
COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")


class DamagedError(Exception):
    """Compressed bytes that do not decompress, or end too early."""


def decompressed(stream: BinaryIO) -> BinaryIO:
    """The stream without gzip, zstd, bzip2 or xz; concatenated members are one stream."""
    stream = cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream), BUFFER_BYTES))
    magic = cast(io.BufferedReader, stream).peek(6)
    if magic.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        return cast(BinaryIO, io.BufferedReader(reader))
    if magic.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(stream))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return cast(BinaryIO, lzma.LZMAFile(stream))
    return stream


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
