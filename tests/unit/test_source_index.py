"""An index selects records: the same ones from every kind of index, and only those."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from range_server import serve

from curate.errors import InputError
from curate.recipe import Source
from curate.source.catalogue import Listing, list_source
from curate.source.common_crawl import cdx
from curate.source.common_crawl.selection import Capture, Select, Tally

# url, media type, status, languages, offset, length, file; in the order of the index
ROWS = [
    ("http://example.org/a", "text/html", 200, "eng,deu", 900, 100, "b.warc.gz"),
    ("https://www.example.org/b", "text/html", 200, "deu", 1000, 50, "b.warc.gz"),
    ("https://docs.example.org/c", "application/pdf", 200, "", 0, 70, "a.warc.gz"),
    ("https://docs.example.org:8080/d", "text/html", 404, "eng", 500, 60, "a.warc.gz"),
    ("https://notexample.org/e", "text/html", 200, "eng", 700, 10, "a.warc.gz"),
    ("http://example.org/a", "text/html", 200, "eng", 300, 20, "a.warc.gz"),
]
DOMAINS = ["example.org"] * 4 + ["notexample.org", "example.org"]


def record(row: tuple[Any, ...], **more: str) -> dict[str, str]:
    url, mime, status, languages, offset, length, filename = row
    found = {"url": url, "mime": "text/plain", "mime-detected": mime, "status": str(status)}
    found |= {"digest": "X", "length": str(length), "offset": str(offset), "filename": filename}
    return found | ({"languages": languages} if languages else {}) | more


def cdxj() -> bytes:
    return b"".join(
        f"org,example)/{n} 20240517233122 {json.dumps(record(row))}\n".encode()
        for n, row in enumerate(ROWS)
    )


def api() -> bytes:
    lines = (record(row, urlkey="org,example)/", timestamp="20240517233122") for row in ROWS)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def classic() -> bytes:
    lines = (
        f"key 20240517233122 {url} {mime} {status} X - - {length} {offset} {name}\n"
        for url, mime, status, _, offset, length, name in ROWS
    )
    return b" CDX N b a m s k r M S V g\n" + "".join(lines).encode()


def table(path: Path, drop: tuple[str, ...] = ()) -> None:
    """As Common Crawl's cc-index-table writes it, two rows a row group."""
    urls, mimes, statuses, languages, offsets, lengths, names = zip(*ROWS, strict=True)
    columns = {
        "url_surtkey": pa.array(["key"] * len(ROWS)),
        "url": pa.array(urls),
        "url_host_name": pa.array([url.split("/")[2].split(":")[0] for url in urls]),
        "url_host_registered_domain": pa.array(DOMAINS),
        "fetch_status": pa.array(statuses, pa.int16()),
        "content_mime_type": pa.array(["text/plain"] * len(ROWS)),
        "content_mime_detected": pa.array(mimes),
        "content_languages": pa.array([name or None for name in languages]),
        "warc_filename": pa.array(names),
        "warc_record_offset": pa.array(offsets, pa.int32()),
        "warc_record_length": pa.array(lengths, pa.int32()),
    }
    kept = {name: column for name, column in columns.items() if name not in drop}
    pq.write_table(pa.table(kept), path, row_group_size=2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.warc.gz", "b.warc.gz"):
        (tmp_path / name).write_bytes(bytes(2000))
    (tmp_path / "cdx-00000.gz").write_bytes(
        gzip.compress(cdxj()[:700]) + gzip.compress(cdxj()[700:])
    )
    (tmp_path / "api.jsonl").write_bytes(api())
    (tmp_path / "old.cdx").write_bytes(classic())
    table(tmp_path / "part.parquet")
    return tmp_path


INDEXES = ("cdx-00000.gz", "api.jsonl", "old.cdx", "part.parquet")


def select(root: Path, index: str, **criteria: Any) -> Listing:
    return list_source(Source("s", (str(root / index),), select=Select.parse(criteria)))


def spans(listing: Listing) -> dict[str, tuple[tuple[int, int], ...]]:
    return {file.path: file.spans for file in listing.files}


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"domain": "example.org"}, [0, 1, 2, 3, 5]),
        ({"domain": ["docs.example.org", "notexample.org"]}, [2, 3, 4]),
        ({"host": "example.org"}, [0, 5]),
        ({"host": "docs.example.org", "status": 200}, [2]),
        ({"mime": ["application/pdf"]}, [2]),
        ({"url_prefix": ["https://docs.", "https://www"]}, [1, 2, 3]),
        ({"language": "eng"}, [0, 3, 4, 5]),
        ({"language": ["eng", "deu"], "status": ["200"], "domain": "example.org"}, [0, 1, 5]),
    ],
)
def test_every_index_selects_the_same(
    root: Path, index: str, criteria: dict[str, Any], expected: list[int]
) -> None:
    if index == "old.cdx" and "language" in criteria:
        with pytest.raises(InputError, match="nothing in the index meets"):
            select(root, index, **criteria)
        return
    wanted: dict[str, set[int]] = {}
    for row in (ROWS[number] for number in expected):
        wanted.setdefault(row[6], set()).update(range(row[4], row[4] + row[5]))
    listing = select(root, index, **criteria)
    found = spans(listing)
    assert {
        name: {at for a, b in places for at in range(a, b)} for name, places in found.items()
    } == wanted
    assert listing.root == str(root) and listing.warnings == ()
    assert {file.path: file.size for file in listing.files} == {
        name: len(places) for name, places in wanted.items()
    }


