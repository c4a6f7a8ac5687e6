"""What the report page costs: seconds, rows a second, memory and bytes, for runs of growing size.

    python -m tests.benchmarks.report [--rows 100000 1000000 …] [--spark] [--folder DIR]

Makes runs of two tables with measurements, addresses and labels like those of web pages, and short texts;
each page is made in a process of its own, whose peak memory (without Spark's other processes) is printed.
By default the size decides who reads; `--spark` lets Spark read small runs too. The page has to stay as
large as it is; memory has to stay flat once Spark reads.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.audit.rules import Bound, bounds
from curate.document import SCHEMA, document_id
from curate.finished import FinishedRun, FinishedTable, open_run
from curate.report import page
from curate.store import write_json
from curate.table import Counts, Slice, Table

FILE_ROWS = 50_000
STEPS = [{"language": {}}, {"gopher": {}}, {"repetition": {}}, {"fineweb": {}}]
DROPPED_RATIO = 0.2
HOSTS_RATIO = 0.1
DUPLICATES_RATIO = 0.02


def main() -> None:
    """Print a line a size; with `--one`, make the page of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--spark", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", type=Path)
    given = parser.parse_args()
    if given.one:
        _make_page(given.one, given.spark)
        return
    for rows in given.rows:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            write_run(Path(folder), rows)
            command = [sys.executable, "-m", "tests.benchmarks.report", "--one", folder]
            made = subprocess.run(
                [*command, *["--spark"] * given.spark], check=True, capture_output=True, text=True
            )
        print(f"{rows:>10,} documents: {made.stdout.strip().splitlines()[-1]}", flush=True)


def write_run(folder: Path, rows: int) -> None:
    """A run of about `rows` documents."""
    limits = [*bounds(_planned(folder)).values()]
    kept = _write_table(folder, "01-clean-filter", STEPS, rows, limits)
    _write_table(folder, "02-dedup", [{"dedup": {}}], kept, [])
    names = [{"name": "01-clean-filter"}, {"name": "02-dedup"}]
    write_json(
        f"{folder}/run.json", {"name": "bench", "recipe": {}, "tables": names, "seconds": 1.0}
    )


def _planned(folder: Path) -> FinishedRun:
    table = FinishedTable("01-clean-filter", Table(str(folder)), {"steps": STEPS})
    return FinishedRun(str(folder), "bench", {}, (table,))


def _write_table(
    folder: Path, name: str, steps: Sequence[object], rows: int, limits: Sequence[Bound]
) -> int:
    table = Table(str(folder / name))
    attempt = table.new_attempt("all")
    counts, files = Counts(read=rows), []
    for start in range(0, rows, FILE_ROWS):
        count = min(FILE_ROWS, rows - start)
        made = _documents(start, count, limits)
        drops = made["drop"]
        for is_kept in (True, False):
            part = made.filter(drops.is_null() if is_kept else drops.is_valid())
            file = f"{attempt}/documents/kept={str(is_kept).lower()}/part-{start}.parquet"
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_batches([part]), folder / name / file, compression="zstd")
            files.append(file)
        for drop, number in Counter(drops.to_pylist()).items():
            counts.add(drop, number, 20 * number)
    part = Slice("all", "0" * 24, tuple(files), {"web": counts}, 1.0)
    kind = "set" if not limits else "rows"
    table.commit("0" * 24, [part], {"name": name, "kind": kind, "steps": list(steps)})
    return counts.kept


def _documents(start: int, count: int, limits: Sequence[Bound]) -> pa.RecordBatch:
    draw = np.random.default_rng(start)
    ids = [document_id("web", f"{start + i}") for i in range(count)]
    dropped = draw.random(count) < (DROPPED_RATIO if limits else DUPLICATES_RATIO)
    if limits:
        reasons = np.array([bound.drop for bound in limits])[draw.integers(0, len(limits), count)]
        signals = {bound.key: draw.lognormal(0, 2, count) for bound in limits}
        labels = {"backend": draw.choice(["a", "b"], count), "title": np.array(ids)}
    else:
        reasons = np.full(count, "dedup.near")
        signals = {"dedup.similarity": draw.uniform(0.8, 1, count)}
        labels = {"dedup.duplicate_of": np.array(ids)[draw.integers(0, count, count)]}
    hosts = draw.zipf(1.3, count) % max(1, int(HOSTS_RATIO * 1e9))
    columns = {
        "id": pa.array(ids),
        "source": pa.array(["web"] * count),
        "origin": pa.array(ids),
        "url": pa.array([f"https://h{host}.example/page" for host in hosts]),
        "text": pa.array(["twenty characters it"] * count),
        "language": pa.array(draw.choice(["en", "de", "fr"], count)),
        "signals": _maps(signals, pa.float64()),
        "labels": _maps(labels, pa.string()),
        "drop": pa.array(np.where(dropped, reasons, None)),
    }
    arrays = [
        columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _maps(values: dict[str, np.ndarray], type: pa.DataType) -> pa.Array:
    count = len(next(iter(values.values())))
    offsets = np.arange(count + 1, dtype=np.int32) * len(values)
    items = np.stack([*values.values()], axis=1).ravel()
    keys = pa.array(list(values) * count, pa.string())
    return pa.MapArray.from_arrays(pa.array(offsets), keys, pa.array(items, type))


def _make_page(folder: Path, by_spark: bool) -> None:
    if by_spark:
        page.is_small = lambda run: False
    run = open_run(str(folder))
    rows = sum(table.table.total().read for table in run.documents)
    who = "here" if page.is_small(run) else "Spark"
    before = _peak_kilobytes()
    started = time.perf_counter()
    size = len(page.render(run).encode())
    seconds = time.perf_counter() - started
    peak = _peak_kilobytes()
    print(
        f"{rows:,} rows in 2 tables, {seconds:.1f} s ({who}), {rows / seconds:,.0f} rows/s, "
        f"peak {peak / 1024:,.0f} MB (before: {before / 1024:,.0f}), page {size:,} bytes"
    )


def _peak_kilobytes() -> int:
    """Of this process since it began (`getrusage` counts the one it came from too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    main()
