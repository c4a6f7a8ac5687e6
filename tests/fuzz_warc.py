"""Damages archive files at random and reads them: nothing raises, and no byte goes unaccounted for.

In: a number of mutations and a seed. Out: one line, or the mutation that broke a promise, written
beside it. `python tests/fuzz_warc.py --mutations 20000 --seed 1`; the unit tests run a share of it.
The promises: no exception; the frames tile what decodes, and the breaks are what does not; no body
is larger than the limit; every frame is a row with an id of its own; what is dropped has no content;
the pieces of a file are the whole, or are known not to fit.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import zstandard
from warc_builder import (
    arc_filedesc,
    arc_record,
    gzip_members,
    gzip_whole,
    http_response,
    page_record,
    warc_record,
    warcinfo,
    zstd_frames,
)

from curate.document import Document
from curate.source.origin import Origin
from curate.source.pieces import fit
from curate.source.web_archive import warc
from curate.source.web_archive.compressed import Break, decode
from curate.source.web_archive.framing import Frame, frames

MAX_BYTES = 4 << 10
ORIGIN = Origin("web", "a.warc", {"digests": "check"}, MAX_BYTES)
NOISE = random.Random(5).randbytes(800).hex().encode()
DICTIONARY = zstandard.train_dictionary(1024, [page_record(n) for n in range(200)]).as_bytes()
PACKINGS: dict[str, Callable[[Iterable[bytes]], bytes]] = {
    "plain": b"".join,
    "gzip a record": gzip_members,
    "gzip stored": lambda records: gzip_members(records, 0),
    "gzip whole": gzip_whole,
    "zstd": zstd_frames,
    "zstd with a dictionary": lambda records: zstd_frames(records, DICTIONARY),
}
SPECIAL = (
    b"\r\n\r\n", b"\n", b"\0" * 16, b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18",
    b"\x50\x2a\x4d\x18\xff\xff\xff\xff", b"WARC/1.0\r\n", b"WARC/1.0\r\nWARC-Type: response\r\n\r\n",
    b"http://a.example/ 192.0.2.1 20080430204825 text/html 9\n", b"Content-Length: 99999999\r\n",
)  # fmt: skip


class Broken(Exception):
    """A promise that a file broke."""


@dataclass
class Totals:
    """What was read."""

    files: int = 0
    rows: int = 0
    documents: int = 0
    lost: int = 0
    unfit: int = 0


def archives() -> list[bytes]:
    """Well-formed files in every packing, of WARC and of ARC records, large and small."""
    digest = {"WARC-Payload-Digest": "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"}
    pages = [page_record(n, NOISE[: n * 150] + b"<p>page</p>") for n in range(5)]
    large = page_record(9, NOISE * 3)
    asked = warc_record(b"GET / HTTP/1.1\r\n\r\n", "request", fields=digest)
    records = [warcinfo(), *pages[:3], large, asked, *pages[3:]]
    old = [arc_filedesc()]
    old += [
        arc_record(http_response(NOISE[: n * 150]), f"http://example.org/{n}") for n in range(6)
    ]
    return [pack(kind) for pack in PACKINGS.values() for kind in (records, old)]


def mutate(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    """The file with one to four kinds of damage."""
    for _ in range(coin.choice((1, 1, 2, 4))):
        content = coin.choice(DAMAGES)(content, others, coin)
    return content


def flip(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(coin.choice((1, 3, 30))):
        if data:
            data[coin.randrange(len(data))] ^= 1 << coin.randrange(8)
    return bytes(data)


def delete(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    at, size = coin.randrange(len(content) + 1), coin.choice((1, 2, 50, 900))
    return content[:at] + content[at + size :]


def insert(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    at = coin.randrange(len(content) + 1)
    added = coin.choice((*SPECIAL, coin.randbytes(coin.randrange(1, 300))))
    return content[:at] + added + content[at:]


def truncate(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    at = coin.randrange(len(content) + 1)
    return content[at:] if coin.random() < 0.3 else content[:at]


def splice(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    other = coin.choice(others)
    return content[: coin.randrange(len(content) + 1)] + other[coin.randrange(len(other) + 1) :]


def repeat(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    at, size = coin.randrange(len(content) + 1), coin.randrange(1, 3000)
    return (content[: at + size] + content[at:])[: 200 << 10]


def lie(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    """Another Content-Length, where it can be seen."""
    places = [found.end() for found in re.finditer(b"Content-Length: ", content)]
    if not places:
        return content
    at = coin.choice(places)
    wrong = coin.choice((b"0", b"7", b"999", b"99999999999", b"-5", b"", b"1e3"))
    return content[:at] + wrong + content[at + coin.randrange(4) :]


def spoil_header(content: bytes, others: list[bytes], coin: random.Random) -> bytes:
    """Damage in the first bytes of a compressed member, where there is one."""
    magic = coin.choice((b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18"))
    places = [found.start() for found in re.finditer(re.escape(magic), content)]
    at = (coin.choice(places) if places else 0) + coin.randrange(12)
    return content[:at] + coin.randbytes(1) + content[at + 1 :]


DAMAGES = (flip, delete, insert, truncate, splice, repeat, lie, spoil_header)


def check(content: bytes, cut_at: int, totals: Totals) -> None:
    """Read one file. Raises Broken, or whatever the reader raised."""
    found = list(frames(io.BytesIO(content), MAX_BYTES))
    check_tiling(content, found)
    rows = list(warc.read(io.BytesIO(content), ORIGIN))
    if len(rows) != max(len(found), 1):
        raise Broken(f"{len(found)} frames, {len(rows)} rows")
    if len({row.id for row in rows}) != len(rows):
        raise Broken("two rows have one id")
    if any(len(frame.body) > MAX_BYTES for frame in found):
        raise Broken("a body is larger than the limit")
    if any(row.drop and (row.content or row.text) for row in rows):
        raise Broken("a dropped row has content")
    totals.files += 1
    totals.rows += len(rows)
    totals.documents += sum(row.drop is None for row in rows)
    totals.lost += sum(frame.lost is not None for frame in found)
    totals.unfit += not check_pieces(content, cut_at, rows)


def check_tiling(content: bytes, found: list[Frame]) -> None:
    """Every decoded byte is in one frame (but for line ends at the end of a run), every break too."""
    left = iter([*found, None])
    frame = next(left)
    for data, begin, broken in runs(content):
        at, end = begin, begin + len(data)
        while frame and at < end and frame.start == at and not is_break(frame, broken):
            at, frame = at + frame.length, next(left)
        if broken and frame and is_break(frame, broken):
            if frame.start == at:  # the frame that the break cut
                at = end
            frame = next(left)
        elif broken:
            raise Broken(f"no frame for {broken}")
        if data[at - begin :].strip(b"\r\n") or at > end:
            raise Broken(f"frames end at {at} of [{begin}, {end})")
    if frame is not None:
        raise Broken(f"{frame} is nowhere in the file")


def is_break(frame: Frame, broken: Break | None) -> bool:
    """Whether the frame is the break; one that is cut by it keeps its own start."""
    return bool(broken and frame.lost) and (frame.length, frame.reason) == (
        broken.length,
        broken.reason,
    )


def runs(content: bytes) -> Iterator[tuple[bytes, int, Break | None]]:
    """What decodes without a break, its first offset, and the break that ends it."""
    data, begin = b"", 0
    for event in decode(io.BytesIO(content)):
        if isinstance(event, Break):
            yield data, begin, event
            data, begin = b"", begin + len(data)
            continue
        if not data and not event.compressed:
            begin = event.member + event.start
        data += event.data
    yield data, begin, None


def check_pieces(content: bytes, cut_at: int, rows: list[Document]) -> bool:
    edges = sorted({0, cut_at, len(content)})
    joints, joined = [], list[Document]()
    for begin, end in itertools.pairwise(edges):
        piece = warc.read_span(io.BytesIO(content), ORIGIN, begin, end)
        while True:
            try:
                joined.append(next(piece))
            except StopIteration as stop:
                joints.append(stop.value)
                break
    if fit(joints) and joined != rows and len(edges) > 1:
        raise Broken(f"the pieces fit but are not the whole, cut at {cut_at}")
    return fit(joints)


def fuzz(mutations: int, seed: int) -> Totals:
    """Damage and read that many files; raises what the first broken promise raised."""
    coin, files, totals = random.Random(seed), archives(), Totals()
    for number in range(mutations):
        content = mutate(coin.choice(files), files, coin)
        try:
            check(content, coin.randrange(len(content) + 1), totals)
        except Exception as error:
            error.add_note(f"mutation {number} of seed {seed}, {len(content)} bytes")
            error.content = content  # type: ignore[attr-defined]
            raise
    return totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.monotonic()
    try:
        totals = fuzz(given.mutations, given.seed)
    except Exception as error:
        with open("fuzz_warc.failed", "wb") as file:
            file.write(getattr(error, "content", b""))
        print("the file is in fuzz_warc.failed", file=sys.stderr)
        raise
    print(
        f"{totals.files:,} damaged files, {totals.rows:,} rows: {totals.documents:,} documents, "
        f"{totals.lost:,} unreadable spans; {totals.unfit:,} files to be read whole; "
        f"nothing raised, every byte accounted for; {time.monotonic() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
