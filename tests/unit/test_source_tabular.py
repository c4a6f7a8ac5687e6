"""JSON in its three shapes, CSV and TSV, Arrow: every record is a row; fields become what a recipe says."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from io import BytesIO
from itertools import pairwise
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from curate.document import Document, batches
from curate.errors import InputError
from curate.inputs import in_pieces
from curate.source.origin import Origin
from curate.source.pieces import Joint, fit
from curate.source.records.columnar import read_arrow, read_parquet, read_parquet_span
from curate.source.records.delimited import read_csv
from curate.source.records.json_lines import record_of
from curate.source.records.json_records import read_json, read_span
from curate.spark import Entry

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
OBJECTS = [{"text": f"text {number} ü", "url": f"http://e.org/{number}"} for number in range(5)]


def json_rows(content: bytes, path: str = "a.json", limit: int = 1 << 20) -> list[Document]:
    return list(read_json(BytesIO(content), Origin("s", path, {}, limit)))


def csv_rows(content: bytes | str, path: str = "a.csv", **options: str) -> list[Document]:
    content = content.encode() if isinstance(content, str) else content
    return list(read_csv(BytesIO(content), Origin("s", path, options)))


def places(rows: list[Document]) -> list[tuple[str, str | None]]:
    return [(row.origin.partition("#")[2], row.drop) for row in rows]


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_array(suffix: str, encoding: str) -> None:
    content = json.dumps(OBJECTS, ensure_ascii=False, indent=2).encode(encoding)
    rows = json_rows(COMPRESS[suffix](content), f"a.json{suffix}")
    assert [row.text for row in rows] == [value["text"] for value in OBJECTS]
    assert places(rows) == [(str(number), None) for number in range(1, 6)]


def test_an_array_longer_than_a_record_may_be() -> None:
    objects = [{"text": "word " * 200, "n": number} for number in range(2_000)]
    rows = json_rows(json.dumps(objects).encode(), limit=10_000)
    assert len(rows) == 2_000 and all(row.drop is None for row in rows)
    objects[3]["text"] = "x" * 600_000
    rows = json_rows(json.dumps(objects).encode(), limit=10_000)
    assert [row.drop for row in rows] == [None] * 3 + ["record.too_large"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"text": "a"}', [("1", None)]),
        (b'{\n  "text": "a",\n  "b": {}\n}\n', [("1", None)]),
        (b'{\n"text": "a"\n}\n{\n"text": "b"\n}\n', [("1", None), ("2", None)]),
        (b'{"text": "a"}\n{"text": "b"}\n', [("1", None), ("2", None)]),
        (b'{"text": "a\n{"text": "b"}\n', [("1", "record.unreadable"), ("2", None)]),
        (b'[{"text": "a"}, {"text": oh', [("1", None), ("2", "record.unreadable")]),
        (b'[{"text": "a"}, ', [("1", None), ("2", "record.unreadable")]),
        (b'[{"text": "\xff"}, {"text": "b"}]', [("1", "record.unreadable"), ("2", None)]),
        (b'[1, {"text": "b"}, 22]', [("1", "record.unreadable"), ("2", None), ("3", "record.unreadable")]),
        (b"[]", [("", "record.empty_file")]),
        (b"[" * 100_000, [("1", "record.unreadable")]),
    ],
)  # fmt: skip
def test_shapes_of_json(content: bytes, expected: list[tuple[str, str | None]]) -> None:
    assert places(json_rows(content)) == expected


@given(
    st.lists(st.dictionaries(st.text(max_size=9), st.text(max_size=60), max_size=3), max_size=30)
)
def test_an_array_and_lines_hold_the_same(objects: list[dict[str, str]]) -> None:
    array = json.dumps(objects, ensure_ascii=False).encode("utf-8", "replace")
    lines = "\n".join(map(json.dumps, objects)).encode()
    assert len(json_rows(array)) == len(json_rows(lines, "a.jsonl"))


def test_fields_and_labels() -> None:
    value = {
        "content": "words",
        "metadata": {"url": "u", "when": "March 4, 2021"},
        "head": "T",
        "lang": "Rust",
        "stars": 3,
        "license": "MIT",
        "lg": "en",
    }
    options = {
        "text": "content", "url": "metadata.url", "date": "metadata.when", "title": "head", "language": "lg",
        "labels": "code.language=lang stars missing",
    }  # fmt: skip
    (row,) = read_json(BytesIO(json.dumps(value).encode()), Origin("s", "a.json", options))
    assert (row.text, row.url, row.language) == ("words", "u", "en")
    assert row.labels == {
        "title": "T", "licence": "MIT", "date": "2021-03-04", "code.language": "Rust", "stars": "3",
    }  # fmt: skip


def test_csv() -> None:
    content = 'url,text,date\r\nu,"two\r\nlines, ""quoted""",20210304\r\n\r\nv,,\r\n'
    first, second = csv_rows(content)
    assert (first.text, first.url) == ('two\r\nlines, "quoted"', "u")
    assert first.labels == {"date": "2021-03-04"}
    assert places([first, second]) == [("1", None), ("2", "record.empty")]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_seen_or_named(delimiter: str) -> None:
    content = f'"text; a",url{delimiter}text{delimiter}url\n1{delimiter}a b{delimiter}u\n'
    content = content.replace('"text; a",url', "first")
    assert [row.text for row in csv_rows(content)] == ["a b"]
    assert [row.text for row in csv_rows(content, delimiter=delimiter)] == ["a b"]
    assert [row.text for row in csv_rows("x\ttext\n1,2\tthere\n", "a.tsv.gz")] == ["there"]


