"""`curate demo`: the whole flow on text that every machine already has, in a few minutes, offline.

Enters: nothing but the Python installation. Leaves: a crawl of pydoc's own server, a run with its
report page, the recall of the defects planted into it, and a verdict in bits per byte. Every part
keeps what it finished, so a second call does only what is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from curate.audit.plant import plant
from curate.audit.recall import recall
from curate.demo.corpus import write_books, write_code
from curate.demo.site import EXCLUDE, serve
from curate.document import share
from curate.errors import UserError, WorkError
from curate.extract import Extract
from curate.recipe import Recipe, Step, load
from curate.report import report
from curate.run import run
from curate.source import list_files, read
from curate.split import HELDOUT
from curate.step import apply
from curate.table import Table
from curate.verdict import ablate_runs

WARC_BYTES = 1 << 20
CODE_FILES = 300
PER_KIND = 25
PROSE_PAGES = 60
ARMS = ("read", "extract", "clean-filter", "decontaminate")


def demo(
    output: str,
    pages: int = 700,
    seconds: float | None = None,
    master: str | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Run everything below `output`; returns the path of the report page.

    `pages`: how many are crawled. `seconds`: time for the verdict, default its profile's.
    """
    started, folder = time.monotonic(), Path(output).absolute()
    say(f"1/5 crawl: pydoc's server on loopback -> {folder / 'crawl'}")
    _crawl(folder / "crawl", pages)
    say("2/5 corpus: the standard library, the language reference, and planted defects")
    recipe = load(
        "demo",
        [
            f"sources.web.path={json.dumps(str(folder / 'crawl'))}",
            f"sources.code.path={json.dumps(str(folder / 'code'))}",
            f"sources.book.path={json.dumps(str(folder / 'book'))}",
            f"sources.planted.path={json.dumps(str(folder / 'planted' / 'planted.jsonl.gz'))}",
            f"steps.decontaminate.against={json.dumps([str(folder / 'planted' / 'evaluation.jsonl')])}",
        ],
    )
    _corpus(folder, recipe)
    say("3/5 run: extract, clean, filter, deduplicate, decontaminate, mix, tokenize")
    run_dir = folder / "run"
    tables = run(recipe, str(run_dir), master, say)
    say("4/5 audit and verdict")
    audit = recall(str(run_dir))
    verdict = ablate_runs(
        [str(run_dir)],
        str(run_dir / "ablation"),
        arms=ARMS,
        sources=("web", "planted"),
        reference=("book",),
        profile="demo",
        seconds=seconds,
    )
    say("5/5 report")
    page = report(str(run_dir))
    for line in (*_funnel(tables), "", *audit.lines(), "", *verdict.lines(), ""):
        say(line)
    say(f"report: {page}   ({time.monotonic() - started:.0f} s)")
    return Path(page)


def _crawl(folder: Path, pages: int) -> None:
    """Crawl pydoc's server in a process of its own (a reactor starts once in a process)."""
    if (folder / "crawl.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    with serve() as url:
        command = [
            sys.executable, "-m", "curate", "crawl", url, "--output", str(folder), "--allow-private",
            "--max-pages", str(pages), "--delay-seconds", "0", "--concurrency-per-host", "2",
            "--file-bytes", str(WARC_BYTES), *(part for regex in EXCLUDE for part in ("--exclude", regex)),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        line = (done.stderr or done.stdout).strip().splitlines()[-1].removeprefix("curate: ")
        raise (UserError if done.returncode == 2 else WorkError)(f"the crawl: {line}")


def _corpus(folder: Path, recipe: Recipe) -> None:
    """Code and book files, and the planted documents made from sentences of book and web."""
    if (folder / "planted" / "planted.jsonl.gz").exists():
        return
    write_code(folder / "code", CODE_FILES)
    write_books(folder / "book")
    pages = sorted(_texts(recipe, "web", folder / "crawl"), key=lambda text: share(text, "prose"))
    texts = [*_texts(recipe, "book", folder / "book"), *pages[:PROSE_PAGES]]
    plant(texts, PER_KIND, 0, str(folder / "planted"))


def _texts(recipe: Recipe, source: str, folder: Path) -> Iterator[str]:
    """The texts of a source without the held-out ones: what is planted goes into the arms."""
    (format,) = (given.format or "" for given in recipe.sources if given.name == source)
    splits = [
        step.built for step in recipe.steps if isinstance(step, Step) and step.name == "split"
    ]
    root, files = list_files(str(folder), format)
    rows = (row for file in files for row in read(source, format, root, file.path, {}))
    for row in apply([*splits, Extract(extractor="resiliparse")], rows):
        if row.drop is None and row.text and row.labels["split"] != HELDOUT:
            yield row.text


def _funnel(tables: list[Table]) -> Iterator[str]:
    """One line a table: what came in, what stayed, the commonest reasons for the rest."""
    for table in tables:
        total = table.total()
        reasons = sorted(total.dropped.items(), key=lambda item: (-item[1], item[0]))
        told = ", ".join(f"{name} {count:,}" for name, count in reasons[:4])
        yield f"{Path(table.path).name:<24} {total.read:>7,} -> {total.kept:>7,}   {told}"
