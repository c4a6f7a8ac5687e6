"""What the page tells is told of all documents, whatever the layout of the tables that hold them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run

from curate.audit.rules import Bound, bounds
from curate.document import Document, batches, share
from curate.errors import InputError
from curate.finished import FinishedRun, open_run
from curate.report.facts import of_table, read
from curate.report.facts.draw import HEADS, KEPT, PAIRS, PER_REASON, Place
from curate.report.facts.gather import Archive, gather
from curate.report.facts.label_values import VALUES
from curate.report.facts.of_table import Facts, Plan, facts_of, merge, plans, total
from curate.report.facts.spread import Spread, merged
from curate.signals import numbers

WORDS = Bound("gopher", "word_count", 50.0, 100_000.0, "gopher.word_count")
HASHES = Bound("gopher", "hash_ratio", -np.inf, 0.1, "gopher.hash_ratio")
PLAN = Plan((WORDS, HASHES), (WORDS, HASHES), frozenset({WORDS.drop, HASHES.drop}), True, True)
FINITE = st.floats(-1e13, 1e13) | st.integers(-2000, 2000).map(float) | st.sampled_from([0.1, 0.25])


def corpus(number: int = 400, seed: int = 5) -> list[Document]:
    """Documents of every kind, most of them odd."""
    draws = random.Random(seed)
    rows = []
    for i in range(number):
        words, hashes = float(draw_words(draws)), draws.random() / 5
        row = document(
            f"{i}", draws.choice([None, "", " ", "word " * draws.randint(1, 900)]),
            url=draws.choice([None, "", "ftp://x", f"https://h{draws.randint(0, 30)}.example/a", "http://[", "x"]),
            language=draws.choice([None, "", "en", "de", "\u202e"]),
            signals={"gopher.word_count": words, "gopher.hash_ratio": hashes, "toxicity.mean": draws.random(), "private.email": float(draws.randint(0, 1))},
            labels={"licence": draws.choice(["MIT", "", "x" * 500]), "backend": "b", "n": str(i)},
        )  # fmt: skip
        if draws.random() < 0.2:
            row.signals["gopher.hash_ratio"] = draws.choice([float("nan"), float("inf"), -np.inf])
        if draws.random() < 0.1:
            row.signals, row.labels = {}, {}
        if draws.random() < 0.1:
            row.labels["planted"] = "control"
        if not words >= 50:
            row.drop = WORDS.drop
        elif not hashes <= 0.1:
            row.drop = HASHES.drop
            row.labels["dedup.duplicate_of"] = document("0").id
            row.signals["dedup.similarity"] = draws.choice([1.0, 0.9, 0.8])
        rows.append(row)
    rows += [document(f"r{i}", None, drop="record.request") for i in range(5)]
    return rows


def draw_words(draws: random.Random) -> int:
    return draws.choice([draws.randint(0, 60), draws.randint(40, 5_000), 1_234_567])


def told(rows: Sequence[Document], plan: Plan = PLAN, parts: int = 1) -> Facts:
    """The facts of rows that lie in `parts` files a side."""
    found = []
    for kept in (True, False):
        side = [row for row in rows if (row.drop is None) == kept]
        for i in range(parts):
            start = 0
            for batch in batches(side[i::parts], max_rows=20 * parts):
                found.append(facts_of(batch, kept, f"{kept}{i}", start, plan))
                start += len(batch)
    random.Random(parts).shuffle(found)
    return total(found).top()


def without_places(made: Facts) -> Facts:
    """Without where the documents stand, which is all that a layout may change."""

    def bare(found: Any) -> Any:
        return {
            key: [place._replace(file="", row=0) for place in group] for key, group in found.items()
        }

    return replace(made, drawn=bare(made.drawn), copies=bare(made.copies))


# --- spreads


@given(st.lists(FINITE, max_size=60), st.lists(FINITE, max_size=60), FINITE)
def test_counts_at_points_are_exact_however_values_are_merged(
    a: list[float], b: list[float], mark: float
) -> None:
    both = merged([Spread.of(np.array(part, float), (mark,)) for part in (a, b)])
    assert both == Spread.of(np.array(a + b, float), (mark,))
    assert both.total == len(a + b)
    points = both.points
    for at in (mark, 0.0, 0.1, 0.25, 1.0, 57.0, -12.0, 1999.0 // 10 * 10):
        place = int(np.searchsorted(points, at))
        assert points[place] == at
        assert both.below(place) == sum(value < at for value in a + b)
        assert both.upto(place) == sum(value <= at for value in a + b)
        assert both.about_below(np.array([at]))[0] == both.below(place)
    assert both.is_whole == (not any(value % 1 for value in a + b))


@given(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_within_a_hundredth(values: list[float], share_of: float) -> None:
    spread = Spread.of(np.array(values))
    found = spread.quantiles(np.array([share_of]))[0]
    true = np.quantile(values, share_of, method="inverted_cdf")
    assert abs(found - true) <= 0.01 * true
    first, last = spread.ends
    assert spread.points[first] <= min(values) and max(values) <= spread.points[last]


@given(st.lists(FINITE, max_size=60), st.lists(st.floats(-1e13, 1e13), min_size=2, max_size=9))
def test_counts_between_points_only_grow(values: list[float], edges: list[float]) -> None:
    found = Spread.of(np.array(values, float)).about_below(np.array(sorted(edges)))
    assert (np.diff(found) >= -1e-9).all() and found[0] >= 0 and found[-1] <= len(values)


# --- facts


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_facts_do_not_depend_on_the_layout(parts: int) -> None:
    rows = corpus()
    random.Random(parts).shuffle(rows)
    assert without_places(told(rows, parts=parts)) == without_places(told(corpus()))


@settings(max_examples=12)
@given(st.integers(0, 1000), st.integers(0, 40), st.integers(0, 40))
def test_facts_add_up_in_any_grouping(seed: int, first: int, second: int) -> None:
    rows = corpus(60, seed)
    parts = [told(rows[:first]), told(rows[first : first + second]), told(rows[first + second :])]
    a, b, c = parts
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([a, b, c])
    assert merge([a, Facts()]) == merge([Facts(), a]) == a
    if first + second < len(rows):
        assert without_places(merge(parts)) == without_places(told(rows))


def test_facts_are_what_a_loop_counts() -> None:
    rows = [row for row in corpus() if not (row.drop or "").startswith("record.")]
    found = told(corpus())
    kept, dropped = ([row for row in rows if (row.drop is None) == side] for side in (True, False))
    assert (found.kept, found.dropped) == (len(kept), len(dropped))
    languages = Counter(row.language.replace("\u202e", "\ufffd") for row in kept if row.language)
    assert {v: p[0] for (n, v), p in found.values.items() if n == "Languages"} == languages
    assert found.having["Languages"][1] == sum(bool(row.language) for row in dropped)
    hosts = Counter(row.url.split("/")[2] for row in rows if row.url and ".example" in row.url)
    assert {v: sum(p) for (n, v), p in found.values.items() if n == "Domains" and "." in v} == hosts
    licences = {v for n, v in found.values if n == "Licences"}
    assert licences == {"MIT", "x" * 80}
    long = sum(len(row.text) >= 1000 for row in kept if row.text is not None)
    bins = (
        "1,000 to 2,000",
        "2,000 to 5,000",
        "5,000 to 10,000",
        "10,000 to 50,000",
        "from 50,000",
    )
    assert sum(found.values.get(("Text lengths", name), (0, 0))[0] for name in bins) == long
    assert found.having["Text lengths"][0] == sum(row.text is not None for row in kept)
    assert found.labels["backend"] == {"b": sum("backend" in row.labels for row in rows)}
    assert found.labels["n"] is None
    words = [row.signals["gopher.word_count"] for row in dropped if row.drop == WORDS.drop and WORDS.key in row.signals]  # fmt: skip
    own = found.spread(WORDS, "own")
    assert own.total == len(words) and own.is_whole
    assert own.below(int(np.searchsorted(own.points, 50))) == len(words)
    emails = [row.signals["private.email"] for row in rows if "private.email" in row.signals]
    assert sum(found.having["Personal data"]) == len(emails)
    assert sum(found.values["Personal data", "email"]) == sum(emails)


def test_drawn_are_those_of_the_smallest_hashes() -> None:
    rows = corpus(900)
    found = told(rows)
    groups = {drop: [row for row in rows if row.drop == (drop or None)] for drop in found.drawn}
    assert set(groups) == {"", WORDS.drop, HASHES.drop}
    for drop, group in groups.items():
        order = sorted(group, key=lambda row: ("planted" in row.labels, share(row.id, "report")))
        assert [place.id for place in found.drawn[drop]] == [
            row.id for row in order[: PER_REASON if drop else KEPT]
        ]


def test_pairs_are_the_least_similar_and_leave_room_for_others() -> None:
    heads = [document(f"h{i}", "x") for i in range(HEADS + 5)]
    rows = [*heads]
    for i in range(3 * PAIRS):
        head = heads[0] if i < 2 * PAIRS else heads[i % len(heads)]
        row = document(f"{i}", "x", drop="dedup.near", labels={"dedup.duplicate_of": head.id})
        row.signals["dedup.similarity"] = 0.8 if i < 2 * PAIRS else 0.9
        rows.append(row)
    (found,) = told(rows, parts=3).copies.values()
    assert PAIRS <= len(found) < PAIRS + HEADS
    assert len({place.other for place in found}) == HEADS
    assert list(found) == sorted(found)


def test_a_label_with_many_values_in_one_part_has_many() -> None:
    few = [document(f"{i}", "x", labels={"a": str(i % VALUES), "b": "same"}) for i in range(40)]
    many = [document(f"m{i}", "x", labels={"a": f"{i}"}) for i in range(VALUES + 1)]
    assert told(few).labels == {"a": dict.fromkeys(map(str, range(VALUES)), 5), "b": {"same": 40}}
    for rows in ([*few, *many], [*many, *few]):
        assert told(rows, parts=5).labels == {"a": None, "b": {"same": 40}}


def test_the_most_frequent_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_table, "TOP_VALUES", 2)
    rows = [document(f"a{i}", "x", language="aa", drop="s.r") for i in range(9)]
    rows += [document(f"b{i}", "x", language="bb", drop="s.r") for i in range(8)]
    rows += [document(f"{name}{i}", "x", language=name) for name in "cdef" for i in range(3)]
    found = told(rows, replace(PLAN, reads_lengths=False))
    assert {value for name, value in found.values if name == "Languages"} == {"aa", "bb", "c", "d"}
    assert found.having["Languages"] == (12, 17)


def test_only_numbers_are_measured() -> None:
    maps = pa.array(
        [[("a", 1.0), ("b", float("nan"))], None, [], [("b", 2.0)], [("a", None), ("a", float("inf"))]],
        pa.map_(pa.string(), pa.float64()),
    )  # fmt: skip
    found = {name: (rows.tolist(), values.tolist()) for name, rows, values in numbers(maps)}
    assert found == {"a": ([0], [1.0]), "b": ([3], [2.0])}
    (sliced,) = numbers(maps.slice(1, 3))
    assert (sliced[0], sliced[1].tolist(), sliced[2].tolist()) == ("b", [2], [2.0])


# --- tables


def a_run(folder: Path, rows: Sequence[Document], files: int = 1) -> FinishedRun:
    spec = TableSpec("01-filter", [{"gopher": {}}], rows, files=files)
    return open_run(str(write_run(folder, [spec])))


def test_tables_of_any_layout_have_the_same_facts_and_documents(tmp_path: Path) -> None:
    rows = corpus(1300)
    made = []
    for files in (1, 2, 7):
        run = a_run(tmp_path / str(files), rows, files)
        found = gather(run, bounds(run))["01-filter"]
        places = [place for group in found.drawn.values() for place in group]
        texts = Archive().documents(places, ["id", "text", "labels"], lambda row: row)
        assert len(texts) == len(places)
        made.append((without_places(found), texts))
        random.Random(files).shuffle(rows)
    assert made[0] == made[1] == made[2]
    by_id = {row.id: row for row in rows}
    assert all(row["text"] == by_id[key].text for key, row in made[0][1].items())
    assert all(row["labels"] == by_id[key].labels for key, row in made[0][1].items())


def test_documents_are_found_by_their_ids(tmp_path: Path) -> None:
    rows = corpus(1300)
    run = a_run(tmp_path, rows, 2)
    wanted = {rows[3].id, rows[700].id, rows[-1].id, "no such id"}
    found = Archive().find(run.documents[0], wanted)
    assert set(found) == wanted - {"no such id"}
    assert set(Archive().documents(found.values(), ["id"], lambda row: row["id"])) == set(found)
    assert Archive().find(run.documents[0], set()) == {}


def test_texts_are_read_where_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [document(f"{i}", "x" * 50) for i in range(1500)]
    specs = [
        TableSpec("01-read", [], first),
        TableSpec("02-filter", [{"gopher": {}}], first),
        TableSpec("03-dedup", [{"dedup": {}}], first, "set"),
    ]
    run = open_run(str(write_run(tmp_path, specs)))
    assert [plan.reads_lengths for plan in plans(run, {}).values()] == [True, False, True]
    seen: list[tuple[int, list[str]]] = []
    before = read._of_group

    def watched(parquet: Any, group: int, columns: Sequence[str]) -> Any:
        seen.append((group, list(columns)))
        return before(parquet, group, columns)

    monkeypatch.setattr(read, "_of_group", watched)
    (file,) = run.documents[0].table.files()
    found = Archive().documents(
        [Place((0, 0), "", file, 700)], ["id", "text"], lambda row: row["id"]
    )
    assert list(found) == [first[700].id] and seen == [(1, ["id", "text"])]


def test_batches_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BATCH_BYTES", 100_000)
    rng = np.random.default_rng(1)
    rows = [document(f"{i}", rng.bytes(5_000).hex()) for i in range(200)]
    (file,) = a_run(tmp_path, rows).documents[0].table.files()
    sizes = [len(batch) for batch in read._batches(file, ["id", "text"])]
    assert sum(sizes) == 200 and max(sizes) <= 12
    assert max(len(batch) for batch in read._batches(file, ["id"])) == 200


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    run = a_run(tmp_path, corpus(20))
    file = run.documents[0].table.files()[0]
    Path(file).write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot read .*part-0.parquet"):
        gather(run, {})
    Path(file).unlink()
    with pytest.raises(InputError, match="cannot read"):
        gather(run, {})


def test_empty_tables_have_facts(tmp_path: Path) -> None:
    run = a_run(tmp_path, [])
    assert gather(run, bounds(run)) == {"01-filter": Facts()}
    only = a_run(tmp_path / "records", [document("r", None, drop="record.request")])
    assert gather(only, bounds(only)) == {"01-filter": Facts()}
    assert merge([]) == Facts() == total([])
