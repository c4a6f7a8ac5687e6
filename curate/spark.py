"""The Spark side of row steps: a session, a scan of source files, one fused pass, exact counts.

Enters: files (whole or pieces of them) or a committed table, and built steps. Leaves: Parquet below
an attempt, and a ledger.
Two decisions: counts come from the written files, never from accumulators (those double-count on
retries), and every scan leaves a tally of what its readers saw, so that "records read" is known
independently of what was written.
"""

from __future__ import annotations

import heapq
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa

from curate import java
from curate.document import (
    BATCH_BYTES,
    BATCH_ROWS,
    PLACE,
    SPARK_SCHEMA,
    Document,
    batches,
    encodable,
)
from curate.errors import LedgerError, MissingError
from curate.source import read
from curate.source.pieces import Joint, Span
from curate.step import RowStep, Work, apply, chain
from curate.table import Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PARTITION_BYTES = 64 << 20
SETTINGS = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    "spark.sql.execution.arrow.maxBytesPerBatch": str(BATCH_BYTES),
    "spark.sql.execution.pyspark.udf.faulthandler.enabled": "true",
    "spark.sql.maxConcurrentOutputFileWriters": "2",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.session.timeZone": "UTC",
    "spark.speculation": "false",
    "spark.ui.showConsoleProgress": "false",
}
CACHE = Path("~/.cache/curate")
# Of a job of a minute on two cores the JVM's second compiler took 50 of 146 CPU seconds; without it a
# quarter of a million documents are deduplicated in 93 seconds, before it was 115.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC"
LOCAL_SETTINGS = {
    "spark.driver.extraJavaOptions": JAVA_OPTIONS,
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


@dataclass(frozen=True)
class Entry:
    """One file to be scanned, and how. `path` is relative to `root`. With `spans`, only the records
    that start in one of these half-open byte spans; `size` is then that of the spans. The spans of
    pieces tile their file, and their readers have to meet."""

    source: str
    format: str
    root: str
    path: str
    size: int
    options: Mapping[str, Any] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    is_piece: bool = False


def session(master: str | None = None, log: str | None = None) -> SparkSession:
    """The running Spark session, or a new one on `master` (default: SPARK_MASTER, else local[*]).

    The JVM's own messages go to the file `log`; `MissingError` if there is no Java 17 or 21.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted:
        os.environ["JAVA_HOME"] = str(java.require())
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("curate").config(map=dict(SETTINGS))
    if not submitted:
        master = master or os.environ.get("SPARK_MASTER", "local[*]")
        builder = builder.master(master)
        if master.startswith("local"):
            builder = builder.config(map={**LOCAL_SETTINGS, **_local_settings()})
    try:
        with _stderr_to(None if submitted else log):
            return builder.getOrCreate()
    except Exception as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        where = f"; details: {log}" if log else ""
        raise MissingError(f"Spark did not start on master '{master}': {line}{where}") from None


def _local_settings() -> dict[str, str]:
    """Those that depend on the machine."""
    import pyspark

    home, spark = Path(os.environ["JAVA_HOME"]), Path(pyspark.__file__).parent
    classes = java.shared_classes(home, spark, CACHE.expanduser())
    return {
        "spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} {classes}",
        "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 2)),
    }


def scan(
    spark: SparkSession,
    entries: Sequence[Entry],
    steps: Sequence[RowStep],
    tally_folder: str,
    measure_dropped: float = 0.0,
    work_folder: str | None = None,
) -> DataFrame:
    """Read files and run row steps over their records in one pass.

    Every task leaves `tally_folder/<task>.json`: how many records each of its files held, and in
    `work_folder` what its steps did. A retried task writes the same file again, so both are exact under
    retries.
    """
    groups = _balance(entries, max(1, (spark.sparkContext.defaultParallelism or 2) * 2))
    rows = [(json.dumps([asdict(entry) for entry in group]),) for group in groups]
    work = spark.createDataFrame(rows, "entries string").coalesce(1).repartition(len(rows))
    return work.mapInArrow(
        _scanner(steps, tally_folder, measure_dropped, work_folder), SPARK_SCHEMA
    )


def count(df: DataFrame) -> dict[str, Counts]:
    """The ledger of written rows, by source; `read` is left at 0 for the caller to fill in."""
    from pyspark.sql import functions as f

    rows = df.groupBy("source", "drop").agg(
        f.count("*").alias("rows"),
        f.sum(f.coalesce(f.octet_length("text"), f.octet_length("content"), f.lit(0))).alias(
            "bytes"
        ),
    )
    counts: dict[str, Counts] = {}
    for row in rows.collect():
        counts.setdefault(row["source"], Counts()).add(row["drop"], row["rows"], row["bytes"] or 0)
    return counts


def check_tally(df: DataFrame, tally_folder: str) -> dict[str, int]:
    """Records read by source, after comparing every file's tally with the rows written for it.

    Raises `LedgerError` naming the first file whose records are not all accounted for.
    """
    from pyspark.sql import functions as f

    spark = df.sparkSession
    tally = spark.read.schema("source string, path string, records long").json(tally_folder)
    tally = tally.groupBy("source", f.regexp_replace("path", PLACE, "").alias("path")).agg(
        f.sum("records").alias("records")
    )
    file = f.regexp_replace("origin", PLACE, "")
    written = df.groupBy("source", file.alias("path")).agg(f.count("*").alias("rows"))
    both = tally.join(written, ["source", "path"], "full_outer").fillna(0, ["records", "rows"])
    wrong = f.when(f.expr("records != rows"), f.struct("path", "records", "rows"))
    sums = both.groupBy("source").agg(
        f.sum("records").alias("records"), f.min(wrong).alias("wrong")
    )
    rows = sums.collect()
    if faults := [(row["wrong"]["path"], row) for row in rows if row["wrong"]]:
        path, row = min(faults, key=itemgetter(0))
        records, written_rows = row["wrong"]["records"], row["wrong"]["rows"]
        raise LedgerError(
            f"{row['source']}: {path}: {records} records read but {written_rows} rows written"
        )
    return {row["source"]: row["records"] for row in rows}


def tally_joints(spark: SparkSession, tally_folder: str) -> list[list[Any]]:
    """[source, path, what its reader met: begin, end, first, next] for every piece of a file."""
    from pyspark.sql import functions as f

    tally = spark.read.schema("source string, path string, joints array<array<long>>")
    rows = tally.json(tally_folder).select("source", "path", f.explode("joints").alias("joint"))
    return sorted([row["source"], row["path"], list(row["joint"])] for row in rows.collect())


def write(df: DataFrame, folder: str) -> None:
    """Write documents as Parquet, kept and dropped rows apart."""
    from pyspark.sql import functions as f

    table = df.withColumn("kept", f.col("drop").isNull())
    table.write.mode("append").partitionBy("kept").parquet(folder)


def stepped(
    steps: Sequence[RowStep], measure_dropped: float, work_folder: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Row steps over the batches of a table, as `mapInArrow` wants it. Every task leaves
    `work_folder/<task>.json`, exact under retries as the tallies of `scan` are."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        work = Work()
        yield from chain(steps, measure_dropped, work)(incoming)
        _put_lines(work_folder, _work_lines(steps, work))

    return run


def step_work(spark: SparkSession, work_folder: str) -> dict[str, dict[str, float]]:
    """By step: the seconds of all tasks together, and the documents that met it."""
    from pyspark.sql import functions as f

    lines = spark.read.schema("step string, at int, seconds double, documents long")
    sums = f.sum("seconds").alias("seconds"), f.sum("documents").alias("documents")
    rows = lines.json(work_folder).groupBy("at", "step").agg(*sums).orderBy("at").collect()
    return {
        row["step"]: {"seconds": round(row["seconds"], 3), "documents": row["documents"]}
        for row in rows
    }


def _work_lines(steps: Sequence[RowStep], work: Work) -> list[dict[str, Any]]:
    names = dict.fromkeys(step.name for step in steps)
    return [
        {"step": name, "at": at, "seconds": work.seconds[name], "documents": work.documents[name]}
        for at, name in enumerate(names)
    ]


def _scanner(
    steps: Sequence[RowStep], tally_folder: str, measure_dropped: float, work_folder: str | None
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tally: list[dict[str, Any]] = []
        work = Work()
        groups = (text for batch in incoming for text in batch.column("entries").to_pylist())
        entries = [Entry(**entry) for group in groups for entry in json.loads(group)]
        rows = (row for entry in entries for row in _counted(entry, tally))
        yield from batches(apply(steps, rows, measure_dropped, work))
        if entries:
            _put_lines(tally_folder, tally)
            if work_folder is not None:
                _put_lines(work_folder, _work_lines(steps, work))

    return run


def rows_of(entry: Entry, joints: list[Joint] | None = None) -> Iterator[Document]:
    """The rows of an entry; what the readers of its spans met is put into `joints`."""
    where = (entry.source, entry.format, entry.root, entry.path)
    return read(*where, entry.options, entry.spans, joints, named=not entry.is_piece)


def _counted(entry: Entry, tally: list[dict[str, Any]]) -> Iterator[Document]:
    records, joints = 0, list[Joint]()
    for row in rows_of(entry, joints):
        records += 1
        yield row
    line = {"source": entry.source, "path": encodable(entry.path), "records": records}
    tally.append({**line, "joints": [astuple(j) for j in joints] if entry.is_piece else []})


def _put_lines(folder: str, lines: list[dict[str, Any]]) -> None:
    from pyspark import TaskContext

    context = TaskContext.get()
    name = f"{context.partitionId() if context else 0:06d}.json"
    fs, plain = fsspec.core.url_to_fs(f"{folder}/{name}")
    fs.makedirs(plain.rpartition("/")[0], exist_ok=True)
    fs.pipe_file(plain, "\n".join(json.dumps(line) for line in lines).encode())


def _balance(entries: Sequence[Entry], least: int) -> list[list[Entry]]:
    """Entries in groups of about equal bytes: at least `least` groups, at most one per entry."""
    wanted = max(least, sum(entry.size for entry in entries) // PARTITION_BYTES)
    groups: list[list[Entry]] = [[] for _ in range(min(len(entries), wanted))]
    heap = [(0, index) for index in range(len(groups))]
    for entry in sorted(entries, key=lambda entry: (-entry.size, entry.path, entry.spans)):
        load, index = heapq.heappop(heap)
        groups[index].append(entry)
        heapq.heappush(heap, (load + entry.size + 4096, index))
    return groups


@contextmanager
def _stderr_to(log: str | None) -> Iterator[None]:
    """Processes started inside inherit a stderr that goes to `log`."""
    if log is None:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    with open(log, "ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
