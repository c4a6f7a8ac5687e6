"""What each step did to a record, found by doing it again, from a table and from the source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_builder import TableSpec, write_run

from curate.audit.explain import Explanation, explain
from curate.document import Document
from curate.recipe import build_step
from curate.source import read
from curate.step import apply

CLEAN: list[dict[str, Any]] = [
    {"unicode": {}},
    {"whitespace": {}},
    {"gopher": {"word_count": {"low": 5}}},
]
TEXTS = {
    "good": "The cafÃ© by the river is open, and the people of the town have tea there.\n" * 3,
    "short": "It is cafÃ©.",
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A table that read a file as it is, and one that cleaned and filtered it."""
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS.values()))
    where = {"name": "web", "format": "jsonl", "path": [str(source)]}
    return write_run(
        tmp_path / "run",
        [
            TableSpec("01-clean", CLEAN[:1], _made(tmp_path, CLEAN[:1])),
            TableSpec("02-filter", CLEAN[1:], _made(tmp_path, CLEAN)),
        ],
        {"sources": [where]},
    )


def _made(folder: Path, steps: list[dict[str, Any]]) -> list[Document]:
    built = [build_step(name, params) for step in steps for name, params in step.items()]
    return list(apply(built, read("web", "jsonl", str(folder), "in.jsonl", {})))


def _story(run: Path, number: int) -> Explanation:
    rows = list(read("web", "jsonl", str(run.parent), "in.jsonl", {}))
    return explain(str(run), rows[number].id)


def test_a_change_is_told_with_the_step_that_made_it(run: Path) -> None:
    told = _story(run, 0)
    first, second = told.chapters
    assert [deed.step for deed in first.deeds] == ["unicode"]
    assert "+The café by the river" in "\n".join(first.deeds[0].diff)
    assert [deed.step for deed in second.deeds] == ["whitespace", "gopher"]
    assert {deed.state for deed in second.deeds} == {"kept"} and not second.deeds[1].diff
    assert second.deeds[1].signals["gopher.word_count"] == 48
    assert "  unicode changed:" in told.lines()


def test_the_step_that_dropped_is_named_and_later_ones_did_nothing(run: Path) -> None:
    told = _story(run, 1)
    assert told.chapters[1].deeds[-1].state == "gopher.word_count"
    assert "  gopher dropped it: gopher.word_count" in told.lines()


def test_nothing_is_told_that_cannot_be_repeated(run: Path, tmp_path: Path) -> None:
    """The source is gone: only the table after the first can be told. Other text: nothing."""
    before = _story(run, 0)
    rows = list(read("web", "jsonl", str(tmp_path), "in.jsonl", {}))
    (tmp_path / "in.jsonl").unlink()
    after = explain(str(run), rows[0].id)
    assert after.chapters[0].deeds == () and after.chapters[1].deeds == before.chapters[1].deeds
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": "Something else by now."}) + "\n")
    assert explain(str(run), rows[0].id).chapters[0].deeds == ()
