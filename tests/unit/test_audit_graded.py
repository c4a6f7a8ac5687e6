"""Defects of several strengths, the curves they give, what is restored, and floors."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from prose import prose
from run_builder import TableSpec, document, write_run

from curate.audit.defects import jaccard
from curate.audit.floors import below, parse_floors
from curate.audit.graded import GRADED
from curate.audit.lines import BOILERPLATE, INSULTS
from curate.audit.plant import plant
from curate.audit.recall import Audit, recall
from curate.errors import UserError
from curate.finished import open_run
from curate.report.page import render

TEXTS = [prose(number) for number in range(400)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Two of every grade, as they are planted into a corpus without markup."""
    corpus = plant(TEXTS, 1, 0, str(tmp_path_factory.mktemp("planted")), markup=False, per_grade=2)
    lines = gzip.decompress(Path(corpus.documents).read_bytes()).splitlines()
    return [row for row in map(json.loads, lines) if "planted_grade" in row["labels"]]


def _of(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found = [row for row in rows if row["labels"]["planted"] == kind]
    assert len({row["labels"]["planted_grade"] for row in found}) == len(GRADED[kind].grades)
    return found


def test_copies_are_as_similar_as_their_grade(rows: list[dict[str, Any]]) -> None:
    texts = {row["url"]: row for row in _of(rows, "near_duplicate_at")}
    for url, row in texts.items():
        if not url.endswith("-copy"):
            grade = float(row["labels"]["planted_grade"])
            assert grade - 0.08 <= jaccard(row["text"], texts[f"{url}-copy"]["text"]) <= grade


def test_one_insult_stands_among_so_many_lines(rows: list[dict[str, Any]]) -> None:
    for row in _of(rows, "toxic_among"):
        lines = row["text"].split("\n")
        assert len(lines) == float(row["labels"]["planted_grade"])
        assert sum(line in INSULTS for line in lines) == 1


def test_boilerplate_takes_its_share(rows: list[dict[str, Any]]) -> None:
    for row in _of(rows, "boilerplate_share"):
        lines = row["text"].split("\n")
        share = sum(len(line) for line in lines if line in BOILERPLATE) / sum(map(len, lines))
        assert share == pytest.approx(float(row["labels"]["planted_grade"]), abs=0.05)


def test_a_small_corpus_has_what_it_has_sentences_for(tmp_path: Path) -> None:
    corpus = plant(TEXTS[:30], 1, 0, str(tmp_path), markup=False, per_grade=50)
    assert corpus.counts["mojibake"] == 1
    assert 0 < corpus.counts.get("near_duplicate_at", 0) < 600


def _audit(folder: Path, rows: list[dict[str, Any]], drop: dict[str, str]) -> Audit:
    made = [
        document(
            row["url"], row["text"], source="planted", url=row["url"], labels=row["labels"],
            drop=drop.get(row["url"]),
        )
        for row in rows
    ]  # fmt: skip
    steps = [{"c4": {}}, {"toxicity": {}}, {"dedup": {}}]
    write_run(folder, [TableSpec("01-filter", steps, made)])
    return recall(str(folder))


def test_a_curve_counts_what_was_stopped_by_whomever(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    near = [row for row in _of(rows, "near_duplicate_at") if row["url"].endswith("-copy")]
    drop = {
        row["url"]: random.Random(row["url"]).choice(["dedup.near", "gopher.word_count"])
        for row in near
        if float(row["labels"]["planted_grade"]) >= 0.8
    }
    curves = {curve.kind: curve for curve in _audit(tmp_path, rows, drop).curves}
    points = [(grade, found.hits, found.of) for grade, found in curves["near_duplicate_at"].points]
    assert points == [(g, 2 * (g >= 0.8), 2) for g in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    assert {found.hits for _, found in curves["toxic_among"].points} == {0}
    picture = ElementTree.fromstring((tmp_path / "audit-curves.svg").read_text("utf-8"))
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}circle"))) == 6 + 5 + 5
    assert "boilerplate share</text>" in render(open_run(str(tmp_path)))
    written = json.loads((tmp_path / "audit.json").read_text("utf-8"))["curves"]
    assert [curve["kind"] for curve in written] == list(curves)


def test_restored_is_to_the_very_characters(tmp_path: Path) -> None:
    labels = {"planted": "mojibake", "planted_evidence": '["“café”"]'}
    texts = ("Said “café” twice.", 'Said "café" twice.', "Said â€œcafÃ©â€\x9d twice.")
    rows = [
        {"url": f"http://planted.example/mojibake/{n}", "text": text, "labels": labels}
        for n, text in enumerate(texts)
    ]
    audit = _audit(tmp_path, rows, {})
    assert (audit.restored.hits, audit.restored.of) == (1, 3)
    assert "mojibake restored to the very characters: 1 of 3 = 33.3%" in audit.lines()


def test_floors(tmp_path: Path) -> None:
    labels = {"planted": "toxic", "planted_evidence": '["x"]'}
    rows = [
        {"url": f"http://planted.example/toxic/{n}", "text": "x", "labels": labels}
        for n in range(4)
    ]
    audit = _audit(tmp_path, rows, {rows[0]["url"]: "toxicity.mean"})
    assert list(below(audit, {"toxic": 0.25})) == []
    assert list(below(audit, parse_floors(["toxic=.5", "mojibake=0", "collateral=.1"]))) == [
        "toxic 25.0%, at least 50.0% wanted",
        "mojibake was not measured, at least 0.0% wanted",
        "collateral was not measured, at most 10.0% wanted",
    ]


@pytest.mark.parametrize("floor", ["toxic", "toxic=", "toxic=2", "control=.5", "nothing=.5", "=1"])
def test_a_floor_that_is_none(floor: str) -> None:
    with pytest.raises(UserError, match=f"--floor {floor}"):
        parse_floors([floor])
