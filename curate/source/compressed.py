"""The decoded bytes of an archive file, with their exact places in the file.

In: a binary stream: plain, gzip (a member a record, or one member), zstd, or several of these in a
row. Out: `Chunk`s of decoded bytes and a `Break` for every span of the file that cannot be decoded.

The decision: decoding never fails. What zlib decoded before it met the damage is kept, and reading
goes on at the next place where a member decodes to the start of a record.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

from curate.source.decoders import Damage, Decoder, Gzip, Zstd
from curate.source.record_start import find_record, starts_record

GZIP = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
ZSTD = b"\x28\xb5\x2f\xfd"
COMPRESSED = re.compile(GZIP.pattern + b"|" + re.escape(ZSTD))
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
DICTIONARY = b"\x5d\x2a\x4d\x18"  # WARC-zstd 1.0: a dictionary for the whole file
READ_BYTES = 256 << 10
KEPT_BYTES = 8 << 20  # of the current member's file bytes, to search for the next after damage
PROBE_BYTES = 8 << 10


@dataclass(frozen=True, slots=True)
class Chunk:
    """Decoded bytes: `start` is where they stand in the member that begins at file offset `member`."""

    data: bytes
    member: int
    start: int
    compressed: bool


@dataclass(frozen=True, slots=True)
class Break:
    """`length` bytes of the file at `offset` are given up.

    `cut`: the file ends inside a member. `suspect`: the member decodes to its end, but its
    checksum is wrong.
    """

    offset: int
    length: int
    reason: str
    cut: bool = False
    suspect: bool = False


class _Window:
    """The bytes of a stream around the current place, without seeking."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = bytearray()
        self._ended = False
        self.start = 0

    @property
    def end(self) -> int:
        return self.start + len(self._data)

    def get(self, at: int, size: int) -> bytes:
        """Up to `size` bytes from file offset `at`; fewer only at the end of the file."""
        while self.end < at + size and not self._ended:
            more = self._stream.read(READ_BYTES)
            self._ended = not more
            self._data += more
        return bytes(self._data[at - self.start : at - self.start + size])

    def forget(self, before: int) -> None:
        if before > self.start:
            del self._data[: before - self.start]
            self.start = before


class _Members:
    """Walks a file member by member."""

    def __init__(self, stream: BinaryIO) -> None:
        self._window = _Window(stream)
        self._dictionary: zstandard.ZstdCompressionDict | None = None
        self._any_compressed = False

    def walk(self) -> Iterator[Chunk | Break]:
        at = 0
        while head := self._window.get(at, 8):
            self._window.forget(at)
            if decoder := self._decoder(head):
                self._any_compressed = True
                at = yield from self._member(at, decoder)
            elif SKIPPABLE.match(head) and len(head) == 8:
                at = self._skip(at, head)
            elif (found := self._find(at)) > at:
                yield Break(at, found - at, "no record starts here")
                at = found
            else:
                at = yield from self._plain(at)

    def _decoder(self, head: bytes) -> Decoder | None:
        if GZIP.match(head):
            return Gzip()
        return Zstd(self._dictionary) if head.startswith(ZSTD) else None

    def _member(self, at: int, decoder: Decoder) -> Generator[Chunk | Break, None, int]:
        """One compressed member; the place behind it, or behind its damage."""
        place, decoded = at, 0
        while piece := self._window.get(place, decoder.feed_bytes):
            try:
                for data in decoder.decode(piece):
                    yield Chunk(data, at, decoded, compressed=True)
                    decoded += len(data)
            except Damage as damage:
                resume = place + damage.at if damage.member_ended else at + 1
                found = self._find(max(resume, self._window.start))
                yield Break(at, found - at, str(damage), suspect=damage.member_ended)
                return found
            if (unused := decoder.unused) is not None:
                return place + len(piece) - len(unused)
            place += len(piece)
            self._window.forget(min(place, max(at, place - KEPT_BYTES)))
        yield Break(at, place - at, "the file ends inside a compressed member", cut=True)
        return place

    def _plain(self, at: int) -> Generator[Chunk | Break, None, int]:
        """The rest of the file as it is."""
        start = at
        while data := self._window.get(at, READ_BYTES):
            yield Chunk(data, start, at - start, compressed=False)
            at += len(data)
            self._window.forget(at)
        return at

    def _find(self, at: int) -> int:
        """The next place where something decodes to the start of a record; else the file's end."""
        while data := self._window.get(at, READ_BYTES):
            for place in self._candidates(data):
                if self._opens(at + place):
                    return at + place
            at += len(data) if len(data) < READ_BYTES else len(data) - PROBE_BYTES
            self._window.forget(at)
        return at

    def _candidates(self, data: bytes) -> list[int]:
        """In a compressed file plain text is no record: it may be a stored block of a member."""
        plain = None if self._any_compressed else find_record(data)
        places = [match.start() for match in COMPRESSED.finditer(data)]
        return sorted(places if plain is None else [*places, plain])

    def _opens(self, at: int) -> bool:
        """Whether a record starts here, plain or compressed."""
        head = self._window.get(at, PROBE_BYTES)
        if decoder := self._decoder(head):
            try:
                head = next(decoder.decode(head[: decoder.feed_bytes]), b"")
            except Damage:
                return False
        return starts_record(head.lstrip(b"\r\n"))

    def _skip(self, at: int, head: bytes) -> int:
        """Behind a skippable zstd frame; a dictionary in it is kept."""
        size: int = struct.unpack("<I", head[4:8])[0]
        if head.startswith(DICTIONARY) and size <= KEPT_BYTES:
            self._dictionary = _dictionary(self._window.get(at + 8, size))
        place, end = at + 8, at + 8 + size
        while place < end and (data := self._window.get(place, min(READ_BYTES, end - place))):
            place += len(data)
            self._window.forget(place)
        return place


def _dictionary(raw: bytes) -> zstandard.ZstdCompressionDict | None:
    """A zstd dictionary, itself compressed or not; None if it is damaged."""
    try:
        return zstandard.ZstdCompressionDict(
            b"".join(Zstd().decode(raw)) if raw.startswith(ZSTD) else raw
        )
    except (Damage, zstandard.ZstdError, ValueError):
        return None


def decode(stream: BinaryIO) -> Iterator[Chunk | Break]:
    """The file's decoded bytes in order; memory is bounded by a few MB whatever is in the file."""
    return _Members(stream).walk()
