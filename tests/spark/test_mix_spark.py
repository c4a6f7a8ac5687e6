"""Mixing through Spark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from set_steps import document, frame, outcome

from curate.document import Document
from curate.errors import InputError
from curate.mix import Mix

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
    with pytest.raises(InputError, match="no weight for the source code"):
        Mix({"web": 1.0})(frame(spark, corpus(), str(tmp_path)))
