"""Parquet and Arrow: a row a document, `id` and `input_ids`, for `datasets` and what stands on it.

The column is called as `transformers` calls it, so TRL and others take the table as tokenised. Arrow
files are IPC streams, which is what `datasets.Dataset.from_file` maps into memory. Rows are grouped by
their tokens alone, so the bytes do not depend on how documents arrived.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard, runs

GROUP_TOKENS = 1 << 22
ROW_BYTES = 64  # what a row counts for besides its tokens, so that tiny documents fill a group, too


def write_parquet(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.parquet`: a row group for about four million tokens."""
    with (
        folder.whole(f"{shard.name}.parquet") as sink,
        pq.ParquetWriter(sink, schema(shard.dtype), compression="zstd") as writer,
    ):
        for batch in _batches(shard):
            writer.write_batch(batch, row_group_size=batch.num_rows)
    return [sink.written(shard.payload.documents, shard.payload.tokens)]


def write_arrow(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.arrow`: a record batch for about four million tokens."""
    with (
        folder.whole(f"{shard.name}.arrow") as sink,
        pa.ipc.new_stream(sink, schema(shard.dtype)) as writer,
    ):
        for batch in _batches(shard):
            writer.write_batch(batch)
    return [sink.written(shard.payload.documents, shard.payload.tokens)]


def schema(dtype: str) -> pa.Schema:
    """The columns."""
    tokens = pa.list_(pa.from_numpy_dtype(np.dtype(dtype)))
    return pa.schema([("id", pa.string()), ("input_ids", tokens)])


def _batches(shard: TokenShard) -> Iterator[pa.RecordBatch]:
    columns = schema(shard.dtype)
    limit = GROUP_TOKENS * shard.width
    for rows in runs(shard.records(), lambda row: len(row[1]) + ROW_BYTES, limit):
        offsets = np.zeros(len(rows) + 1, np.int32)
        np.cumsum([len(tokens) // shard.width for _, tokens in rows], out=offsets[1:])
        values = pa.Array.from_buffers(
            columns.field("input_ids").type.value_type,
            int(offsets[-1]),
            [None, pa.py_buffer(b"".join(tokens for _, tokens in rows))],
        )
        lists = pa.ListArray.from_arrays(offsets, values, type=columns.field("input_ids").type)
        ids = pa.array([identity for identity, _ in rows], pa.string())
        yield pa.RecordBatch.from_arrays([ids, lists], schema=columns)


PARQUET = Format(write_parquet)
ARROW = Format(write_arrow)
