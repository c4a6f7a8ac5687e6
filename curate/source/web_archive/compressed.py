"""The decoded bytes of an archive file, with their exact places in the file.

In: a binary stream: plain, gzip (a member a record, or one member), zstd, or several of these in a
row; from its start or from a record that starts a member. Out: `Chunk`s of decoded bytes and a
`Break` for every span of the file that cannot be decoded.

The decision: decoding never fails. What zlib decoded before it met the damage is kept, and reading
goes on at the next place where a member decodes to the start of a record.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

from curate.source.web_archive.decoders import Damage, Decoder, Gzip, TooLarge, Zstd, decode_body
from curate.source.web_archive.record_start import START_BYTES, find_record, starts_record
from curate.source.web_archive.window import READ_BYTES, Window

GZIP = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
ZSTD = b"\x28\xb5\x2f\xfd"
COMPRESSED = re.compile(GZIP.pattern + b"|" + re.escape(ZSTD))
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
DICTIONARY = b"\x5d\x2a\x4d\x18"  # WARC-zstd 1.0: a dictionary for the whole file
KEPT_BYTES = 8 << 20  # of the current member's file bytes, to search for the next after damage
PROBE_BYTES = START_BYTES
BLOCK_BYTES = 160 << 10  # a zstd block, which decodes as one, is at most 128 KiB


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


class Members:
    """Walks a file member by member. `dictionary_changed`: a zstd dictionary stood behind the head of
    the file, so that what was read depends on more than the head."""

    def __init__(self, stream: BinaryIO) -> None:
        self._window = Window(stream)
        self._dictionary: zstandard.ZstdCompressionDict | None = None
        self._any_compressed = False
        self._any_plain = False
        self.dictionary_changed = False

    def first_within(self, begin: int, end: int) -> int | None:
        """Where the first record starts, in file bytes [begin, end), that can be read without what
        is before it; to be asked before anything is walked. `begin` is not 0."""
        if self._window.seek(begin):
            if GZIP.match(self._window.get(begin, 4)) and self._opens(begin):
                return begin  # an index named the place: the head need not be read
            self._window.seek(0)
        at = self._pass_head()
        self._window.skip_to(max(begin, at) - 1)
        found = self._find(max(begin, at), end)
        return found if found < end else None

    def _pass_head(self) -> int:
        """How the file is packed, and its dictionary; the place behind what stands before records."""
        at = 0
        while SKIPPABLE.match(head := self._window.get(at, PROBE_BYTES)) and len(head) >= 8:
            if (behind := self._skip(at, head)) == at:
                break
            at = behind
        self._any_compressed = at > 0 or self._decoder(head) is not None
        self._any_plain = not self._any_compressed and starts_record(head)
        return max(at, self._window.start)

    def walk(self, at: int = 0) -> Iterator[Chunk | Break]:
        """The decoded bytes from file offset `at` on: 0, or what `first_within` found."""
        opening = True
        while head := self._window.get(at, 8):
            self._window.forget(at)
            if SKIPPABLE.match(head) and len(head) == 8:
                self.dictionary_changed |= not opening and head.startswith(DICTIONARY)
                begin, at = at, self._skip(at, head)
                if at == begin:
                    at = self._find(max(begin + 8, self._window.start))
                    reason = "the file ends inside a skippable frame"
                    yield Break(begin, at - begin, reason, cut=True)
                continue
            opening = False
            if decoder := self._decoder(head):
                self._any_compressed = True
                at = yield from self._member(at, decoder)
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

    def _find(self, at: int, end: int = sys.maxsize) -> int:
        """The next place where something decodes to the start of a record; else the file's end, or
        one that is not before `end`."""
        while at < end:
            before = min(at - self._window.start, 1)
            data = self._window.get(at - before, READ_BYTES + before)
            if len(data) <= before:
                break
            for place in self._candidates(data, before):
                if self._opens(at - before + place):
                    return at - before + place
            size = len(data) - before
            at += size if size < READ_BYTES else size - PROBE_BYTES
            self._window.forget(at - 1)
        return at

    def _candidates(self, data: bytes, at: int) -> list[int]:
        """Places from `at` on. In a compressed file plain text is no record: it may be a stored block
        of a member. In a plain file a member is none either: it is part of a record."""
        plain = None if self._any_compressed else find_record(data, at)
        members = [] if self._any_plain else COMPRESSED.finditer(data, at)
        places = [match.start() for match in members]
        return sorted(places if plain is None else [*places, plain])

    def _opens(self, at: int) -> bool:
        """Whether a record starts here, plain or compressed."""
        head = self._window.get(at, PROBE_BYTES)
        if decoder := self._decoder(head):
            head = self._beginning(at, decoder)
        return starts_record(head.lstrip(b"\r\n"))

    def _beginning(self, at: int, decoder: Decoder) -> bytes:
        """The first decoded bytes of a member, or all that decodes of it."""
        decoded, place = b"", at
        while len(decoded) < START_BYTES and place < at + BLOCK_BYTES and decoder.unused is None:
            piece = self._window.get(place, min(decoder.feed_bytes, PROBE_BYTES))
            place += len(piece)
            try:
                for data in decoder.decode(piece):
                    decoded += data[:START_BYTES]
            except Damage:
                break
            if not piece:
                break
        return decoded

    def _skip(self, at: int, head: bytes) -> int:
        """Behind a skippable zstd frame, of which a dictionary is kept; `at` if the file ends in it."""
        size: int = struct.unpack("<I", head[4:8])[0]
        place, end = at + 8, at + 8 + size
        if head.startswith(DICTIONARY) and size <= KEPT_BYTES:
            self._dictionary = _dictionary(self._window.get(place, size))
        while place < end and (data := self._window.get(place, min(READ_BYTES, end - place))):
            place += len(data)
            self._window.forget(place - KEPT_BYTES)
        return place if place == end else at


def _dictionary(raw: bytes) -> zstandard.ZstdCompressionDict | None:
    """A zstd dictionary, itself compressed or not; None if it is damaged."""
    try:
        packed = raw.startswith(ZSTD)
        content, whole = decode_body(Zstd(), raw, KEPT_BYTES) if packed else (raw, True)
        dictionary = zstandard.ZstdCompressionDict(content)
        Zstd(dictionary)
        return dictionary if whole else None
    except (TooLarge, zstandard.ZstdError, ValueError):
        return None


def decode(stream: BinaryIO) -> Iterator[Chunk | Break]:
    """The file's decoded bytes in order; memory is bounded by a few MB whatever is in the file."""
    return Members(stream).walk()