def test_a_delimiter_is_one_character() -> None:
    with pytest.raises(InputError, match="option delimiter: '::' is longer than one character"):
        csv_rows("text::url\n", delimiter="::")


def test_ragged_rows_and_odd_bytes() -> None:
    content = b"text,url\na,b,c\nonly\nd\0e,u\ncaf\xe9 cr\xe8me,v\n"
    rows = csv_rows(content)
    assert [row.drop for row in rows] == ["record.unreadable"] * 2 + [None, None]
    assert rows[0].labels["record.reason"] == "3 fields where the header has 2"
    assert [row.text for row in rows[2:]] == ["d\ufffde", "café crème"]
    late = b"text\n" + (b"plain " * 100 + b"\n") * 2_000 + "grün".encode("cp1252") + b"\n"
    assert csv_rows(late)[-1].text == "grün"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1251"])
def test_csv_in_other_encodings(encoding: str) -> None:
    prose = "Смотритель каждый вечер писал о погоде и кораблях. " * 5
    (row,) = csv_rows(f"text,url\n{prose},u\n".encode(encoding))
    assert row.text == prose


def test_a_huge_field_and_an_endless_quote() -> None:
    origin = Origin("s", "a.csv", {}, 1000)
    rows = list(read_csv(BytesIO(b"text\n" + b"x" * 5000 + b"\nfine\n"), origin))
    assert places(rows) == [("1", "record.too_large"), ("2", None)]
    rows = list(read_csv(BytesIO(b'text\n"' + b"line\n" * 500), origin))
    assert rows[0].drop == "record.too_large"


def test_a_cut_csv_says_so() -> None:
    content = gzip.compress(b"text\n" + b"".join(b"%d\n" % (n**50) for n in range(3000)))[:-500]
    rows = csv_rows(content, "a.csv.gz")
    assert rows[-1].drop == "record.unreadable" and rows[0].drop is None


