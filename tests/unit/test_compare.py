"""Two runs side by side: what differs is found, what does not is not, and nothing else happens."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run

from curate.cli import main
from curate.compare import Comparison, Limits, compare
from curate.compare.decisions import decisions
from curate.compare.drift import drift, measurements
from curate.compare.fates import KEPT, SAMPLES, fates
from curate.compare.presence import domains, presence
from curate.document import Document
from curate.errors import InputError, UserError
from curate.finished import open_run
from curate.split import registered_domain
from curate.text import Text

ALL_AT_ZERO = Limits(0, 0, 0, 0)


def pages(number: int, low: int, seed: int = 3) -> list[Document]:
    """Documents of two sources, judged by `gopher.word_count >= low`; one is no document."""
    draw = random.Random(seed)
    made = []
    for i in range(number):
        words = draw.randint(20, 200)
        row = document(
            f"a.warc#{i}",
            Text(f"Text {i} " + "word " * words),
            source="web" if i % 3 else "book",
            url=f"https://www.site{i % 7}.example.org/{i}",
            language=draw.choice(["en", "de", None]),
            signals={"gopher.word_count": float(words), "gopher.hash_ratio": draw.random() / 20},
        )
        row.drop = "gopher.word_count" if words < low else None
        made.append(row)
    return [*made, document("a.warc#request", None, url=None, drop="record.request")]


def make(folder: Path, low: int = 50, number: int = 90, seed: int = 3, **recipe: Any) -> str:
    """A run of three tables: clean-filter, dedup (one twin is dropped), tokens."""
    first = pages(number, low, seed)
    second = [
        document(
            r.origin, r.text, r.source, url=r.url, language=r.language, signals=dict(r.signals)
        )
        for r in first
        if r.drop is None
    ]
    if len(second) > 2:
        second[1].drop = "dedup.near"
        second[1].signals["dedup.similarity"] = 0.9
        second[1].labels["dedup.duplicate_of"] = second[0].id
    kept = [row for row in second if row.drop is None]
    tokens = {"vocabulary": 64, "shards": [{"file": "a.bin", "tokens": 10 * len(kept)}]}
    specs = [
        TableSpec("01-clean-filter", [{"gopher": {"word_count": {"low": low, "high": 1000}}}], first),
        TableSpec("02-dedup", [{"dedup": {}}], second, "set"),
        TableSpec("03-tokenize", [{"tokenize": {}}], kept, "tokens", extra={"tokens": tokens}),
    ]  # fmt: skip
    return str(write_run(folder, specs, recipe))


def one_table(folder: Path, rows: list[Document], name: str = "01-read") -> str:
    return str(write_run(folder, [TableSpec(name, [{"unicode": {}}], rows)]))


def text_of(found: Comparison, everything: bool = False) -> str:
    return "\n".join(found.lines(everything))


def test_a_run_does_not_differ_from_itself_or_a_copy(tmp_path: Path) -> None:
    a = make(tmp_path / "a")
    b = shutil.copytree(a, tmp_path / "b")
    for other in (a, str(b)):
        found = compare(a, other, ALL_AT_ZERO)
        assert not found.differs
        assert found.recipe == found.broken == ()
        assert found.decisions.matched == 90
        assert found.decisions.decided_differently == 0
        assert "no difference" in text_of(found)


def test_another_bound_decides_differently(tmp_path: Path) -> None:
    found = compare(make(tmp_path / "a", low=50), make(tmp_path / "b", low=100))
    words = [row.signals["gopher.word_count"] for row in pages(90, 50)[:-1]]
    moved = sum(50 <= count < 100 for count in words)
    twins = found.decisions.other_rule
    (switch, *others) = found.decisions.switches
    assert (switch.a, switch.b) == (KEPT, "gopher.word_count")
    assert switch.documents + sum(t.documents for t in twins if t.a == "dedup.near") == moved
    assert all("dedup.near" in (other.a, other.b) for other in others)
    assert found.decisions.only_a == found.decisions.only_b == {}
    sample = switch.samples[0]
    assert len(switch.samples) == SAMPLES
    (evidence_a,), (evidence_b,) = sample.a.evidence, sample.b.evidence
    assert evidence_a.endswith("allowed 50 to 1,000")
    assert evidence_b.endswith("allowed 100 to 1,000")
    assert evidence_a.startswith("gopher.word_count = ")
    assert sample.preview.startswith("Text ")
    assert {change.where for change in found.recipe} >= {
        "steps.gopher.word_count.low",
        "bound.gopher.word_count",
    }


def test_the_population_before_decisions_does_not_move_with_a_bound(tmp_path: Path) -> None:
    found = compare(make(tmp_path / "a", low=50), make(tmp_path / "b", low=100)).drift
    words = {signal.signal: signal for signal in found.signals}["gopher.word_count"]
    assert words.population.ks_d == 0
    assert words.kept is not None
    assert words.kept.cliffs_delta > 0.2
    assert words.population.count_a == words.population.count_b == 90
    assert found.only_a == found.only_b == ()


def test_signals_are_read_where_their_step_measured_them(tmp_path: Path) -> None:
    run = open_run(make(tmp_path, low=100))
    found = measurements(run)
    kept = sum(row.drop is None for row in pages(90, 100))
    assert len(found.of_all("gopher.word_count")) == 90
    assert len(found.of_kept("gopher.word_count")) == kept
    assert len(found.of_all("dedup.similarity")) == 1


def test_a_dedup_table_alone_shows_what_earlier_steps_measured(tmp_path: Path) -> None:
    run = make(tmp_path)
    found = compare(f"{run}/02-dedup", f"{run}/02-dedup")
    assert {signal.signal for signal in found.drift.signals} == {
        "dedup.similarity", "gopher.hash_ratio", "gopher.word_count",
    }  # fmt: skip
    assert not found.differs


def test_a_table_is_compared_with_a_whole_run(tmp_path: Path) -> None:
    run = make(tmp_path)
    found = compare(f"{run}/01-clean-filter", run)
    assert [flow.name for flow in found.funnel.tables] == ["clean-filter"]
    assert found.funnel.only_b == ("02-dedup", "03-tokenize")
    assert [(s.a, s.b, s.documents) for s in found.decisions.switches] == [(KEPT, "dedup.near", 1)]
    assert found.decisions.switches[0].samples[0].b.evidence[0].endswith("similarity 0.900")
    assert "steps.dedup" in {change.where for change in found.recipe}


def test_the_funnel_is_the_ledger(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a", low=50), make(tmp_path / "b", low=100, number=60)
    funnel = compare(a, b).funnel
    total, tables = funnel.whole.total, {flow.name: flow for flow in funnel.tables}
    kept = [sum(row.drop is None for row in pages(n, low)) - 1 for n, low in ((90, 50), (60, 100))]
    assert (total.records.a, total.records.b) == (91, 61)
    assert (total.documents.a, total.documents.b) == (90, 60)
    assert [total.kept.a, total.kept.b] == kept
    assert total.kept.share_change == pytest.approx(kept[1] / 60 - kept[0] / 90)
    assert {r.name for r in total.dropped} == {"gopher.word_count", "dedup.near"}
    assert [(r.name, r.a, r.b) for r in total.non_documents] == [("request", 1, 1)]
    assert set(tables) == {"clean-filter", "dedup", "tokenize"}
    assert funnel.tokens is not None
    assert [funnel.tokens.a, funnel.tokens.b] == [10 * n for n in kept]
    for side in ("a", "b"):
        by_source = [getattr(source.kept, side) for source in funnel.whole.by_source]
        assert sum(by_source) == getattr(total.kept, side)
    read = [row.text or "" for row in pages(90, 50)]
    first = tables["clean-filter"].total.kept_bytes
    assert first.share_a is not None
    assert first.a / first.share_a == pytest.approx(sum(map(len, read)))


def test_tables_of_one_name_are_matched_in_order(tmp_path: Path) -> None:
    rows = [document("1", Text("x"))]
    one = write_run(
        tmp_path / "a", [TableSpec("01-read", [], rows), TableSpec("02-read", [], rows)]
    )
    two = write_run(tmp_path / "b", [TableSpec("01-read", [], rows), TableSpec("02-mix", [], rows)])
    funnel = compare(str(one), str(two)).funnel
    assert [flow.name for flow in funnel.tables] == ["read"]
    assert (funnel.only_a, funnel.only_b) == (("02-read",), ("02-mix",))


FATES = st.sampled_from([None, "absent", "gopher.word_count", "c4.sentence_count", "record.image"])


@given(st.lists(st.tuples(FATES, FATES), max_size=40), st.integers(1, 9))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_fates_are_those_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[Any, Any]], bucket_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("fates")
    runs, truth = [], []
    for side in (0, 1):
        rows = [
            document(f"d#{i}", Text("t"), drop=pair[side])
            for i, pair in enumerate(pairs)
            if pair[side] != "absent"
        ]
        runs.append(open_run(one_table(folder / str(side), rows)))
        truth.append({row.id: row.drop or KEPT for row in rows})
    ended = [(truth[0].get(key), truth[1].get(key)) for key in {*truth[0], *truth[1]}]
    expected = Counter(
        pair for pair in ended if any(f and not f.startswith("record.") for f in pair)
    )
    found = fates(*runs, bucket_rows)
    assert found.counts == expected
    assert found.samples == fates(*runs).samples
    for pair, keys in found.samples.items():
        assert len(keys) == min(SAMPLES, expected[pair])
        assert all((truth[0][key], truth[1][key]) == pair for key in keys)
    mirrored = fates(runs[1], runs[0], bucket_rows)
    assert mirrored.counts == {(b, a): n for (a, b), n in expected.items()}
    assert mirrored.samples == {(b, a): keys for (a, b), keys in found.samples.items()}


def test_swapping_mirrors(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a"), make(tmp_path / "b", low=90, number=70, seed=5)
    there, back = compare(a, b), compare(b, a)
    assert [(c.where, c.a, c.b) for c in there.recipe] == [(c.where, c.b, c.a) for c in back.recipe]
    assert there.funnel.whole.total.kept.share_change == pytest.approx(
        -(back.funnel.whole.total.kept.share_change or 0)
    )
    assert there.decisions.decided_differently == back.decisions.decided_differently
    assert there.decisions.only_a == back.decisions.only_b
    for one, other in zip(there.presence, back.presence, strict=True):
        assert (one.appeared_parts, one.vanished_parts) == (
            other.vanished_parts,
            other.appeared_parts,
        )
        assert one.total_variation == pytest.approx(other.total_variation)
        assert [p.name for p in one.gains] == [p.name for p in other.losses]
    deltas = [
        {s.signal: s.population.cliffs_delta for s in found.drift.signals}
        for found in (there, back)
    ]
    assert deltas[0] == pytest.approx({name: -delta for name, delta in deltas[1].items()})


def test_presence_counts_kept_documents(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a"), make(tmp_path / "b", low=90, number=70)
    runs = open_run(a), open_run(b)
    found = {part.of: part for part in presence(*runs)}
    counts = []
    for run in runs:
        urls = run.documents[-1].table.dataset(True).to_table(columns=["url"])["url"].to_pylist()
        counts.append(Counter(registered_domain(str(urlsplit(url).hostname)) for url in urls))
    shares = [{name: n / sum(c.values()) for name, n in c.items()} for c in counts]
    names = {*counts[0], *counts[1]}
    changes = {name: shares[1].get(name, 0) - shares[0].get(name, 0) for name in names}
    assert found["domain"].total_variation == pytest.approx(sum(map(abs, changes.values())) / 2)
    assert {p.name: p.change for p in (*found["domain"].gains, *found["domain"].losses)} == (
        pytest.approx({name: change for name, change in changes.items() if change})
    )
    assert set(found) == {"domain", "language", "source"}


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(max_size=30),
            st.text("htps:/@[]:.ab#?", max_size=20).map("https://".__add__),
        )
    )
)
def test_no_url_is_too_odd_for_a_domain(urls: list[str | None]) -> None:
    assert sum(domains(pa.array(urls, pa.string())).values()) == len(urls)


def test_hosts_are_those_of_urlsplit() -> None:
    for url in ("https://a.b.example.org/x@y", "HTTP://U:P@EXAMPLE.ORG:81?x", "ftp://example.co.uk#a",
                "http://[::1]:8080/a", "http://127.0.0.1/a", "https://münchen.example.de/"):  # fmt: skip
        host = str(urlsplit(url).hostname)
        (found,) = domains(pa.array([url]))
        assert found.strip("[]") == (registered_domain(host) or host), url


def test_domains_that_come_and_go_are_named(tmp_path: Path) -> None:
    urls = ["https://old.example.com/1", "https://both.example.net/1", "https://new.example.org/1"]
    runs = [
        one_table(tmp_path / name, [document(url, Text("x"), url=url) for url in chosen])
        for name, chosen in (("a", urls[:2]), ("b", urls[1:]))
    ]
    (domains, _) = presence(*map(open_run, runs))
    assert (domains.appeared_parts, domains.vanished_parts, domains.total_variation) == (1, 1, 0.5)
    assert [part.name for part in domains.gains] == ["example.org"]
    assert [part.name for part in domains.losses] == ["example.com"]
    shown = text_of(compare(*runs))
    assert "1 appeared: example.org (1)" in shown and "1 vanished: example.com (1)" in shown


def test_pages_of_another_crawl_are_matched_by_url(tmp_path: Path) -> None:
    first = [document(f"a.warc#{i}", Text("x"), url=f"https://example.org/{i}") for i in range(9)]
    again = [document(f"b.warc#{i}", Text("x"), url=f"https://example.org/{i}") for i in range(9)]
    again[4].drop = "gopher.word_count"
    request = document("b.warc#r", None, url="https://example.org/4", drop="record.request")
    runs = one_table(tmp_path / "a", first), one_table(tmp_path / "b", [*again, request])
    found = compare(*runs)
    assert (found.decisions.key, found.decisions.matched) == ("url", 9)
    assert found.decisions.decided_differently == 1
    assert found.decisions.switches[0].samples[0].place == "https://example.org/4"
    assert "matched by url" in text_of(found)


def test_one_id_with_two_urls_is_two_documents(tmp_path: Path) -> None:
    first = [document(f"a.warc#{i}", Text("x"), url=f"https://example.org/{i}") for i in range(9)]
    moved = [
        document(f"a.warc#{i}", Text("x"), url=f"https://example.org/{i + 3}") for i in range(9)
    ]
    runs = [open_run(one_table(tmp_path / n, rows)) for n, rows in (("a", first), ("b", moved))]
    found = decisions(*runs)
    assert (found.key, found.matched) == ("url", 6)
    assert found.only_a == found.only_b == {KEPT: 3}
    mostly = [*first[:8], moved[8]]
    found = decisions(runs[0], open_run(one_table(tmp_path / "c", mostly)))
    assert (found.key, found.matched, found.other_url) == ("id", 8, 1)


def test_a_record_listed_twice_is_one(tmp_path: Path) -> None:
    twice = [document("a", Text("x"), drop="dedup.near"), document("a", Text("x"))]
    runs = one_table(tmp_path / "a", twice), one_table(tmp_path / "b", [document("a", Text("x"))])
    found = decisions(*map(open_run, runs))
    assert (found.matched, found.decided_differently, found.repeated) == (1, 0, 1)


def test_runs_with_nothing_in_common(tmp_path: Path) -> None:
    a = one_table(tmp_path / "a", [document("a", Text("x"), "web", url=None)])
    b = one_table(tmp_path / "b", [document("b", Text("y"), "book", url=None)], "01-other")
    found = compare(a, b, Limits(1, 1, 1, 1))
    assert found.decisions.share is None
    assert (found.decisions.only_a, found.decisions.only_b) == ({KEPT: 1}, {KEPT: 1})
    assert found.funnel.tables == ()
    assert [part.of for part in found.presence] == ["source"]
    assert found.presence[0].total_variation == 1
    assert [line.partition(":")[0] for line in found.broken] == [
        "--max-psi 1 cannot be checked",
        "--max-decided-differently 1 cannot be checked",
    ]


def test_empty_runs(tmp_path: Path) -> None:
    empty = one_table(tmp_path / "a", [])
    gone = one_table(tmp_path / "b", [document("a", None, url=None, drop="extract.empty")])
    assert not compare(empty, empty).differs
    found = compare(empty, gone, ALL_AT_ZERO)
    assert found.differs
    assert found.decisions.only_b == {"extract.empty": 1}
    assert len(found.broken) == 4
    assert all("cannot be checked" in line for line in found.broken)
    assert text_of(compare(gone, empty))


def test_nulls_and_nan_are_no_numbers(tmp_path: Path) -> None:
    rows = [
        document("a", None, url=None, signals={"x.y": float("nan"), "x.z": 1.0}),
        document("b", Text("ש" * 50), url="http://[bad", language=None, signals={"x.y": 2.0}),
        document(
            "c", Text("\ud800"), url="not a url", language="he", signals={"x.y": float("inf")}
        ),
        document("d", Text("")),
    ]
    run = one_table(tmp_path / "a", rows)
    other = one_table(
        tmp_path / "b", [document("a", Text("x"), drop="c4.sentence_count", url=None)]
    )
    found = compare(run, other)
    assert len(measurements(open_run(run)).of_all("x.y")) == 1
    assert found.drift.only_a == ("x.y", "x.z")
    assert found.decisions.decided_differently == 1
    assert (
        json.loads(json.dumps(found.to_json()))["decisions"]["switches"][0]["b"]
        == "c4.sentence_count"
    )


def test_documents_cannot_move_the_cursor(tmp_path: Path) -> None:
    attack = "\x1b[2J\x07\r\u202eevil\n\ttext\x9b31m"
    rows = [
        document(f"{attack}{i}", Text(attack), attack, url=f"https://e.org/{attack}{i}",
                 language=attack, signals={f"gopher.{attack}": i / 9}, labels={attack: attack})
        for i in range(9)
    ]  # fmt: skip
    a = one_table(tmp_path / "a", rows)
    changed = [*rows[:5], document("b", Text(attack), url=None, language="x")]
    changed[0].drop = f"gopher.{attack}"
    b = one_table(tmp_path / "b", changed, f"01-{attack.replace('/', '')[:3]}".strip("\x1b"))
    for line in compare(a, b, Limits(0, 0, 0, 0)).lines(True):
        assert line.isprintable(), line


def test_a_large_table_is_drawn_by_id(tmp_path: Path) -> None:
    run = open_run(one_table(tmp_path, pages(800, 50)))
    found = drift(run, run, most=200)
    assert 150 < found.look_a.rows < 260
    assert found.look_a.of == 801
    assert all(signal.population.ks_d == 0 for signal in found.signals)
    assert "of 801, drawn by id" in found.look_a.sentence()
    (domains, *_) = presence(run, run, most=200)
    assert 150 < domains.look_a.rows < 260
    assert not domains.differs


def test_recipes_are_compared_flat(tmp_path: Path) -> None:
    rows = [document("1", Text("x"))]
    source = {"name": "web", "path": ["a/*.warc"], "format": "warc"}
    steps = [{"unicode": {}}, {"language": {"keep": ["en"]}}, {"gopher": {}}, {"gopher": {}}]
    other = [
        {"language": {"keep": ["en", "de"], "low": 0.5}},
        {"unicode": {}},
        {"gopher": {}},
        "commit",
    ]
    a = write_run(tmp_path / "a", [TableSpec("01-x", steps, rows)], {"sources": [source]})
    b = write_run(
        tmp_path / "b", [TableSpec("01-x", other[:3], rows)],
        {"steps": other, "sources": [{**source, "path": ["b/*.warc"]}], "measure_dropped": 0.1},
    )  # fmt: skip
    changes = {change.where: (change.a, change.b) for change in compare(str(a), str(b)).recipe}
    assert changes == {
        "steps.language.keep": ('["en"]', '["en", "de"]'),
        "steps.language.low": (None, "0.5"),
        "steps.gopher#2": ("{}", None),
        "steps.commit": (None, "{}"),
        "order of steps": ("unicode, language, gopher", "language, unicode, gopher"),
        "bound.language.low_score": ("≥ 0.65", "≥ 0.5"),
        "sources.web.path": ('["a/*.warc"]', '["b/*.warc"]'),
        "measure_dropped": ("0.0", "0.1"),
    }


def test_runs_at_urls(tmp_path: Path) -> None:
    a = make(tmp_path / "a")
    memory = fsspec.filesystem("memory")
    memory.put(a, "/compared/a", recursive=True)
    try:
        found = compare("memory://compared/a", a)
        assert not found.differs
        assert found.decisions.matched == 90
    finally:
        memory.rm("/compared", recursive=True)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_table_is_one_line(tmp_path: Path, damage: str) -> None:
    run = make(tmp_path / "a")
    (file,) = Path(run).glob("02-dedup/attempt*/documents/kept=true/*.parquet")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-40])
    else:
        file.unlink()
    with pytest.raises(InputError, match="cannot read .*02-dedup") as error:
        compare(run, run)
    assert "\n" not in str(error.value)


def test_what_is_no_run_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        compare(str(tmp_path), make(tmp_path / "a"))
    nothing = write_run(tmp_path / "b", [])
    with pytest.raises(InputError, match="no table of documents"):
        compare(str(nothing), str(nothing))
    with pytest.raises(UserError, match="--max-psi has to be 0 or more"):
        Limits(psi=-1)
    with pytest.raises(UserError, match="--max-kept-share-change"):
        Limits(kept_share_change=float("nan"))


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["compare", *arguments])
    return int(str(end.value.code))


def test_ci_is_told_by_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a"), make(tmp_path / "b", low=100)
    assert ended(a, b) == 0
    assert capsys.readouterr().err == ""
    limits = ["--max-kept-share-change", ".05", "--max-decided-differently", ".02"]
    assert ended(a, b, *limits, "--max-psi", ".25") == 1
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in err.splitlines()] == [limits[0], limits[2]]
    assert "decided differently" in out
    assert ended(a, a, *limits, "--max-psi", "0", "--max-total-variation", "0") == 0
    assert ended(a, b, "--max-psi", "-1") == 2
    assert ended(a, str(tmp_path / "none")) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_json_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a"), make(tmp_path / "b", low=100)
    assert ended(a, b, "--json", "--max-decided-differently", "0") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["differs"] is True
    assert len(found["broken"]) == 1
    assert found["drift"]["signals"][0]["population"]["word"] == "stable"
    assert found["funnel"]["whole"]["total"]["kept"]["share_change"] < 0
    assert found["decisions"]["switches"][0]["samples"][0]["a"]["outcome"] == "kept"


def test_lists_are_short_unless_all_is_asked_for(tmp_path: Path) -> None:
    urls = [f"https://site{i}.example{i}.org/" for i in range(30)]
    a = one_table(tmp_path / "a", [document(u, Text("x"), url=u) for u in urls[:15]])
    b = one_table(tmp_path / "b", [document(u, Text("x"), url=u) for u in urls[15:]])
    found = compare(a, b)
    assert "  … 10 more (--all)" in found.lines()
    (vanished,) = (line for line in found.lines() if "vanished" in line)
    assert vanished.count(" (1)") == 10 and vanished.endswith("and 5 more")
    assert "more (--all)" not in text_of(found, True)
    assert all(f"example{i}.org" in text_of(found, True) for i in range(30))


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("--help") == 0
    assert "Example: curate compare" in capsys.readouterr().out
