"""Which document stands where in a shard: `NAME.ids.parquet`.

Enters: documents in the shard's order. Leaves: a row for each: `id`, `source`, `first_token` (from
the shard's start), `tokens` (its end token included). Rows are grouped by their number, and
`first_token` only grows, so the document at a token is found in one row group.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("first_token", pa.int64()),
        ("tokens", pa.int64()),
    ]
)
GROUP_ROWS = 1 << 16


class Provenance:
    """Writes the rows of one shard as they come."""

    def __init__(self, file: Any) -> None:
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._rows: list[tuple[str, str, int, int]] = []
        self._token = 0
        self.documents = 0

    def __enter__(self) -> Provenance:
        return self

    def __exit__(self, *error: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, identity: str, source: str, tokens: int) -> None:
        """The next document of the shard."""
        self._rows.append((identity, source, self._token, tokens))
        self._token += tokens
        self.documents += 1
        if len(self._rows) == GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*self._rows, strict=True), SCHEMA, strict=True)
            ]
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
            self._rows = []
