"""Columns of a finished table, by batch, all rows or a coin's share of them.

In: a finished table. Out: Arrow batches of the columns asked for, and what their maps hold. The
decision: ids are hashes, so their first digits are a coin: the same documents are drawn on every
machine, and from two runs over the same input the same ones, which takes the noise of drawing out of
their difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from curate.errors import InputError
from curate.finished import FinishedRun, FinishedTable

MOST_ROWS = 1_000_000
BATCH_ROWS = 16_384
WIDE_BATCH_ROWS = 256
WIDE = frozenset(("text", "content"))
_COIN_DIGITS = 8


@dataclass(frozen=True)
class Look:
    """How much was read: `rows` of the `of` there are."""

    rows: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether that was all."""
        return self.rows == self.of

    def sentence(self) -> str:
        """
        >>> Look(3, 3).sentence(), Look(1_000, 20_000).sentence()
        ('all 3', '1,000 of 20,000, drawn by id')
        """
        return f"all {self.of:,}" if self.whole else f"{self.rows:,} of {self.of:,}, drawn by id"


def narrow(
    table: FinishedTable, columns: Sequence[str], kept: bool | None = None, most: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The columns of kept rows, dropped rows, or both; about `most` rows of the table (None: all).

    `InputError`: a file that the manifest names is missing or damaged.
    """
    limit = None if most is None else coin_limit(row_count(table, kept), most)
    chosen = None if limit is None else ds.field("id") < limit
    try:
        scanner: Any = table.table.dataset(kept).scanner(
            columns=list(columns),
            filter=chosen,
            batch_size=WIDE_BATCH_ROWS if WIDE & set(columns) else BATCH_ROWS,
            batch_readahead=1,
            fragment_readahead=1,
        )
        yield from scanner.to_batches()
    except (pa.ArrowException, OSError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"cannot read {table.table.path}: {what}; run its step again, or give another run"
        ) from None


def row_count(table: FinishedTable, kept: bool | None = None) -> int:
    """Rows of a table, non-documents among the dropped ones."""
    total = table.table.total()
    return {None: total.accounted, True: total.kept, False: total.accounted - total.kept}[kept]


def coin_limit(rows: int, most: int) -> str | None:
    """Ids below this are about `most` of `rows`; None if that is all.

    >>> coin_limit(4, 1), coin_limit(1, 1)
    ('40000000', None)
    """
    if rows <= most:
        return None
    return f"{int(most / rows * 16**_COIN_DIGITS):0{_COIN_DIGITS}x}"


def ends(run: FinishedRun, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Every record of a run once, where its way ended: dropped rows of every table, kept ones of
    the last."""
    for table in run.documents:
        yield from narrow(table, columns, False)
    yield from narrow(run.documents[-1], columns, True)
