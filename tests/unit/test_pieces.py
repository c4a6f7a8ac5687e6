"""A file read in pieces has the rows of the file read whole, or its pieces are known not to fit."""

from __future__ import annotations

import gzip
import io
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
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
from curate.errors import InputError
from curate.inputs import plan_slices
from curate.source import pieces
from curate.source.formats import read
from curate.source.origin import Origin
from curate.source.pieces import Joint, cut, fit
from curate.source.web_archive import warc
from curate.spark import Entry
from curate.table import Table

ORIGIN = Origin("web", "a.warc", {}, 1 << 16)
NOISE = random.Random(7).randbytes(400).hex().encode()
RECORDS = [
    warcinfo(),
    *(page_record(n, NOISE[: n * 90] + b"<p>page</p>") for n in range(6)),
    warc_record(b"GET / HTTP/1.1\r\n\r\n", "request"),
]
ARC_RECORDS = [
    arc_filedesc(),
    *(arc_record(http_response(NOISE[: n * 90]), f"http://example.org/{n}") for n in range(7)),
]
DICTIONARY = zstandard.train_dictionary(1024, [page_record(n) for n in range(200)]).as_bytes()
PACKINGS: dict[str, Callable[[Iterable[bytes]], bytes]] = {
    "plain": b"".join,
    "gzip a record": gzip_members,
    "gzip stored": lambda records: gzip_members(records, 0),
    "gzip whole": gzip_whole,
    "zstd": zstd_frames,
    "zstd with a dictionary": lambda records: zstd_frames(records, DICTIONARY),
}
SPLITTABLE = ["plain", "gzip a record", "gzip stored", "zstd", "zstd with a dictionary"]


def whole(content: bytes) -> list[Document]:
    return list(warc.read(io.BytesIO(content), ORIGIN))


def in_pieces(content: bytes, cuts: Iterable[int]) -> tuple[list[list[Document]], list[Joint]]:
    edges = sorted({0, *(1 + at % max(len(content) - 1, 1) for at in cuts), len(content)})
    parts, joints = [], []
    for begin, end in itertools.pairwise(edges):
        found = warc.read_span(io.BytesIO(content), ORIGIN, begin, end)
        rows: list[Document] = []
        while True:
            try:
                rows.append(next(found))
            except StopIteration as stop:
                joints.append(stop.value)
                break
        parts.append(rows)
    return parts, joints


def same(content: bytes, cuts: Iterable[int]) -> bool:
    """Whether the pieces fit; if they do, they are the whole."""
    parts, joints = in_pieces(content, cuts)
    if not fit(joints):
        return False
    assert [row for part in parts for row in part] == whole(content)
    return True


cut_points = st.lists(st.integers(0, 10**6), max_size=6)
mutations = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 40), st.binary(max_size=12)), max_size=4
)


@given(st.sampled_from(sorted(PACKINGS)), st.sampled_from([RECORDS, ARC_RECORDS]), cut_points)
def test_pieces_of_a_good_file_are_the_whole(
    packing: str, records: list[bytes], cuts: list[int]
) -> None:
    assert same(PACKINGS[packing](records), cuts)


@given(
    st.sampled_from(sorted(PACKINGS)),
    st.sampled_from([RECORDS, ARC_RECORDS]),
    mutations,
    cut_points,
)
def test_pieces_of_a_damaged_file_are_the_whole_or_do_not_fit(
    packing: str,
    records: list[bytes],
    changes: list[tuple[int, int, bytes]],
    cuts: list[int],
) -> None:
    content = PACKINGS[packing](records)
    for at, removed, added in changes:
        at %= len(content) + 1
        content = content[:at] + added + content[at + removed :]
    same(content, cuts)


@pytest.mark.parametrize("packing", SPLITTABLE)
@pytest.mark.parametrize("records", [RECORDS, ARC_RECORDS], ids=["warc", "arc"])
def test_every_single_cut_fits_and_shares_the_work(packing: str, records: list[bytes]) -> None:
    content = PACKINGS[packing](records)
    sizes = set()
    for at in range(0, len(content) - 1, 13):
        parts, joints = in_pieces(content, [at])
        assert fit(joints), at
        sizes.add(len(parts[0]))
    assert sizes >= set(range(2, len(records)))


def test_one_member_is_read_by_its_first_piece() -> None:
    content = gzip_whole(RECORDS)
    parts, joints = in_pieces(content, range(50, len(content), 50))
    assert [len(part) for part in parts] == [len(RECORDS)] + [0] * (len(parts) - 1)
    assert fit(joints)


def test_junk_at_a_cut_is_a_row_of_the_piece_before() -> None:
    before = b"".join(RECORDS[:3])
    content = before + b"junk " * 50 + b"".join(RECORDS[3:])
    parts, joints = in_pieces(content, [len(before) + 100])
    assert parts[0][-1].drop == "record.unreadable"
    assert fit(joints)
    assert same(content, [len(before) + 100])


