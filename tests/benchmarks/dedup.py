"""Near-deduplication against its peers, against brute force, and against its own growth.

    python -m tests.benchmarks.dedup peers TEXTS [--documents N] [--datatrove PYTHON] [--text-dedup PYTHON]
    python -m tests.benchmarks.dedup accuracy [--documents N]
    python -m tests.benchmarks.dedup scale TEXTS [--sizes N …]
    python -m tests.benchmarks.dedup skew TEXTS [--documents N]
    python -m tests.benchmarks.dedup judged FOLDER

TEXTS: JSON lines with a field `text`; their sentences are recombined to documents of about 1 KB.
Whole processes are timed, start-up, reading, verification and writing included. `peers` runs
datatrove's four steps and text-dedup, each by the interpreter of an environment it is installed in (one
environment has no room for all of them: datatrove 0.10 fails with xxhash 4), on the same file, with 14
bands of 8 rows over word 5-grams.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as counting
from pathlib import Path

import numpy as np

from curate.dedup import Dedup
from curate.dedup.signatures.banding import Banding
from curate.dedup.signatures.bands import candidate_probability
from curate.table import Table
from tests.benchmarks.texts import read_texts, records

RECIPE = """
name: bench
sources:
  - {{name: texts, format: jsonl, path: {path}}}
steps:
  - dedup: {{{options}}}
"""
BANDING = "permutations: 112, bands: 14, rows: 8"
DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor as Run
from datatrove.pipeline.dedup import (MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter,
    MinhashDedupSignature)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig

if __name__ == "__main__":
    texts, out = sys.argv[1:3]
    config = MinhashConfig(
        hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    read = lambda: JsonlReader(texts, glob_pattern="*.jsonl")
    stages = [
        ([read(), MinhashDedupSignature(output_folder=f"{out}/sig", config=config)], 4, 2),
        ([MinhashDedupBuckets(f"{out}/sig", f"{out}/buckets", config=config)], 14, 2),
        ([MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config)], 1, 1),
        ([read(), MinhashDedupFilter(f"{out}/remove"), JsonlWriter(f"{out}/kept")], 4, 2),
    ]
    for number, (pipeline, tasks, workers) in enumerate(stages):
        Run(pipeline=pipeline, tasks=tasks, workers=workers, logging_dir=f"{out}/log{number}").run()
"""


@dataclass(frozen=True)
class Timed:
    """A process and its children: wall time, and the most memory they held together."""

    seconds: float
    peak_gb: float


