"""Extractors side by side: quality on pages with known main content, and speed, in one run.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.extraction PAGES --folds FOLDER [--rounds N]

In: the collections of `pages.load`, and the weights of `fit_main_content --folds`, so that every
page is judged by weights fitted on other sites only. Out: two Markdown tables. Speed is that of the
whole `extract` step, sandbox included, on one core: the extractors take turns at every few pages, so
that a noisy machine is unfair to none; the least time of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

from curate.document import Document
from curate.extract import Extract
from curate.extract.charset import decode
from curate.extract.html import EXTRACTORS, mend_controls
from curate.extract.main_content import main_content
from curate.extract.main_content.classifier import Classifier
from curate.extract.page import Request
from tests.benchmarks.fit_main_content import FOLDS, fold_of
from tests.benchmarks.pages import WORD, GoldPage, f1, load, words

SHINGLE_WORDS = 4
TURN_PAGES = 20
STEPS: dict[str, Extract] = {
    "auto": Extract("auto"),
    "trafilatura": Extract("trafilatura"),
    "trafilatura fast": Extract("trafilatura", fast=True),
    "resiliparse": Extract("resiliparse"),
    "justext": Extract("justext"),
}
PEER = "trafilatura"


@dataclass(frozen=True)
class Score:
    """Of one extractor on one page: word F1, and F1 of four-word shingles (scrapinghub's measure)."""

    page: GoldPage
    word_f1: float
    shingle_f1: float


def texts(page: GoldPage, classifiers: Mapping[int, Classifier]) -> dict[str, str]:
    """What each extractor makes of a page; `auto` with weights that never saw its site."""
    markup = mend_controls(decode(page.content).text.replace("\0", "\ufffd"))
    found: dict[str, str] = {}
    for name, step in STEPS.items():
        request = Request(url=page.url, fast=step.fast)
        extract: Callable[[str, Request], str | None] = EXTRACTORS[step.extractor]
        if name == "auto":
            extract = partial(_held_out, classifier=classifiers[fold_of(page)])
        try:
            found[name] = extract(markup, request) or ""
        except Exception as error:  # a page that an extractor cannot take scores nothing
            print(f"{name} fails on {page.collection}/{page.name}: {error}", file=sys.stderr)
            found[name] = ""
    return found


def _held_out(markup: str, request: Request, classifier: Classifier) -> str:
    return main_content(markup, request.url, request.tables, classifier)


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Runs of four words; a shorter text is one."""
    found = WORD.findall(text.lower())
    starts = range(max(len(found) - SHINGLE_WORDS + 1, min(len(found), 1)))
    return Counter(tuple(found[at : at + SHINGLE_WORDS]) for at in starts)


def shingle_f1(text: str, gold: str) -> float:
    """F1 of two bags of shingles."""
    a, b = shingles(text), shingles(gold)
    common = (a & b).total()
    return 2 * common / (a.total() + b.total()) if common else float(not a and not b)


def judge(pages: list[GoldPage], classifiers: Mapping[int, Classifier]) -> dict[str, list[Score]]:
    """The scores of each extractor, in the order of the pages."""
    scores: dict[str, list[Score]] = defaultdict(list)
    for page in pages:
        for name, text in texts(page, classifiers).items():
            word = f1(words(text), words(page.gold))
            scores[name].append(Score(page, word, shingle_f1(text, page.gold)))
    return scores


def pages_per_second(pages: list[GoldPage], rounds: int) -> dict[str, float]:
    """Through the whole step: decode, extract, labels, and back from the sandbox."""
    least: dict[str, list[float]] = {name: [float("inf")] * len(pages) for name in STEPS}
    for _ in range(rounds):
        for first in range(0, len(pages), TURN_PAGES):
            for name, step in STEPS.items():
                for index, page in enumerate(pages[first : first + TURN_PAGES], first):
                    row = Document("0", "web", "0", page.url, None, "text/html", page.content)
                    start = time.perf_counter()
                    step(row)
                    least[name][index] = min(least[name][index], time.perf_counter() - start)
    return {name: len(pages) / sum(seconds) for name, seconds in least.items()}


def quality_table(scores: Mapping[str, list[Score]]) -> str:
    """A row an extractor: F1 by collection and by kind of page."""
    some = next(iter(scores.values()))
    kinds = sorted({score.page.kind for score in some if score.page.collection == "wcxb"})
    collections = list(dict.fromkeys(score.page.collection for score in some))
    head = [*collections, *kinds, "scrapinghub 4-grams"]
    lines = [f"| extractor | {' | '.join(head)} |", f"|---{'|---' * len(head)}|"]
    for name, found in scores.items():
        cells = [_mean(s.word_f1 for s in found if s.page.collection == c) for c in collections]
        web = [score for score in found if score.page.collection == "wcxb"]
        cells += [
            _mean(score.word_f1 for score in web if score.page.kind == kind) for kind in kinds
        ]
        cells.append(_mean(s.shingle_f1 for s in found if s.page.collection == "scrapinghub"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(values: object) -> str:
    found = list(values)  # type: ignore[call-overload]
    return f"{mean(found):.3f}".lstrip("0") if found else "–"


def speed_table(speeds: Mapping[str, Mapping[str, float]]) -> str:
    """Pages a second by collection, and how many times the peer's."""
    collections = list(speeds)
    head = [f"{c} pages/s | × {PEER}" for c in collections]
    lines = [f"| extractor | {' | '.join(head)} |", "|---" * (1 + 2 * len(head)) + "|"]
    for name in STEPS:
        cells = [
            f"{speeds[c][name]:.0f} | {speeds[c][name] / speeds[c][PEER]:.1f}" for c in collections
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: NumPy reads it when it is imported")
    classifiers = {}
    for fold in range(FOLDS):
        with (arguments.folds / f"fold{fold}.npz").open("rb") as file:
            classifiers[fold] = Classifier.load(file)
    pages = load(arguments.pages)
    print(quality_table(judge(pages, classifiers)), flush=True)
    speeds = {}
    for collection in dict.fromkeys(page.collection for page in pages):
        chosen = [page for page in pages if page.collection == collection]
        speeds[collection] = pages_per_second(chosen, arguments.rounds)
    print(f"\n{speed_table(speeds)}")


if __name__ == "__main__":
    main()
