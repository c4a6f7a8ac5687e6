"""Repeated lines, paragraphs and runs of sentences, through Spark, against brute force."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from set_steps import document, frame

from curate.dedup.lines import occurrences
from curate.dedup.lines.step import DedupLines
from curate.document import Document, document_id
from curate.errors import InputError
from curate.source import list_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

FRUIT = "apple pear plum fig date lime kiwi quince medlar cherry sloe grape".split()
SEPARATOR = {"line": "\n", "paragraph": "\n\n", "sentences": " "}


def split(text: str | None, unit: str) -> list[str]:
    """The units that are not blank; every sentence of these tests ends in a full stop."""
    border = {**SEPARATOR, "sentences": r"(?<=\.) "}[unit]
    return [found for found in re.split(border, text or "") if found.strip()]


def sentence(number: int) -> str:
    return f"The {FRUIT[number % 12]} is not the {FRUIT[number // 12 % 12]}."


def corpus(unit: str, seed: int, documents: int = 30, kinds: int = 24) -> list[Document]:
    """Documents of few kinds of sentences, with blanks, numbers and other spellings between them."""
    draw = random.Random(seed)
    rows = []
    for number in range(documents):
        units = []
        for _ in range(draw.randrange(9)):
            plain = sentence(draw.randrange(kinds) if draw.random() < 0.7 else draw.randrange(144))
            units.append(draw.choice([plain, plain, plain.upper(), plain.replace("i", "í")]))
            if unit == "line" and draw.random() < 0.2:
                units.append(draw.choice(["", "---", "12 345", "Yes."]))
        text = SEPARATOR[unit].join(units)
        source, split = draw.choice("st"), draw.choice(["train", "train", "heldout"])
        rows.append(document(f"{draw.choice('fg')}#{number}", text, source, split))
    return [*rows, document("null", None), document("blank", " \n\n")]


def rank(row: Document) -> tuple[bool, int, str]:
    return (row.labels["split"] != "heldout", -len(row.text or ""), row.id)


def place_of(row: Document, scope: str) -> object:
    return {"all": 0, "source": row.source, "file": (row.source, row.origin.split("#")[0])}[scope]


def key(text: str) -> str:
    plain = text.lower().replace("í", "i")
    return re.sub(r"[^\w\s]", "", re.sub(r"\d", "0", plain)).strip("0 ")


def expected(rows: list[Document], step: DedupLines) -> dict[str, list[str]]:
    """The units that each document keeps, by plain loops until nothing changes."""
    span = step.span if step.unit == "sentences" else 1
    least = step.min_words or 1
    alive = {row.id: split(row.text, step.unit) for row in rows}
    while True:
        seen = defaultdict(list)
        for row in sorted(rows, key=rank):
            units = [(k, key(unit)) for k, unit in enumerate(alive[row.id]) if key(unit)]
            for k in range(len(units) - span + 1):
                run = units[k : k + span]
                name = " ".join(unit for _, unit in run)
                if len(name.split()) >= least:
                    seen[place_of(row, step.scope), name].append((row.id, [k for k, _ in run]))
        gone = defaultdict(set)
        for found in seen.values():
            if len(found) >= step.count:
                for name, places in found[step.keep == "first" :]:
                    gone[name] |= set(range(places[0], places[-1] + 1))
        if not gone:
            return alive
        for name, places in gone.items():
            alive[name] = [unit for k, unit in enumerate(alive[name]) if k not in places]


def run(step: DedupLines, df: DataFrame, rows: list[Document]) -> dict[str, Row]:
    found = {row["id"]: row for row in step(df).collect()}
    assert len(found) == len(rows)
    return found


def state(found: dict[str, Row]) -> dict[str, tuple[object, ...]]:
    return {name: tuple(row[column] for column in ("text", "drop", "labels", "signals")) for name, row in found.items()}  # fmt: skip


STEPS = [
    DedupLines(scope="source", min_words=None),
    DedupLines(unit="paragraph", scope="file", keep="none", count=3),
    DedupLines(unit="sentences", span=2, rounds=50),
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_against_brute_force_in_any_partitioning_and_a_second_pass_finds_nothing(
    spark: SparkSession, tmp_path: Path, step: DedupLines
) -> None:
    rows = corpus(step.unit, seed=len(str(step)), kinds=6 if step.unit == "sentences" else 24)
    found = run(step, frame(spark, rows, str(tmp_path), 1), rows)
    left = expected(rows, step)
    changed = 0
    for before in rows:
        row = found[before.id]
        units = [unit.strip() for unit in left[before.id]]
        labels = row["labels"]
        lost = len(units) < len(split(before.text, step.unit))
        changed += lost
        assert labels.items() >= before.labels.items()
        assert ("dedup_lines.removed" in labels) == lost
        assert (row["signals"].get("dedup_lines.removed_ratio", 0) > 0) == lost
        assert row["drop"] == ("dedup_lines.empty" if lost and not units else None)
        if not lost or row["drop"]:
            assert row["text"] == before.text
            continue
        assert split(row["text"], step.unit) == units
        keeper = labels.get("dedup_lines.duplicate_of")
        assert (keeper in found) if step.keep == "first" else keeper is None
    assert changed > 5
    after = [
        replace(row, text=found[row.id]["text"], drop=found[row.id]["drop"])
        for row in reversed(rows)
    ]
    if step.keep == "first":
        shuffled = frame(spark, list(reversed(rows)), str(tmp_path), 5)
        assert state(run(step, shuffled, rows)) == state(found)
    again = run(step, frame(spark, after, str(tmp_path)), after)
    assert {name: row["text"] for name, row in again.items()} == {row.id: row.text for row in after}


def test_a_line_of_every_document_and_a_document_of_one_line(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a limit this low, frequent lines are broadcast and the others joined by a shuffle."""
    monkeypatch.setattr(occurrences, "BROADCAST_ROWS", 2)
    notice = "We use cookies to make this site better."
    rows = [
        document(f"d{n}", f"{notice}\n{sentence(n)}\n{sentence(n // 2)}\n{notice}")
        for n in range(40)
    ]
    rows.append(document("long", "\n".join([sentence(143)] * 20_000)))
    found = run(DedupLines(), frame(spark, rows, str(tmp_path)), rows)
    left = expected(rows, DedupLines())
    for row in rows:
        assert found[row.id]["text"] == "\n".join(left[row.id]) or found[row.id]["drop"]
    assert sum(notice in row["text"] for row in found.values() if not row["drop"]) == 1
    assert found[document_id("s", "long")]["text"] == sentence(143)


