"""A table's documents as one file: JSONL (plain, gzip, zstd) or Parquet.

Enters: a committed table. Leaves: its kept (or dropped) documents in one file, streamed batch by
batch, put in place when it is complete.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

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


def export(table: str, output: str, dropped: bool = False) -> int:
    """Write the documents of a table into `output`; returns how many. Non-documents are left out."""
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
        raise UserError(f"{table} holds token shards, not documents; export the table before it")
    missing = [path for path in source.files(not dropped) if not source.fs.exists(path)]
    if missing:
        raise InputError(f"{table}: {missing[0]} is missing; run its step again")
    unfinished = Path(f"{output}.{os.getpid()}.partial")
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        rows = _write(source, unfinished, ending, dropped)
        os.replace(unfinished, output)
    except OSError as error:
        raise unwritable(output, error) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _write(source: Table, path: Path, ending: str, dropped: bool) -> int:
    rows = 0
    schema = pa.schema([SCHEMA.field(name) for name in FIELDS])
    writer: Any = pq.ParquetWriter(path, schema) if ending == ".parquet" else OPENERS[ending](path)
    with writer:
        for batch in source.dataset(kept=not dropped).to_batches(columns=FIELDS):
            batch = batch.filter(_is_document(batch.column("drop")))
            rows += batch.num_rows
            if ending == ".parquet":
                writer.write_batch(batch)
            else:
                for row in batch.to_pylist():
                    row["signals"], row["labels"] = (
                        dict(row["signals"] or ()),
                        dict(row["labels"] or ()),
                    )
                    writer.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return rows


def _is_document(drops: pa.Array) -> pa.Array:
    return pa.array([not (drop or "").startswith(RECORD) for drop in drops.to_pylist()])
