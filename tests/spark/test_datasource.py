"""`spark.read.format("warc")` gives the rows of the reader, however the files are cut."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from prose import prose
from warc_builder import http_response, warc_record, warcinfo

from curate import datasource
from curate.document import SPARK_SCHEMA
from curate.source import read

PIECE_BYTES = 1500


def members(numbers: range) -> bytes:
    pages = [
        warc_record(http_response(prose(n).encode()), uri=f"http://a{n}.example/") for n in numbers
    ]
    return b"".join(gzip.compress(page, mtime=0) for page in [warcinfo(), *pages])


@pytest.fixture
def crawl(spark: Any, tmp_path: Path) -> Path:
    """A folder with a large archive, a small one that is cut, and a file of another format."""
    datasource.register(spark)
    (tmp_path / "large.warc.gz").write_bytes(members(range(9)))
    (tmp_path / "cut.warc.gz").write_bytes(members(range(20, 22))[:-50])
    (tmp_path / "notes.jsonl").write_text(json.dumps({"body": prose(50)}) + "\n{broken\n")
    return tmp_path


def wanted(folder: Path, *names: str, format: str = "warc", **options: str) -> list[Any]:
    found = (row for name in names for row in read("web", format, str(folder), name, options))
    return sorted((row.id, row.origin, row.content, row.text, row.drop) for row in found)


def got(df: Any) -> list[Any]:
    columns = ("id", "origin", "content", "text", "drop")
    return sorted(
        tuple(bytes(row[c]) if c == "content" and row[c] else row[c] for c in columns)
        for row in df.collect()
    )


def test_rows_are_those_of_the_reader(spark: Any, crawl: Path) -> None:
    reader = spark.read.format("warc").option("source", "web")
    whole = reader.load(str(crawl))
    assert whole.schema == spark.createDataFrame([], SPARK_SCHEMA).schema
    assert whole.rdd.getNumPartitions() == 1
    assert got(whole) == wanted(crawl, "large.warc.gz", "cut.warc.gz")
    one, other = str(crawl / "large*"), str(crawl / "cut.warc.gz")
    pieces = reader.option("piece_bytes", PIECE_BYTES).load([one, other])
    assert pieces.rdd.getNumPartitions() > 4
    assert got(pieces) == got(whole)


def test_other_formats_and_their_options(spark: Any, crawl: Path) -> None:
    notes = spark.read.format("curate").options(source="web", text="body").load(f"{crawl}/*.jsonl")
    assert got(notes) == wanted(crawl, "notes.jsonl", format="jsonl", text="body")
    assert spark.read.format("curate").load(str(crawl)).count() == 10 + 3 + 2


@pytest.mark.parametrize(
    ("options", "path", "message"),
    [
        ({}, "large.warc.g", "InputError: .*no such file or folder; did you mean .*large.warc.gz"),
        ({"digest": "check"}, "", "InputError: format warc has no option 'digest'; did you mean digests"),
        ({"digests": "yes"}, "", "InputError: format warc, option digests: it is ignore or check"),
        ({"piece_bytes": "many"}, "", "InputError: option piece_bytes: expected a number of bytes"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    spark: Any, crawl: Path, options: dict[str, str], path: str, message: str
) -> None:
    with pytest.raises(Exception, match=message):
        spark.read.format("warc").options(**options).load(str(crawl / path))


def test_pieces_that_do_not_fit_are_an_error(spark: Any, crawl: Path) -> None:
    inner = warc_record(members(range(30, 45)), "resource", content_type="application/warc")
    content = members(range(2)) + gzip.compress(inner, 0) + members(range(3))
    (crawl / "nested.warc.gz").write_bytes(content)
    reader = spark.read.format("warc").option("source", "web")
    file = str(crawl / "nested.warc.gz")
    message = rf'LedgerError: .*nested.warc.gz.* .option\("piece_bytes", {len(content)}\)'
    with pytest.raises(Exception, match=message):
        reader.option("piece_bytes", PIECE_BYTES).load(file).count()
    whole = reader.option("piece_bytes", len(content)).load(file)
    assert got(whole) == wanted(crawl, "nested.warc.gz")
