"""Parquet and Arrow IPC (`.arrow`, `.feather`, `.ipc`; file or stream): a row, a document.

In: a stream, compressed or not. Out: documents whose place is the row, from 0. The decision: only
the columns that the recipe names are read, and a value that cannot be a Python value (a string that
is no UTF-8, a time beyond year 9999) costs its row only. A format that begins at the file's end has
to be read whole where the stream cannot seek.
"""

from __future__ import annotations

import io
import sys
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from itertools import accumulate
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from curate.document import Document
from curate.source.opening import DamagedError, damage, decompressed, seekable
from curate.source.origin import Origin
from curate.source.pieces import Joint
from curate.source.records.fields import Fields, wanted

BATCH_ROWS = 256
FILE_MAGIC = b"ARROW1"
PARQUET_MAGIC = b"PAR1"
FEATHER_1_MAGIC = b"FEA1"


def read_parquet(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a row, read a batch at a time."""
    return _documents(_parquet_batches(stream, wanted(origin.options)), origin)


def read_parquet_span(
    stream: BinaryIO, origin: Origin, begin: int, end: int
) -> Generator[Document, None, Joint]:
    """The rows of the row groups that start in bytes [begin, end), which is told by the share of rows
    before them; a joint's places are the numbers of rows. The first piece of a file without a footer,
    or of a compressed one, is all of it."""
    edges = _row_groups(stream) if (begin, end) != (0, sys.maxsize) else []
    if not edges:
        if begin == 0:
            yield from read_parquet(stream, origin)
        return Joint(begin, end, None if begin else 0, None)
    size = stream.seek(0, io.SEEK_END)
    starts = [size * row // edges[-1] for row in edges[:-1]]
    low, high = bisect_left(starts, begin), bisect_left(starts, end)
    if low < high:
        chosen = range(low, high)
        batches = _parquet_batches(stream, wanted(origin.options), chosen)
        yield from _documents(batches, origin, edges[low], "the rest of this piece of the file")
    after = edges[high] if high < len(starts) else None
    return Joint(begin, end, edges[low] if low < len(starts) else None, after)


def _row_groups(stream: BinaryIO) -> list[int]:
    """How many rows stand before each row group, and in all; empty if the file cannot be cut."""
    head = stream.read(len(PARQUET_MAGIC))
    stream.seek(0)
    if head != PARQUET_MAGIC:
        return []
    try:
        found = pq.read_metadata(stream)
        rows = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        rows = []
    stream.seek(0)
    return [*accumulate(rows, initial=0)] if sum(rows) else []


def read_arrow(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a row of every batch."""
    return _documents(_arrow_batches(stream, wanted(origin.options)), origin)


def _documents(
    batches: Iterator[pa.RecordBatch],
    origin: Origin,
    number: int = 0,
    rest: str = "the rest of the file",
) -> Iterator[Document]:
    document = Fields(origin).document
    try:
        for batch in batches:
            for value in _values(batch):
                if isinstance(value, dict):
                    yield document(value, number)
                else:
                    yield origin.lost("unreadable", number, value)
                number += 1
    except (pa.ArrowException, DamagedError, OSError, ValueError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = f"{rest}: {str(error) or type(error).__name__}"[:300]
        yield origin.lost("unreadable", number, reason)
        return
    if number == 0:
        yield origin.lost("empty_file", None, "the file holds no rows", 0)


def _parquet_batches(
    stream: BinaryIO, names: set[str], row_groups: Iterable[int] | None = None
) -> Iterator[pa.RecordBatch]:
    with damage():
        table = pq.ParquetFile(seekable(decompressed(stream)))
    columns = _columns(table.schema_arrow.names, names)
    chosen = None if row_groups is None else list(row_groups)
    yield from table.iter_batches(batch_size=BATCH_ROWS, row_groups=chosen, columns=columns)


def _arrow_batches(stream: BinaryIO, names: set[str]) -> Iterator[pa.RecordBatch]:
    with damage():
        opened = seekable(decompressed(stream))
    head = opened.read(len(FILE_MAGIC))
    opened.seek(0)
    if head.startswith(FEATHER_1_MAGIC):
        raise ValueError("Feather version 1; write it again as version 2 (Arrow IPC)")
    if head.startswith(FILE_MAGIC):
        reader = pa.ipc.open_file(opened)
        found = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        found = iter(pa.ipc.open_stream(opened))
    for batch in found:
        kept = {name.split(".")[0] for name in _columns(batch.schema.names, names)} | names
        narrow = batch.select([at for at, name in enumerate(batch.schema.names) if name in kept])
        for at in range(0, narrow.num_rows, BATCH_ROWS):
            yield narrow.slice(at, BATCH_ROWS)


def _columns(present: list[str], names: set[str]) -> list[str]:
    """The columns to read: a name as it is, or the leaf that its dots lead to."""
    return sorted(
        name for name in names if name in present or ("." in name and name.split(".")[0] in present)
    )


def _values(batch: pa.RecordBatch) -> list[dict[str, Any] | str]:
    """Rows as Python values; the reason in place of one that cannot be."""
    if not batch.num_columns:
        return [{} for _ in range(batch.num_rows)]
    try:
        batch.validate(full=True)  # damaged offsets would crash the interpreter
        return list(batch.to_pylist())
    except (ValueError, OverflowError, LookupError, pa.ArrowException) as error:
        if batch.num_rows == 1:
            return [f"{type(error).__name__}: {error}"[:300]]
    return [value for at in range(batch.num_rows) for value in _values(batch.slice(at, 1))]
