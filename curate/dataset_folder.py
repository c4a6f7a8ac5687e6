"""Kept documents as a dataset folder that `datasets` and Croissant readers load.

    FOLDER/data/train-00000-of-00002.parquet …   FOLDER/data/heldout-00000-of-00001.parquet
    FOLDER/README.md   FOLDER/croissant.json

Enters: a run or one of its tables. Leaves: the folder, put in place when it is complete. The
decision: `signals` and `labels` are JSON strings. `datasets` has no type for Parquet maps, Croissant
none for keys that differ from record to record, and columns of their own would differ from run to
run. Plain Parquet: loading it runs no code.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curate.card import About, card
from curate.card.croissant import MAPS
from curate.card.data_files import DATA, SHARD
from curate.card.facts import is_heldout, require_files, rows, wide_rows
from curate.card.front_matter import COLUMNS
from curate.card.shards import Shards
from curate.card.write import CROISSANT, README, check_ours, opened
from curate.errors import InputError, OutputError, UserError
from curate.finished import FinishedTable
from curate.split import HELDOUT, TRAIN
from curate.store import unwritable

SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])


def export_folder(
    path: str, output: str, about: About | None = None, shard_rows: int | None = None
) -> int:
    """Write the kept documents of a run's last table, or of the table at `path`, with their card;
    returns how many.

    `InputError`: no finished run or table, nothing kept, or no text yet. `OutputError`: `output`
    holds something that is no older export of ours, or cannot be written.
    """
    if shard_rows is not None and shard_rows < 1:
        raise UserError(f"--shard-rows {shard_rows}: a shard has at least 1 row")
    if "://" in output:
        raise OutputError(f"cannot write to {output}: an export has to be a local folder")
    run, folder = opened(path), Path(output).resolve()
    check_replaceable(folder)
    last = run.documents[-1]
    if not last.table.total().kept:
        raise InputError(f"{path}: {last.name} kept no documents; there is nothing to export")
    require_files(last)
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    try:
        (unfinished / DATA).mkdir(parents=True)
        written = _write(last, unfinished / DATA, shard_rows)
        card(path, str(unfinished), about)
        _put_in_place(unfinished, folder)
    except OSError as error:
        raise unwritable(output, error) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return written


def check_replaceable(folder: Path) -> None:
    """`OutputError` unless the folder is new, empty or an export as this module writes it."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file; choose another --output")
    ours = {README, CROISSANT, DATA}
    data = folder / DATA
    strange = [entry for entry in sorted(folder.iterdir()) if entry.name not in ours]
    if data.is_dir():
        strange += [file for file in sorted(data.iterdir()) if not SHARD.fullmatch(file.name)]
    elif data.exists():
        strange.append(data)
    if strange:
        raise OutputError(
            f"{folder} holds {strange[0].relative_to(folder)}, which is of no export; "
            "choose another --output"
        )
    check_ours(folder)
    if data.exists() and not (folder / README).exists():
        raise OutputError(f"{folder} holds data without a card of ours; choose another --output")


def _write(table: FinishedTable, folder: Path, shard_rows: int | None) -> int:
    splits = [Shards(folder, name, SCHEMA, shard_rows) for name in (TRAIN, HELDOUT)]
    texts = 0
    for batch in rows(table, list(COLUMNS), True, wide_rows(table)):
        texts += pc.count(batch.column("text")).as_py()
        heldout = is_heldout(batch)
        for shards, mask in zip(splits, (pc.invert(heldout), heldout), strict=True):
            shards.add(as_text(batch.filter(mask)))
    if not texts and any(shards.rows for shards in splits):
        raise InputError(
            f"{table.table.path}: no document has text; export a table made by extract or later"
        )
    for shards in splits:
        shards.close()
    return sum(shards.rows for shards in splits)


def as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The exported columns, maps as JSON with sorted keys; NaN, which JSON lacks, as null."""
    columns = [
        pa.array(map(_json, batch.column(name).to_pylist()), pa.string())
        if name in MAPS
        else batch.column(name)
        for name in COLUMNS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _json(pairs: list[tuple[str, float | str]] | None) -> str:
    return orjson.dumps(dict(pairs or ()), option=orjson.OPT_SORT_KEYS).decode()


def _put_in_place(unfinished: Path, folder: Path) -> None:
    """An older export makes way only for a complete one."""
    if not folder.exists():
        os.replace(unfinished, folder)
        return
    older = folder.with_name(f"{folder.name}.{os.getpid()}.older")
    os.replace(folder, older)
    os.replace(unfinished, folder)
    shutil.rmtree(older)
