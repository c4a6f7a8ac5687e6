"""One split of a dataset as Parquet shards, written as the rows come.

Enters: record batches. Leaves: `<split>-00000-of-0000N.parquet`. The decision: what is held is one
row group, and the name is given at the end, because only then N is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SHARD_BYTES = 500_000_000
GROUP_BYTES = 64 << 20


@dataclass
class Shards:
    """The shards of a split in a folder. A shard ends after `shard_rows` rows, or (None) with the
    row group that brings it to `shard_bytes` on disk; a row group after `group_bytes` in memory."""

    folder: Path
    split: str
    schema: pa.Schema
    shard_rows: int | None = None
    shard_bytes: int = SHARD_BYTES
    group_bytes: int = GROUP_BYTES
    rows: int = 0
    _paths: list[Path] = field(default_factory=list)
    _held: list[pa.RecordBatch] = field(default_factory=list)
    _held_bytes: int = 0
    _shard_rows: int = 0
    _sink: Any = None
    _writer: Any = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows; a row group or a shard that is full is written."""
        while batch.num_rows:
            room = batch.num_rows if self.shard_rows is None else self.shard_rows - self._shard_rows
            part, batch = batch.slice(0, room), batch.slice(room)
            self._held.append(part)
            self._held_bytes += part.nbytes
            self._shard_rows += part.num_rows
            self.rows += part.num_rows
            is_full = self._shard_rows == self.shard_rows
            if is_full or self._held_bytes >= self.group_bytes:
                self._flush()
                if is_full or (self.shard_rows is None and self._sink.tell() >= self.shard_bytes):
                    self._end()

    def close(self) -> None:
        """Write what is left, and give the shards their names."""
        self._flush()
        self._end()
        for number, path in enumerate(self._paths):
            name = f"{self.split}-{number:05d}-of-{len(self._paths):05d}.parquet"
            path.rename(path.with_name(name))

    def _flush(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            path = self.folder / f"{self.split}-{len(self._paths):05d}.partial"
            self._paths.append(path)
            self._sink = pa.OSFile(str(path), "wb")
            self._writer = pq.ParquetWriter(self._sink, self.schema, compression="zstd")
        table = pa.Table.from_batches(self._held, self.schema)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._held, self._held_bytes = [], 0

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
        self._writer, self._sink, self._shard_rows = None, None, 0
