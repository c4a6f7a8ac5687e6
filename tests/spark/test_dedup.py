"""Deduplication against brute force, whatever the partitioning."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from set_steps import document, frame, outcome

from curate.dedup import Dedup
from curate.dedup.minhash import candidate_probability
from curate.dedup.shingles import hash64, ngrams, words
from curate.document import Document

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession


def page(draw: random.Random, length: int = 120) -> list[str]:
    return [f"w{draw.randrange(5000)}" for _ in range(length)]


def edited(draw: random.Random, tokens: list[str], edits: int) -> list[str]:
    changed = list(tokens)
    for place in draw.sample(range(len(tokens)), edits):
        changed[place] = f"edit{draw.randrange(10**6)}"
    return changed


def planted(families: int = 120) -> list[Document]:
    """Families of a page, edits of it, edits of those edits, and copies."""
    draw = random.Random(4)
    rows = []
    for family in range(families):
        versions = [page(draw)]
        for _ in range(draw.randint(0, 4)):
            versions.append(edited(draw, draw.choice(versions), draw.randint(0, 4)))
        split = "heldout" if draw.random() < 0.1 else "train"
        for number, version in enumerate(versions):
            rows.append(document(f"{family}/{number}", " ".join(version), split=split))
    draw.shuffle(rows)
    return rows


def jaccard(left: str, right: str) -> float:
    ours, theirs = (set(hash64(ngrams(words(text), 5)).tolist()) for text in (left, right))
    return len(ours & theirs) / len(ours | theirs)


def same_family(rows: list[Document]) -> list[tuple[Document, Document]]:
    return [
        (left, right)
        for left, right in combinations(sorted(rows, key=lambda row: row.origin), 2)
        if left.origin.split("/")[0] == right.origin.split("/")[0]
    ]


def check_verdicts(rows: list[Document], after: dict[str, Row], threshold: float) -> None:
    """Every dropped document is as similar as it says to a document that is kept."""
    by_id = {row["id"]: row for row in after.values()}
    for row in after.values():
        if row["drop"] is None:
            assert "dedup.duplicate_of" not in row["labels"]
            continue
        keeper = by_id[row["labels"]["dedup.duplicate_of"]]
        assert keeper["drop"] is None
        similarity = jaccard(row["text"], keeper["text"])
        assert similarity >= threshold
        assert row["signals"]["dedup.similarity"] == pytest.approx(similarity)
        assert (row["drop"] == "dedup.exact") == (row["text"] == keeper["text"])


def test_near_against_brute_force(spark: SparkSession, tmp_path: Path) -> None:
    rows, step = planted(), Dedup()
    after = outcome(rows, step(frame(spark, rows, str(tmp_path))))
    check_verdicts(rows, after, 0.8)
    banding = step.banding()
    expected = found = 0.0
    for left, right in same_family(rows):
        similarity = jaccard(left.text or "", right.text or "")
        if similarity < 0.8:
            continue
        expected += candidate_probability(similarity, banding.bands, banding.rows)
        both_kept = not (after[left.origin]["drop"] or after[right.origin]["drop"])
        found += not both_kept
        if both_kept:
            ours, theirs = banding(left.text or "")[0], banding(right.text or "")[0]
            assert not (ours == theirs).any(), "a proposed pair was left undecided"
    assert found >= 0.97 * expected


def test_any_partitioning_and_order_gives_the_same(spark: SparkSession, tmp_path: Path) -> None:
    rows = planted(25)
    verdicts = []
    for partitions in (1, 7):
        rows.reverse()
        after = outcome(rows, Dedup()(frame(spark, rows, str(tmp_path), partitions)))
        verdicts.append(
            {origin: (row["drop"], row["labels"], row["signals"]) for origin, row in after.items()}
        )
    assert verdicts[0] == verdicts[1]


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


def test_held_out_documents_stay_and_chains_do_not_form(
    spark: SparkSession, tmp_path: Path
) -> None:
    draw = random.Random(8)
    first = page(draw)
    chain = [first]
    for change in range(3):
        following = list(chain[-1])
        following[30 * change + 10] = following[30 * change + 25] = f"changed{change}"
        chain.append(following)
    rows = [document(str(number), " ".join(version)) for number, version in enumerate(chain)]
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
    check_verdicts(rows, after, 0.8)
    assert (
        jaccard(rows[0].text or "", rows[1].text or "")
        >= 0.8
        > jaccard(rows[0].text or "", rows[2].text or "")
    )
    kept = {origin for origin, row in after.items() if row["drop"] is None}
    assert {"h", "short 1", "short 2"} <= kept
    assert not {"copy", "exact"} & kept
    assert len(kept & {"0", "1", "2", "3"}) == 2


def test_nothing_to_do(spark: SparkSession, tmp_path: Path) -> None:
    assert outcome([], Dedup()(frame(spark, [], str(tmp_path)))) == {}
    draw = random.Random(1)
    rows = [document(str(number), " ".join(page(draw))) for number in range(10)]
    after = outcome(rows, Dedup()(frame(spark, rows, str(tmp_path))))
    assert not any(row["drop"] for row in after.values())
