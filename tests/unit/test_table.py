"""A table counts only when its manifest is there; slices are reused only if nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError, OutputError
from curate.store import write_json
from curate.table import Counts, Slice, Table, fingerprint

DROPS = st.none() | st.sampled_from(["record.request", "record.image", "gopher.words", "c4.lines"])


@given(st.lists(st.tuples(DROPS, st.integers(0, 9), st.integers(0, 99))))
def test_a_ledger_accounts_for_every_row(outcomes: list[tuple[str | None, int, int]]) -> None:
    counts = Counts()
    for drop, rows, size in outcomes:
        counts.add(drop, rows, size)
    assert counts.accounted == sum(rows for _, rows, _ in outcomes)
    twice = counts.merge(counts)
    assert twice.accounted == 2 * counts.accounted


def a_slice(key: str = "k", mark: str = "m", files: tuple[str, ...] = ()) -> Slice:
    return Slice(key, mark, files, {"web": Counts(read=2, kept=1, dropped={"a.b": 1})}, 1.5)


def test_nothing_is_trusted_before_the_manifest(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "t"))
    attempt = table.new_attempt("k")
    table.commit_slice(a_slice(files=(f"{attempt}/x.parquet",)))
    assert table.manifest is None
    with pytest.raises(InputError, match="is not a finished table"):
        table.require()
    table.commit("whole", [a_slice()], {"name": "t"})
    assert table.is_current("whole")
    assert not table.is_current("other")
    assert table.total().kept == 1


def test_a_slice_is_reused_only_with_its_fingerprint(tmp_path: Path) -> None:
    table = Table(str(tmp_path))
    table.commit_slice(a_slice("k", "m"))
    assert table.committed_slice("k", "m") == a_slice("k", "m")
    assert table.committed_slice("k", "changed") is None
    assert table.committed_slice("other", "m") is None


def test_a_torn_slice_or_manifest_does_not_count(tmp_path: Path) -> None:
    table = Table(str(tmp_path))
    (tmp_path / "slice-k.json").write_text('{"key": "k", "finger')
    (tmp_path / "manifest.json").write_text("{")
    assert table.committed_slice("k", "m") is None
    assert table.manifest is None


def test_commit_sweeps_what_no_slice_uses(tmp_path: Path) -> None:
    table = Table(str(tmp_path))
    used, stale = table.new_attempt("k"), table.new_attempt("k")
    for attempt in (used, stale):
        (tmp_path / attempt / "x.parquet").write_text("x")
    table.commit_slice(a_slice("old"))
    table.commit("f", [a_slice(files=(f"{used}/x.parquet",))], {})
    assert (tmp_path / used).exists()
    assert not (tmp_path / stale).exists()
    assert not (tmp_path / "slice-old.json").exists()


def test_an_unwritable_output_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write to .*; choose another --output"):
        Table(str(tmp_path / "file" / "t")).new_attempt("k")
    with pytest.raises(OutputError):
        write_json(str(tmp_path / "file" / "x.json"), {})


def test_json_is_put_in_one_piece(tmp_path: Path) -> None:
    write_json(str(tmp_path / "a" / "x.json"), {"n": 1})
    assert json.loads((tmp_path / "a" / "x.json").read_text()) == {"n": 1}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.json"]


def test_fingerprints_see_every_part() -> None:
    assert fingerprint("a", {"b": 1, "c": 2}) == fingerprint("a", {"c": 2, "b": 1})
    assert fingerprint("a") != fingerprint("b")
