"""An archive file as records, with every byte accounted for.

In: a WARC (0.17 to 1.1) or ARC (v1, v2) file, plain or compressed, or a span of one. Out: `Frame`s
that tile it: a record with its header and body, or a span that is no record and says why.

The decision: Content-Length is believed only if a record, the end of a member or the blank lines
that end a record follow it. Otherwise the record reaches to the next record's start, and says so.
Line ends belong to the record before them, at the start of a member to the record after them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import BinaryIO

from curate.source.pieces import Joint
from curate.source.web_archive.compressed import Members
from curate.source.web_archive.http_message import HEADER_END, fields
from curate.source.web_archive.record_start import ARC_LINE, WARC_LINE, find_record
from curate.source.web_archive.tape import Tape

MAX_HEADER_BYTES = 1 << 20
NOWHERE = -1
UNREADABLE, TRUNCATED, TOO_LARGE = "unreadable", "truncated", "too_large"


@dataclass
class Frame:
    """One record (`lost` is None), or one span that is no record.

    `place` says where it starts (see `Tape.place`). `start` and `length` are the span in decoded
    bytes; of a span that does not decode, in the file's bytes.
    """

    place: str
    start: int
    length: int = 0
    header: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    lost: str | None = None
    reason: str | None = None
    repaired: str | None = None


def frames(
    stream: BinaryIO, max_record_bytes: int, begin: int = 0, end: int = sys.maxsize
) -> Generator[Frame, None, Joint]:
    """Every record that starts in file bytes [begin, end) and every span that is no record behind
    one of them, in order; of the whole file by default. Never raises for its content.

    Memory is bounded by about `max_record_bytes` plus a few MB. A record that claims more than
    that ends where the next record starts, so one wrong digit does not swallow the file.
    """
    members = Members(stream)
    first = members.first_within(begin, end) if begin else 0
    if first is None:
        return Joint(begin, end, None, None)
    tape = Tape(members.walk(first))
    left = None
    while not tape.ended and left is None:
        left = yield from _run(tape, max_record_bytes, end)
        tape.next_run()
    if left is not None and members.dictionary_changed:
        left = NOWHERE  # what comes next cannot be read with the dictionary of the head
    return Joint(begin, end, first, left)


def _run(tape: Tape, max_bytes: int, until: int) -> Generator[Frame, None, int | None]:
    """The frames up to a break; or up to the first record not before `until`, and its place."""
    begin, told = tape.end, False
    while tape.reach(max(begin, tape.start) + 1):
        begin = max(begin, tape.start)
        at = tape.past_blanks(begin, cross_members=True)
        if not tape.reach(at + 1):
            break
        frame = Frame(tape.place(begin), begin)
        if int(frame.place.partition("+")[0]) >= until:
            left = tape.way_in(begin, at)
            if left is not None:
                return left
        end = _fill(tape, frame, at, max_bytes)
        frame.length = end - begin
        if not tape.reach(end + 1):
            told = _meet_break(tape, frame)
        yield frame
        tape.forget(end)
        begin = end
    if tape.broken is not None and not told:
        place = tape.place(tape.end) if tape.torn else str(tape.broken.offset)
        kind = TRUNCATED if tape.broken.cut else UNREADABLE
        start, length = tape.broken.offset, tape.broken.length
        yield Frame(place, start, length, lost=kind, reason=tape.broken.reason)
    return None


def _meet_break(tape: Tape, frame: Frame) -> bool:
    """The last frame of a run may be the one that the break cut: then they are one span."""
    broken = tape.broken
    if broken is None or not tape.torn or not (frame.lost or broken.suspect):
        return False
    frame.lost = TRUNCATED if broken.cut else UNREADABLE
    frame.reason, frame.length, frame.body = broken.reason, broken.length, b""
    return True


def _fill(tape: Tape, frame: Frame, at: int, max_bytes: int) -> int:
    """Read the record at `at` into the frame; where the frame ends."""
    if line := tape.match(ARC_LINE, at):
        frame.header = arc_header(line)
        return _body(tape, frame, at + line.end(), max_bytes)
    if not tape.match(WARC_LINE, at):
        kind = TRUNCATED if tape.get(at, at + 5).upper() == b"WARC/" else UNREADABLE
        return _lose(tape, frame, at + 1, kind, "no record starts here")
    if (body := _header_end(tape, at)) is None:
        return _lose(tape, frame, at + 1, TRUNCATED, "the header has no end")
    frame.header = fields(tape.get(at, body))
    return _body(tape, frame, body, max_bytes)


def _lose(tape: Tape, frame: Frame, at: int, kind: str, reason: str) -> int:
    """Give up everything up to the next record. Only a file's end can truncate."""
    found = tape.find_start(at)
    frame.lost = UNREADABLE if found is not None and kind == TRUNCATED else kind
    frame.reason = reason
    return tape.end if found is None else found


