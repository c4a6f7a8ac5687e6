"""Mixing through Spark."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from set_steps import document, frame, outcome

from curate.document import Document
from curate.errors import InputError
from curate.mix import Mix
from curate.tokens.tokenizer import Training, load, train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def corpus() -> list[Document]:
    rows = [document(f"web {number}", "x" * 100, "web") for number in range(600)]
    rows += [document(f"code {number}", "y" * 50, "code") for number in range(400)]
    return rows + [document("kept", "z" * 1000, "code", split="heldout")]


def chars(rows: list[Document], copies: dict[str, float], source: str) -> float:
    return sum(
        len(row.text or "") * copies[row.origin]
        for row in rows
        if row.source == source and row.labels["split"] == "train"
    )


def test_shares_and_upsampling(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    df = frame(spark, rows, str(tmp_path))
    for max_epochs, web_chars in ((1, 20_000), (2.5, 50_000)):
        after = outcome(rows, Mix({"web": 1, "code": 1}, max_epochs=max_epochs)(df))
        copies = {origin: row["signals"]["mix.copies"] for origin, row in after.items()}
        assert chars(rows, copies, "web") == pytest.approx(web_chars, rel=0.15)
        assert chars(rows, copies, "code") == pytest.approx(max_epochs * 20_000, rel=0.1)
        assert copies["kept"] == 1
        for origin, row in after.items():
            assert row["drop"] == ("mix.sampled_out" if copies[origin] == 0 else None)


def test_the_draw_is_fixed_by_seed_and_id(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()

    def kept(partitions: int, seed: int, code: float = 1.0) -> set[str]:
        step = Mix({"web": 1.0, "code": code}, seed=seed)
        after = outcome(rows, step(frame(spark, rows, str(tmp_path), partitions)))
        return {origin for origin, row in after.items() if row["drop"] is None}

    first = kept(1, seed=0)
    assert kept(5, seed=0) == first
    assert kept(2, seed=1) != first
    assert kept(2, seed=0, code=0.5) > first, "a larger share keeps what a smaller one kept"


def test_a_source_without_a_weight_is_an_error(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weight for code"):
        Mix({"web": 1.0})(frame(spark, corpus(), str(tmp_path)))


def test_shares_come_out_as_asked_to_a_thousandth(spark: SparkSession, tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = [
        document(f"{source} {number}", "x" * draw.randint(1, 60), source, language=language)
        for source, language, count in (
            ("web", "en", 4000),
            ("code", None, 3000),
            ("book", "fi", 2500),
        )
        for number in range(count)
    ]
    df = frame(spark, rows, str(tmp_path))
    for step in (
        Mix({"web": 5, "code": 3, "book": 2}),
        Mix({"web": 5, "code": 3, "book": 2}, max_epochs=2.7, unit="documents"),
        Mix({"en": 1, "fi": 2, "none": 3}, by="language", max_epochs=6),
        Mix(temperature=3),
    ):
        shares = step.shares(step(df))
        assert sum(share.asked for share in shares) == pytest.approx(1)
        for share in shares:
            assert share.realised == pytest.approx(share.asked, rel=1e-3), step
            assert share.epochs <= step.max_epochs + 1e-3
            assert ("MORE THAN 4" in share.sentence()) == (share.epochs > 4)
        assert max(share.epochs for share in shares) == pytest.approx(step.max_epochs, rel=1e-3)


def test_buckets_of_a_signal(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        document(
            str(number), "x" * 10, signals={"quality.score": number / 3000} if number % 3 else {}
        )
        for number in range(3000)
    ]
    weights = {"0": 1, "1": 2, "2": 4, "none": 0}
    step = Mix(weights, by="signal:quality.score", edges=(0.25, 0.75))
    after = outcome(rows, step(frame(spark, rows, str(tmp_path))))
    copies = {row.origin: after[row.origin]["signals"]["mix.copies"] for row in rows}
    assert all((copies[row.origin] == 0) or row.signals for row in rows)
    parts = [0.0, 0.0, 0.0]
    for row in rows:
        if row.signals:
            score = row.signals["quality.score"]
            parts[(score >= 0.25) + (score >= 0.75)] += copies[row.origin]
    assert [part / sum(parts) for part in parts] == pytest.approx([1 / 7, 2 / 7, 4 / 7], rel=5e-3)


def test_tokens_are_counted_as_the_shards_will_hold_them(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [document(f"web {n}", f"some words {n} " * (n % 5), "web") for n in range(900)]
    rows += [document(f"code {n}", f"x[{n}] = {n}; ", "code") for n in range(900)]
    encoding = train((row.text or "" for row in rows), Training(vocabulary=384))
    path = tmp_path / "tokenizer.json"
    path.write_text(encoding.json)
    step = Mix({"web": 3, "code": 1}, unit="tokens", tokenizer=str(path))
    after = outcome(rows, step(frame(spark, rows, str(tmp_path))))
    sums = {"web": 0.0, "code": 0.0}
    for row in rows:
        signals = after[row.origin]["signals"]
        wanted = 1 + len(load(encoding.json).encode(row.text or "").ids)
        assert signals["mix.tokens"] == wanted
        sums[row.source] += wanted * signals["mix.copies"]
    assert sums["web"] / sum(sums.values()) == pytest.approx(0.75, rel=2e-3)
