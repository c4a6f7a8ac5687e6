"""Spark gathers for the page what this process gathers, whatever the layout."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from run_builder import TableSpec, document, write_run

from curate.audit.rules import bounds
from curate.document import Document
from curate.errors import InputError
from curate.finished import FinishedRun, open_run
from curate.report import page
from curate.report.facts import by_spark
from curate.report.facts.gather import Archive, gather


def rows(number: int) -> list[Document]:
    draws = random.Random(2)
    made = []
    for i in range(number):
        words = float(draws.randint(10, 3000))
        row = document(
            f"{i}", "word " * draws.randint(0, 30), url=f"https://h{draws.randint(0, 400)}.example/",
            language=draws.choice(["en", "de", None]), signals={"gopher.word_count": words},
            labels={"backend": draws.choice("ab"), "licence": f"l{i % 50}"},
        )  # fmt: skip
        row.drop = "gopher.word_count" if words < 50 else None
        if i % 11 == 0:
            row.drop, row.signals["dedup.similarity"] = "dedup.near", 0.9
            row.labels["dedup.duplicate_of"] = made[-1].id if made else row.id
        made.append(row)
    return made


def a_run(folder: Path, files: int) -> FinishedRun:
    read = [document(f"{i}", content=b"<p>") for i in range(20)]
    specs = [
        TableSpec("01-read", [{"read": {}}], [*read, document("r", drop="record.request")]),
        TableSpec("02-filter", [{"gopher": {}}], rows(900), files=files),
        TableSpec("03-dedup", [{"dedup": {}}], [], "set"),
    ]
    return open_run(str(write_run(folder, specs)))


@pytest.mark.parametrize("files", [1, 7])
def test_spark_gathers_the_same_facts(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    run = a_run(tmp_path, files)
    limits = bounds(run)
    here = gather(run, limits)
    assert gather(run, limits, spark) == here
    assert len({value for name, value in here["02-filter"].values if name == "Domains"}) > 300
    whole = page.render(run)
    monkeypatch.setattr(page, "is_small", lambda run: False)
    assert page.render(run, spark=lambda: spark) == whole


def test_a_damaged_file_is_one_line(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path, 2)
    Path(run.documents[1].table.files()[1]).write_bytes(b"PAR1 no")
    monkeypatch.setattr(page, "is_small", lambda run: False)
    with pytest.raises(InputError, match="cannot read .*part-1.parquet: .*run its step again$"):
        page.report(str(tmp_path), spark=lambda: spark)


def test_spark_finds_documents(spark: Any, tmp_path: Path) -> None:
    run = a_run(tmp_path, 3)
    wanted = {row.id for row in rows(900)[::90]}
    table = run.documents[1]
    found = Archive(spark).find(table, wanted)
    assert found == Archive().find(table, wanted) and set(found) == wanted
    texts = Archive(spark).documents(found.values(), ["id", "text"], lambda row: row["text"])
    assert texts == {row.id: row.text for row in rows(900) if row.id in wanted}
    assert list(by_spark.each(spark, [], lambda item: [item])) == []
