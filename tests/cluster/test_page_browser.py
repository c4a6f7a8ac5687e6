"""The report page in a real browser: its controls work, hostile documents stay text, it is accessible.

Needs Chromium (or Chrome) on the path, and the packages `playwright` and `axe-playwright-python`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_builder import TableSpec, document, write_run

from curate.document import Document
from curate.report import report
from curate.text import Text

ATTACKS = (
    "<script>window.ran=1;document.title='ran'</script>",
    "</script><script>window.ran=1</script>",
    "</style></title></textarea><svg onload=window.ran=1>",
    "<img src=http://127.0.0.1:9/x onerror=window.ran=1>",
    "\"><details open ontoggle=window.ran=1><input autofocus onfocus=window.ran=1>",
    "' onmouseover='window.ran=1' x='",
    "javascript:window.ran=1",
    "<a href=javascript:window.ran=1>x</a>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><base href=http://127.0.0.1:9/>",
    "{{constructor.constructor('window.ran=1')()}} ${window.ran=1} {% raw %}",
    "<!--<script>", "]]><script>window.ran=1</script>", "\u2028window.ran=1//", "__proto__",
)  # fmt: skip
RECALL = {"hits": 9, "of": 10, "share": 0.9, "interval": [0.596, 0.982]}
AUDIT = {
    "defects": [
        {"kind": "near_duplicate", "step": "dedup", "planted": 10, "outcomes": {"caught": 9, "missed": 1},
         "recall": RECALL, "missed": [{"url": "http://planted.example/x", "left": ["left"]}]},
    ],
    "controls": 10, "collateral": {**RECALL, "reasons": {"c4.sentence_count": 9}},
}  # fmt: skip
ARM = {"name": "dedup", "documents": 3, "epochs": 1.0, "bits_per_byte": {"H1": 2.5}, "score": 2.5, "seed_sigma": 0.01}  # fmt: skip
VERDICT = {
    "contrasts": [
        {"name": outcome, "first": "a", "second": "b", "difference": -0.02, "low": -0.05, "high": 0.01,
         "documents_low": -0.03, "documents_high": -0.01, "outcome": outcome, "reason": "said here"}
        for outcome in ("better", "worse", "inconclusive")
    ],
    "arms": [ARM, ARM], "seeds": 3, "tokens_per_run": 1000, "detectable_effect": 0.02,
    "sentences": ["no difference was found."], "notes": ["a note"], "versions": {"torch": "2"},
}  # fmt: skip
VIEWS = [(width, scheme) for width in (1280, 360) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = a_run(tmp_path_factory.mktemp("plain"), ("Plain text.",))
    (run / "verdict.json").write_text(json.dumps(VERDICT), "utf-8")
    (run / "audit.json").write_text(json.dumps(AUDIT), "utf-8")
    return report(str(run), price_per_hour=2.0)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(str(a_run(tmp_path_factory.mktemp("hostile"), ATTACKS)))


def a_run(folder: Path, texts: tuple[str, ...]) -> Path:
    """Two tables: documents dropped by two rules (texts, ids, addresses, labels, sources, reasons and
    languages as given), then near-duplicates of one."""
    draw = random.Random(5)
    rows = []
    for i in range(150):
        attack = texts[i % len(texts)]
        words, hashes = draw.randint(20, 400), draw.random() / 6
        row = document(
            f"a.warc#{i}", Text(f"Number{i}. {attack} " + "word " * words), source="web" if i % 3 else f"book {attack}",
            url=f"https://host{i % 12}.example/{i}?{attack}" if attack == "Plain text." else attack,
            signals={"gopher.word_count": float(words), "gopher.hash_ratio": hashes, f"private.{attack}": 1.0},
            labels={"note": attack, attack: attack, "licence": attack}, language=f"en {attack}"[:90],
        )  # fmt: skip
        if attack != "Plain text.":
            row.id = f"{i}{attack}"
        if words < 50:
            row.drop = "gopher.word_count"
        elif hashes > 0.1:
            row.drop = "gopher.hash_ratio"
        elif i % 10 == 0:
            row.drop = f"c4.{attack}"
        rows.append(row)
    rows[1].text, rows[1].drop = Text(f"{texts[0]} Lorem ipsum dolor"), "c4.lorem_ipsum"
    second = [copy(row) for row in rows if row.drop is None]
    for i, twin in enumerate(second[1:5]):
        twin.drop = "dedup.near"
        twin.text = Text(f"{twin.text} {texts[i % len(texts)]} another ending")
        twin.signals["dedup.similarity"] = 0.9
        twin.labels["dedup.duplicate_of"] = second[0].id
    steps: list[dict[str, Any]] = [{"gopher": {}}, {"c4": {}}]
    if texts[0] != "Plain text.":
        steps.append({texts[0]: {texts[0]: texts[0]}})
    return write_run(
        folder,
        [
            TableSpec("01-filter", steps, rows),
            TableSpec("02-dedup", [{"dedup": {}}], second, "set"),
        ],
        {"name": texts[0]},
    )


def copy(row: Document) -> Document:
    return Document(
        row.id, row.source, row.origin, row.url, text=row.text, language=row.language,
        signals=dict(row.signals), labels=dict(row.labels),
    )  # fmt: skip


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    made = browser.new_page(viewport={"width": 1280, "height": 900})
    made.errors = []
    made.on("pageerror", lambda error: made.errors.append(str(error)))
    made.on("console", lambda message: made.errors.append(message.text))
    yield made
    assert made.errors == []
    made.close()


def visible(tab: Any) -> int:
    return int(tab.locator(".sample:visible").count())


# --- controls


def test_a_slider_says_what_another_bound_would_drop(tab: Any, plain: Path) -> None:
    tab.goto(plain.as_uri())
    figure = tab.locator(".histogram", has_text="gopher.word_count").first
    low, high = (
        figure.locator("[data-side=low]:not(line)"),
        figure.locator("[data-side=high]:not(line)"),
    )
    assert figure.locator(".effect").inner_text() == "The recipe's bound."
    assert "0 of " in low.get_attribute("aria-valuetext")
    low.focus()
    for _ in range(12):
        tab.keyboard.press("ArrowRight")
    said = figure.locator(".effect").inner_text()
    assert said.rstrip(".") == low.get_attribute("aria-valuetext")
    bound = float(said.removeprefix("≥ ").partition(" to ")[0].replace(",", ""))
    rows = rows_of(plain)
    words = [row.signals["gopher.word_count"] for row in rows if row.drop is None]
    assert bound > 50
    assert f": {sum(count < bound for count in words)} of {len(words)} documents kept now" in said
    tab.keyboard.press("Home")
    said = figure.locator(".effect").inner_text()
    own = sum(row.drop == "gopher.word_count" for row in rows)
    assert f"{own} of {own} dropped by this rule would pass it (100 %)" in said
    high.focus()
    tab.keyboard.press("Home")
    assert low.input_value() == high.input_value() == "0"
    figure.locator(".reset").click()
    assert figure.locator(".effect").inner_text() == "The recipe's bound."


def rows_of(page: Path) -> list[Document]:
    """The rows that `plain` was made of."""
    import pyarrow as pa

    from curate.document import documents
    from curate.finished import open_run

    table = open_run(str(page.parent)).documents[0].table.dataset().to_table()
    batches: list[pa.RecordBatch] = table.to_batches()
    return [row for batch in batches for row in documents(batch)]


def test_words_and_filters_narrow_the_documents(tab: Any, plain: Path) -> None:
    tab.goto(plain.as_uri())
    listed, status = tab.locator(".sample").count(), tab.locator("[role=status]")
    assert visible(tab) == 25 < listed
    assert (
        status.inner_text()
        == f"{listed} of {listed} documents on this page match, the first 25 are shown."
    )
    tab.get_by_role("button", name="Show more documents").click()
    assert visible(tab) == 50
    kept = tab.locator(".sample[data-reason=kept]").count()
    tab.get_by_label("Outcome").select_option(label=f"kept to the end ({kept})")
    assert visible(tab) == 25 < kept and status.inner_text().startswith(f"{kept} of ")
    assert set(
        tab.locator(".sample:visible").evaluate_all("all => all.map(e => e.dataset.reason)")
    ) == {"kept"}
    tab.get_by_label("Source", exact=True).select_option("web")
    found = int(status.inner_text().split()[0])
    assert 0 < found < kept
    tab.get_by_role("button", name="Show all").click()
    tab.wait_for_function("document.querySelectorAll('.sample:not([hidden])').length === 25")
    tab.get_by_label("Words in text").fill("lorem IPSUM")
    assert visible(tab) == 1 and status.inner_text().startswith("1 of ")
    tab.locator(".sample:visible summary").click()
    assert tab.locator(".sample:visible mark").all_inner_texts() == ["Lorem ipsum"]
    tab.get_by_label("Words in text").fill("nothing has these words")
    assert visible(tab) == 0 and status.inner_text().startswith("0 of ")


def test_a_reason_leads_to_its_documents(tab: Any, plain: Path) -> None:
    tab.goto(plain.as_uri())
    link = tab.locator("a[data-show='01-filter/gopher.hash_ratio']")
    wanted = int(link.inner_text().split()[0])
    link.click()
    assert tab.locator("[role=status]").inner_text().startswith(f"{wanted} of ")
    assert tab.evaluate("document.activeElement.id") == "by-reason"


def test_near_duplicates_stand_side_by_side(tab: Any, plain: Path) -> None:
    tab.goto(plain.as_uri())
    pair = tab.locator(".pair").first
    pair.locator("summary").click()
    left, right = pair.locator(".sides > div").all()
    assert left.locator("h4").inner_text() == "kept" and left.locator("del").count()
    assert "another ending" in right.locator("ins").last.inner_text()
    boxes = left.bounding_box(), right.bounding_box()
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]


def test_the_flow_can_be_seen_in_bytes(tab: Any, plain: Path) -> None:
    tab.goto(plain.as_uri())
    assert (
        tab.locator(".sankey.records").is_visible()
        and not tab.locator(".sankey.bytes").is_visible()
    )
    tab.get_by_text("bytes", exact=True).first.click()
    assert (
        tab.locator(".sankey.bytes").is_visible()
        and not tab.locator(".sankey.records").is_visible()
    )


def test_without_script_the_page_is_whole(browser: Any, plain: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(plain.as_uri())
    assert still.locator(".sample:visible").count() == still.locator(".sample").count()
    assert not still.locator("form:visible, input[type=range]:visible, .more:visible").count()
    assert still.locator(".histogram svg:visible").count()
    context.close()


# --- hostile documents


def test_hostile_documents_run_nothing_and_ask_nothing(tab: Any, hostile: Path) -> None:
    requests: list[str] = []
    dialogs: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    tab.goto(hostile.as_uri())
    title = tab.title()
    assert title == f"{ATTACKS[0]} · curate report"
    tab.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    for attack in ATTACKS:
        tab.get_by_label("Words in text").fill(attack)
        assert not tab.locator("[role=status]").inner_text().startswith("0 of ")
        tab.locator(".sample:visible").first.hover()
    for field in ("Outcome", "Source", "Language"):
        options = tab.get_by_label(field, exact=True).locator("option")
        for value in options.evaluate_all("all => all.map(e => e.value)")[:20]:
            tab.get_by_label(field, exact=True).select_option(value)
    for link in tab.locator("a[data-show]").all():
        link.click()
    for slider in tab.locator("input[type=range]").all():
        slider.focus()
        tab.keyboard.press("ArrowRight")
    assert tab.evaluate("[window.ran, Object.prototype.ran]") == [None, None]
    assert tab.title() == title and dialogs == []
    assert requests == [hostile.as_uri()]
    assert tab.url.partition("#")[0] == hostile.as_uri()
    assert (
        tab.evaluate(
            "document.querySelectorAll('iframe, img, base, link, body svg[onload]').length"
        )
        == 0
    )
    handlers = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/.test(a.name)).length"
    assert tab.evaluate(handlers) == 0


def test_no_other_script_could_run(browser: Any, hostile: Path, tmp_path: Path) -> None:
    """Even a page that let a document's markup through would not run it."""
    page = tmp_path / "page.html"
    injected = "<script>window.ran=1</script><img src=x onerror=window.ran=1><a id=link href=javascript:window.ran=1>x</a>"
    text = hostile.read_text("utf-8").replace('<main id="main">', f'<main id="main">{injected}')
    page.write_text(text, "utf-8")
    tab = browser.new_page()
    tab.goto(page.as_uri())
    tab.locator("#link").click()
    assert tab.evaluate("window.ran") is None
    assert tab.locator("[role=status]").inner_text()  # ours did
    tab.close()


