"""What the page's explorable parts are made of: exact, inert, and bounded."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from run_builder import TableSpec, document, write_run

from curate.audit.rules import Bound, bounds
from curate.cli import main
from curate.document import Document
from curate.errors import InputError
from curate.filters.repetition import measure
from curate.finished import FinishedRun, open_run
from curate.report import page, samples
from curate.report.composition import Property, composition
from curate.report.cost import costs
from curate.report.cuts import CUTS, cuts
from curate.report.facts.gather import Archive, gather
from curate.report.facts.spread import Spread
from curate.report.funnel import funnel
from curate.report.histograms import Histogram, histograms
from curate.report.island import island, script
from curate.report.overlap import Overlap, overlap
from curate.report.pairs import SIDE_CHARS, WORDS, difference
from curate.report.sankey import REASONS, sankeys
from curate.report.spans import segments, spans
from curate.report.thresholds import thresholds
from curate.text import Text

INF = float("inf")
HOSTILE = ("</script><script>document.title='gone'</script>", "<!--<script>", "]]>", "\u2028\u2029", "\ud800", "&lt;")  # fmt: skip


def a_run(folder: Path, tables: list[TableSpec]) -> FinishedRun:
    return open_run(str(write_run(folder, tables)))


def drawn_of(run: FinishedRun) -> list[Histogram]:
    return histograms(run, bounds(run), gather(run, bounds(run)))


def overlap_of(run: FinishedRun) -> Overlap | None:
    limits = bounds(run)
    facts = gather(run, limits)
    dropped = sum(told.dropped for told in facts.values())
    return overlap([told.agreement for told in facts.values()], [*limits.values()], dropped)


def composition_of(run: FinishedRun) -> dict[str, Property]:
    return {found.name: found for found in composition(run, gather(run, {}))}


def values() -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-1e6, 1e6) | st.integers(0, 200).map(float), max_size=40)


# --- bounds to try


@given(
    values(),
    values(),
    st.one_of(st.just(-INF), st.floats(-1e3, 1e3)),
    st.one_of(st.just(INF), st.floats(1e3, 1e5)),
)
def test_a_trial_counts_what_a_loop_counts(
    kept: list[float], own: list[float], low: float, high: float
) -> None:
    if not kept and not own:
        return
    bound = Bound("a", "b", low, high, "a.b")
    marks = tuple(value for value in (low, high) if abs(value) < INF)
    spreads = [Spread.of(np.array(part, float), marks) for part in (kept, own)]
    found = thresholds(*spreads, bound, min(kept + own), max(kept + own) + 1)
    assert list(found.at) == sorted(set(found.at))
    assert all(edge in found.at for edge in (low, high) if abs(edge) < INF)
    lows = [None] if found.low is None else [0, found.low, len(found.at) - 1]
    highs = [None] if found.high is None else [0, found.high, len(found.at) - 1]
    for i, j in ((i, j) for i in lows for j in highs):
        least = -INF if i is None else found.at[i]
        most = INF if j is None else found.at[j]
        if least <= most:
            go = sum(not least <= value <= most for value in kept)
            stay = sum(least <= value <= most for value in own)
            assert found.effect(i, j) == (go, stay)


def test_the_recipe_s_own_bounds_change_nothing(tmp_path: Path) -> None:
    run = a_run(tmp_path, [filtered(300)])
    for drawn in drawn_of(run):
        assert drawn.trial.effect(drawn.trial.low, drawn.trial.high) == (0, 0)
        assert len(drawn.trial_places) == len(drawn.trial.at)
        assert all(0 <= place <= 1 for place in drawn.trial_places)
        assert list(drawn.trial_places) == sorted(drawn.trial_places)


def filtered(number: int) -> TableSpec:
    """Documents with a word count and a share, dropped by the first bound they break."""
    draw = random.Random(7)
    rows = []
    for i in range(number):
        words, hashes = draw.randint(5, 400), draw.random() / 5
        row = document(
            f"{i}", Text("word " * words), language=draw.choice(["en", "de"]),
            signals={"gopher.word_count": float(words), "gopher.hash_ratio": hashes},
        )  # fmt: skip
        if words < 50:
            row.drop = "gopher.word_count"
        elif hashes > 0.1:
            row.drop = "gopher.hash_ratio"
        rows.append(row)
    return TableSpec("01-filter", [{"gopher": {}}], rows)


# --- overlap


def test_overlap_is_what_a_loop_finds(tmp_path: Path) -> None:
    spec = filtered(300)
    run = a_run(tmp_path, [spec])
    found = overlap_of(run)
    assert found
    dropped = [row for row in spec.rows if row.drop]
    few = {row.id for row in dropped if row.signals["gopher.word_count"] < 50}
    many = {row.id for row in dropped if row.signals["gopher.hash_ratio"] > 0.1}
    assert found.documents == len(dropped) and few & many and few - many
    by_signal = {rule.bound.signal: rule for rule in found.rules}
    assert set(by_signal) == {"word_count", "hash_ratio"}
    for signal, mine, theirs in (("word_count", few, many), ("hash_ratio", many, few)):
        rule = by_signal[signal]
        assert (rule.caught, rule.alone, rule.together) == (len(mine), len(mine - theirs), len(mine & theirs))  # fmt: skip
        assert rule.judged == len(dropped)
    assert found.shares[0][0] == 1
    first, second = (few, many) if found.rules[0].bound.signal == "word_count" else (many, few)
    assert found.shares[0][1] == pytest.approx(len(first & second) / len(first))


def test_no_overlap_where_no_bound_is_broken(tmp_path: Path) -> None:
    assert (
        overlap_of(a_run(tmp_path / "a", [TableSpec("01-read", [], [document("a", "x")])])) is None
    )
    gone = document("a", "x", drop="gopher.error")
    run = a_run(tmp_path / "b", [TableSpec("01-filter", [{"gopher": {}}], [gone])])
    assert overlap_of(run) is None


def test_a_rule_caught_what_was_dropped_for_it(tmp_path: Path) -> None:
    """Also where the signal is not a number, which no bound admits."""
    gone = document("a", "x", drop="gopher.word_count", signals={"gopher.word_count": float("nan")})
    run = a_run(tmp_path, [TableSpec("01-filter", [{"gopher": {}}], [gone])])
    found = overlap_of(run)
    assert found
    assert [(rule.caught, rule.alone, rule.judged) for rule in found.rules] == [(1, 1, 1)]


# --- before and after


def test_shares_are_of_all_documents(tmp_path: Path) -> None:
    rows = [document(f"{i}", "x" * 300, language="en") for i in range(90)]
    rows += [document(f"d{i}", "", language="de", drop="language.other") for i in range(30)]
    rows.append(document("request", None, drop="record.request"))
    by_name = composition_of(a_run(tmp_path, [TableSpec("01-filter", [], rows)]))
    languages = by_name["Languages"]
    assert (languages.rows_before, languages.rows_after) == (120, 90)
    assert languages.lines == [("en", 0.75, 1.0), ("de", 0.25, 0.0)]
    lengths = {value: (before, after) for value, before, after in by_name["Text lengths"].lines}
    assert lengths["200 to 500"] == (0.75, 1.0) and lengths["under 200"] == (0.25, 0.0)
    assert by_name["Domains"].lines == [("example.org", 1.0, 1.0)]
    assert "Licences" not in by_name and "Toxicity" not in by_name


def test_a_property_is_read_where_it_is_first_known(tmp_path: Path) -> None:
    raw = [document(f"{i}", content=b"<p>x", url=None) for i in range(4)]
    later = [
        document(
            f"{i}", "text", url=None, labels={"licence": "MIT"} if i else {},
            signals={"toxicity.mean": 0.3, "private.email": float(i), "private.ip": 0.0},
        )
        for i in range(4)
    ]  # fmt: skip
    run = a_run(tmp_path, [TableSpec("01-read", [], raw), TableSpec("02-extract", [], later)])
    by_name = composition_of(run)
    assert {found.before for found in by_name.values()} == {"02-extract"}
    assert "Domains" not in by_name and "Languages" not in by_name
    assert by_name["Licences"].lines == [("MIT", 1.0, 1.0)] and by_name["Licences"].rows_before == 3
    assert ("0.25 to 0.5", 1.0, 1.0) in by_name["Toxicity"].lines
    assert by_name["Personal data"].lines == [("email", 0.75, 0.75), ("none", 0.25, 0.25)]


# --- marks


def test_marks_stand_where_the_rule_looks() -> None:
    text = "A line.\nOther\n  A line. \nLOREM  lorem Ipsum {"
    marked = [text[a:b] for a, b in spans(text, "repetition.duplicate_line_chars_ratio", {})]
    assert marked == ["A line."] and text.index("A line.", 3) == 16
    assert [text[a:b] for a, b in spans(text, "c4.lorem_ipsum", {})] == ["lorem Ipsum"]
    assert [text[a:b] for a, b in spans(text, "c4.curly_bracket", {})] == ["{"]
    found = spans(text, "decontaminate.ngram", {"decontaminate.text": "Other A line. LOREM"})
    assert [text[a:b] for a, b in found] == ["Other\n  A line. \nLOREM"]
    line = spans(text, "toxicity.mean", {"toxicity.worst_line": "Other"})
    assert [text[a:b] for a, b in line] == ["Other"]
    word = spans("A bad word, BADWORD, not badly.", "c4.bad_words", {"c4.match": "bad"})
    assert word == [(2, 5)]
    signs = "* a # b...\n - c…  \nd…e"
    for reason, wanted in (
        ("gopher.hash_ratio", ["#"]),
        ("gopher.ellipsis_ratio", ["...", "…", "…"]),
        ("gopher.ellipsis_lines_ratio", ["...", "…"]),
        ("gopher.bullet_lines_ratio", ["* ", " - "]),
    ):
        assert [signs[a:b] for a, b in spans(signs, reason, {})] == wanted, reason
    for reason in ("gopher.word_count", "decontaminate.ngram", None, "url.blocked_host"):
        assert spans(text, reason, {}) == []


@given(st.lists(st.sampled_from(["a", "bb", "c"]), max_size=40), st.integers(5, 10))
def test_marked_copies_of_n_grams_are_what_the_rule_counts(words: list[str], n: int) -> None:
    text = Text(" ".join(words))
    reason = f"repetition.duplicate_{n}gram_chars_ratio"
    found = spans(text, reason, {})
    assert all(b < c for (_, b), (c, _) in zip(found, found[1:], strict=False))
    marked = sum(len(text[a:b].replace(" ", "")) for a, b in found)
    ratio = measure(text)[reason.partition(".")[2]]
    assert marked / max(1, len(text.replace(" ", ""))) == pytest.approx(ratio)
    for a, b in spans(text, "repetition.top_2gram_chars_ratio", {}):
        first = text[a:b].split()[:2]
        assert sum(words[i : i + 2] == first for i in range(len(words))) > 1


@given(
    st.text("ab \n", max_size=60),
    st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=5),
)
def test_pieces_make_up_the_excerpt(text: str, marked: list[tuple[int, int]]) -> None:
    ordered = sorted(marked)
    end = min(len(text), 50)
    pieces = segments(text, ordered, 0, end)
    assert "".join(piece for _, piece in pieces) == text[:end]
    inside = {i for a, b in ordered for i in range(a, min(b, end))}
    assert sum(len(piece) for is_marked, piece in pieces if is_marked) == len(inside)


def test_an_excerpt_begins_where_its_mark_is() -> None:
    text = "word " * 2000 + "lorem ipsum"
    row: dict[str, Any] = {
        "id": "0", "source": "web", "url": None, "origin": "a", "language": None, "text": text,
        "signals": {}, "labels": {}, "drop": "c4.lorem_ipsum",
    }  # fmt: skip
    made = samples.sample(row, "01")
    assert made.starts_late and (True, "lorem ipsum") in made.text
    assert made.shown_chars <= samples.CHARS


# --- near-duplicates


@given(st.lists(st.sampled_from("abc"), max_size=60), st.lists(st.sampled_from("abc"), max_size=60))
def test_both_sides_of_a_difference_are_the_texts(a: list[str], b: list[str]) -> None:
    made = difference(" ".join(a), " ".join(b))
    for side, words in ((made.kept, a), (made.dropped, b)):
        said = sum(int(text.split()[0]) for kind, text in side if kind == "left_out")
        shown = " ".join("".join(text for kind, text in side if kind != "left_out").split())
        assert len(shown.split()) + said == len(words)
        assert said or shown == " ".join(words)
    assert made.same == (a == b)
    assert made.same == (not any(k == "only" for s in (made.kept, made.dropped) for k, _ in s))


def test_a_difference_is_bounded_and_begins_where_texts_differ() -> None:
    start = "same " * 5000
    made = difference(start + "left " * 5000, start + "x" * 100_000)
    assert made.kept[0] == ("left_out", "4988 equal words")
    for side in (made.kept, made.dropped):
        shown = "".join(text for kind, text in side if kind != "left_out")
        assert len(shown) <= SIDE_CHARS and len(shown.split()) <= WORDS


# --- what was cut out


def test_what_was_cut_out_stands_beside_what_keeps_it(tmp_path: Path) -> None:
    keeper = document("keeper", "First. " * 99 + "Hello,  <b>World</b>. Bye.")
    lost = {"dedup_lines.removed": "hello, <b>world</b>.", "dedup_lines.duplicate_of": keeper.id}
    rows = [keeper]
    rows += [document(f"{i}", "left", labels=lost, signals={"dedup_lines.removed_ratio": 0.25}) for i in range(CUTS + 5)]  # fmt: skip
    rows.append(document("gone", "x", drop="dedup_lines.empty", labels={**lost, "dedup_lines.duplicate_of": "nobody"}))  # fmt: skip
    run = a_run(tmp_path, [TableSpec("01-lines", [{"dedup_lines": {}}], rows, "set")])
    ((step, found),) = cuts(run, gather(run, {}), Archive()).items()
    assert step == "dedup_lines" and len(found) == CUTS
    for cut in found:
        if cut.document.drop is None:
            assert cut.keeper and cut.keeper.id == keeper.id and cut.ratio == 0.25
            assert (True, "Hello,  <b>World</b>.") in cut.passage
        else:
            assert cut.keeper is None and cut.passage == []
    tree = html.document_fromstring(page.render(run))
    section = tree.xpath("//section[h2/@id='cuts']")[0]
    assert len(section.xpath(".//details")) == CUTS and not section.xpath(".//article//b")


# --- the flow


def test_nothing_is_lost_in_the_drawing(tmp_path: Path) -> None:
    rows = [document(f"{i}", "four", drop=f"c4.r{i % 20}" if i % 3 else None) for i in range(90)]
    rows.append(document("request", None, drop="record.request"))
    second = [Document(**{**values_of(row), "text": "two"}) for row in rows if row.drop is None]
    second[0].drop = "dedup.exact"
    run = a_run(
        tmp_path, [TableSpec("01-filter", [], rows), TableSpec("02-dedup", [], second, "set")]
    )
    records, size = sankeys(run)
    totals = [table.table.total() for table in run.documents]
    assert [node.value for node in records.nodes] == [91, totals[0].kept, totals[1].kept]
    for i, drawing in ((0, records), (1, size)):
        out = sum(flow.value for flow in drawing.flows if flow.kind != "kept")
        assert drawing.nodes[0].value == out + drawing.nodes[-1].value, i
    named = {flow.title for flow in records.flows if flow.kind == "dropped"}
    assert len(named) <= REASONS + 2 and any("other reasons" in name for name in named)
    for flow in (*records.flows, *size.flows):
        assert 0 <= flow.x <= records.width
    for drawing in (records, size):
        labels = [(flow.x, flow.y) for flow in drawing.flows if flow.label]
        assert len(labels) == len(set(labels))
        assert all(0 <= y <= drawing.height for _, y in labels)


def values_of(row: Document) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Document.__slots__}


def test_cost_is_time_times_price(tmp_path: Path) -> None:
    spec = filtered(20)
    spec.seconds = 1800.0
    run = a_run(tmp_path, [spec, TableSpec("02-dedup", [], [r for r in spec.rows if not r.drop], "set", 600.0)])  # fmt: skip
    steps = funnel(run, {}).steps
    assert [(cost.price, cost.share) for cost in costs(steps, 2.0)] == [(1.0, 0.75), (pytest.approx(1 / 3), 0.25)]  # fmt: skip
    assert {cost.price for cost in costs(steps)} == {None}
    for price in (-1.0, float("nan"), INF):
        with pytest.raises(InputError, match="price"):
            costs(steps, price)
    tree = html.document_fromstring(page.render(run, price_per_hour=2.0))
    (total,) = tree.xpath("//section[h2/@id='time']//tfoot//td[last()]")
    assert total.text_content() == "1.33"


def test_steps_of_a_table_say_what_they_took(tmp_path: Path) -> None:
    spec = filtered(20)
    spec.extra = {
        "work": {
            "unicode": {"seconds": 1.0, "documents": 20},
            "gopher": {"seconds": 3.0, "documents": 15},
        }
    }
    run = a_run(tmp_path, [spec])
    ((unicode, gopher),) = [cost.steps for cost in costs(funnel(run, {}).steps)]
    assert (unicode.step, unicode.rate, unicode.share) == ("unicode", 20.0, 0.25)
    assert (gopher.documents, gopher.rate, gopher.share) == (15, 5.0, 0.75)
    tree = html.document_fromstring(page.render(run))
    assert tree.xpath("//tr[@class='part']/th/text()") == ["unicode", "gopher"]


def test_the_command_takes_a_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_run(tmp_path, [filtered(20)])
    for price, status in (("7200", 0), ("-1", 2)):
        with pytest.raises(SystemExit) as end:
            main(["report", str(tmp_path), "--price-per-hour", price])
        assert (end.value.code or 0) == status
    assert "give a price of 0 or more" in capsys.readouterr().err
    assert "Cost at 7,200.00 an hour" in (tmp_path / "report.html").read_text("utf-8")


# --- the page


def test_only_our_script_may_run(tmp_path: Path) -> None:
    tree = html.document_fromstring(page.render(a_run(tmp_path, [filtered(60)])))
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    (code,) = tree.xpath("//script[not(@type)]")
    digest = base64.b64encode(hashlib.sha256(code.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';") and "unsafe-eval" not in policy
    assert code.text == script()
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "eval", "Function(", "fetch", "</script", "<!--", "\r"):  # fmt: skip
        assert forbidden not in code.text
    assert len(script().splitlines()) < 300


@pytest.mark.parametrize("text", HOSTILE)
def test_an_island_holds_hostile_strings_inertly(text: str) -> None:
    made = str(island({text: [text]}))
    assert json.loads(made) == {text: [text]}
    assert not set(made) & set("<>&\u2028\u2029") and made.isascii()
    tree = html.document_fromstring(
        f"<body><script type='application/json'>{made}</script><p>x</p>"
    )
    (element,) = tree.xpath("//script")
    assert json.loads(element.text) == {text: [text]} and element.tail is None


def test_islands_are_what_python_counted(tmp_path: Path) -> None:
    run = a_run(tmp_path, [filtered(200)])
    tree = html.document_fromstring(page.render(run))
    (element,) = tree.xpath("//script[@id='thresholds']")
    drawn = drawn_of(run)
    rules = json.loads(element.text)
    assert len(rules) == len(drawn) == len(tree.xpath("//figure[@data-rule]"))
    for rule, histogram in zip(rules, drawn, strict=True):
        assert rule["kept"][0] == histogram.kept_rows
        assert len(rule["say"]) == len(rule["x"]) == len(histogram.trial.at)


def test_every_control_has_a_label_and_every_id_is_one(tmp_path: Path) -> None:
    tree = html.document_fromstring(page.render(a_run(tmp_path, [filtered(200)])))
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    labelled = set(tree.xpath("//label/@for"))
    assert {control.get("id") for control in tree.xpath("//input|//select")} == labelled
    assert set(tree.xpath("//@aria-labelledby")) <= set(ids)
    assert {link.lstrip("#") for link in tree.xpath("//a/@href")} <= set(ids)
    levels = [int(heading.tag[1]) for heading in tree.xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert all(cell.get("scope") for cell in tree.xpath("//th"))


def test_a_reason_leads_to_its_documents(tmp_path: Path) -> None:
    tree = html.document_fromstring(page.render(a_run(tmp_path, [filtered(200)])))
    links = tree.xpath("//a[@data-show]")
    assert len(links) == 2
    options = set(tree.xpath("//select[@name='reason']/option/@value"))
    for link in links:
        (target,) = tree.xpath(f"//*[@id='{link.get('href')[1:]}']")
        assert target.get("data-reason") == link.get("data-show") in options


@pytest.mark.parametrize("text", ["<&\"'>" * 400, "{\n" * 900, "\u202e\x00é" * 500])
def test_a_page_too_large_shows_fewer_documents(tmp_path: Path, text: str) -> None:
    rows = [
        document(
            f"{i}", Text(text), drop="c4.curly_bracket" if i % 2 else f"s.'{i % 20}'", url=text
        )
        for i in range(300)
    ]
    run = a_run(tmp_path, [TableSpec("01-filter", [{"c4": {}}], rows)])
    whole = page.render(run)
    limit = len(whole.encode()) // 3
    cut = page.render(run, page_bytes=limit)
    assert 0 < cut.count('class="sample"') < whole.count('class="sample"')
    assert len(cut.encode()) < limit
    assert 'class="sample"' not in page.render(run, page_bytes=1)


def test_what_documents_take_in_the_page_is_known_before(tmp_path: Path) -> None:
    run = a_run(tmp_path, [filtered(300)])
    listed = samples.listing(run, funnel(run, {}).reasons_in_order, gather(run, {}), Archive())
    assert len(page.render(run).encode()) - len(page.render(run, page_bytes=1).encode()) < listed.size_bytes  # fmt: skip


def test_groups_named_in_texts_are_counted_before_and_after(tmp_path: Path) -> None:
    texts = ["She and he sang.", "a blind man", "sherry, hebrew, hers", None, "SHE", ""]
    rows = [
        document(str(number), text, drop="gopher.word_count" if number == 4 else None)
        for number, text in enumerate(texts)
    ]
    terms = composition_of(a_run(tmp_path, [TableSpec("01-filter", [], rows)]))["Identity terms"]
    assert (terms.rows_before, terms.rows_after) == (5, 4)
    shares = {name: (before, after) for name, before, after in terms.lines}
    assert shares["women"] == (2 / 5, 1 / 4)
    assert shares["men"] == (2 / 5, 2 / 4)
    assert shares["disabled"] == (1 / 5, 1 / 4)
    assert shares["Asian"] == (0, 0)
    assert shares["none of these"] == (2 / 5, 2 / 4)