def main() -> None:
    """Parse and run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("peers", "accuracy", "scale", "skew", "judged"))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--documents", type=int)
    parser.add_argument("--sizes", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--datatrove", help="a Python interpreter with datatrove")
    parser.add_argument("--text-dedup", help="a Python interpreter with text-dedup")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "peers":
            others = {"datatrove": options.datatrove, "text-dedup": options.text_dedup}
            peers(options.path, Path(folder), options.documents or 100_000, others)
        elif options.what == "accuracy":
            accuracy(Path(folder), options.documents or 20_000)
        elif options.what == "scale":
            scale(options.path, Path(folder), options.sizes)
        elif options.what == "skew":
            skew(options.path, Path(folder), options.documents or 250_000)
        else:
            judged(options.path)


def peers(source: Path, folder: Path, count: int, others: dict[str, str | None]) -> None:
    """All sides on the same file."""
    texts = folder / "texts"
    texts.mkdir()
    every = list(documents(source, count))
    for part in range(4):  # datatrove gives a task whole files
        write(texts / f"{part}.jsonl", every[part::4], range(part, count, 4))
    ours, table = curate(f"{texts}/*.jsonl", folder / "curate", f"threshold: 0.72, {BANDING}")
    results = {"curate": (ours, table.total().kept)}
    if python := others["datatrove"]:
        script = folder / "datatrove_minhash.py"
        script.write_text(DATATROVE)
        spent = timed([python, str(script), str(texts), str(folder / "dt")], folder / "dt.log")
        parts = (gzip.decompress(path.read_bytes()) for path in (folder / "dt/kept").glob("*.gz"))
        results["datatrove"] = (spent, sum(part.count(b"\n") for part in parts))
    if python := others["text-dedup"]:
        spent = timed(text_dedup_command(python, texts, folder), folder / "td.log")
        left = re.findall(r"After[^\n]*\n\s*(\d+)", (folder / "td.log").read_text())
        results["text-dedup"] = (spent, int(left[-1]) if left else -1)
    print(f"{count:,} documents\nside        seconds  ratio  peak GB     kept")
    for name, (spent, kept) in results.items():
        ratio = spent.seconds / ours.seconds
        print(f"{name:<11} {spent.seconds:7.1f} {ratio:6.2f} {spent.peak_gb:8.1f} {kept:8,}")


def accuracy(folder: Path, count: int) -> None:
    """Pairs of planted similarity, judged by sets of Python strings."""
    draw, pairs = random.Random(3), []
    for _ in range(count // 2):
        words = [f"w{draw.randrange(40_000)}" for _ in range(200)]
        changed = words[: int(200 - 100 * draw.random() ** 1.5)]
        changed += [f"x{draw.randrange(40_000)}" for _ in range(200 - len(changed))]
        pairs.append((" ".join(words), " ".join(changed)))
    write(folder / "pairs.jsonl", (text for pair in pairs for text in pair))
    _, table = curate(folder / "pairs.jsonl", folder / "out", "threshold: 0.8")
    verdicts = verdicts_of(table)
    bands, rows, right, found, promised, similar = 14, 9, 0, 0, 0.0, 0
    for number, pair in enumerate(pairs):
        similarity = jaccard(*pair)
        dropped = any(verdicts[2 * number + side] for side in (0, 1))
        right += dropped and similarity >= 0.8
        if similarity >= 0.8:
            similar += 1
            found += dropped
            promised += candidate_probability(similarity, bands, rows)
    dropped = sum(reason is not None for reason in verdicts)
    print(f"{len(pairs):,} pairs, {similar:,} at .8 or above, {dropped:,} documents dropped")
    print(f"precision {right / dropped:.4f}")
    print(f"recall {found / similar:.4f}, the curve of {bands} x {rows} {promised / similar:.4f}")


def scale(source: Path, folder: Path, sizes: Sequence[int]) -> None:
    """Time and memory as the corpus grows."""
    seconds = []
    for size in sizes:
        write(folder / f"{size}.jsonl", documents(source, size))
        spent, table = curate(folder / f"{size}.jsonl", folder / str(size), f"threshold: 0.72, {BANDING}")  # fmt: skip
        seconds.append(spent.seconds)
        steps = {Path(t).name: Table(t).require()["seconds"] for t in tables(folder / str(size))}
        print(f"{size:>9,} documents {spent.seconds:7.1f} s {spent.peak_gb:5.1f} GB, "
              f"{table.total().kept:,} kept, {steps}", flush=True)  # fmt: skip
    for (small, fast), (large, slow) in zip(
        list(zip(sizes, seconds, strict=True)),
        list(zip(sizes, seconds, strict=True))[1:],
        strict=False,
    ):
        print(f"time({large:,}) / time({small:,}) = {slow / fast:.2f}")


def skew(source: Path, folder: Path, count: int) -> None:
    """A paragraph that 30 % share, and one page 200,000 times, against a plain corpus."""
    draw = random.Random(5)
    plain = list(documents(source, count))
    paragraph = " ".join(plain[0].split()[:70])
    page = " ".join(plain[1].split())
    copies = min(200_000, count * 4 // 5)
    corpora = {
        "plain": plain,
        "shared paragraph": [
            f"{paragraph}\n{text}" if draw.random() < 0.3 else text for text in plain
        ],
        "equal pages": [page] * copies + plain[copies:],
        "nearly equal pages": [f"{page} {number}" for number in range(copies)] + plain[copies:],
    }
    base = 0.0
    for name, texts in corpora.items():
        draw.shuffle(texts)
        write(folder / "texts.jsonl", texts)
        spent, table = curate(folder / "texts.jsonl", folder / name.replace(" ", "-"), f"threshold: 0.72, {BANDING}")  # fmt: skip
        base = base or spent.seconds
        print(f"{name:<20} {spent.seconds:7.1f} s, {spent.seconds / base:.2f} x, {spent.peak_gb:.1f} GB, "
              f"{table.total().kept:,} kept", flush=True)  # fmt: skip


def judged(folder: Path) -> None:
    """Precision and recall on pairs that people judged, by threshold: each pair as a corpus of two."""
    sets = {
        "Common Crawl pages": [
            (pair["doc_a"], pair["doc_b"], float(pair["label"]) >= 2)
            for pair in records(folder / "copycat_cc15_judged_pairs.jsonl.zst")
            if pair["label"] not in ("unknown", "1")
        ],
        "CPython modules": list(modules(folder / "python_stdlib_versions.jsonl.zst")),
    }
    print(f"{'threshold':<10}" + "".join(f"{name + ': P, R':>28}" for name in sets))
    for threshold in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9):
        banding = Dedup(threshold=threshold).banding()
        cells = []
        for pairs in sets.values():
            said = [is_duplicate(banding, threshold, *texts) for *texts, _ in pairs]
            hits = sum(found and label for found, (*_, label) in zip(said, pairs, strict=True))
            positives = sum(label for *_, label in pairs)
            cells.append(f"{hits / max(1, sum(said)):.3f}, {hits / positives:.3f}")
        print(f"{threshold:<10}" + "".join(f"{cell:>28}" for cell in cells))


def is_duplicate(banding: Banding, threshold: float, left: str, right: str) -> bool:
    """Whether the step would find the two: they share a band, and are as similar as asked."""
    texts = [left, right]
    shingles = banding.shingles(texts)
    ours, theirs = banding.keys(texts, shingles, np.zeros(2, np.uint64)).to_pylist()
    if not set(ours or ()) & set(theirs or ()):
        return normal(left) == normal(right)
    sets = [set(shingles[side].tolist()) for side in (0, 1)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1]) >= threshold


def normal(text: str) -> str:
    """What exact copies have in common, nearly."""
    return " ".join(text.casefold().split())


def modules(path: Path) -> Iterator[tuple[str, str, bool]]:
    """The versions of a module (a pair), and of two different modules (none)."""
    rows = list(records(path))
    for row, other in zip(rows, rows[1:] + rows[:1], strict=True):
        yield row["doc_a"], row["doc_b"], True
        yield row["doc_a"], other["doc_b"], False


def verdicts_of(table: Table) -> list[str | None]:
    """What became of each document, in the order of the input."""
    rows = table.dataset().to_table(columns=["origin", "drop"]).to_pylist()
    return [row["drop"] for row in sorted(rows, key=place)]


def place(row: dict[str, str]) -> int:
    """Where a document stands in its file."""
    return int(re.findall(r"#(\d+)", row["origin"])[0])


def jaccard(left: str, right: str) -> float:
    """Of sets of five words, as Python strings."""
    ours, theirs = (
        {tuple(words[place : place + 5]) for place in range(len(words) - 4)}
        for words in (left.split(), right.split())
    )
    return len(ours & theirs) / len(ours | theirs)


def documents(source: Path, count: int) -> Iterator[str]:
    """Texts of about 1 KB from sentences: 10 % exact copies, 20 % copies with words replaced."""
    sentences = [
        sentence
        for text in read_texts([source])
        for sentence in re.split(r"(?<=[.!?])\s+", text)
        if 30 < len(sentence) < 300
    ]
    draw, pool = random.Random(7), list[str]()
    for _ in range(count):
        kind = draw.random()
        if pool and kind < 0.1:
            text = draw.choice(pool)
        elif pool and kind < 0.3:
            words, rate = draw.choice(pool).split(), draw.choice([0.005, 0.01, 0.02, 0.05])
            text = " ".join(draw.choice(words) if draw.random() < rate else w for w in words)
        else:
            text = " ".join(draw.choice(sentences) for _ in range(draw.randint(5, 12)))
        if len(pool) < max(20_000, count // 5):
            pool.append(text)
        yield text


def write(
    path: Path, texts: Iterator[str] | Sequence[str], ids: Iterable[int] | None = None
) -> None:
    """As JSON lines."""
    with path.open("w") as file:
        for number, text in zip(counting() if ids is None else ids, texts, strict=False):
            file.write(json.dumps({"id": str(number), "text": text}) + "\n")


def curate(texts: Path | str, out: Path, options: str) -> tuple[Timed, Table]:
    """Run a recipe of two tables; the time, and the deduplicated one."""
    recipe = out.with_suffix(".yaml")
    recipe.write_text(RECIPE.format(path=texts, options=options))
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--output", str(out)]
    spent = timed(command, out.with_suffix(".log"))
    return spent, Table(tables(out)[-1])


def tables(out: Path) -> list[str]:
    """The tables of a run."""
    return sorted(str(path.parent) for path in out.glob("*/manifest.json"))


def text_dedup_command(python: str, texts: Path, folder: Path) -> list[str]:
    options = (
        f"--path json --data_files {texts}/*.jsonl --split train --column text --idx_column id --output {folder}/td "
        f"--cache_dir {folder}/cache --batch_size 10000 --num_perm 112 --b 14 --r 8 --ngram 5 "
        "--hash_func xxh3 --min_length 1 --num_proc 2"
    )
    return [python, "-m", "text_dedup.minhash", *options.split()]


def timed(command: Sequence[str], log: Path) -> Timed:
    """Run a process; fails loudly with the end of its log."""
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        status = process.wait()
        seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{command[0]} failed:\n{log.read_text()[-2000:]}")
    return Timed(seconds, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    """The proportional share of memory of a process and all below it, twice a second."""
    while process.poll() is None:
        peak[0] = max(peak[0], sum(map(_memory_gb, _family(process.pid))))
        time.sleep(0.5)


def _family(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def _memory_gb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.findall(r"^Pss:\s+(\d+)", lines, re.M)[0]) / 2**20


if __name__ == "__main__":
    main()
