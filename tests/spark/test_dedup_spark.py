"""Deduplication against brute force, whatever the partitioning, the rounds and the tasks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from set_steps import document, frame, outcome

from curate.dedup import Dedup, order
from curate.dedup.documents import near
from curate.dedup.signatures.bands import candidate_probability
from curate.document import Document, batches
from curate.errors import InputError
from curate.table import Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession


def page(draw: random.Random, length: int = 120) -> list[str]:
    return [f"w{draw.randrange(5000)}" for _ in range(length)]


def edited(draw: random.Random, tokens: list[str], edits: int) -> list[str]:
    changed = list(tokens)
    for place in draw.sample(range(len(tokens)), edits):
        changed[place] = f"edit{draw.randrange(10**6)}"
    return changed


def planted(families: int = 120) -> list[Document]:
    """Families of a page, edits of it, edits of those edits, and copies; one family is large."""
    draw = random.Random(4)
    rows = []
    for family in range(families):
        versions = [page(draw)]
        for _ in range(draw.randint(0, 4) if family else 60):
            versions.append(edited(draw, draw.choice(versions), draw.randint(0, 4)))
        split = "heldout" if draw.random() < 0.1 else "train"
        source = draw.choice("ab")
        for number, version in enumerate(versions):
            name = f"{family}/{number}"
            rows.append(document(name, " ".join(version), source=source, split=split))
    draw.shuffle(rows)
    return rows


def expected(
    rows: Sequence[Document], step: Dedup, known: Sequence[Document] = ()
) -> dict[str, tuple[str, float, str]]:
    """Id of a dropped document -> (kept id, similarity, reason), pair by pair; `known` are of an index."""
    (batch,) = batches(rows, max_rows=10**6)
    keys = dict(zip(order.keys(batch, step.prefer), rows, strict=True))
    ranked = sorted(known, key=lambda row: row.id) + [keys[key] for key in sorted(keys)]
    banding = step.banding()
    texts = [row.text or "" for row in ranked]
    shingles = banding.shingles(texts)
    bands = banding.keys(texts, shingles, np.zeros(len(texts), np.uint64)).to_pylist()
    sets = [set(shingles[place].tolist()) for place in range(len(texts))]
    found: dict[str, tuple[str, float, str]] = {}
    first: dict[str, str] = {}
    kept: list[int] = []
    for place, row in enumerate(ranked):
        normal = " ".join(texts[place].lower().split())
        if normal and normal in first:
            found[row.id] = (first[normal], 1.0, "dedup.exact")
            continue
        first[normal] = row.id
        for other in kept:
            if set(bands[place] or ()) & set(bands[other] or ()):
                shared, union = sets[place] & sets[other], sets[place] | sets[other]
                if len(shared) / len(union) >= step.threshold:
                    found[row.id] = (ranked[other].id, len(shared) / len(union), "dedup.near")
                    break
        else:
            kept.append(place)
    return {
        id: (found[root][0], found[root][1], "dedup.near") if root in found else (root, similarity, reason)
        for id, (root, similarity, reason) in found.items()
    }  # fmt: skip


def verdicts(after: dict[str, Row]) -> dict[str, tuple[str, float, str]]:
    return {
        row["id"]: (
            row["labels"]["dedup.duplicate_of"], row["signals"]["dedup.similarity"], row["drop"],
        )
        for row in after.values()
        if row["drop"] is not None
    }  # fmt: skip


def test_near_equals_brute_force(spark: SparkSession, tmp_path: Path) -> None:
    rows, step = planted(), Dedup()
    after = outcome(rows, step(frame(spark, rows, str(tmp_path))))
    assert verdicts(after) == expected(rows, step)
    sizes = {row["id"]: row["signals"].get("dedup.cluster_size") for row in after.values()}
    for row in after.values():
        if row["drop"] is not None:
            sizes[row["labels"]["dedup.duplicate_of"]] -= 1
    assert set(sizes.values()) <= {None, 1.0}, "a kept document says how many it stands for"
    check_recall(rows, after, step)
    kept = [row for row in rows if after[row.origin]["drop"] is None]
    assert not verdicts(outcome(kept, step(frame(spark, kept, str(tmp_path)))))


def check_recall(rows: list[Document], after: dict[str, Row], step: Dedup) -> None:
    """Of the similar pairs as many are found as the curve of the bands promises."""
    banding = step.banding()
    promised = found = 0.0
    families = [row.origin.partition("/")[0] for row in rows]
    shingles = banding.shingles([row.text or "" for row in rows])
    for left, right in combinations(range(len(rows)), 2):
        if families[left] != families[right]:
            continue
        ours, theirs = set(shingles[left].tolist()), set(shingles[right].tolist())
        similarity = len(ours & theirs) / len(ours | theirs)
        if similarity >= step.threshold:
            promised += candidate_probability(similarity, banding.bands, banding.rows)
            found += any(after[rows[place].origin]["drop"] for place in (left, right))
    assert found >= 0.97 * promised


@pytest.mark.parametrize(
    ("partitions", "heads", "edges", "hot", "sent"),
    [(1, 1, 10**6, 1000, 0), (7, 2, 1, 2, 10**6), (2, 4, 10**6, 1, 10**6)],
)
def test_partitions_order_rounds_and_tasks_do_not_matter(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    partitions: int,
    heads: int,
    edges: int,
    hot: int,
    sent: int,
) -> None:
    rows, step = planted(25), Dedup()
    monkeypatch.setattr(near, "HOT_MEMBERS", hot)
    monkeypatch.setattr(near, "BROADCAST_SHINGLES", sent)
    monkeypatch.setattr(near, "HEADS", heads)
    monkeypatch.setattr(near, "ONE_TASK_EDGES", edges)
    rows.reverse()
    after = outcome(rows, step(frame(spark, rows, str(tmp_path), partitions)))
    assert verdicts(after) == expected(rows, step)


def test_exact(spark: SparkSession, tmp_path: Path) -> None:
    text = "Ein Text, der zweimal da ist"
    rows = [
        document("a", text), document("b", f" {text.upper()}\n"), document("c", f"{text}."),
        document("blank", " "), document("empty", " "), document("null", None),
    ]  # fmt: skip
    after = outcome(rows, Dedup(method="exact")(frame(spark, rows, str(tmp_path))))
    dropped = {origin: row for origin, row in after.items() if row["drop"]}
    assert list(dropped) == ["a"], "the longer of the two stays"
    assert dropped["a"]["drop"] == "dedup.exact"
    assert dropped["a"]["labels"]["dedup.duplicate_of"] == after["b"]["id"]
    assert dropped["a"]["signals"]["dedup.similarity"] == 1.0
    apart = [document("1", text, source="a"), document("2", text, source="b")]
    step = Dedup(method="exact", within="source")
    assert not verdicts(outcome(apart, step(frame(spark, apart, str(tmp_path)))))
    urls = [document("1", "x", url="http://a.org/?utm_source=x"), document("2", "yy", url="https://www.a.org")]  # fmt: skip
    after = outcome(urls, Dedup(method="url")(frame(spark, urls, str(tmp_path))))
    assert [after[name]["drop"] for name in "12"] == ["dedup.url", None]


def chain(draw: random.Random) -> list[str]:
    """Each is similar to the one before it, the first and the third are not."""
    versions = [page(draw)]
    for change in range(3):
        following = list(versions[-1])
        following[30 * change + 10] = following[30 * change + 25] = f"changed{change}"
        versions.append(following)
    return [" ".join(version) for version in versions]


def test_held_out_documents_stay_and_chains_do_not_form(
    spark: SparkSession, tmp_path: Path
) -> None:
    draw = random.Random(8)
    rows = [document(str(number), text) for number, text in enumerate(chain(draw))]
    heldout = document("h", " ".join(page(draw)), split="heldout")
    rows += [
        heldout,
        document("copy", f"{heldout.text} and much more"),
        document("exact", heldout.text),
    ]
    rows += [
        document("short 1", "one two three four"),
        document("short 2", "one two three four five"),
    ]
    step = Dedup(bands=32, rows=4)
    after = outcome(rows, step(frame(spark, rows, str(tmp_path))))
    assert verdicts(after) == expected(rows, step)
    kept = {origin for origin, row in after.items() if row["drop"] is None}
    assert {"h", "short 1", "short 2"} <= kept
    assert not {"copy", "exact"} & kept
    assert len(kept & {"0", "1", "2", "3"}) == 2
    connected = Dedup(bands=32, rows=4, clusters="connected")
    after = outcome(rows, connected(frame(spark, rows, str(tmp_path))))
    kept = {origin for origin, row in after.items() if row["drop"] is None}
    assert len(kept & {"0", "1", "2", "3"}) == 1, "a chain goes as a whole"
    assert min(row["signals"].get("dedup.similarity", 1.0) for row in after.values()) < 0.8


def test_a_later_crawl_is_compared_with_an_index(spark: SparkSession, tmp_path: Path) -> None:
    rows = planted(30)
    first, second = rows[::2], rows[1::2]
    step, index = Dedup(), str(tmp_path / "index")
    before = outcome(first, step(frame(spark, first, str(tmp_path))))
    kept = [row for row in first if before[row.origin]["drop"] is None]
    table: DataFrame = frame(spark, kept, str(tmp_path))
    assert step.publish(table, index, "one")
    assert not step.publish(table, index, "one"), "a generation counts once"
    with_index = Dedup(index=(index,))
    after = outcome(second, with_index(frame(spark, second, str(tmp_path))))
    assert verdicts(after) == expected(second, step, kept)
    assert {root for root, _, _ in verdicts(after).values()} & {row.id for row in kept}
    again = outcome(kept, with_index(frame(spark, kept, str(tmp_path))))
    assert not verdicts(again), "a document is no duplicate of itself"
    others = [replace(row, text=f"{row.text} and more") for row in kept[:3]]
    with pytest.raises(InputError, match="holds other documents under the ids"):
        with_index(frame(spark, others, str(tmp_path)))
    with pytest.raises(InputError, match="holds other documents under the ids"):
        step.publish(frame(spark, others, str(tmp_path)), index, "two")
    assert step.publish(frame(spark, [*kept, *second], str(tmp_path)), index, "three")
    assert spark.read.parquet(f"{index}/generation-three").count() == len(second)
    with pytest.raises(InputError, match="threshold|ngram is 5 there and 4 here"):
        Dedup(index=(index,), ngram=4)(table)
    with pytest.raises(InputError, match="is no index"):
        Dedup(index=(str(tmp_path),))(table)


def test_alarms(spark: SparkSession, tmp_path: Path) -> None:
    rows = [document(f"{n}", "the same text", source="copies") for n in range(9)]
    rows.append(document("other", "another text", source="fine"))
    step = Dedup(method="exact", alarm_cluster=5)
    written = step(frame(spark, rows, str(tmp_path)))
    counts = {
        "copies": Counts(read=9, kept=1, dropped={"dedup.exact": 8}),
        "fine": Counts(read=1, kept=1),
    }
    source, cluster = step.review(written, counts)
    assert (source.what, source.name, source.documents, source.of) == ("source", "copies", 8, 9)
    assert (cluster.what, cluster.documents, len(cluster.examples)) == ("cluster", 8, 5)
    assert "lost 8 of 9" in source.sentence()
    assert Dedup(method="exact", alarm_share=0.9).review(written, counts) == []


def test_bad_input(spark: SparkSession, tmp_path: Path) -> None:
    assert outcome([], Dedup()(frame(spark, [], str(tmp_path)))) == {}
    draw = random.Random(1)
    rows = [document(str(number), " ".join(page(draw))) for number in range(10)]
    rows.append(document("long", "many words " * 200_000))
    after = outcome(rows, Dedup()(frame(spark, rows, str(tmp_path))))
    assert not verdicts(after)
    same = [document(str(number), rows[0].text) for number in range(50)]
    assert len(verdicts(outcome(same, Dedup()(frame(spark, same, str(tmp_path)))))) == 49
    twice = [rows[0], rows[0]]
    with pytest.raises(InputError, match=f"share an id: {rows[0].id}"):
        Dedup()(frame(spark, twice, str(tmp_path)))
