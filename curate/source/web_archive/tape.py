"""The decoded bytes of one run of an archive file, and where they stand in it.

In: `Chunk`s and `Break`s. Out: a sliding window over what decodes without a break. The decision:
only what a reader still needs is held, so a file of any size takes a record's memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.source.web_archive.compressed import Break, Chunk
from curate.source.web_archive.record_start import (
    ARC_LINE,
    START_BYTES,
    WARC_LINE,
    find_record,
    starts_record,
)
from curate.source.web_archive.window import READ_BYTES

BLANK = re.compile(rb"[\r\n]*")
MAX_BLANK_BYTES = 64 << 10


class Tape:
    """A run ends at `broken`, or with the file (`ended`). Positions are decoded offsets; in a plain
    file they are the file's own."""

    def __init__(self, events: Iterator[Chunk | Break]) -> None:
        self._events = events
        self._data = bytearray()
        self._members: list[tuple[int, Chunk]] = []
        self.start = 0
        self.broken: Break | None = None
        self.ended = False

    @property
    def end(self) -> int:
        """Where the held bytes end."""
        return self.start + len(self._data)

    @property
    def torn(self) -> bool:
        """Whether the run ends inside the member that gave its last bytes."""
        last = self._members[-1][1].member if self._members else None
        return self.broken is not None and self.broken.offset == last

    def reach(self, upto: int) -> bool:
        """Hold decoded offset `upto - 1`; False if the run ends before."""
        if self.start + len(self._data) >= upto:  # nearly always: without three more calls
            return True
        while self.end < upto and not self.ended and self.broken is None:
            event = next(self._events, None)
            if event is None:
                self.ended = True
            elif isinstance(event, Break):
                self.broken = event
            elif event.data:
                self._append(event)
        return self.end >= upto

    def _append(self, chunk: Chunk) -> None:
        if not self._data and not self._members and not chunk.compressed:
            self.start = chunk.member + chunk.start
        if chunk.start == 0 or not self._members:
            self._members.append(
                (self.end, Chunk(b"", chunk.member, chunk.start, chunk.compressed))
            )
        self._data += chunk.data

    def next_run(self) -> None:
        """Go on behind the break."""
        self.start = self.end
        self._data.clear()
        self._members.clear()
        self.broken = None

    def get(self, at: int, until: int) -> bytes:
        """Held bytes."""
        return bytes(self._data[at - self.start : until - self.start])

    def match(self, pattern: re.Pattern[bytes], at: int) -> re.Match[bytes] | None:
        """A match at `at`, of a pattern that needs no more than `START_BYTES`."""
        self.reach(at + START_BYTES)
        return pattern.match(self.get(at, at + START_BYTES))

    def forget(self, before: int) -> None:
        """Let go of the bytes before a position."""
        del self._data[: max(before - self.start, 0)]
        self.start = max(before, self.start)
        while len(self._members) > 1 and self._members[1][0] <= self.start:
            del self._members[0]

    def place(self, at: int) -> str:
        """Where decoded offset `at` is found: `offset`, or `member+offset` inside a member."""
        begin, first = next(m for m in reversed(self._members) if m[0] <= at)
        inner = at - begin + first.start
        if not first.compressed:
            return str(first.member + inner)
        return f"{first.member}+{inner}" if inner else str(first.member)

    def way_in(self, begin: int, at: int) -> int | None:
        """The file offset of decoded offset `begin`, if the file can be read from there on: a record
        starts at `at`, behind line ends at most, in the same member or in a plain file."""
        place = self.place(begin)
        if not place.isdigit() or any(begin < border <= at for border, _ in self._members):
            return None
        return int(place) if self.match(WARC_LINE, at) or self.match(ARC_LINE, at) else None

    def starts_member(self, at: int) -> bool:
        """Whether a compressed member starts exactly here."""
        return any(begin == at and c.start == 0 and c.compressed for begin, c in self._members)

    def past_blanks(self, at: int, cross_members: bool) -> int:
        """Behind the line ends at `at`, but not into the next member unless told so."""
        place = at
        while self.reach(place + 1) and place - at < MAX_BLANK_BYTES:
            found = BLANK.match(self._data, place - self.start)
            stop = self.start + (found.end() if found else 0)
            if not cross_members:
                begins = (begin for begin, _ in self._members if at < begin <= stop)
                if (border := next(begins, None)) is not None:
                    return border
            if stop < self.end:
                return stop
            place = stop
        return place

    def find_start(self, at: int, limit: int | None = None) -> int | None:
        """Where the next record starts; None if the run ends before, or more than `limit` bytes on.
        Without a limit, what was searched is let go."""
        place = at
        while True:
            more = self.reach(place + READ_BYTES)
            if (found := self._search(place)) is not None:
                return found if limit is None or found - at <= limit else None
            if not more or (limit is not None and place - at > limit):
                return None
            place = max(place, self.end - START_BYTES)
            if limit is None:
                self.forget(place)

    def _search(self, at: int) -> int | None:
        """A start in the held bytes; at the start of a member, line ends may come before it."""
        found = find_record(self._data, at - self.start)
        first = self.end if found is None else self.start + found
        for begin, _ in self._members:
            if at <= begin < first:
                blank = BLANK.match(self._data, begin - self.start)
                if starts_record(self._data, blank.end() if blank else begin - self.start):
                    return begin
        return None if found is None else first
