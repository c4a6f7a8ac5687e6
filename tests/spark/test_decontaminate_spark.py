"""Decontamination through Spark: one pass, the join of an index that fits nowhere, and the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from set_steps import document, frame, outcome

from curate.decontaminate import Decontaminate, step
from curate.decontaminate.report import contamination_report
from curate.document import Document
from curate.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUESTION = "A farmer has twelve red hens and sells four of them at the market; how many remain?"
OTHER = "In which year did the painter of the blue ceiling move to the town by the river?"
COMMON = "all rights reserved and no part of this page may be copied without the consent of us"


def evaluation(folder: Path) -> Decontaminate:
    """Three items, one of them too short, one quoting what many pages say."""
    lines = [{"question": QUESTION, "answer": "eight"}, {"question": "why?"}, {"question": OTHER}]
    lines.append({"question": COMMON})
    (folder / "eval.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Decontaminate((f"{folder}/*.jsonl",))


def corpus() -> list[Document]:
    rows = [document(str(n), f"page {n} about farms and hens. {COMMON}") for n in range(10)]
    rows += [document("dirty", f"Forum: {QUESTION} Answers below."), document("null", None)]
    rows += [document("half", " ".join(OTHER.split()[:14])), document("blank", " \n")]
    rows += [document("held", f"{QUESTION} {OTHER}", split="heldout"), document("clean", "x " * 99)]
    return rows


def test_contaminated_documents_are_dropped_however_they_are_joined(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, rule = corpus(), replace(evaluation(tmp_path), ignore_above=9)
    df = frame(spark, rows, str(tmp_path))
    after = outcome(rows, rule(df))
    assert sorted(o for o, row in after.items() if row["drop"]) == ["dirty", "half", "held"]
    dirty = after["dirty"]
    assert dirty["drop"] == "decontaminate.ngram"
    assert dirty["labels"]["decontaminate.match"] == "eval.jsonl:1"
    assert dirty["labels"]["decontaminate.text"].startswith("A farmer has twelve")
    assert dirty["signals"]["decontaminate.matches"] == 5
    assert outcome(rows, replace(rule, join="shuffle")(df.repartition(5))) == after
    unlimited = replace(rule, ignore_above=None)
    everything = outcome(rows, unlimited(df))
    assert sum(row["drop"] is not None for row in everything.values()) == 13
    monkeypatch.setattr(step, "BROADCAST_BYTES", 1)
    assert outcome(rows, unlimited(df)) == everything


def test_passages_are_cut_out(spark: SparkSession, tmp_path: Path) -> None:
    rule = replace(evaluation(tmp_path), action="cut", margin_chars=10)
    text = f"{'This stays here. ' * 20}{QUESTION} {'That stays too. ' * 20}"
    rows = [document("cut", text), document("clean", "nothing")]
    after = {row["origin"]: row for row in rule(frame(spark, rows, str(tmp_path))).collect()}
    assert after["clean"]["text"] == "nothing"
    assert after["cut"]["drop"] is None
    assert "twelve red hens" not in after["cut"]["text"]
    assert after["cut"]["text"].startswith("This stays") and "too." in after["cut"]["text"]


@pytest.mark.parametrize("join", ["broadcast", "shuffle"])
def test_the_report_tells_dirty_items_and_documents(
    spark: SparkSession, tmp_path: Path, join: str
) -> None:
    rule = replace(evaluation(tmp_path), ignore_above=9, join=join)
    task = "task: farm\ndataset_path: json\ntest_split: test\ndoc_to_text: question\n"
    data = f"dataset_kwargs: {{data_files: {tmp_path}/eval.jsonl}}\n"
    (tmp_path / "farm.yaml").write_text(task + data)
    rule = replace(rule, against=(f"{tmp_path}/eval.jsonl", f"{tmp_path}/farm.yaml"))
    rows, output = corpus(), tmp_path / "report"
    output.mkdir()
    report = contamination_report(frame(spark, rows, str(tmp_path)), rule, str(output))
    assert (report.documents, report.documents_hit) == (15, 3)
    first, _ = report.files
    assert (first.file, first.items, first.too_short, first.dirty) == ("eval.jsonl", 4, 1, 2)
    assert first.by_share == {"under_20_percent": 0, "20_to_80_percent": 0, "from_80_percent": 2}
    assert any("eval.jsonl: 4 items, 1 too short, 2 dirty (66.7%)" in x for x in report.lines())
    dirty = [json.loads(line) for line in (output / "dirty.jsonl").read_text().splitlines()]
    assert [(d["file"], d["number"], d["share"], d["documents"]) for d in dirty] == [
        ("eval.jsonl", 1, 1.0, 2), ("eval.jsonl", 3, 1.0, 2),
        ("farm.yaml", 1, 1.0, 2), ("farm.yaml", 3, 1.0, 2),
    ]  # fmt: skip
    assert dirty[1]["document"] == next(row.id for row in rows if row.origin == "held")
    clean = [json.loads(line) for line in (output / "clean.jsonl").read_text().splitlines()]
    assert [(c["file"], c["number"], c["too_short"]) for c in clean[:2]] == [
        ("eval.jsonl", 2, True), ("eval.jsonl", 4, False),
    ]  # fmt: skip
    assert json.loads((output / "lm_eval_samples.json").read_text()) == {"farm": [1, 3]}
    hits = spark.read.parquet(f"{output}/documents").collect()
    held = next(row for row in hits if len(row["items"]) == 4)
    assert held["items"][0]["item"] == "eval.jsonl:1"
    assert held["items"][0]["words"].startswith("A farmer has twelve")
    assert json.loads((output / "contamination.json").read_text())["rule"]["ngram_words"] == 13


def test_mistakes_are_named_at_once(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone.jsonl"):
        Decontaminate((f"{tmp_path}/gone.jsonl",))(frame(spark, [], str(tmp_path)))
    rule, rows = evaluation(tmp_path), [document("null", None)]
    with pytest.raises(InputError, match="none of the documents has text"):
        contamination_report(frame(spark, rows, str(tmp_path)), rule, str(tmp_path / "report"))
