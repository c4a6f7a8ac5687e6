"""Repeated runs of words, through Spark, against a sequential reading of the corpus."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from set_steps import document, frame

from curate.dedup import order
from curate.dedup.substrings.step import DedupSubstrings
from curate.document import SCHEMA, SPARK_SCHEMA, Document, batches

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

LENGTH = 4


def read_greedily(rows: list[Document], step: DedupSubstrings) -> dict[str, list[bool]]:
    """What goes of each document, word by word: best document first, left to right."""
    (batch,) = batches(rows)
    ranked = sorted(
        zip(order.keys(batch, step.prefer), rows, strict=True), key=lambda pair: pair[0]
    )
    words = {row.id: (row.text or "").split() for row in rows}
    gone = {name: [False] * len(row) for name, row in words.items()}
    seen: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    length = step.length_words
    for _, row in ranked:
        for place in range(len(words[row.id]) - length + 1):
            scope = row.source if step.scope == "source" else ""
            window = (scope, *words[row.id][place : place + length])
            if any(
                (name != row.id or begin + length <= place)
                and not any(gone[name][begin : begin + length])
                for name, begin in seen[window]
            ):
                gone[row.id][place : place + length] = [True] * length
            seen[window].append((row.id, place))
    return gone


def small_corpora(count: int) -> list[Document]:
    """Many corpora of a few documents, each a source of its own: copies of parts, copies of those."""
    draw, rows = random.Random(5), []
    for corpus in range(count):
        letters, texts = "abcdefgh"[: draw.choice((1, 2, 3, 8))], []
        for _ in range(draw.randint(1, 6)):
            text = [draw.choice(letters) for _ in range(draw.randint(0, 12))]
            for other in draw.choices(texts, k=draw.randint(0, 2)) if texts else []:
                begin, at = draw.randint(0, len(other)), draw.randint(0, len(text))
                text[at:at] = other[begin : begin + draw.randint(0, 12)]
            texts.append(text)
        rows += [
            document(f"{corpus}/{n}", " ".join(text), source=f"s{corpus}")
            for n, text in enumerate(texts)
        ]
    return rows


def after(df: DataFrame) -> dict[str, Row]:
    expected = df.sparkSession.createDataFrame([], SPARK_SCHEMA).schema.simpleString()
    assert df.schema.simpleString() == expected
    rows = df.collect()
    found = {row["origin"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def again(rows: list[Row]) -> list[Document]:
    """The rows that were kept, as the next step would read them."""
    return [
        Document(row["id"], row["source"], row["origin"], text=row["text"], labels=row["labels"])
        for row in rows
        if row["drop"] is None
    ]


def test_small_corpora_against_the_sequential_reading(spark: SparkSession, tmp_path: Path) -> None:
    rows = small_corpora(60)
    step = DedupSubstrings(length_words=LENGTH, scope="source", min_words=2)
    gone = read_greedily(rows, step)
    found = after(step(frame(spark, rows, str(tmp_path), 5)))
    assert found.keys() == {row.origin for row in rows}
    for row in rows:
        words = (row.text or "").split()
        left = [word for word, goes in zip(words, gone[row.id], strict=True) if not goes]
        got = found[row.origin]
        assert row.labels.items() <= got["labels"].items()
        if len(left) == len(words):
            assert (got["text"], got["drop"], got["signals"]) == (row.text, None, {})
        elif len(left) < 2:
            assert (got["text"], got["drop"]) == (row.text, "dedup_substrings.empty")
        else:
            assert (got["text"].split(), got["drop"]) == (left, None)
            keeper = next(r for r in rows if r.id == got["labels"]["dedup_substrings.duplicate_of"])
            run = " ".join(got["labels"]["dedup_substrings.removed"].split()[:LENGTH])
            assert keeper.source == row.source and run in (keeper.text or "")
    kept = again(list(found.values()))
    second = after(step(frame(spark, kept, str(tmp_path), 2)))
    assert {row.origin: row.text for row in kept} == {o: row["text"] for o, row in second.items()}
    assert all(row["drop"] is None for row in second.values())
    reordered = after(step(frame(spark, rows[::-1], str(tmp_path), 1)))
    assert reordered == found, "the partitioning changes something"


def test_real_pages(spark: SparkSession, tmp_path: Path) -> None:
    """A notice on every page, a copy, a quotation, Chinese, texts without words, a hostile one."""
    draw = random.Random(2)

    def prose(count: int) -> str:
        return " ".join(f"w{draw.randrange(10**6)}" for _ in range(count))

    notice = prose(60)
    rows = [
        document(f"page {n:02}", f"{prose(70)}\n\n{notice}\n\n{prose(60 + n)}") for n in range(40)
    ]
    chinese = "".join(chr(0x4E00 + draw.randrange(5000)) for _ in range(80))
    rows += [
        document("copy", rows[7].text),
        document("held out", f"{notice} {prose(3)}", split="heldout"),
        document("zh 1", f"{chinese}。" + prose(40)), document("zh 2", f"「{chinese}」" + prose(25)),
        document("aaa", "a " * 5000), document("null", None), document("blank", " \n"),
        document("surrogate", "\ufffd " + prose(60)), document("short", "one two"),
    ]  # fmt: skip
    found = after(DedupSubstrings()(frame(spark, rows, str(tmp_path), 3)))
    texts = {row.origin: row.text or "" for row in rows}
    ids = {row.origin: row.id for row in rows}
    for n in range(40):
        got = found[f"page {n:02}"]
        head, _, tail = texts[got["origin"]].split("\n\n")
        if n != 7:
            assert got["text"] == f"{head}\n\n{tail}" and got["drop"] is None
            assert got["labels"]["dedup_substrings.removed"] == notice[:300]
            assert got["labels"]["dedup_substrings.duplicate_of"] == ids["held out"]
    pair = found["copy"], found["page 07"]
    assert sorted(row["drop"] or "" for row in pair) == ["", "dedup_substrings.empty"]
    assert {row["text"] for row in pair} == {
        texts["copy"], texts["copy"].replace(f"{notice}\n\n", "")
    }  # fmt: skip
    assert found["zh 1"]["text"] == texts["zh 1"]
    assert found["zh 2"]["text"] == texts["zh 2"].replace(chinese, "")
    assert found["aaa"]["text"].split() == ["a"] * 50
    for name in ("held out", "null", "blank", "short"):
        before = next(row for row in rows if row.origin == name)
        assert (found[name]["text"], found[name]["drop"]) == (before.text, None)
        assert found[name]["signals"] == {}


def test_nothing_to_do_and_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    assert after(DedupSubstrings()(frame(spark, [], str(tmp_path)))) == {}
    rows = [document(str(n), f"text {n} " * 10) for n in range(5)]
    path = str(tmp_path / "null.parquet")
    table = pa.Table.from_batches(list(batches(rows)), SCHEMA)
    labels = pa.nulls(len(rows), SCHEMA.field("labels").type)
    place = table.schema.get_field_index("labels")
    pq.write_table(table.set_column(place, SCHEMA.field("labels"), labels), path)
    found = after(DedupSubstrings()(spark.read.schema(SPARK_SCHEMA).parquet(path)))
    assert {row.origin: row.text for row in rows} == {o: row["text"] for o, row in found.items()}
