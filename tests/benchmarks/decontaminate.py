"""How right and how fast decontamination is, on evaluation sets and their look-alikes.

    python -m tests.benchmarks.decontaminate FOLDER [--web W.jsonl …] [--show N]

FOLDER holds `gsm8k_test`, `gsm8k_test_socratic` (the same questions, other answers: all contaminated),
`gsm8k_train` (of the same authors: hardly any), `arc_challenge`, `humaneval` and `winogrande` (none),
each `.jsonl.gz`. Against GSM8K test: the documents flagged by every method, and the first N that are
no copies, with the words. Speed: documents a second of CPU time on one core, on these documents and
the texts of `--web` (field `text`), beside datatrove's `NGramsDecontFilter` on the same documents with
the same n-grams, the runs in turn. datatrove's index is made by the functions of its indexer, whose
other half needs lighteval.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from curate.decontaminate import Decontaminate
from curate.decontaminate.evaluation_sets import read_items
from curate.decontaminate.step import mark
from curate.document import Document, batches, documents
from tests.benchmarks.texts import read_texts

TARGET, COPIES = "gsm8k_test", "gsm8k_test_socratic"
OTHERS = ("gsm8k_train", "arc_challenge", "humaneval", "winogrande")
RULES: dict[str, dict[str, Any]] = {
    "13 words": {},
    "8 words": {"ngram_words": 8},
    "50 characters": {"method": "chars"},
    "70 % of 8-grams": {"method": "containment", "ngram_words": 8},
}
ROUNDS = 3
SPEED_CHARS = 200_000  # about as many are timed; datatrove takes a second for them


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--web", type=Path, nargs="*", default=[])
    parser.add_argument("--show", type=int, default=10)
    given = parser.parse_args()
    texts = {name: texts_of(given.folder, name) for name in (COPIES, *OTHERS)}
    for name, rule in RULES.items():
        print_flagged(name, decontaminate(given.folder, rule), texts, given.show)
    print_speed(given.folder, "controls", [text for name in OTHERS for text in texts[name]])
    if given.web:
        print_speed(given.folder, "web", read_texts(given.web))


def texts_of(folder: Path, name: str) -> list[str]:
    """The items of a file as documents."""
    return ["\n".join(item.texts) for item in read_items([f"{folder}/{name}.jsonl.gz"])]


def decontaminate(folder: Path, rule: dict[str, Any]) -> Decontaminate:
    """The step against GSM8K test."""
    return Decontaminate((f"{folder}/{TARGET}.jsonl.gz",), **rule)


def print_flagged(name: str, step: Decontaminate, texts: dict[str, list[str]], show: int) -> None:
    """How many documents of each file a rule flags, and the first that are no copies."""
    index, judge = step.index(), step.judge()
    print(f"\n{name}: {len(index.hashes):,} n-grams of {len(index.item_runs):,} items")
    for file, those in texts.items():
        rows = [Document(str(n), file, f"{n}", text=text) for n, text in enumerate(those)]
        marked = (part for batch in batches(rows) for part in mark(batch, index, judge))
        hits = [row for part in marked for row in documents(part) if row.drop]
        print(f"  {file:20} {len(hits):5,} of {len(those):5,} = {len(hits) / len(those):.2%}")
        for row in hits[: show if file != COPIES else 0]:
            ratio = row.signals["decontaminate.item_ratio"]
            print(
                f"    {ratio:4.0%} of {row.labels['decontaminate.match']}: {row.labels['decontaminate.text']}"
            )


def print_speed(folder: Path, name: str, texts: list[str]) -> None:
    """Documents a second of CPU time, ours and datatrove's, the runs in turn."""
    texts = texts[:: max(1, sum(map(len, texts)) // SPEED_CHARS)]
    chars = sum(map(len, texts))
    print(
        f"\n{name}: {len(texts):,} documents, {chars / 1e6:.1f} million characters; 13 words, one core"
    )
    with tempfile.TemporaryDirectory() as index_folder:
        runs = {"curate": ours(folder, texts, {}), "datatrove": theirs(folder, texts, index_folder)}
        runs["curate, 50 characters"] = ours(folder, texts, {"method": "chars"})
        seconds: dict[str, list[float]] = {key: [] for key in runs}
        for _ in range(ROUNDS):
            for key, run in runs.items():
                begin = time.process_time()
                run()
                seconds[key].append(time.process_time() - begin)
    medians = {key: statistics.median(times) for key, times in seconds.items()}
    for key, median in medians.items():
        print(
            f"  {key:22} {len(texts) / median:9,.0f} documents/s {chars / median / 1e6:6.1f} MB/s "
            f"(best {min(seconds[key]):.3f} s, worst {max(seconds[key]):.3f} s), "
            f"{medians['datatrove'] / median:.1f} times datatrove"
        )


def ours(folder: Path, texts: list[str], rule: dict[str, Any]) -> Callable[[], int]:
    """The step's pass over Arrow batches, which are made beforehand as Spark does."""
    step = decontaminate(folder, rule)
    index, judge = step.index(), step.judge()
    rows = [Document(str(n), "s", f"{n}", text=text) for n, text in enumerate(texts)]
    incoming = list(batches(rows))
    return lambda: sum(part.num_rows for batch in incoming for part in mark(batch, index, judge))


def theirs(folder: Path, texts: list[str], index_folder: str) -> Callable[[], int]:
    """datatrove's filter on documents that are there already, with an index of the same items."""
    from datatrove.data import Document as TheirDocument
    from datatrove.pipeline.decont import (
        NGramsDecontConfig,
        NGramsDecontFilter,
        NGramsDecontIndexer,
    )

    config = NGramsDecontConfig(n_grams=13, find_query_ngrams=True, find_overlap_ngrams=False)
    indexer = object.__new__(
        NGramsDecontIndexer
    )  # its class asks for lighteval, this method does not
    NGramsDecontIndexer.__init__(indexer, index_folder, config=config)
    indexer.hash_func = _hash_text
    hashes = {
        value
        for item in read_items([f"{folder}/{TARGET}.jsonl.gz"])
        for text in item.texts
        for value in indexer.compute_hashes(text)
    }
    array = np.array(sorted(hashes), config.hash_config.np_descr)
    array.tofile(f"{index_folder}/{TARGET}.index.hashes")
    decontaminate_filter = NGramsDecontFilter(index_folder, config=config)
    decontaminate_filter.hash_func = _hash_text
    incoming = [TheirDocument(text=text, id=str(n)) for n, text in enumerate(texts)]
    return lambda: sum(decontaminate_filter.filter(document) is True for document in incoming)


def _hash_text(text: str) -> int:
    """datatrove 0.10.1 hands text to xxhash, which since version 4 takes bytes only."""
    return xxhash.xxh64_intdigest(text.encode())


if __name__ == "__main__":
    main()
