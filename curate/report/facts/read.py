"""One Parquet file of a committed table, read by whoever reads it: this process or a Spark worker.

In: a file. Out: the facts of its rows, documents at places, places of ids. The decision: columns that are
not needed are not read, rows come in batches of bounded bytes, and texts to show only from the row
groups that hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from curate.errors import InputError
from curate.finished import plain
from curate.report.facts.draw import Place
from curate.report.facts.of_table import Facts, Plan, facts_of
from curate.store import file_system

BATCH_ROWS, BATCH_BYTES = 16_384, 32 << 20
KEPT = "/kept=true/"
T = TypeVar("T")
Row = dict[str, Any]


def file_facts(file: str, plan: Plan) -> Iterator[Facts]:
    """The facts of a file, batch by batch."""
    start = 0
    for batch in _batches(file, plan.columns):
        yield facts_of(batch, KEPT in file, file, start, plan)
        start += len(batch)


def file_documents(
    file: str, rows: set[int], columns: Sequence[str], make: Callable[[Row], T]
) -> Iterator[tuple[str, T]]:
    """(id, what `make` makes of it) of some rows of a file. Maps come to it as dicts."""
    start = 0
    with _opened(file) as parquet:
        for group in range(parquet.num_row_groups):
            after = start + parquet.metadata.row_group(group).num_rows
            if any(start <= row < after for row in rows):
                for batch in _of_group(parquet, group, columns):
                    here = [row - start for row in sorted(rows) if 0 <= row - start < len(batch)]
                    for found in batch.take(pa.array(here, pa.int64())).to_pylist():
                        yield found["id"], make(plain(found))
                    start += len(batch)
            start = after


def file_places(file: str, ids: Sequence[str]) -> Iterator[Place]:
    """Where some ids stand in a file."""
    start, wanted = 0, pa.array(ids, pa.string())
    for batch in _batches(file, ["id"]):
        for row in np.flatnonzero(pc.is_in(batch["id"], wanted)).tolist():
            yield Place((0.0, 0.0), batch["id"][row].as_py(), file, start + row)
        start += len(batch)


def _batches(file: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _opened(file) as parquet:
        for group in range(parquet.num_row_groups):
            yield from _of_group(parquet, group, columns)


def _opened(file: str) -> pq.ParquetFile:
    """A table's file; `InputError` if it is missing or damaged."""
    fs, path = file_system(file)
    try:
        source = path if isinstance(fs, LocalFileSystem) else fs.open(path, "rb")
        return pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None


def _of_group(
    parquet: pq.ParquetFile, group: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of a row group, fewer at a time where they are large."""
    about = parquet.metadata.row_group(group)
    parts = (about.column(i) for i in range(about.num_columns))
    size = sum(
        c.total_uncompressed_size for c in parts if c.path_in_schema.split(".")[0] in columns
    )
    rows = min(BATCH_ROWS, max(1, about.num_rows * BATCH_BYTES // max(1, size)))
    try:
        yield from parquet.iter_batches(rows, row_groups=[group], columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable("a file of the run", error) from None


def _unreadable(file: str, error: Exception) -> InputError:
    what = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"cannot read {file}: {what}; run its step again")
