"""The sample of `train-tokenizer` through Spark, and the command on a table."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prose import prose
from run_builder import TableSpec, write_table
from set_steps import document, frame

from curate.cli import main
from curate.document import Document
from curate.tokens.tokenizer import Encoding, Training, load, train
from curate.tokens.tokenizer.fertility import measure, table
from curate.tokens.tokenizer.sample import (
    Size,
    Text,
    rates,
    training_rates,
    training_texts,
    unseen_texts,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def corpus() -> list[Document]:
    draw = random.Random(4)
    rows = []
    for number in range(900):
        row = document(str(number), f"{number} " + prose(number)[: draw.randint(50, 400)],
                       "web" if number % 3 else "code")  # fmt: skip
        row.language = "en" if number % 2 else None
        rows.append(row)
    rows += [document(f"h{number}", f"held {number}", "web", "heldout") for number in range(40)]
    return [*rows, document("null", None), document("blank", "")]


def test_the_sample_is_the_same_in_any_partitioning(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    found = []
    for partitions in (1, 5):
        df = frame(spark, rows, str(tmp_path), partitions)
        drawn = training_rates(df, 60_000, 0.5)
        texts = list(training_texts(df, drawn, 0, 200_000))
        unseen = list(unseen_texts(df, drawn, 0, 30_000))
        found.append((drawn, texts, unseen))
    assert found[0] == found[1]
    drawn, texts, unseen = found[0]
    assert set(drawn) == {("web", "en"), ("web", ""), ("code", "en"), ("code", "")}
    known = {row.text for row in rows if row.text and row.labels["split"] == "train"}
    assert set(texts) <= known and len(set(texts)) == len(texts)
    assert not {one.text for one in unseen} & set(texts)
    assert any(one.text.startswith("held") for one in unseen)
    size = sum(len(text.encode()) for text in texts)
    assert 45_000 < size < 110_000
    other = list(training_texts(df, drawn, 1, 200_000))
    assert set(other) != set(texts)


def test_small_strata_are_heard_and_the_budget_is_kept() -> None:
    sizes = {("web", "en"): Size(10_000, 9_000_000), ("web", "fi"): Size(5_000, 900_000)}
    plain, even = rates(sizes, 990_000), rates(sizes, 990_000, exponent=0)
    for found in (plain, even):
        assert sum(found[key] * sizes[key].text_bytes for key in sizes) == pytest.approx(990_000)
    assert plain[("web", "en")] == pytest.approx(plain[("web", "fi")])
    assert even[("web", "fi")] == pytest.approx(0.55) and even[("web", "en")] == pytest.approx(
        0.055
    )
    assert rates(sizes, 1 << 40) == dict.fromkeys(sizes, 1.0)
    assert rates({("a", ""): Size(300, 10**9)}, 1)[("a", "")] == pytest.approx(200 / 300)


def test_fertility_counts_what_it_says() -> None:
    encoding = train([prose(1)], Training(vocabulary=384))
    broken = Encoding(
        encoding.json.replace('"normalizer":null', '"normalizer":{"type":"Lowercase"}'), 0
    )
    texts = [
        Text("web", "en", "One two THREE"),
        Text("code", "", "x = 1"),
        Text("web", "en", "four"),
    ]
    rows = {
        (row.tokenizer, row.source): row for row in measure(texts, {"a": encoding, "b": broken})
    }
    assert len(rows) == 6
    whole = rows[("a", "")]
    ids = [len(load(encoding.json).encode(text.text).ids) for text in texts]
    assert (whole.texts, whole.text_bytes, whole.words) == (3, 22, 6)
    assert whole.tokens == sum(ids) and whole.lossless == 3
    assert rows[("a", "web")].tokens == ids[0] + ids[2]
    assert whole.tokens_per_word == sum(ids) / 6
    assert rows[("b", "")].lossless == 3  # lower case has as many bytes here
    lossy = Encoding(
        encoding.json.replace(
            '"normalizer":null',
            '"normalizer":{"type":"Strip","strip_left":true,"strip_right":true}',
        ),
        0,
    )
    (row, _) = measure([Text("web", "", " x ")], {"strips": lossy})
    assert row.lossless == 0
    assert "loses text of 1" in list(table([row]))[1]
    assert Counter(row.language for row in rows.values()) == {"": 4, "en": 2}


def test_the_command_leaves_a_tokenizer_and_a_report(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = write_table(tmp_path, TableSpec("01-read", [], corpus()))
    for name in ("one", "two"):
        with pytest.raises(SystemExit) as left:
            main(
                ["train-tokenizer", made.path, "--output", str(tmp_path / name), "--vocabulary", "512",
                 "--sample-bytes", "60000", "--special", "<|user|>", "--model", "unigram",
                 *(["--against", str(tmp_path / "one" / "tokenizer.json")] if name == "two" else [])]
            )  # fmt: skip
        assert left.value.code == 0
    told = capsys.readouterr().out
    assert "bytes/token" in told and "512 rows of an embedding" in told
    first, second = ((tmp_path / name / "tokenizer.json").read_text() for name in ("one", "two"))
    assert load(first).token_to_id("<|user|>") == 1
    assert first == second
    report = json.loads((tmp_path / "two" / "report.json").read_text())
    assert report["training"]["model"] == "unigram" and report["trained_on"]["texts"] > 100
    assert {row["tokenizer"] for row in report["rows"]} > {"this one"}
    assert all(row["lossless"] == row["texts"] > 0 for row in report["rows"])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--vocabulary", "1000"], "vocabulary must be a multiple of 64"),
        (["--model", "words"], "model must be bpe, unigram, wordpiece"),
        (["--against", "gone.json"], "tokenizer gone.json: cannot be read"),
        (["--exponent", "2"], "--exponent from 0 to 1"),
        ([], "is not a finished table"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train-tokenizer", str(tmp_path), "--output", str(tmp_path / "o"), *arguments])
    assert left.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and line in told[0]


def test_a_sample_of_everything_leaves_nothing_to_measure_on(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [document(str(n), prose(n)) for n in range(5)]
    made = write_table(tmp_path, TableSpec("01-read", [], rows))
    with pytest.raises(SystemExit) as left:
        main(["train-tokenizer", made.path, "--output", str(tmp_path / "o"), "--vocabulary", "512"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert "nothing to measure on" in told and "bytes/token" not in told
