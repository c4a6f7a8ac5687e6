"""A table's documents as one file: JSONL (plain, gzip, zstd) or Parquet.

Enters: a committed table. Leaves: its kept (or dropped) documents in one file, streamed batch by
batch, put in place when it is complete. With `Pieces` a row is written for every piece of a text,
`<id>#<number>` with its place in the labels `chunk.start` and `chunk.end`; the table stays as it is.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from curate.chunk import chunks
from curate.document import COLUMNS, RECORD, SCHEMA
from curate.errors import InputError, OutputError, UserError
from curate.store import unwritable
from curate.table import Table

FIELDS = [name for name in COLUMNS if name != "content"]
OPENERS: dict[str, Callable[[Path], Any]] = {
    ".jsonl": partial(open, mode="wb"),
    ".jsonl.gz": partial(gzip.open, mode="wb"),
    ".jsonl.zst": partial(zstandard.open, mode="wb"),
}


@dataclass(frozen=True)
class Pieces:
    """How texts are cut: the most characters of a piece, and of what two neighbours share."""

    max_chars: int
    overlap_chars: int = 0

    def __post_init__(self) -> None:
        if self.max_chars < 1 or not 0 <= self.overlap_chars < self.max_chars:
            raise UserError(
                f"--chunk-chars {self.max_chars} --chunk-overlap-chars {self.overlap_chars}: "
                "give a length of at least 1 and an overlap below it"
            )

    def of(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A row for each piece of a row's text; a row without text as it is."""
        text = row["text"]
        if text is None:
            yield row
            return
        for number, span in enumerate(chunks(text, self.max_chars, self.overlap_chars)):
            place = {"chunk.start": str(span.start), "chunk.end": str(span.end)}
            yield {
                **row,
                "id": f"{row['id']}#{number}",
                "text": text[span.start : span.end],
                "labels": [*(row["labels"] or ()), *place.items()],
            }


def export(table: str, output: str, dropped: bool = False, pieces: Pieces | None = None) -> int:
    """Write the documents of a table, or their pieces, into `output`; returns how many rows.
    Non-documents are left out."""
    endings = (*OPENERS, ".parquet")
    ending = next((e for e in sorted(endings, key=len, reverse=True) if output.endswith(e)), None)
    if ending is None:
        raise OutputError(
            f"cannot tell the format of {output}; end its name in {', '.join(endings)}"
        )
    if "://" in output:
        raise OutputError(f"cannot write to {output}: an export has to be a local file")
    source = Table(table)
    if source.require()["kind"] == "tokens":
        raise UserError(
            f"{table} holds token shards, not documents; export the table before it, or give --to"
        )
    missing = [path for path in source.files(not dropped) if not source.fs.exists(path)]
    if missing:
        raise InputError(f"{table}: {missing[0]} is missing; run its step again")
    unfinished = Path(f"{output}.{os.getpid()}.partial")
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        rows = _write(source, unfinished, ending, dropped, pieces)
        os.replace(unfinished, output)
    except OSError as error:
        raise unwritable(output, error) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _write(source: Table, path: Path, ending: str, dropped: bool, pieces: Pieces | None) -> int:
    written = 0
    schema = pa.schema([SCHEMA.field(name) for name in FIELDS])
    writer: Any = pq.ParquetWriter(path, schema) if ending == ".parquet" else OPENERS[ending](path)
    with writer:
        for batch in source.dataset(kept=not dropped).to_batches(columns=FIELDS):
            batch = batch.filter(_is_document(batch.column("drop")))
            rows = batch.to_pylist() if pieces or ending != ".parquet" else []
            if pieces:
                rows = [piece for row in rows for piece in pieces.of(row)]
                batch = pa.RecordBatch.from_pylist(rows, schema)
            written += batch.num_rows
            if ending == ".parquet":
                writer.write_batch(batch)
            for row in rows if ending != ".parquet" else ():
                row["signals"], row["labels"] = (
                    dict(row["signals"] or ()),
                    dict(row["labels"] or ()),
                )
                writer.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return written


def _is_document(drops: pa.Array) -> pa.Array:
    return pa.array([not (drop or "").startswith(RECORD) for drop in drops.to_pylist()])
