"""The page of a run: whole, true to the ledger, harmless whatever the documents say, and bounded."""

# ruff: noqa: SIM905 (words are easier to read as words)

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run, write_table

from curate.audit.rules import Bound, bounds
from curate.document import Document
from curate.errors import InputError, OutputError
from curate.finished import FinishedRun, open_run
from curate.mix.shares import Share
from curate.report import report
from curate.report.facts.draw import KEPT, PER_REASON
from curate.report.facts.gather import Archive, gather
from curate.report.facts.spread import Spread
from curate.report.forest import forest
from curate.report.funnel import OTHER, SOURCES_SHOWN, funnel
from curate.report.histograms import _axis, _edges, histograms
from curate.report.page import render
from curate.report.pairs import near_clusters
from curate.report.samples import CHARS, Listing, label_counts, listing
from curate.text import Text

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "</textarea></pre></details><svg/onload=alert(1)>",
    "\"><iframe src='javascript:alert(1)'></iframe>",
    "' onmouseover='alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "{{ 7 * 7 }}{% for x in () %}",
    "<!--><script>alert(1)</script>",
    "<math><mtext></p><script>alert(1)</script>",
    "\x00<scr\x00ipt>alert(1)</script>",
    "\u202etpircs\u2066",
)
# every element and attribute the page is made of; anything else came from a document
ELEMENTS = set(
    "html head meta title style body a header p h1 nav main section h2 dl div dt dd ul li i span h3 b "
    "details summary table thead tr th tbody tfoot td article code svg line rect path text figure figcaption "
    "pre br wbr footer h4 abbr mark del ins form fieldset legend label input select option button script".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class href id aria-label aria-labelledby aria-hidden role tabindex "
    "scope style viewbox preserveaspectratio x y x1 x2 y1 y2 width height text-anchor dir open d title "
    "for type min max step value maxlength autocomplete checked hidden data-rule data-side data-reason "
    "data-source data-language data-show".split()
)