@given(
    st.lists(st.tuples(st.text("ab,\"\n;' é", min_size=1), st.text("xyz", max_size=3)), max_size=9)
)
def test_what_csv_writes_is_read(values: list[tuple[str, str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([("text", "url"), *values])
    rows = csv_rows(written.getvalue())
    kept = [row.text for row in rows if row.text is not None]
    assert kept == [text for text, _ in values if not text.isspace()]


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kind", ["file", "stream", "lz4"])
def test_arrow(suffix: str, kind: str) -> None:
    table = pa.table(
        {"text": ["a", None], "meta": [{"url": "u"}, None], "when": [datetime(2021, 3, 4), None]}
    )
    options = pa.ipc.IpcWriteOptions(compression="lz4" if kind == "lz4" else None)
    sink = BytesIO()
    opened = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with opened(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    origin = Origin("s", "a.arrow", {"url": "meta.url", "date": "when"})
    rows = list(read_arrow(BytesIO(COMPRESS[suffix](sink.getvalue())), origin))
    assert places(rows) == [("0", None), ("1", "record.no_text")]
    assert (rows[0].url, rows[0].labels["date"]) == ("u", "2021-03-04T00:00:00")


def test_parquet_of_the_stack() -> None:
    """Lists, structs, and a string that is no UTF-8, which costs its row only."""
    bad = pa.array([b"fine", b"\xff\xfe"], pa.binary()).cast(pa.binary()).view(pa.string())
    table = pa.table(
        {
            "content": bad,
            "max_stars_repo_licenses": [["MIT"], []],
            "meta": [{"path": "a.rs"}, {"path": "b"}],
        }
    )
    sink = BytesIO()
    pq.write_table(table, sink)
    options = {"text": "content", "labels": "max_stars_repo_licenses path=meta.path"}
    rows = list(read_parquet(BytesIO(gzip.compress(sink.getvalue())), Origin("s", "a", options)))
    assert [row.drop for row in rows] == [None, "record.unreadable"]
    assert rows[0].labels == {"max_stars_repo_licenses": '["MIT"]', "path": "a.rs"}


@given(st.binary(max_size=300), st.sampled_from(["", "[", "{", "text\n", "ARROW1\0\0", "PAR1"]))
def test_any_bytes_are_rows(content: bytes, head: str) -> None:
    for reader in (read_json, read_csv, read_arrow, read_parquet):
        rows = list(reader(BytesIO(head.encode() + content), Origin("s", "p")))
        assert rows
        assert len({row.id for row in rows}) == len(rows)
        assert sum(batch.num_rows for batch in batches(rows)) == len(rows)


def test_blank_lines_before_the_header_are_no_header() -> None:
    assert [row.text for row in csv_rows("\r\n\r\ntext,id\r\na,1\r\n")] == ["a"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_lines_in_utf_16(encoding: str) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    content = (mark + "".join(json.dumps(item) + "\r\n" for item in OBJECTS)).encode(encoding)
    rows = json_rows(content, "a.jsonl")
    assert [row.text for row in rows] == [item["text"] for item in OBJECTS]


def test_a_zstd_file_that_is_cut_or_followed_by_something_says_so() -> None:
    lines = b"".join(b'{"text": "%d"}\n' % number for number in range(50_000))
    whole = zstandard.compress(lines)
    cut = json_rows(whole[: len(whole) // 2])
    assert 1 < len(cut) < 50_000 and cut[-1].drop == "record.unreadable"
    assert "ends inside a zstd frame" in cut[-1].labels["record.reason"]
    (nothing,) = json_rows(whole[:20])
    assert nothing.drop == "record.unreadable"
    small = zstandard.compress(b'{"text": "a"}\n')
    assert places(json_rows(small + b"garbage")) == [("1", None), ("2", "record.unreadable")]


def test_zstd_frames_with_others_between_them() -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"  # pzstd writes one before each frame
    frames = [skipped + zstandard.compress(b'{"text": "%d"}\n' % number) for number in range(3)]
    assert [row.text for row in json_rows(b"".join(frames) + skipped)] == ["0", "1", "2"]


def arrow_file(table: pa.Table) -> bytes:
    packed = BytesIO()
    with pa.ipc.new_file(packed, table.schema) as writer:
        writer.write_table(table)
    return packed.getvalue()


def test_a_time_zone_that_nobody_knows_costs_its_rows() -> None:
    times = pa.array([1, None], pa.timestamp("us", tz="Foo/Bar"))
    packed = arrow_file(pa.table({"text": ["a", "b"], "date": times}))
    rows = list(read_arrow(BytesIO(packed), Origin("s", "a.arrow")))
    assert places(rows) == [("0", "record.unreadable"), ("1", None)]


def test_two_columns_of_one_name() -> None:
    table = pa.table([["a"], ["b"], ["c"]], names=["text", "id", "id"])
    (row,) = read_arrow(BytesIO(arrow_file(table)), Origin("s", "a.arrow"))
    assert (row.text, row.labels["id"]) == ("a", "c")


def test_damaged_offsets_are_told_and_do_not_crash() -> None:
    text = pa.array(["abc"] * 10)
    offsets = pa.py_buffer(
        bytes(pa.array([0, 3, 2**30, *range(9, 33, 3)], pa.int32()).buffers()[1])
    )
    damaged = pa.Array.from_buffers(pa.string(), 10, [None, offsets, text.buffers()[2]])
    rows = list(
        read_arrow(BytesIO(arrow_file(pa.table({"text": damaged}))), Origin("s", "a.arrow"))
    )
    drops = [row.drop for row in rows]
    assert drops == [None, *["record.unreadable"] * 2, *[None] * 7]


@pytest.mark.parametrize("cut", [b"\x1f\x8b", b"\x1f\x8b\x08\x00\x00", b"ga"])
def test_damage_met_ahead_is_told_where_it_stands(cut: bytes) -> None:
    rows = json_rows(gzip.compress(b'{"text": "a"}\n') + cut)
    assert places(rows) == [("1", None), ("2", "record.unreadable")]


ReadSpan = Callable[[BinaryIO, Origin, int, int], Generator[Document, None, Joint]]


def read_pieces(
    read: ReadSpan, content: bytes, origin: Origin, cuts: Iterable[int]
) -> tuple[list[Document], list[Joint]]:
    """The rows of all pieces of a file, in order, and what their readers met."""
    rows, joints = list[Document](), list[Joint]()

    def piece(begin: int, end: int) -> Generator[Document, None, None]:
        joints.append((yield from read(BytesIO(content), origin, begin, end)))

    for begin, end in pairwise(sorted({0, len(content), *cuts})):
        rows += piece(begin, end)
    return rows, joints


LINES = st.sampled_from(
    [b'{"text": "a"}', b"", b"  ", b"{", b'{"text": "' + b"b" * 70 + b'"}', b'{"id": 7}\r', b"[1]"]
)


@given(st.lists(LINES, min_size=1, max_size=12), st.data())
def test_lines_in_pieces_are_the_rows_of_the_whole(lines: list[bytes], data: st.DataObject) -> None:
    content = b"\n".join(lines) + b"\n"
    cuts = data.draw(st.sets(st.integers(1, len(content)), max_size=5))
    origin = Origin("s", "a.jsonl", {}, 60)
    rows, joints = read_pieces(read_span, content, origin, cuts)
    assert rows == list(read_json(BytesIO(content), origin))
    assert fit(joints)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.jsonl", gzip.compress(b'{"text": "a"}\n{"text": "b"}\n', mtime=0)),
        ("a.json", b'[{"text": "a"},\n{"text": "b"}]'),
        ("a.jsonl", '{"text": "a"}\n{"text": "b"}\n'.encode("utf-16")),
    ],
)
def test_what_is_no_plain_lines_is_read_by_its_first_piece(path: str, content: bytes) -> None:
    rows, joints = read_pieces(read_span, content, Origin("s", path, {}), [5, 9])
    assert places(rows) == [("1", None), ("2", None)]
    assert fit(joints)


@given(st.integers(1, 9), st.sets(st.integers(1, 2_000), max_size=4))
def test_row_groups_in_pieces_are_the_rows_of_the_whole(group_rows: int, cuts: set[int]) -> None:
    content = io.BytesIO()
    texts = [None if number % 4 == 0 else f"text {number}" for number in range(23)]
    pq.write_table(pa.table({"text": texts}), content, row_group_size=group_rows)
    origin = Origin("s", "a.parquet", {})
    cuts = {cut for cut in cuts if cut < len(content.getvalue())}
    rows, joints = read_pieces(read_parquet_span, content.getvalue(), origin, cuts)
    assert rows == list(read_parquet(BytesIO(content.getvalue()), origin))
    assert len(rows) == 23 and fit(joints)


@pytest.mark.parametrize(
    "content", [b"PAR1 and no footer", b"nothing", gzip.compress(b"PAR1", mtime=0)]
)
def test_a_damaged_parquet_file_is_lost_once(content: bytes) -> None:
    origin = Origin("s", "a.parquet", {})
    rows, joints = read_pieces(read_parquet_span, content, origin, [3])
    assert rows == list(read_parquet(BytesIO(content), origin))
    assert len(rows) == 1 and fit(joints)


def test_only_large_local_files_are_cut() -> None:
    def number_of_pieces(format: str, size: int, root: str = "/data") -> int:
        return len(in_pieces(Entry("s", format, root, f"a.{format}", size)))

    assert number_of_pieces("jsonl", 1 << 20) == 1
    assert number_of_pieces("jsonl", 100 << 20) == 4
    assert number_of_pieces("jsonl", 1 << 40) == 8
    assert number_of_pieces("parquet", 1 << 40) == 64
    assert number_of_pieces("csv", 1 << 40) == 1
    assert number_of_pieces("jsonl", 1 << 40, "s3://bucket") == 1
    assert number_of_pieces("warc", 1 << 30, "s3://bucket") == 4


NUMBERS = st.integers() | st.integers(-(2**70), 2**70) | st.floats()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), VALUES, max_size=3), st.booleans())
def test_a_line_means_what_json_says(value: dict[str, object], ascii_only: bool) -> None:
    line = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = record_of(line, 1, Origin("s", "a.jsonl", {}))
    assert repr(found) == repr(json.loads(line))  # so that NaN is equal, and 1 is not 1.0


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": 18446744073709551616}',
        b'{"a": [{"b": -9223372036854775809}]}',
        b'{"a": 1e400, "b": -0, "c": NaN}',
        b'{"a": 1, "b": 2, "a": 3}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\\ud800"}',
        '{"a": "b"}'.encode("utf-16-le"),
    ],
)
def test_a_line_that_orjson_would_read_otherwise(line: bytes) -> None:
    assert repr(record_of(line, 1, Origin("s", "a.jsonl", {}))) == repr(json.loads(line))
