"""Rows of a finished table as a pandas DataFrame, and a run's ledger as one.

In: a finished table, and the names of columns, signals and labels. Out: one row a document, one
column a name. The decision: a frame is bounded. Beyond `MOST_ROWS` rows (`MOST_WIDE_ROWS` with texts)
the documents are drawn by their id, the same ones every time, and `frame.attrs["rows"]` says so;
beyond `MOST_BYTES` there is an error and no frame, because half a sample is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.document import COLUMNS, RECORD, SCHEMA, Document, documents
from curate.errors import InputError
from curate.reading import MOST_ROWS, WIDE, Look, narrow, row_count
from curate.registry import unknown
from curate.signals import by_key

if TYPE_CHECKING:
    import pandas as pd

    from curate.finished import FinishedRun, FinishedTable

MOST_WIDE_ROWS = 20_000
MOST_BYTES = 2 << 30
MAPS = ("signals", "labels")
KEPT = "kept"


def frame(
    table: FinishedTable,
    columns: Sequence[str],
    signals: Sequence[str] = (),
    labels: Sequence[str] = (),
    kept: bool | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """Kept rows, dropped rows, or both (None). A signal nobody measured is NaN, a label nobody set
    None; a label with the name of another column becomes `labels.<name>`.

    InputError: an unknown column, a table of tokens, or more than `MOST_BYTES` of data.
    """
    _check(table, columns)
    if most is None:
        most = MOST_WIDE_ROWS if WIDE & set(columns) else MOST_ROWS
    wanted = [*columns, *(name for name, of in zip(MAPS, (signals, labels), strict=True) if of)]
    parts, size_bytes = [], 0
    for batch in narrow(table, wanted, kept, most):
        part = _columns(batch, columns, signals, labels)
        size_bytes += part.nbytes
        if size_bytes > MOST_BYTES:
            raise InputError(
                f"{table.name}: more than {MOST_BYTES >> 30} GiB of {', '.join(wanted)}; "
                "ask for fewer rows (most=…) or columns"
            )
        parts.append(part)
    found = pa.Table.from_batches(parts) if parts else _empty(columns, signals, labels)
    made: pd.DataFrame = found.to_pandas()
    made.attrs["rows"] = Look(len(made), row_count(table, kept)).sentence()
    return made


def rows(table: FinishedTable, kept: bool | None = None, most: int = 1000) -> Iterator[Document]:
    """About `most` documents as steps take them, drawn by id; one batch is in memory at a time."""
    _check(table, ())
    for batch in narrow(table, COLUMNS, kept, most):
        yield from documents(batch)


def ledger(run: FinishedRun) -> pd.DataFrame:
    """table, source, outcome, documents: what became of every record, from the manifests alone.

    outcome: "kept", the reason of a drop, or "record.<kind>" for what is no document.
    """
    import pandas as pd

    counted = [
        (table.name, source, outcome, count)
        for table in run.documents
        for source, counts in table.table.counts().items()
        for outcome, count in {
            KEPT: counts.kept,
            **counts.dropped,
            **{f"{RECORD}{kind}": count for kind, count in counts.non_documents.items()},
        }.items()
    ]
    return pd.DataFrame(counted, columns=["table", "source", "outcome", "documents"])


def _check(table: FinishedTable, columns: Sequence[str]) -> None:
    if not table.holds_documents:
        raise InputError(f"{table.name} holds tokens, not documents; take a table before it")
    for name in columns:
        if name not in COLUMNS or name in MAPS:
            raise InputError(
                f"{table.name}: {unknown('column', name, set(COLUMNS) - set(MAPS))}; "
                "what was measured and noted is asked for with signals=[…], labels=[…]"
            )


def _columns(
    batch: pa.RecordBatch, columns: Sequence[str], signals: Sequence[str], labels: Sequence[str]
) -> pa.RecordBatch:
    arrays = {name: batch[name] for name in columns}
    if signals:
        arrays |= _spread(batch["signals"], {name: name for name in signals})
    if labels:
        taken = {*columns, *signals}
        named = {name: f"labels.{name}" if name in taken else name for name in labels}
        arrays |= _spread(batch["labels"], named)
    return pa.RecordBatch.from_pydict(arrays)


def _spread(maps: pa.Array, named: dict[str, str]) -> dict[str, pa.Array]:
    """An array for each wanted key of a column of maps, null where a row has none."""
    found = {key: (at, values) for key, at, values in by_key(maps) if key in named}
    none = pa.nulls(len(maps), maps.type.item_type)
    return {name: _placed(none, *found[key]) if key in found else none
            for key, name in named.items()}  # fmt: skip


def _placed(none: pa.Array, at: NDArray[np.int64], values: pa.Array) -> pa.Array:
    places = np.full(len(none), -1)
    places[at] = np.arange(len(values))
    return values.take(pa.array(places, mask=places < 0))


def _empty(columns: Sequence[str], signals: Sequence[str], labels: Sequence[str]) -> pa.Table:
    none = pa.RecordBatch.from_pylist([], SCHEMA)
    return pa.Table.from_batches([_columns(none, columns, signals, labels)])
