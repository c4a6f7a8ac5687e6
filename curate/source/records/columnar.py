"""Parquet and Arrow IPC (`.arrow`, `.feather`, `.ipc`; file or stream): a row, a document.

In: a stream, compressed or not. Out: documents whose place is the row, from 0. The decision: only
the columns that the recipe names are read, and a value that cannot be a Python value (a string that
is no UTF-8, a time beyond year 9999) costs its row only. A format that begins at the file's end has
to be read whole where the stream cannot seek.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from curate.document import Document
from curate.source.opening import DamagedError, damage, decompressed, seekable
from curate.source.origin import Origin
from curate.source.records.fields import document, wanted

BATCH_ROWS = 256
FILE_MAGIC = b"ARROW1"
FEATHER_1_MAGIC = b"FEA1"


def read_parquet(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a row, read a batch at a time."""
    return _documents(_parquet_batches(stream, wanted(origin.options)), origin)


def read_arrow(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a row of every batch."""
    return _documents(_arrow_batches(stream, wanted(origin.options)), origin)


def _documents(batches: Iterator[pa.RecordBatch], origin: Origin) -> Iterator[Document]:
    number = 0
    try:
        for batch in batches:
            for value in _values(batch):
                if isinstance(value, dict):
                    yield document(value, number, origin)
                else:
                    yield origin.lost("unreadable", number, value)
                number += 1
    except (pa.ArrowException, DamagedError, OSError, ValueError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        yield origin.lost(
            "unreadable",
            number,
            f"the rest of the file: {str(error) or type(error).__name__}"[:300],
        )
        return
    if number == 0:
        yield origin.lost("empty_file", None, "the file holds no rows", 0)


def _parquet_batches(stream: BinaryIO, names: set[str]) -> Iterator[pa.RecordBatch]:
    with damage():
        table = pq.ParquetFile(seekable(decompressed(stream)))
    columns = _columns(table.schema_arrow.names, names)
    yield from table.iter_batches(batch_size=BATCH_ROWS, columns=columns)


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
