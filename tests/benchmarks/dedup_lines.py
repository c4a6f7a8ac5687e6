"""How fast `dedup_lines` hashes texts, beside the signatures of datatrove's sentence deduplication.

    python -m tests.benchmarks.dedup_lines TEXTS.jsonl[.gz|.zst] [--documents 2000 --rounds 3]

Both sides in one process and turn by turn on the same texts: documents a second of CPU time for lines and for runs
of three sentences (ours with the Arrow columns that Spark is given), and the ratio. Without datatrove,
or the sentence splitter it needs, its side is left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from curate.dedup.lines.step import DedupLines
from curate.dedup.lines.units import Unit
from curate.document import Document, batches
from tests.benchmarks.texts import read_texts


def main() -> None:
    """Time both sides for lines and for sentences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    texts = read_texts([given.texts])[: given.documents]
    print(f"{len(texts)} texts of {sum(map(len, texts)) / len(texts):.0f} characters on average")
    units: tuple[Unit, ...] = ("line", "sentences")
    for unit in units:
        sides = {"curate": ours(texts, unit)}
        try:
            sides["datatrove"] = theirs(texts, unit)
        except Exception as error:  # it, or a model of its, is not installed
            print(f"datatrove left out: {str(error).splitlines()[0]}")
        seconds = {name: min(took) for name, took in timed(sides, given.rounds).items()}
        for name, took in seconds.items():
            print(f"{unit:10} {name:10} {len(texts) / took:10,.0f} documents/s")
        if "datatrove" in seconds:
            print(f"{unit:10} ratio      {seconds['datatrove'] / seconds['curate']:10.1f}")


def timed(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each side, turn by turn, the first turn aside; other work on the machine is not in."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            start = time.process_time()
            side()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


def ours(texts: list[str], unit: Unit) -> Callable[[], object]:
    """The hashing pass of the step."""
    rows = [Document(f"{n:032x}", "s", f"f#{n}", text=text) for n, text in enumerate(texts)]
    incoming = list(batches(rows))
    step = DedupLines(unit=unit)
    compared = step.compared()
    passes = [compared.marker(step.prefer)] + ([compared.spanner()] if compared.span > 1 else [])

    def run() -> int:
        outgoing = iter(incoming)
        for one in passes:
            outgoing = one(outgoing)
        return sum(batch.num_rows for batch in outgoing)

    return run


def theirs(texts: list[str], unit: Unit) -> Callable[[], object]:
    """`SentenceDedupSignature.get_hashes`; its sentence splitter is called once to load it."""
    from datatrove.data import Document as Page
    from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig, SentenceDedupSignature
    from datatrove.utils.hashing import HashConfig

    is_line = unit == "line"
    config = SentDedupConfig(
        n_sentences=1 if is_line else 3,
        split_sentences=not is_line,
        hash_config=HashConfig(hash_fc="sha1"),  # its xxhash wants a release of xxhash before 4
    )
    step = SentenceDedupSignature("/tmp", config=config)
    pages = [Page(text, str(n)) for n, text in enumerate(texts)]
    step.get_hashes(pages[0], 0)

    def run() -> int:
        return sum(len(step.get_hashes(page, n)) for n, page in enumerate(pages))

    return run


if __name__ == "__main__":
    main()
