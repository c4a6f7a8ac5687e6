"""Every record of a WARC or ARC file becomes one row, whatever is wrong with the file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warc_builder import (
    PAGE,
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

from curate.document import Document, document_id
from curate.errors import InputError
from curate.source import FORMATS, read
from curate.source.formats import check_options
from curate.source.origin import Origin
from curate.source.web_archive import warc
from curate.source.web_archive.compressed import GZIP
from curate.source.web_archive.framing import frames
from curate.source.web_archive.record_start import SEARCHED, find_record

PAGES = 5
RECORDS = [warcinfo(), *(page_record(number) for number in range(PAGES))]
ARC_RECORDS = [
    arc_filedesc(),
    *(arc_record(http_response(), f"http://example.org/{number}") for number in range(PAGES)),
]
PACKINGS: dict[str, Callable[[Iterable[bytes]], bytes]] = {
    "plain": b"".join,
    "gzip a record": gzip_members,
    "gzip stored": lambda records: gzip_members(records, 0),
    "gzip whole": gzip_whole,
    "zstd": zstd_frames,
}


def rows(content: bytes, max_record_bytes: int = 1 << 20, **options: str) -> list[Document]:
    return list(warc.read(io.BytesIO(content), Origin("web", "a.warc", options, max_record_bytes)))


def drops(content: bytes, max_record_bytes: int = 1 << 20) -> dict[str | None, int]:
    return dict(Counter(row.drop for row in rows(content, max_record_bytes)))


def one(record: bytes, **options: str) -> Document:
    (row,) = rows(record, **options)
    return row


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("records", [RECORDS, ARC_RECORDS], ids=["warc", "arc"])
def test_every_record_is_read_however_it_is_packed(packing: str, records: list[bytes]) -> None:
    read = rows(PACKINGS[packing](records))
    assert len(read) == len(records)
    assert [row.url for row in read if row.drop is None] == [
        f"http://example.org/{number}" for number in range(PAGES)
    ]
    assert len({row.id for row in read}) == len(read)


def test_origins_say_where_a_record_is() -> None:
    packed = gzip_members(RECORDS)
    second = len(gzip.compress(RECORDS[0], mtime=0))
    assert rows(packed)[1].origin == f"a.warc#{second}"
    assert rows(b"".join(RECORDS))[1].origin == f"a.warc#{len(RECORDS[0])}"
    assert rows(gzip_whole(RECORDS))[1].origin == f"a.warc#0+{len(RECORDS[0])}"
    assert rows(packed)[1].id == document_id("web", f"a.warc#{second}")


def test_a_response_becomes_a_document() -> None:
    row = one(warc_record(http_response(), fields={"WARC-Record-ID": "<urn:uuid:1>"}))
    assert (row.url, row.content, row.media_type) == ("http://example.org/", PAGE, "text/html")
    assert row.fetched == datetime(2024, 5, 17, 23, 31, 22, tzinfo=UTC)
    assert row.labels == {"warc_id": "urn:uuid:1", "http_status": "200", "charset": "utf-8"}
    assert row.text is None and row.drop is None


@pytest.mark.parametrize("kind", ["warcinfo", "request", "metadata", "revisit", "continuation"])
def test_other_records_are_counted_by_type_without_content(kind: str) -> None:
    row = one(warc_record(http_response(), kind))
    assert (row.drop, row.content) == (f"record.{kind}", None)


@pytest.mark.parametrize(
    ("record", "drop"),
    [
        (warc_record(http_response(status="404 Not Found")), "record.http_status"),
        (warc_record(http_response(b"\xff\xd8\xff\xe0", content_type="image/jpeg")), "record.media_type"),
        (warc_record(http_response(b"%PDF-1.4 ...")), "record.media_type"),
        (warc_record(http_response(b" \r\n ")), "record.empty"),
        (warc_record(b""), "record.empty"),
        (warc_record(http_response(), "screenshot"), "record.unknown_type"),
        (warc_record(http_response(), None), "record.unknown_type"),
        (warc_record(b"log", "resource", "metadata://gnu.org/wget"), "record.metadata"),
        (warc_record(http_response(), uri=None), None),
        (warc_record(http_response(content_type=None)), None),
        (warc_record(http_response(content_type="application/octet-stream")), None),
        (warc_record(http_response(b"words", content_type="text/plain")), None),
        (warc_record(PAGE, content_type="text/html"), None),
        (warc_record(PAGE, content_type=None), None),
        (warc_record(PAGE, "resource", content_type="text/html"), None),
        (warc_record(http_response(), version="WARC/0.17", date="nonsense"), None),
        (warc_record(http_response(), version="warc/1.1").lower(), None),
        (warc_record(b"HTTP/1.1 100 Continue\r\n\r\n" + http_response()), None),
    ],
)  # fmt: skip
def test_what_is_a_document(record: bytes, drop: str | None) -> None:
    row = one(record)
    assert row.drop == drop
    assert (row.content is not None) == (drop is None)


EPUB = b"PK\x03\x04" + b"mimetypeapplication/epub+zip"
OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("content", "declared", "media_type"),
    [
        (b"%PDF-1.4 ...", "application/pdf", "application/pdf"),
        (b"%PDF-1.4 ...", "text/html", "application/pdf"),
        (EPUB, "application/epub+zip", "application/epub+zip"),
        (EPUB, "application/zip", None),
        (b"PK\x03\x04...", OFFICE, None),
        (PAGE, "text/html", "text/html"),
    ],
)
def test_other_media_types_are_read_on_request(
    content: bytes, declared: str, media_type: str | None
) -> None:
    record = warc_record(http_response(content, content_type=declared))
    row = one(record, media_types="application/pdf Application/EPUB+zip")
    assert (row.drop is None) == (media_type is not None)
    assert row.content == (content if media_type else None)
    assert row.media_type == media_type or row.drop == "record.media_type"
    assert one(record).drop == (None if content == PAGE else "record.media_type")


def digest(content: bytes, algorithm: str = "sha1", base: int = 32) -> str:
    found = hashlib.new(algorithm, content)
    text = base64.b32encode(found.digest()).decode() if base == 32 else found.hexdigest()
    return f"{algorithm}:{text}"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("base", [16, 32])
def test_digests_are_checked_on_request(algorithm: str, base: int) -> None:
    block = http_response()
    declared = {
        "WARC-Block-Digest": digest(block, algorithm, base).upper(),
        "WARC-Payload-Digest": digest(PAGE, algorithm, base).lower(),
    }
    row = one(warc_record(block, fields=declared), digests="check")
    assert row.labels["warc.block_digest"] == row.labels["warc.payload_digest"] == "ok"
    assert row.labels["payload_digest"] == digest(PAGE, algorithm, 16)
    row = one(warc_record(block.replace(b"Words", b"Wards"), fields=declared), digests="check")
    assert row.labels["warc.block_digest"] == row.labels["warc.payload_digest"] == "wrong"
    assert row.drop is None
    unasked = one(warc_record(block, fields=declared))
    assert not any(name.startswith("warc.") for name in unasked.labels)
    assert unasked.labels["payload_digest"] == digest(PAGE, algorithm, 16)


@pytest.mark.parametrize(
    ("declared", "verdict"),
    [
        ("sha1:AAAA", "malformed"), ("sha1:" + "1" * 32, "malformed"), ("sha-1:", "malformed"),
        ("sha1:" + "z" * 40, "malformed"), ("nothing", "malformed"),
        ("blake3:af1349b9", "unknown algorithm blake3"),
    ],
)  # fmt: skip
def test_digests_that_cannot_be_checked_say_so(declared: str, verdict: str) -> None:
    fields = {"WARC-Payload-Digest": declared}
    row = one(warc_record(http_response(), fields=fields), digests="check")
    assert row.labels["warc.payload_digest"] == verdict
    assert "payload_digest" not in row.labels


def test_what_a_payload_digest_covers() -> None:
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)
    block = http_response(chunks, fields={"Transfer-Encoding": "chunked"})
    for payload in (chunks, PAGE):
        fields = {"WARC-Payload-Digest": digest(payload)}
        assert one(warc_record(block, fields=fields), digests="check").labels[
            "warc.payload_digest"
        ] == "ok"  # fmt: skip
    ours = {"WARC-Payload-Digest": digest(PAGE)}
    cases = [
        (warc_record(PAGE, "resource", content_type="text/html", fields=ours), "ok"),
        (warc_record(b"GET / HTTP/1.1\r\n\r\n" + PAGE, "request", fields=ours), "ok"),
        (warc_record(b"HTTP/1.1 200 OK\r\n\r\n", "revisit", fields=ours), "not stored"),
        (warc_record(block, fields={**ours, "WARC-Segment-Number": "1"}), "not stored"),
    ]
    for record, verdict in cases:
        assert one(record, digests="check").labels["warc.payload_digest"] == verdict
    with pytest.raises(InputError, match="option digests: it is ignore or check, not 'yes'"):
        check_options(FORMATS["warc"], {"digests": "yes"})


def test_wet_conversions_have_text() -> None:
    row = one(warc_record("Grüße".encode(), "conversion", content_type="text/plain"))
    assert (row.text, row.content, row.drop) == ("Grüße", None, None)


@pytest.mark.parametrize("wrong", [-30, -1, 30, 100_000, None, "many"])
@pytest.mark.parametrize("packing", ["plain", "gzip a record", "gzip whole", "zstd"])
def test_a_wrong_content_length_costs_no_record(wrong: int | str | None, packing: str) -> None:
    block = http_response()
    length = len(block) + wrong if isinstance(wrong, int) else wrong
    records = [RECORDS[0], warc_record(block, content_length=length), *RECORDS[1:]]
    read = rows(PACKINGS[packing](records))
    assert [row.drop for row in read] == ["record.warcinfo"] + [None] * (PAGES + 1)
    assert read[1].content == PAGE
    assert "record.repaired" in read[1].labels


def test_a_whole_member_with_a_wrong_length_is_read_at_the_end_too() -> None:
    record = warc_record(http_response(), content_length=9999)
    assert rows(gzip_members([record]))[0].content == PAGE
    assert drops(record) == {"record.truncated": 1}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_cut_file_is_one_truncated_row(packing: str) -> None:
    whole = PACKINGS[packing](RECORDS)
    before = rows(whole)
    for cut in (5, 40, 150):
        read = rows(whole[:-cut])
        assert [row.drop for row in read].count("record.truncated") == 1, cut
        kept = [row.origin for row in read if row.drop is None]
        assert kept == [row.origin for row in before if row.drop is None][: len(kept)]
        assert len(kept) >= PAGES - 2 or packing == "gzip whole"  # 40 bytes are several pages
        assert read[-1].labels["record.reason"]


def test_junk_between_records_is_one_row() -> None:
    content = RECORDS[0] + RECORDS[1] + b"junk\r\n\r\nmore junk" + RECORDS[2]
    row = rows(content)[2]
    assert row.drop == "record.unreadable"
    assert row.origin == f"a.warc#{len(RECORDS[0] + RECORDS[1])}"
    assert row.labels["record.length_bytes"] == str(len(b"junk\r\n\r\nmore junk"))
    assert drops(content)[None] == 2


@pytest.mark.parametrize("pack", [gzip_members, zstd_frames])
def test_a_damaged_member_costs_itself_only(pack: Callable[[Iterable[bytes]], bytes]) -> None:
    members = [pack([record]) for record in RECORDS]
    for at in (0, 12, len(members[2]) // 2, len(members[2]) - 6):
        broken = bytearray(members[2])
        broken[at] ^= 0xFF
        found = drops(b"".join([*members[:2], bytes(broken), *members[3:]]))
        assert found == {"record.warcinfo": 1, "record.unreadable": 1, None: PAGES - 1}, at


def test_what_decodes_before_damage_in_one_member_is_read() -> None:
    pages = [page_record(number, b"<p>" + str(number**99).encode() * 50) for number in range(400)]
    packed = bytearray(gzip_whole(pages))
    packed[len(packed) // 2] ^= 0xFF
    found = drops(bytes(packed))
    assert found["record.unreadable"] == 1
    assert found[None] >= 100


def test_zstd_files_may_bring_a_dictionary() -> None:
    samples = [page_record(number) for number in range(200)]
    dictionary = zstandard.train_dictionary(4096, [*samples]).as_bytes()
    assert drops(zstd_frames(RECORDS, dictionary)) == {"record.warcinfo": 1, None: PAGES}


@pytest.mark.parametrize("at", range(0, 24, 3))
def test_a_damaged_dictionary_costs_no_exception(at: int) -> None:
    samples = [page_record(number) for number in range(200)]
    dictionary = zstandard.train_dictionary(1024, samples).as_bytes()
    packed = bytearray(zstd_frames(RECORDS, dictionary))
    packed[at] ^= 0xFF
    found = drops(bytes(packed))
    assert found.get("record.unreadable", 0) + found.get("record.truncated", 0) >= 1
    bomb = zstandard.compress(bytes(64 << 20))
    assert set(drops(b"\x5d\x2a\x4d\x18" + len(bomb).to_bytes(4, "little") + bomb + packed[8:]))


def test_a_skippable_frame_hides_nothing_by_a_wrong_size() -> None:
    frame = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    assert drops(frame + zstd_frames(RECORDS)) == {"record.warcinfo": 1, None: PAGES}
    wrong = frame[:4] + (10**6).to_bytes(4, "little") + frame[8:]
    found = drops(wrong + zstd_frames(RECORDS))
    assert found == {"record.truncated": 1, "record.warcinfo": 1, None: PAGES}


def test_empty_and_foreign_files() -> None:
    assert drops(b"") == {"record.empty_file": 1}
    assert drops(gzip.compress(b"")) == {"record.empty_file": 1}
    assert drops(b"no archive at all\n" * 99) == {"record.unreadable": 1}
    assert drops(b"\0" * 4096) == {"record.unreadable": 1}
    assert drops(gzip_members(RECORDS) + b"\0" * 512)["record.unreadable"] == 1


def test_records_over_the_cap_are_counted_and_skipped() -> None:
    large = page_record(0, b"<p>" + b"word " * 3000)
    content = b"".join([*RECORDS, large, page_record(7)])
    found = drops(content, 10_000)
    assert found == {"record.warcinfo": 1, "record.too_large": 1, None: PAGES + 1}
    bomb = warc_record(
        http_response(gzip.compress(bytes(1 << 22)), fields={"Content-Encoding": "gzip"})
    )
    assert drops(bomb) == {"record.too_large": 1}


def test_one_wrong_digit_does_not_swallow_the_file() -> None:
    swollen = warc_record(http_response(), content_length=10**12)
    found = drops(b"".join([swollen, *RECORDS]))
    assert found == {"record.too_large": 1, "record.warcinfo": 1, None: PAGES}


def test_a_page_about_web_archives_is_one_record() -> None:
    body = b"<pre>\r\n\r\nWARC/1.0\r\nWARC-Type: response\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n</pre>"
    read = rows(b"".join([page_record(0, body), page_record(1)]))
    assert [row.content for row in read][0] == body
    assert len(read) == 2


mutations = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 40), st.binary(max_size=12)),
    min_size=1,
    max_size=6,
)


def mutate(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for at, removed, added in changes:
        at %= len(content) + 1
        content = content[:at] + added + content[at + removed :]
    return content


@given(mutations, st.sampled_from([RECORDS, ARC_RECORDS]))
def test_every_byte_of_a_plain_file_is_in_one_frame(
    changes: list[tuple[int, int, bytes]], records: list[bytes]
) -> None:
    content = mutate(b"".join(records), changes)
    if GZIP.match(content):
        return
    at = 0
    for frame in frames(io.BytesIO(content), 1 << 16):
        assert (frame.start, frame.place) == (at, str(at))
        assert frame.length > 0
        at += frame.length
    assert at == len(content)


@given(mutations, st.sampled_from(sorted(PACKINGS)))
def test_damage_never_raises_and_origins_stay_unique(
    changes: list[tuple[int, int, bytes]], packing: str
) -> None:
    read = rows(mutate(PACKINGS[packing](RECORDS), changes))
    assert read
    assert len({row.id for row in read}) == len(read)
    assert all(row.content is None for row in read if row.drop)


@pytest.mark.parametrize(
    ("value", "year"),
    [
        ("2016", 2016), ("2016-11-05T10:11:12.123456Z", 2016), ("20080430204825", 2008),
        ("null", None), ("2016-13", None),
    ],
)  # fmt: skip
def test_dates(value: str, year: int | None) -> None:
    date = warc.parse_date(value)
    assert (date.year if date else None) == year


def test_headers_without_an_end() -> None:
    found = rows(b"WARC/1.0\r\nWARC-Type: response\r\n" * 500)
    assert Counter(row.drop for row in found) == {"record.unreadable": 499, "record.truncated": 1}


PARTS = [
    b"\n", b"words", b"WARC/1.0\r\nA: b\r\n", b"warc/0.18\nc:d\n", b"WARC/1.0\r\n", b"x" * 9_000,
    b"http://a.org/ 1.1.1.1 20000101000000 text/html 12\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS)).map(b"".join))
def test_the_first_of_all_starts_is_found(data: bytes) -> None:
    found = (pattern.search(data) for pattern, _ in SEARCHED)
    first = [m.start() + skipped for m, (_, skipped) in zip(found, SEARCHED, strict=True) if m]
    assert find_record(b" " + data) == (min(first) + 1 if first else None)


def test_an_index_of_another_version_is_told(tmp_path: Path) -> None:
    members = [gzip_members([page_record(number)]) for number in range(4)]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    begins = [sum(map(len, members[:number])) for number in range(5)]
    good = [(begins[1], begins[2]), (begins[3], begins[4])]
    rows = list(read("s", "warc", str(tmp_path), "a.warc.gz", spans=good, named=True))
    assert [row.drop for row in rows] == [None, None]
    shifted = [(begin - 9, end - 9) for begin, end in good]
    rows = list(read("s", "warc", str(tmp_path), "a.warc.gz", spans=shifted, named=True))
    assert Counter(row.drop for row in rows)["record.moved"] == 2
    assert len({row.id for row in rows}) == len(rows)