def test_a_later_crawl_loses_what_a_published_filter_holds(
    spark: SparkSession, tmp_path: Path
) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    old = [document(f"old{n}", f"{sentence(n)}\n{sentence(0)}") for n in range(12)]
    new = [document(f"new{n}", f"{sentence(n + 6)}\nThis is news, number {FRUIT[n]}.") for n in range(12)]  # fmt: skip
    publishing = DedupLines(publish=first, false_positive_rate=1e-6)
    outcomes = [state(run(publishing, frame(spark, old, str(tmp_path)), old)) for _ in range(2)]
    assert outcomes[0] == outcomes[1], "a step does not meet the filter it wrote itself"
    step = DedupLines(seen=(first,), publish=second, false_positive_rate=1e-6)
    assert [Path(name).parent for name in step.inputs()] == [Path(first)]
    assert list_files(step.inputs())[1], "a run can stamp it"
    found = run(step, frame(spark, new, str(tmp_path)), new)
    for n, row in enumerate(new):
        text = found[row.id]["text"]
        assert text == (row.text if n >= 6 else f"This is news, number {FRUIT[n]}.")
        assert "dedup_lines.duplicate_of" not in found[row.id]["labels"]
    both = DedupLines(seen=(first, second))
    again = run(both, frame(spark, [*old, *new], str(tmp_path)), [*old, *new])
    assert {row["drop"] for row in again.values()} == {"dedup_lines.empty"}
    with pytest.raises(InputError, match="unit: line, this step compares unit: paragraph"):
        DedupLines(unit="paragraph", seen=(first,))(frame(spark, old, str(tmp_path)))