class Page(HTMLParser):
    """Elements, attributes and text of a page; a stack that has to come out even."""

    VOID = ("meta", "br", "wbr", "line", "rect", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.stack: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def rows(attack: str = "Plain text.", number: int = 60) -> list[Document]:
    draw = random.Random(3)
    made = []
    for i in range(number):
        words = draw.randint(20, 400)
        row = document(
            f"a.warc#{i}", Text(f"{attack} {i} " + "word " * words), source="web" if i % 3 else "book",
            signals={"gopher.word_count": float(words), "gopher.hash_ratio": draw.random() / 20},
            labels={"extract.extractor": draw.choice(["trafilatura", "resiliparse"]), "note": attack},
            language="en",
        )  # fmt: skip
        if words < 50:
            row.drop = "gopher.word_count"
        made.append(row)
    made.append(document("a.warc#request", None, url=None, drop="record.request"))
    return made


def make_run(folder: Path, attack: str = "Plain text.", number: int = 60, **recipe: Any) -> Path:
    first = rows(attack, number)
    second = [
        document(row.origin, row.text, row.source, labels=dict(row.labels))
        for row in first
        if row.drop is None
    ]
    second[0].signals["dedup.cluster_size"] = 4.0
    for twin in second[1:4]:
        twin.drop = "dedup.near"
        twin.signals["dedup.similarity"] = 0.9
        twin.labels["dedup.duplicate_of"] = second[0].id
    tokens = {
        "vocabulary": 64,
        "tokens": {"web": 1234},
        "shards": [{"file": "a.bin", "tokens": 1234}],
    }
    return write_run(
        folder,
        [
            TableSpec(
                "01-clean-filter", [{"gopher": {"word_count": {"low": 50, "high": 1000}}}], first
            ),
            TableSpec("02-dedup", [{"dedup": {}}], second, "set"),
            TableSpec(
                "03-tokenize",
                [{"tokenize": {}}],
                [r for r in second if r.drop is None],
                "tokens",
                extra={"tokens": tokens},
            ),
        ],
        recipe,
    )


def verdict(name: str = "dedup") -> dict[str, Any]:
    contrast = {
        "name": name, "first": "a", "second": "b", "difference": -0.02, "low": -0.05, "high": 0.01,
        "documents_low": -0.03, "documents_high": -0.01,
        "outcome": "inconclusive", "reason": "within the noise",
    }  # fmt: skip
    arm = {
        "name": name,
        "documents": 3,
        "epochs": 1.0,
        "bits_per_byte": {"H1": 2.5},
        "score": 2.5,
        "seed_sigma": 0.01,
        "others": {"H4 raw": 4.125},
    }
    return {
        "contrasts": [contrast], "arms": [arm, arm], "seeds": 3, "tokens_per_run": 1000,
        "detectable_effect": 0.02,
        "sentences": [f"{name}: no difference was found."],
        "notes": [name], "versions": {"torch": "2"},
    }  # fmt: skip


def listed(run: FinishedRun) -> Listing:
    limits = bounds(run)
    return listing(run, funnel(run, limits).reasons_in_order, gather(run, limits), Archive())


def test_the_page_says_what_the_manifests_say(tmp_path: Path) -> None:
    page = Page(report(str(make_run(tmp_path))).read_text("utf-8"))
    dropped = sum(row.drop == "gopher.word_count" for row in rows())
    kept = 60 - dropped - 3
    assert not page.stack
    assert f"61 records = {kept} kept + {dropped + 3} dropped + 1 non-documents." in page.text
    assert "gopher.word_count" in page.text.replace("_ ", "_")
    assert "50 to 1,000" in page.text
    assert "trafilatura" in page.text
    assert "1,234" in page.text
    assert "a.warc#0" in page.text


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_document_can_add_an_element(tmp_path: Path, attack: str) -> None:
    run = make_run(tmp_path, attack, 12, name=attack)
    hostile = document(
        "evil", Text(attack), source=attack, url=f"javascript:{attack}", labels={attack: attack}
    )
    hostile.drop = f"step.{attack}"
    write_table(
        run,
        TableSpec("01-clean-filter", [{attack: {attack: attack}}], [*rows(attack, 12), hostile]),
    )
    (run / "verdict.json").write_text(json.dumps(verdict(attack)), "utf-8")
    page = Page(report(str(run)).read_text("utf-8"))
    assert page.elements <= ELEMENTS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert all(value and value.startswith("#") for name, value in page.attributes if name == "href")
    assert not page.stack


def test_the_page_asks_nothing_of_anybody(tmp_path: Path) -> None:
    text = report(str(make_run(tmp_path))).read_text("utf-8")
    assert any(
        name == "content" and value and value.startswith("default-src 'none'; ")
        for name, value in Page(text).attributes
    )
    assert not re.search(r"<(link|img|iframe|object|embed)|\bsrc=|@import|url\(", text)
    assert re.findall(r"<script[^>]*>", text) == [
        '<script type="application/json" id="thresholds">',
        "<script>",
    ]


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert report(str(run)).read_bytes() == report(str(run)).read_bytes()


def test_audit_and_verdict_are_shown_where_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "Verdict in bits" not in report(str(run)).read_text("utf-8")
    (run / "ablation").mkdir()
    (run / "ablation/verdict.json").write_text(json.dumps(verdict()), "utf-8")
    recall = {"hits": 9, "of": 10, "share": 0.9, "interval": [0.596, 0.982]}
    found = {
        "kind": "near_duplicate", "step": "dedup", "planted": 10, "outcomes": {"caught": 9, "missed": 1},
        "recall": recall, "missed": [{"url": "http://planted.example/x", "left": ["<left>"]}],
    }  # fmt: skip
    silent = {
        **found,
        "step": None,
        "recall": {"hits": 0, "of": 0, "share": None, "interval": None},
        "missed": [],
    }
    collateral = {**recall, "reasons": {"c4.sentence_count": 9}}
    audit = {"defects": [found, silent], "controls": 10, "collateral": collateral}
    (run / "audit.json").write_text(json.dumps(audit), "utf-8")
    page = Page(report(str(run)).read_text("utf-8"))
    assert "90.0 % 59.6 % to 98.2 %" in page.text
    assert "<left>" in page.text
    assert "no step for it in this recipe" in page.text
    assert "−0.020 [−0.050, +0.010]" in page.text
    assert (
        "aria-label",
        "dedup: −0.020 bits per byte, interval −0.050 to +0.010, inconclusive",
    ) in page.attributes
    assert "dedup: no difference was found." in page.text
    assert "H4 raw (reported only)" in page.text and "4.1250" in page.text


def test_a_verdict_without_sentences_is_shown_too(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    made = verdict()
    del made["sentences"], made["arms"][0]["others"]
    (run / "verdict.json").write_text(json.dumps(made), "utf-8")
    page = Page(report(str(run)).read_text("utf-8"))
    assert "−0.020 [−0.050, +0.010]" in page.text


def test_a_verdict_of_another_format_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text('{"contrasts": [{"name": "x"}]}', "utf-8")
    assert forest(str(tmp_path)) is None


@given(st.floats(-2, 2), st.floats(0, 0.5), st.floats(0, 0.5))
def test_zero_and_ticks_lie_on_the_axis(difference: float, left: float, right: float) -> None:
    from curate.report.forest import _forest

    made = verdict()
    made["contrasts"][0] |= {
        "difference": difference,
        "low": difference - left,
        "high": difference + right,
    }
    plot = _forest(made)
    assert 0 <= plot.zero <= 1
    assert 1 <= len(plot.ticks) <= 8
    assert all(0 <= place <= 1 for place, _ in plot.ticks)
    assert plot.lines[0].start <= plot.lines[0].point <= plot.lines[0].end


def test_a_mixture_is_shown_beside_what_was_asked(tmp_path: Path) -> None:
    web = Share("web", 0.5, 0.5004, 4.25, 10, 42, 1e4)
    hostile = Share(ATTACKS[0], 0.5, 0.4996, 1.0, 3, 3, 1e4)
    mixture = {"mixture": [asdict(web), asdict(hostile)]}
    write_run(
        tmp_path, [TableSpec("01-mix", [{"mix": {}}], [document("a", "text")], extra=mixture)]
    )
    told = report(str(tmp_path)).read_text()
    assert "50.0 %" in told and "4.25 — more than 4" in told
    assert ATTACKS[0] not in told


def test_a_run_that_kept_nothing_has_a_page(tmp_path: Path) -> None:
    gone = [document(f"x{i}", Text(""), url=None, drop="extract.empty") for i in range(3)]
    run = write_run(
        tmp_path,
        [
            TableSpec("01-extract", [{"extract": {}}], gone),
            TableSpec("02-dedup", [{"dedup": {}}], [], "set"),
        ],
    )
    page = Page(report(str(run)).read_text("utf-8"))
    assert "No document was kept." in page.text
    assert "3 records = 0 kept + 3 dropped + 0 non-documents." in page.text


def test_an_empty_run_has_a_page(tmp_path: Path) -> None:
    run = write_run(tmp_path, [TableSpec("01-extract", [{"extract": {}}], [])])
    assert "0 records = 0 kept" in report(str(run)).read_text("utf-8")


def test_tables_that_do_not_belong_together_are_noticed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write_table(run, TableSpec("02-dedup", [{"dedup": {}}], [document("a", Text("x"))], "set"))
    assert "does not balance" in report(str(run)).read_text("utf-8")


def test_many_sources_are_put_together(tmp_path: Path) -> None:
    made = [document(f"{i}", Text("abc"), source=f"s{i % 9}") for i in range(90)]
    found = funnel(open_run(str(write_run(tmp_path, [TableSpec("01-read", [], made)]))), {})
    assert len(found.sources) == SOURCES_SHOWN
    assert found.sources[-1] == OTHER
    assert sum(n for n, _ in found.levels[0].documents_by_source) == 90
    assert found.levels[-1].text_bytes == 270


def test_samples_are_few_short_and_fixed(tmp_path: Path) -> None:
    made = [
        document(f"{i}", Text("long " * 1000), drop="c4.empty" if i % 2 else None)
        for i in range(2 * PER_REASON + 20)
    ]
    run = open_run(str(write_run(tmp_path, [TableSpec("01-filter", [{"c4": {}}], made)])))
    found = listed(run)
    assert list(found.groups) == ["01-filter/c4.empty", "kept"]
    assert len(found.groups["01-filter/c4.empty"]) == PER_REASON
    assert listed(run) == found
    assert all(
        item.shown_chars == CHARS < item.chars and len(item.text[0][1]) == CHARS
        for item in found.groups["kept"]
    )


def test_real_documents_are_shown_before_planted_ones(tmp_path: Path) -> None:
    made = [
        document(f"{i}", Text("x"), labels={"planted": "control"} if i > KEPT else {})
        for i in range(2 * KEPT)
    ]
    run = open_run(str(write_run(tmp_path, [TableSpec("01-read", [], made)])))
    places = {"".join(text for _, text in item.place) for item in listed(run).items}
    assert {place.rpartition("/")[2] for place in places} <= {str(i) for i in range(KEPT + 1)}


def test_near_duplicates_stand_beside_what_was_kept_for_them(tmp_path: Path) -> None:
    run = open_run(str(make_run(tmp_path)))
    (cluster,) = near_clusters(run, gather(run, bounds(run)), Archive())
    assert cluster.kept and cluster.kept.id == cluster.kept_id
    assert cluster.size == len(cluster.members) == 3
    for member in cluster.members:
        assert member.difference and not member.difference.same
        assert [kind for kind, _ in member.difference.dropped].count("only") >= 1


def test_labels_with_many_values_are_left_out(tmp_path: Path) -> None:
    made = [
        document(f"{i}", Text("x"), labels={"id": str(i), "backend": "profanity"})
        for i in range(30)
    ]
    run = open_run(str(write_run(tmp_path, [TableSpec("01-filter", [], made)])))
    assert label_counts(run, gather(run, {})) == [("backend", 30, [("profanity", 30)])]


def test_a_histogram_shows_the_bound_that_was_used(tmp_path: Path) -> None:
    run = open_run(str(make_run(tmp_path, number=400)))
    drawn = next(
        h
        for h in histograms(run, bounds(run), gather(run, bounds(run)))
        if h.bound.signal == "word_count"
    )
    assert (drawn.bound.low, drawn.bound.high) == (50, 1000)
    assert drawn.dropped_documents == sum(row.drop is not None for row in rows(number=400)) - 1
    place = next(place for place, value in drawn.marks if value == 50)
    for i, (kept, own) in enumerate(zip(drawn.kept, drawn.own, strict=True)):
        assert not (kept and (i + 1) / len(drawn.kept) <= place + 1e-9)
        assert not (own and i / len(drawn.own) >= place - 1e-9)
    assert max(drawn.kept) == 1


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=50),
    st.one_of(st.just(-np.inf), st.floats(0, 1e5)),
    st.one_of(st.just(np.inf), st.floats(1e5, 1e7)),
)
def test_an_axis_is_always_drawable(values: list[float], low: float, high: float) -> None:
    bound = Bound("a", "b", low, high, "a.b")
    marks = tuple(value for value in (low, high) if np.isfinite(value))
    spread = Spread.of(np.array(values), marks)
    logarithmic, first, last = _axis(spread, bound)
    assert first < last
    edges = _edges(spread, first, last, marks, logarithmic)
    assert 2 <= len(edges) <= 200
    assert (np.diff(edges) > 0).all()
    assert edges[0] <= first + 1e-9 * abs(first)
    assert edges[-1] >= last - 1e-9 * abs(last)


def test_a_large_page_stays_small(tmp_path: Path) -> None:
    made = [
        document(
            f"{i}", Text("<&\"'>" * 2000), drop=f"step{i % 120}.reason", labels={"x": '"' * 5000}
        )
        for i in range(2400)
    ]
    run = write_run(tmp_path, [TableSpec("01-filter", [{"c4": {}}], made)])
    assert len(render(open_run(str(run))).encode()) < 15e6


def test_where_a_page_cannot_go_is_said_in_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(OutputError, match="cannot write"):
        report(str(run), str(tmp_path / "missing" / "page.html"))
    with pytest.raises(InputError, match="local file"):
        report("s3://bucket/run")
    with pytest.raises(InputError, match="no finished run"):
        report(str(tmp_path / "nothing"))