@pytest.mark.parametrize("packing", ["plain", "gzip stored", "gzip a record"])
def test_an_archive_inside_an_archive_is_noticed(packing: str) -> None:
    inner = gzip_members(RECORDS) if packing == "gzip a record" else b"".join(RECORDS)
    stored = warc_record(inner, "resource", content_type="application/warc")
    pack = PACKINGS["gzip stored" if packing == "gzip a record" else packing]
    content = pack([RECORDS[0], stored, RECORDS[1]])
    inside = len(pack([RECORDS[0]])) + 500
    fits = same(content, [inside])
    assert fits == (packing == "gzip stored")  # what is stored in a member is no member


def test_a_dictionary_in_the_middle_is_noticed() -> None:
    plain_frames = zstd_frames(RECORDS)
    content = zstd_frames(RECORDS, DICTIONARY) + plain_frames + zstd_frames(ARC_RECORDS, DICTIONARY)
    head = len(zstd_frames(RECORDS, DICTIONARY)) + len(plain_frames)
    assert not same(content, [head + 10, head + 1500])


def test_zstd_frames_with_large_blocks_can_be_found() -> None:
    noise = random.Random(3).randbytes(90_000).hex().encode()
    content = zstd_frames([page_record(n, noise) for n in range(4)])
    parts, joints = in_pieces(content, [len(content) // 2 - 9999])
    assert [len(part) for part in parts] == [2, 2]
    assert fit(joints)


class NoRanges(io.BytesIO):
    """A web server's stream: it can only be read on."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise ValueError("cannot seek")


def test_a_stream_that_cannot_seek_is_read_up_to_the_piece() -> None:
    content = gzip_members(RECORDS)
    assert list(warc.read_span(NoRanges(content), ORIGIN, 300, len(content))) == list(
        warc.read_span(io.BytesIO(content), ORIGIN, 300, len(content))
    )


def test_files_are_read_by_spans(tmp_path: Path) -> None:
    content = gzip_members(RECORDS)
    (tmp_path / "a.warc.gz").write_bytes(content)
    starts = list(itertools.accumulate(len(gzip.compress(r, mtime=0)) for r in RECORDS))
    joints: list[Joint] = []
    spans = [(starts[0], starts[1]), (starts[3], starts[4])]
    found = list(read("web", "warc", str(tmp_path), "a.warc.gz", {}, spans, joints))
    assert [row.url for row in found] == ["http://example.org/0", "http://example.org/3"]
    assert joints == [Joint(*span, *span) for span in spans]
    with pytest.raises(InputError, match="format html cannot be read in pieces"):
        list(read("web", "html", str(tmp_path), "a.warc.gz", {}, spans))


@given(st.integers(0, 10**9), st.integers(1, 10**8))
def test_cuts_tile_the_file(size: int, piece: int) -> None:
    size = min(size, 2000 * piece)
    spans = cut(size, piece)
    assert all(end - begin <= piece for begin, end in spans)
    edges = [0, *(end for _, end in spans)]
    assert spans == tuple(itertools.pairwise(edges))
    assert edges[-1] == (size if size > piece else 0)


def test_pieces_that_are_not_there_yet_are_not_judged() -> None:
    first, second, third = Joint(0, 9, 0, 12), Joint(9, 11, None, None), Joint(11, 20, 12, None)
    assert fit([first, second, third])
    assert fit([first, third])
    assert not fit([first, second, Joint(11, 20, 13, None)])
    assert not fit([Joint(0, 9, 0, 10), second])
    assert not fit([Joint(0, 9, 0, None), Joint(9, 11, 10, None)])


def test_a_file_read_whole_leaves_the_other_groups_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10)
    sizes = {"a": 8, "b": 35, "c": 25, "d": 4}
    entries = [Entry("web", "warc", "/in", path, size) for path, size in sizes.items()]
    before = plan_slices(entries, 20, set())
    assert [[(e.path, *e.spans) for e in group] for group in before] == [
        [("a",), ("b", (0, 8))],
        [("b", (8, 17)), ("b", (17, 26))],
        [("b", (26, 35)), ("c", (0, 8))],
        [("c", (8, 16)), ("c", (16, 25))],
        [("d",)],
    ]
    after = plan_slices(entries, 20, {("web", "b")})
    assert after == [entries[:2], [before[2][1]], *before[3:]]
    assert plan_slices([replace(entries[1], format="html")], 20, set()) == [
        [replace(entries[1], format="html")]
    ]


def test_files_to_be_read_whole_are_remembered(tmp_path: Path) -> None:
    table = Table(str(tmp_path))
    assert table.read_whole() == set()
    table.remember_whole({("web", "a")})
    table.remember_whole({("web", "b"), ("web", "a")})
    assert Table(str(tmp_path)).read_whole() == {("web", "a"), ("web", "b")}