def test_touching_records_are_one_span(root: Path) -> None:
    assert spans(select(root, "cdx-00000.gz"))["b.warc.gz"] == ((900, 1050),)


def test_a_folder_of_tables_and_a_list_of_indexes(root: Path) -> None:
    expected = spans(select(root, "old.cdx"))
    (root / "table").mkdir()
    (root / "part.parquet").rename(root / "table/part.parquet")
    source = Source("s", (str(root / "table"),), base=str(root), select=Select())
    assert spans(list_source(source)) == expected
    (root / "cc-index.paths").write_text("old.cdx\ncdx-00000.gz\n")
    assert spans(select(root, "cc-index.paths")) == expected


def clustered(root: Path, block: int) -> list[bytes]:
    """`cluster.idx` and two CDXJ files, `block` captures a gzip member; returns the keys."""
    hosts = ["com,a", "org,exampl", "org,example", "org,example,docs", "org,example-x", "uk,z"]
    keys = sorted(f"{host})/{n}" for host in hosts for n in range(5))
    lines, files, index = [], {"cdx-00000.gz": b"", "cdx-00001.gz": b""}, ""
    for at, key in enumerate(keys):
        host = ".".join(reversed(key.split(")")[0].split(",")))
        row = (f"http://{host}/{at}", "text/html", 200, "", at * 10 + 1, 5, "a.warc.gz")
        lines.append(f"{key} 2024 {json.dumps(record(row))}\n")
    for number, at in enumerate(range(0, len(lines), block)):
        name = f"cdx-0000{int(at >= len(lines) // 2)}.gz"
        member = gzip.compress("".join(lines[at : at + block]).encode())
        index += f"{keys[at]} 2024\t{name}\t{len(files[name])}\t{len(member)}\t{number}\n"
        files[name] += member
    (root / "c").mkdir(exist_ok=True)
    for name, content in {**files, "cluster.idx": index.encode()}.items():
        (root / "c" / name).write_bytes(content)
    return [line.encode() for line in lines]


@pytest.mark.parametrize("block", [1, 3, 7, 99])
@pytest.mark.parametrize(
    "criteria",
    [
        {"domain": "example.org"},
        {"host": "example.org"},
        {"domain": ["z.uk", "a.com"]},
        {"domain": "docs.example.org", "status": 200},
    ],
)
def test_a_cluster_finds_what_the_whole_index_does(
    root: Path, block: int, criteria: dict[str, Any]
) -> None:
    lines = clustered(root, block)
    (root / "all.cdxj").write_bytes(b"".join(lines))
    source = Source(
        "s", (str(root / "c/cluster.idx"),), base=str(root), select=Select.parse(criteria)
    )
    assert spans(list_source(source)) == spans(select(root, "all.cdxj", **criteria))


def test_a_cluster_is_for_hosts_and_is_checked(root: Path) -> None:
    clustered(root, 3)
    with pytest.raises(InputError, match="select a `domain` or a `host`"):
        select(root, "c/cluster.idx", status=200)
    (root / "c/cdx-00000.gz").write_bytes(b"x" * 5000)
    with pytest.raises(InputError, match="damaged: .*cdx-00000.gz, byte"):
        select(root, "c/cluster.idx", host="a.com")
    for line in (b"<html>\n", b"a 2024\tcdx-00000.gz\t\t5\t1\n"):
        (root / "c/cluster.idx").write_bytes(line)
        with pytest.raises(InputError, match="cluster.idx:1: is no line"):
            select(root, "c/cluster.idx", host="a.com")


