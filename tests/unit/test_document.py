"""Rows survive the trip through Arrow, whatever they hold; batches respect their bounds."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.document import SCHEMA, Document, batches, document_id, documents, share

rows = st.builds(
    Document,
    id=st.uuids().map(lambda value: value.hex),
    source=st.sampled_from(["web", "code"]),
    origin=st.text(max_size=20),
    url=st.none() | st.text(max_size=30),
    fetched=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1)),
    content=st.none() | st.binary(max_size=50),
    text=st.none() | st.text(max_size=200),
    signals=st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False), max_size=3),
    labels=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    drop=st.none() | st.just("gopher.words"),
)


@given(st.lists(rows, max_size=12), st.integers(1, 5))
def test_rows_come_back_equal(given_rows: list[Document], max_rows: int) -> None:
    made = list(batches(given_rows, max_rows=max_rows))
    assert all(batch.schema == SCHEMA and 0 < batch.num_rows <= max_rows for batch in made)
    assert [row for batch in made for row in documents(batch)] == given_rows


def test_batches_are_bounded_by_bytes() -> None:
    big = [Document(str(i), "web", str(i), content=b"x" * 1000) for i in range(10)]
    assert [batch.num_rows for batch in batches(big, max_bytes=3000)] == [2, 2, 2, 2, 2]


def test_an_unpaired_surrogate_is_replaced_and_said() -> None:
    (batch,) = batches([Document("1", "web", "a", text="a\ud800b", labels={"k": "\udfff"})])
    (row,) = documents(batch)
    assert row.text == "a\ufffdb"
    assert row.labels["replaced_surrogates"] == "text"


def test_sliced_and_narrow_batches_are_read() -> None:
    table = pa.RecordBatch.from_pydict(
        {"id": ["1", "2"], "source": ["s", "s"], "origin": ["a", "b"]}
    )
    (row,) = documents(table.slice(1))
    assert (row.id, row.signals, row.text) == ("2", {}, None)


def test_maps_that_are_null_or_sliced_are_read() -> None:
    labels = pa.array([[("a", "b")], None, [], [("c", None)]], SCHEMA.field("labels").type)
    names = pa.array(["1", "2", "3", "4"])
    table = pa.RecordBatch.from_arrays([names] * 3 + [labels], ["id", "source", "origin", "labels"])
    assert [row.labels for row in documents(table.slice(1))] == [{}, {}, {"c": None}]


def test_ids_depend_on_source_and_origin_only() -> None:
    assert document_id("web", "a#1") == document_id("web", "a#1") != document_id("code", "a#1")
    assert len(document_id("web", "a#1")) == 32


@given(st.text(), st.text())
def test_a_share_is_a_fixed_coin(key: str, seed: str) -> None:
    assert 0 <= share(key, seed) < 1
    assert share(key, seed) == share(key, seed)
