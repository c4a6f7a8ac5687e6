"""Decontamination through Spark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from set_steps import document, frame, outcome

from curate.decontaminate import Decontaminate
from curate.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUESTION = "A farmer has twelve red hens and sells four of them at the market; how many remain?"


def test_contaminated_documents_are_dropped(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "eval.jsonl").write_text(
        json.dumps({"question": QUESTION, "answer": "eight"}) + "\n"
    )
    rows = [document(str(number), f"page {number} about farms and hens") for number in range(10)]
    rows += [document("dirty", f"Forum: {QUESTION} Answers below."), document("null", None)]
    step = Decontaminate((f"{tmp_path}/*.jsonl",))
    after = outcome(rows, step(frame(spark, rows, str(tmp_path))))
    assert [origin for origin, row in after.items() if row["drop"]] == ["dirty"]
    dirty = after["dirty"]
    assert dirty["drop"] == "decontaminate.ngram"
    assert dirty["labels"]["decontaminate.match"] == "eval.jsonl:1"
    assert dirty["labels"]["decontaminate.text"].startswith("a farmer has twelve")
    assert dirty["signals"]["decontaminate.matches"] == 5


def test_a_missing_file_is_named_at_once(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone.jsonl"):
        Decontaminate((f"{tmp_path}/gone.jsonl",))(frame(spark, [], str(tmp_path)))
