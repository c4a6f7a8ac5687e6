"""A run served to a real browser: the way from the printed address to a document, SQL that is cancelled,
hostile documents that stay text, every page accessible.

Needs Chromium (or Chrome) on the path, and the packages `duckdb`, `playwright` and `axe-playwright-python`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_builder import TableSpec, document, write_run

from curate.document import Document
from curate.text import Text

pytest.importorskip("duckdb", reason="duckdb is not installed")
ATTACKS = (
    "<script>window.ran=1</script>", "</textarea></pre></style><svg onload=window.ran=1>",
    "\"><img src=http://127.0.0.1:9/x onerror=window.ran=1>", "' onmouseover='window.ran=1' x='",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>", "javascript:window.ran=1",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>", "\u202etpircs", "שלום",
)  # fmt: skip
SLOW = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
VIEWS = [(width, scheme) for width in (1280, 360) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that the command prints; afterwards Ctrl-C ends it in one line."""
    run = a_run(tmp_path_factory.mktemp("served") / "run")
    command = [sys.executable, "-m", "curate", "report", str(run), "--serve", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
    assert found, process.stdout.read()
    assert process.stdout.readline() == "Ctrl-C stops it\n"
    yield found.group()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("stopped\n", 0)


def a_run(folder: Path) -> Path:
    rows = []
    for i in range(130):
        said = ATTACKS[i % len(ATTACKS)]
        row = document(
            f"a.warc#{i}", Text(f"Number {i} {said} " + "word " * (i % 40)), source="web" if i % 3 else f"book {said}",
            url=f"{said}/{i}", language=f"en {said}"[:60], labels={"note": said, said: said},
            signals={"gopher.word_count": float(i), f"x.{said}": 1.0},
        )  # fmt: skip
        if i % 4 == 1:
            row.drop = "gopher.word_count" if i % 8 == 1 else f"c4.{said}"
        rows.append(row)
    rows[0].text = Text("A long word: " + "w" * 4_000)
    kept = [Document(r.id, r.source, r.origin, r.url, text=r.text, language=r.language)
            for r in rows if r.drop is None]  # fmt: skip
    specs = [
        TableSpec("01-filter", [{"gopher": {}}, {"c4": {}}], rows),
        TableSpec("02-dedup", [{"dedup": {}}], kept, "set"),
    ]
    return write_run(folder, specs, {"name": ATTACKS[0]})


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = context.new_page()
    made.errors = []
    made.on("pageerror", lambda error: made.errors.append(str(error)))
    made.on("console", lambda message: made.errors.append(message.text))
    made.goto(address)
    made.wait_for_selector("text=Tables")
    yield made
    assert made.errors == []
    context.close()


def root(address: str) -> str:
    return address.partition("/?")[0]


def pages(tab: Any, address: str) -> list[str]:
    """One of each kind."""
    tab.goto(f"{root(address)}/?table=01-filter")
    links = tab.locator(".rows a").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    sql = "/sql?q=SELECT+*+FROM+%2201-filter%22+LIMIT+4"
    paths = ["/?table=01-filter&text=Number+1&outcome=kept", links[5], sql, "/sql?q=SELEC", "/nope"]
    return [f"{root(address)}{path}" for path in paths]


def test_from_the_printed_address_to_a_document(tab: Any, address: str) -> None:
    assert "token" not in tab.url
    tab.get_by_role("link", name="01-filter", exact=True).click()
    tab.get_by_label("Outcome").select_option("dropped")
    tab.get_by_label("Dropped for").select_option("gopher.word_count")
    tab.get_by_role("button", name="Show").click()
    assert tab.locator("[role=status]").inner_text().startswith("17 rows match.")
    assert tab.locator(".rows li").count() == 17
    tab.get_by_label("Text contains").fill("Number 9 ")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**text=*")
    tab.locator(".rows a").click()
    assert tab.locator(".text").inner_text().startswith("Number 9 ")
    tab.get_by_role("link", name="its story through all tables").click()
    story = tab.locator("pre").inner_text()
    assert "01-filter" in story and story.rstrip().endswith(
        "dropped in 01-filter: gopher.word_count"
    )


def test_pages_forward_and_back_hold_every_row_once(tab: Any, address: str) -> None:
    tab.goto(f"{root(address)}/?table=01-filter")
    seen = []
    while True:
        seen.append(tab.locator(".rows a").evaluate_all("all => all.map(e => e.search)"))
        following = tab.get_by_role("link", name="Next")
        if not following.count():
            break
        following.click()
        tab.wait_for_load_state()
    assert [len(part) for part in seen] == [50, 50, 30] and len({*sum(seen, [])}) == 130
    for part in (seen[1], seen[0]):
        tab.get_by_role("link", name="Previous").click()
        tab.wait_for_load_state()
        assert tab.locator(".rows a").evaluate_all("all => all.map(e => e.search)") == part
    assert not tab.get_by_role("link", name="Previous").count()


def test_sql_by_keyboard_and_its_files(tab: Any, address: str) -> None:
    tab.goto(f"{root(address)}/sql")
    tab.locator("#q").fill(
        'SELECT "drop", count(*) AS n FROM "01-filter" WHERE NOT kept GROUP BY 1 ORDER BY n DESC'
    )
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector("#answer")
    assert tab.locator(".answer tbody tr").first.inner_text().split("\t") == [
        "gopher.word_count",
        "17",
    ]
    with tab.expect_download() as loaded:
        tab.get_by_role("link", name="CSV").click()
    assert Path(loaded.value.path()).read_text("utf-8").splitlines()[:2] == ["drop,n", "gopher.word_count,17"]  # fmt: skip
    tab.locator("#q").fill("SELECT * FROM read_text('/etc/passwd')")
    tab.get_by_role("button", name="Run").click()
    tab.wait_for_selector("[role=alert]")
    assert "is not run here" in tab.locator("[role=alert]").inner_text()
    tab.errors = [error for error in tab.errors if "400 (Bad Request)" not in error]


def test_a_query_is_cancelled(tab: Any, address: str) -> None:
    for _ in range(
        4
    ):  # as many as may run at once: had one not ended, the next would find no place
        tab.goto(f"{root(address)}/sql")
        tab.locator("#q").fill(SLOW)
        tab.evaluate("setTimeout(() => document.getElementById('cancel').click(), 400)")
        tab.keyboard.press("Control+Enter")
        tab.wait_for_function("document.getElementById('state').textContent === 'Cancelled.'")
        assert tab.get_by_role("button", name="Run").is_enabled()
        assert not tab.get_by_role("button", name="Cancel").is_visible()
    tab.goto(f"{root(address)}/sql?q=SELECT+42+AS+n")
    assert tab.locator(".answer td").inner_text() == "42"


def test_the_report_is_there_and_cannot_ask(tab: Any, address: str) -> None:
    tab.get_by_role("link", name="Report page").click()
    tab.wait_for_selector("#funnel")
    assert tab.evaluate("self.origin") == "null"
    assert tab.locator("[role=status]").first.inner_text()  # its own script ran


def test_without_script_all_but_cancelling_works(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(address)
    still.wait_for_selector("text=Tables")
    still.locator("nav >> text=SQL").click()
    still.locator("#q").fill("SELECT 41 + 1")
    still.get_by_role("button", name="Run").click()
    assert still.locator(".answer td").inner_text() == "42"
    context.close()


def test_another_browser_sees_nothing(browser: Any, address: str) -> None:
    context = browser.new_context()
    other = context.new_page()
    reply = other.goto(root(address))
    assert reply.status == 403 and "token" in other.locator("body").inner_text()
    context.close()


def test_hostile_documents_run_nothing_and_ask_nothing(tab: Any, address: str) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    for url in pages(tab, address):
        tab.goto(url)
        tab.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
        for row in tab.locator(".rows li, td, dd").all()[:12]:
            row.hover()
        assert tab.evaluate("[window.ran, Object.prototype.ran]") == [None, None]
        assert tab.evaluate("document.querySelectorAll('iframe, img, base, link, svg').length") == 0
        assert tab.url == url
    assert all(url.startswith(f"{root(address)}/") for url in asked)
    tab.errors = [error for error in tab.errors if not re.search(r"status of 40[04]", error)]


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_pages_are_accessible(
    browser: Any, address: str, tmp_path: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # axe is put into the page, which the page's own policy forbids
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    tab = context.new_page()
    tab.goto(address)
    tab.wait_for_selector("text=Tables")
    for url in pages(tab, address):
        tab.goto(url)
        tab.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, url
        found = axe.run(tab)
        assert found.violations_count == 0, f"{url}: {found.generate_report()}"
    context.close()