def _header_end(tape: Tape, at: int) -> int | None:
    """Behind the empty line; None if the next record or the run's end comes first."""
    size = 4 << 10
    while True:
        more = tape.reach(at + size)
        head = tape.get(at, at + size)
        if end := HEADER_END.search(head):
            return None if find_record(head[1 : end.end()]) is not None else at + end.end()
        if not more or size >= MAX_HEADER_BYTES or find_record(head[1:]) is not None:
            return None
        size *= 4


def _body(tape: Tape, frame: Frame, start: int, max_bytes: int) -> int:
    """Read a body, believing Content-Length only if what follows agrees."""
    said = content_length(frame.header)
    if said is not None and said > max_bytes:
        reason = f"Content-Length {said} is more than {max_bytes}"
        end = _lose(tape, frame, start, TOO_LARGE, reason)
        if end < start + said and not tape.reach(end + 1):
            frame.lost = TRUNCATED
        return end
    if said is not None and tape.reach(start + said) and _record_ends(tape, start + said):
        frame.body = tape.get(start, start + said)
        return tape.past_blanks(start + said, cross_members=False)
    found = tape.find_start(start, max_bytes)
    if found is None and tape.reach(start + max_bytes + 1):
        return _lose(tape, frame, start, TOO_LARGE, f"no record starts within {max_bytes} bytes")
    if found is None and _is_cut(tape, frame, start, said):
        frame.lost, frame.reason = TRUNCATED, "the file ends inside the record"
        return tape.end
    end = tape.end if found is None else found
    frame.body = _without_blank_lines(tape.get(start, end))
    frame.repaired = f"Content-Length {frame.header.get('content-length')}, found {len(frame.body)}"
    return end


def _record_ends(tape: Tape, at: int) -> bool:
    """Whether what follows agrees that a record ends here."""
    after = tape.past_blanks(at, cross_members=False)
    if not tape.reach(after + 1) or tape.starts_member(after):
        return True
    if tape.get(at, at + 4) == b"\r\n\r\n":
        return True
    return bool(tape.match(WARC_LINE, after) or tape.match(ARC_LINE, after))


def _is_cut(tape: Tape, frame: Frame, start: int, said: int | None) -> bool:
    """Whether the run's end cut the record, rather than its Content-Length being wrong: a member of
    its own that decodes well to its end cannot have been cut."""
    if tape.torn:
        return True
    whole_member = tape.starts_member(frame.start)
    return said is not None and tape.end < start + said and not whole_member


def _without_blank_lines(body: bytes) -> bytes:
    for ending in (b"\r\n\r\n", b"\n\n", b"\r\n", b"\n"):
        if body.endswith(ending):
            return body[: -len(ending)]
    return body


def content_length(header: dict[str, str]) -> int | None:
    """The number of bytes in the body, if the header says a number."""
    value = header.get("content-length", "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def arc_header(line: re.Match[bytes]) -> dict[str, str]:
    """An ARC URL-record line under the names that WARC gives its fields (ARC 1.0, Internet Archive
    1996; in v2 more columns stand between the media type and the length)."""
    url, address, date, media_type, length = (
        part.decode("utf-8", "replace") for part in line.groups(b"")
    )
    return {
        "warc-type": "filedesc" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-ip-address": address,
        "warc-date": date,
        "content-type": media_type.split(" ")[0],
        "content-length": length,
    }
