"""Compressed bytes to bytes, a piece at a time, keeping what decodes before damage.

In: pieces of at most `feed_bytes`. Out: decoded bytes, then `Damage` where they stop decoding. The
decision: what one call can decode to is bounded, so a bomb costs no more memory than its reader
allows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli
import zstandard

DECODED_BYTES = 1 << 20


class Decoder(Protocol):
    """Takes compressed bytes of at most `feed_bytes` at a time and gives plain ones."""

    feed_bytes: int

    def decode(self, piece: bytes) -> Iterator[bytes]: ...

    @property
    def unused(self) -> bytes | None:
        """What follows the member in the last piece; None while the member goes on."""
        ...


class Damage(Exception):
    """Bytes that do not decode; noticed `at` bytes into the piece."""

    def __init__(self, reason: str, at: int = 0, member_ended: bool = False) -> None:
        super().__init__(reason)
        self.at = at
        self.member_ended = member_ended


class Gzip:
    """One gzip member (`window_bits` as zlib's: 31 gzip, 15 zlib, 47 either, -15 bare deflate)."""

    feed_bytes = 32 << 10

    def __init__(self, window_bits: int = 31) -> None:
        self._inflater = zlib.decompressobj(window_bits)

    @property
    def unused(self) -> bytes | None:
        return self._inflater.unused_data if self._inflater.eof else None

    def decode(self, piece: bytes) -> Iterator[bytes]:
        rest = piece
        while rest:
            saved = self._inflater.copy()
            try:
                data = self._inflater.decompress(rest, DECODED_BYTES)
            except zlib.error as error:
                salvaged, used = _salvage(saved, rest)
                yield salvaged
                wrong_sum = "incorrect data" in str(error) or "incorrect length" in str(error)
                raise Damage(str(error), len(piece) - len(rest) + used, wrong_sum) from None
            rest = self._inflater.unconsumed_tail
            yield data


def _salvage(inflater: zlib._Decompress, piece: bytes) -> tuple[bytes, int]:
    """All that decodes before the damage, and how many bytes were read to meet it."""
    data, used = bytearray(), 0
    for step in (1024, 32, 1):
        while used < len(piece):
            saved = inflater.copy()
            try:
                data += inflater.decompress(piece[used : used + step])
            except zlib.error:
                inflater = saved
                break
            used += step
    return bytes(data), min(used + 1, len(piece))


class Zstd:
    """One zstd frame."""

    feed_bytes = 4 << 10  # bounds what one call can decode to: a block is at most 128 KiB

    def __init__(self, dictionary: zstandard.ZstdCompressionDict | None = None) -> None:
        decompressor = (
            zstandard.ZstdDecompressor(dict_data=dictionary)
            if dictionary
            else zstandard.ZstdDecompressor()
        )
        self._decoder = decompressor.decompressobj()

    @property
    def unused(self) -> bytes | None:
        return self._decoder.unused_data if self._decoder.eof else None

    def decode(self, piece: bytes) -> Iterator[bytes]:
        try:
            yield self._decoder.decompress(piece)
        except zstandard.ZstdError as error:
            raise Damage(str(error)) from None


class Brotli:
    """One brotli stream."""

    feed_bytes = 32 << 10

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()

    @property
    def unused(self) -> bytes | None:
        return b"" if self._decoder.is_finished() else None

    def decode(self, piece: bytes) -> Iterator[bytes]:
        try:
            yield self._decoder.process(piece, output_buffer_limit=DECODED_BYTES)
            while not self._decoder.can_accept_more_data():
                yield self._decoder.process(b"", output_buffer_limit=DECODED_BYTES)
        except brotli.error as error:
            raise Damage(str(error)) from None


class TooLarge(Exception):
    """Something decodes to more than allowed."""


def decode_body(decoder: Decoder, body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """All that decodes, and whether the stream came to its end undamaged.

    Raises TooLarge beyond `max_bytes`.
    """
    decoded = bytearray()
    try:
        for at in range(0, len(body), decoder.feed_bytes):
            for data in decoder.decode(body[at : at + decoder.feed_bytes]):
                decoded += data
                if len(decoded) > max_bytes:
                    raise TooLarge(f"decodes to more than {max_bytes} bytes")
            if decoder.unused is not None:
                return bytes(decoded), True
    except Damage:
        pass
    return bytes(decoded), False
