"""What a notebook works with: tables by name, rows as frames, ledger, audit and verdict of a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run

import curate
from curate import frames
from curate.audit.recall import Audit, Found, Interval
from curate.document import SCHEMA
from curate.errors import InputError
from curate.finished import FinishedRun
from curate.signals import by_key
from curate.store import write_json

FILTER = [{"gopher": {"word_count": {"low": 3}}}]


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    rows = [
        document("a", "one two", signals={"gopher.word_count": 2.0}, drop="gopher.word_count"),
        document("b", "one two three", signals={"gopher.word_count": 3.0}, labels={"id": "mine"}),
        document("c", None, drop="record.request"),
    ]
    left = [row for row in rows if row.drop is None]
    specs = [
        TableSpec("01-read-filter", FILTER, rows),
        TableSpec("02-dedup", [{"dedup": {}}], left, "set"),
        TableSpec("03-tokenize", [{"tokenize": {}}], left, "tokens",
                  extra={"tokens": {"tokens": {"web": 7}, "shards": []}}),
    ]  # fmt: skip
    return curate.open_run(str(write_run(tmp_path, specs)))


def test_a_table_is_found_by_name_number_or_step(run: FinishedRun) -> None:
    first = run.tables[0]
    assert [run.table(name) for name in ("01-read-filter", "read-filter", "gopher")] == [first] * 3
    assert run.before(run.table("dedup")) == first
    assert run.before(first) is None
    with pytest.raises(InputError, match="did you mean 'gopher'"):
        run.table("gophr")


def test_a_name_that_two_tables_have_keeps_its_number(tmp_path: Path) -> None:
    specs = [TableSpec(f"0{n}-filter", FILTER, [document("a", "text")]) for n in (1, 2)]
    found = curate.open_run(str(write_run(tmp_path, specs)))
    assert list(found.named) == ["filter", "02-filter"]
    assert found.table("gopher").name == "01-filter"


def test_a_frame_has_the_columns_signals_and_labels_asked_for(run: FinishedRun) -> None:
    signals = ["gopher.word_count", "never.measured"]
    found = run.table("gopher").frame(["id", "drop"], signals=signals, labels=["id", "nobody"])
    assert list(found) == ["id", "drop", *signals, "labels.id", "nobody"]
    assert found.attrs["rows"] == "all 3"
    by_drop = found.set_index(found["drop"].fillna("kept"))
    assert by_drop["gopher.word_count"]["gopher.word_count"] == 2.0
    assert by_drop["gopher.word_count"]["kept"] == 3.0
    assert np.isnan(by_drop["gopher.word_count"]["record.request"])
    assert found["never.measured"].isna().all() and found["never.measured"].dtype == np.float64
    assert by_drop["labels.id"]["kept"] == "mine"
    assert found["nobody"].isna().all()


def test_kept_and_dropped_rows_apart_and_empty_tables(run: FinishedRun) -> None:
    table = run.tables[0]
    assert [len(table.frame(kept=kept)) for kept in (True, False, None)] == [1, 2, 3]
    empty = run.table("dedup").frame(["id"], ["x.y"], ["z"], kept=False)
    assert list(empty) == ["id", "x.y", "z"] and empty.empty


def test_beyond_its_size_a_frame_is_drawn_by_id_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [document(f"{n}", "text " * 50) for n in range(400)]
    table = curate.open_run(str(write_run(tmp_path, [TableSpec("01-read", [], rows)]))).tables[0]
    drawn = table.frame(["id"], most=100)
    assert 50 < len(drawn) < 150
    assert drawn.attrs["rows"] == f"{len(drawn)} of 400, drawn by id"
    assert set(drawn["id"]) == {row.id for row in table.rows(most=100)}
    monkeypatch.setattr(frames, "MOST_BYTES", 10_000)
    with pytest.raises(InputError, match=r"ask for fewer rows \(most="):
        table.frame(["text"])


@pytest.mark.parametrize("column", ["signals", "txet"])
def test_an_unknown_column_is_one_line(run: FinishedRun, column: str) -> None:
    with pytest.raises(InputError, match=f"unknown column '{column}'") as error:
        run.tables[0].frame([column])
    assert "\n" not in str(error.value)


def test_tokens_are_no_documents(run: FinishedRun) -> None:
    table = run.table("tokenize")
    assert table.tokens == {"tokens": {"web": 7}, "shards": []}
    assert run.tables[0].tokens is None
    for ask in (table.frame, lambda: list(table.rows())):
        with pytest.raises(InputError, match="holds tokens, not documents"):
            ask()


def test_the_ledger_frame_balances(run: FinishedRun) -> None:
    ledger = run.ledger()
    counts = ledger.groupby("table")["documents"].sum()
    assert counts.to_dict() == {t.name: t.table.total().read for t in run.documents}
    first = ledger[ledger.table == "01-read-filter"].set_index("outcome")["documents"]
    assert first.to_dict() == {"kept": 1, "gopher.word_count": 1, "record.request": 1}


def test_rows_go_through_another_step(run: FinishedRun) -> None:
    step = curate.build_step("gopher", {"word_count": {"low": 4}, "stop_word_count": None})
    (row,) = curate.apply([step], run.tables[0].rows(kept=True))
    assert row.drop == "gopher.word_count"


def test_audit_and_verdict_are_read_or_none(run: FinishedRun) -> None:
    assert run.audit() is None and run.verdict() is None
    found = Found("toxic", "toxicity", 3, {"caught": 2}, {"toxicity.mean": 2}, Interval(2, 3), ())
    audit = Audit((found,), (), Interval(0, 0), 4, Interval(1, 4), {"c4.sentence_count": 1})
    write_json(f"{run.path}/audit.json", audit.to_json())
    assert run.audit() == audit
    write_json(f"{run.path}/audit.json", {"defects": []})
    assert run.audit() is None
    write_json(f"{run.path}/ablation/verdict.json", {"contrasts": [{"name": "dedup"}]})
    verdict = run.verdict()
    assert verdict and verdict["contrasts"] == [{"name": "dedup"}]


def test_the_bounds_are_those_of_the_recipe(run: FinishedRun) -> None:
    assert run.bounds()["gopher.word_count"].low == 3


def test_importing_the_package_imports_nothing_heavy() -> None:
    line = "import curate, sys; print({'numpy', 'pyarrow', 'pandas', 'pyspark'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert set(curate.__all__) <= set(dir(curate))
    assert all(callable(getattr(curate, name)) for name in curate.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = curate.nothing


maps = st.lists(st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=4))


@given(maps)
def test_entries_of_maps_are_what_a_loop_finds(rows: list[dict[str, str] | None]) -> None:
    column = pa.array([row and list(row.items()) for row in rows], SCHEMA.field("labels").type)
    found = {
        (key, row): value
        for key, at, values in by_key(column)
        for row, value in zip(at.tolist(), values.to_pylist(), strict=True)
    }
    assert found == {(k, n): v for n, row in enumerate(rows) for k, v in (row or {}).items()}