# --- accessibility


@pytest.mark.parametrize("width", [1280, 360])
def test_long_and_hostile_words_do_not_widen_the_page(
    browser: Any, hostile: Path, width: int
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.goto(hostile.as_uri())
    tab.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    tab.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_page_is_accessible(browser: Any, plain: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # axe is put into the page, which the page's own policy forbids
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    tab = context.new_page()
    tab.goto(plain.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.run(tab)
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_everything_is_reached_by_keyboard(tab: Any, plain: Path) -> None:
    tab.goto(plain.as_uri())
    wanted = tab.evaluate(
        "[...document.querySelectorAll('a[href], input[type=range], input[type=search], select, summary')]"
        ".filter(e => e.checkVisibility()).length"
    )
    reached: set[str] = set()
    unseen = []
    for _ in range(3 * wanted):
        tab.keyboard.press("Tab")
        place, outline = tab.evaluate(
            "(() => { const e = document.activeElement; const all = [...document.querySelectorAll('*')];"
            " const shown = e.matches('.units > input') ? e.nextElementSibling : e;"
            " return [e.matches('a[href], input[type=range], input[type=search], select, summary') ? String(all.indexOf(e)) : '',"
            " getComputedStyle(shown).outlineStyle]; })()"
        )
        unseen += [place] if outline == "none" and place else []
        if place in reached and len(reached) == wanted:
            break
        reached |= {place} if place else set()
    assert len(reached) == wanted and unseen == []