def test_malformed_lines_are_counted_and_told(root: Path) -> None:
    bad = [b"{broken\n", b"org,x)/ 2024 {}\n", b"too few columns\n", b"\xff\xfe\n", b"[]\n", b" \n"]
    bad.append(json.dumps({**record(ROWS[0]), "offset": "-5"}).encode() + b"\n")
    bad.append(json.dumps({**record(ROWS[0]), "length": "0"}).encode() + b"\n")
    (root / "bad.jsonl").write_bytes(b"!meta {}\n" + api() + b"".join(bad))
    listing = select(root, "bad.jsonl")
    assert listing.warnings == (f"{root}/bad.jsonl: 7 of 13 lines are malformed, left out",)
    assert spans(listing) == spans(select(root, "api.jsonl"))
    by_host = select(root, "bad.jsonl", domain="notexample.org")
    assert by_host.warnings == (f"{root}/bad.jsonl: 4 of 13 lines are malformed, left out",)


def test_a_classic_index_without_sizes_names_where_records_start(root: Path) -> None:
    lines = "".join(f"k 2024 {r[0]} {r[1]} {r[2]} X - {r[4]} {r[6]}\n" for r in ROWS)
    (root / "nine.cdx").write_text(" CDX N b a m s k r V g\n" + lines)
    assert spans(select(root, "nine.cdx", host="www.example.org")) == {"b.warc.gz": ((1000, 1001),)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.cdx", b"<html>\nNot found\n", "is no index of captures: none of its 2 lines is one"),
        ("x.gz", gzip.compress(api() * 9)[:-20], "the index is damaged"),
        ("x.parquet", b"PAR1 and no more", "is no index of captures: "),
        ("x.cdx", b"", "nothing in the index meets"),
    ],
)
def test_a_bad_index_is_one_line(root: Path, name: str, content: bytes, message: str) -> None:
    (root / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        select(root, name)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_table_without_the_column_says_so(root: Path) -> None:
    table(root / "old.parquet", drop=("content_languages",))
    assert len(select(root, "old.parquet", status=200).files) == 2
    with pytest.raises(InputError, match="has no column content_languages"):
        select(root, "old.parquet", language="eng")


def test_an_index_without_select_and_archives_that_are_not_there(root: Path) -> None:
    with pytest.raises(InputError, match=r"is an index; `select: \{\}` reads all"):
        list_source(Source("s", (str(root / "cdx-00000.gz"),)))
    (root / "b.warc.gz").write_bytes(bytes(1049))
    with pytest.raises(InputError, match="names byte 1049 of .*/b.warc.gz, which holds 1049"):
        select(root, "old.cdx")
    (root / "a.warc.gz").unlink()
    with pytest.raises(InputError, match="old.cdx: names .*/a.warc.gz, which is missing"):
        select(root, "old.cdx")


def test_a_query_to_an_index_server(root: Path) -> None:
    archives = {f"crawl/{name}": bytes(2000) for name in ("a.warc.gz", "b.warc.gz")}
    query = "C-index?url=*.example.org&output=json"
    with serve({**archives, query: api()}) as server:
        source = Source("s", (server.url(query),), base=server.url("crawl"), select=Select())
        listing = list_source(source)
        assert (listing.root, spans(listing)) == (
            server.url("crawl"),
            spans(select(root, "old.cdx")),
        )
        with serve({"part.parquet": (root / "part.parquet").read_bytes()}) as other:
            source = Source(
                "s", (other.url("part.parquet"),), base=server.url("crawl"), select=Select()
            )
            assert spans(list_source(source)) == spans(listing)


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_captures_or_malformed(lines: list[bytes]) -> None:
    tally = Tally()
    found = list(cdx.captures(lines, Select(), tally))
    assert len(found) + tally.malformed == tally.lines <= len(lines)


@given(st.text(max_size=30))
def test_any_url_is_judged(url: str) -> None:
    Select(domain=("example.org",), host=("x",)).accepts(Capture("f", 0, 1, url))
