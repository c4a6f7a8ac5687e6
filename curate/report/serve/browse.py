"""One page of a table's rows.

In: a table, what it is narrowed by, a place. Out: the rows from there on (or before it), and where the
neighbouring pages begin. The decision: a place is (file, row in the file), the order the rows were
written in, so a page costs the rows it passes over and never those before it. Files are searched in
batches, 1, 2, 4 … of them, until the page is full or its time is over; then the search can go on there.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from curate.document import RECORD
from curate.errors import UserError
from curate.report.serve.database import Database, Query, engine
from curate.report.serve.tables import ServedTable, read_files
from curate.table import Counts

ROWS = 50
MOST_FILES = 32  # of a batch
SEARCH_SECONDS = 30.0
PREVIEW_CHARS = 240
LOOKED_FILES = 8  # of kept rows and of dropped ones, for the list of languages
LOOKED_ROWS = 200_000
LANGUAGES = 300
Place = tuple[int, int]


@dataclass(frozen=True)
class Narrowing:
    """What rows are shown; None: all. `text` is searched as it stands, no pattern: of the letters i and
    l below, one says that case does not matter, the other that the text is literal."""

    kept: bool | None = None
    reason: str | None = None
    source: str | None = None
    language: str | None = None
    text: str | None = None
    ignore_case: bool = False

    def where(self) -> tuple[list[str], list[Any]]:
        """Conditions and their values."""
        conditions, values = [], []
        for column, value in (
            ("drop", self.reason), ("source", self.source), ("language", self.language),
        ):  # fmt: skip
            if value is not None:
                conditions.append(f'"{column}" = ?')
                values.append(value)
        if self.text is not None:
            conditions.append(
                "regexp_matches(text, ?, 'il')" if self.ignore_case else "contains(text, ?)"
            )
            values.append(self.text)
        return conditions, values

    def count(self, counts: dict[str, Counts]) -> int | None:
        """How many rows there are, where the ledger knows; None where only a search would tell."""
        if self.language is not None or self.text is not None:
            return None
        chosen = [c for source, c in counts.items() if self.source in (None, source)]
        return sum(map(self._counted, chosen))

    def _counted(self, counts: Counts) -> int:
        outcomes = {
            **counts.dropped,
            **{f"{RECORD}{k}": n for k, n in counts.non_documents.items()},
        }
        if self.reason is not None:
            return outcomes.get(self.reason, 0) if self.kept is not True else 0
        kept, dropped = counts.kept, sum(outcomes.values())
        return kept if self.kept is True else dropped if self.kept is False else kept + dropped


@dataclass(frozen=True)
class Row:
    """A row as a list shows it."""

    place: Place
    id: str
    source: str
    where: str
    language: str | None
    drop: str | None
    preview: str | None
    chars: int | None


@dataclass(frozen=True)
class Page:
    """`next`: where the next page begins. `previous`: the place before which the page before ends.
    `stopped`: where to search on, in the same direction, if there was no time for all of it."""

    rows: Sequence[Row]
    next: Place | None = None
    previous: Place | None = None
    stopped: Place | None = None


def place(text: str) -> Place:
    """A place as an address has it.

    >>> place("3.120")
    (3, 120)
    """
    file, _, row = text.partition(".")
    if not (file.isascii() and file.isdigit() and row.isascii() and row.isdigit()):
        raise UserError(f"{text[:40]} is not a place: it is FILE.ROW, such as 0.50")
    if len(text) > 36:
        raise UserError("no row stands there")
    return int(file), min(int(row), 2**62)


def page(
    database: Database, table: ServedTable, narrowing: Narrowing, begin: Place = (0, 0),
    forward: bool = True, client: socket.socket | None = None, seconds: float = SEARCH_SECONDS,
) -> Page:  # fmt: skip
    """The first `ROWS` rows from `begin` on; or, not `forward`, the last ones before it, in order."""
    files = _files(table, narrowing)
    with database.query(client, seconds) as query:
        found, stopped = _search(query, files, narrowing, begin, forward)
    if not forward and len(found) <= ROWS and stopped is None:
        return page(database, table, narrowing, (0, 0), True, client, seconds)
    shown = sorted(found[:ROWS])
    with database.query(client, seconds) as query:
        rows = _rows(query, dict(files), shown)
    if forward:
        more = found[ROWS] if len(found) > ROWS else None
        return Page(rows, more, begin if begin > (0, 0) else None, stopped)
    return Page(rows, begin, shown[0] if stopped is None else None, stopped)


def languages(database: Database, table: ServedTable, client: socket.socket | None) -> list[str]:
    """The languages among the first rows of some files: for a list to choose from."""
    files = (*table.kept[:LOOKED_FILES], *table.dropped[:LOOKED_FILES])
    if not files:
        return []
    name = read_files(files)
    look = f"SELECT DISTINCT language FROM (SELECT language FROM {name} LIMIT {LOOKED_ROWS})"
    with database.query(client, SEARCH_SECONDS) as query:
        found = query.rows(f"{look} WHERE language IS NOT NULL ORDER BY ALL LIMIT {LANGUAGES}")
    return [value for (value,) in found]


def _files(table: ServedTable, narrowing: Narrowing) -> list[tuple[int, str]]:
    """(number, path) of the files that can hold such rows."""
    files = list(enumerate((*table.kept, *table.dropped)))
    kept, dropped = files[: len(table.kept)], files[len(table.kept) :]
    if narrowing.kept is True:
        return [] if narrowing.reason is not None else kept
    return dropped if narrowing.kept is False or narrowing.reason is not None else files


def _search(
    query: Query,
    files: Sequence[tuple[int, str]],
    narrowing: Narrowing,
    begin: Place,
    forward: bool,
) -> tuple[list[Place], Place | None]:
    """Places in the order of the search, one more than a page has, and where it was stopped."""
    if forward:
        left = [file for file in files if file[0] >= begin[0]]
    else:
        left = [file for file in reversed(files) if (file[0], 0) < begin]
    found: list[Place] = []
    size = 1
    whole = len(left)
    while left and len(found) <= ROWS:
        batch = sorted(left[:size])
        try:
            found += _in_batch(query, batch, narrowing, begin, forward, ROWS + 1 - len(found))
        except engine().InterruptException:
            if query.why != "late" or len(left) == whole:
                raise
            return found, (batch[0][0], 0) if forward else (batch[-1][0] + 1, 0)
        left = left[size:]
        size = min(2 * size, MOST_FILES)
    return found, None


def _in_batch(
    query: Query, batch: Sequence[tuple[int, str]], narrowing: Narrowing, begin: Place,
    forward: bool, most: int,
) -> list[Place]:  # fmt: skip
    conditions, values = narrowing.where()
    if batch[0][0] == begin[0]:
        conditions.append("file_row_number >= ?" if forward else "file_row_number < ?")
        values.append(begin[1])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "" if forward else " ORDER BY file_index DESC, file_row_number DESC"
    rows = query.rows(
        f"SELECT file_index, file_row_number FROM {read_files([path for _, path in batch])}"
        f"{where}{order} LIMIT {most}",
        values,
    )
    return [(batch[index][0], row) for index, row in rows]


def _rows(query: Query, files: dict[int, str], places: Sequence[Place]) -> list[Row]:
    found = []
    for number, chosen in groupby(places, key=lambda place: place[0]):
        listed = ", ".join(str(row) for _, row in chosen)
        for row, *values in query.rows(
            "SELECT file_row_number, left(id, 80), left(source, 80), left(coalesce(url, origin), 300),"
            f" left(language, 80), left(drop, 200), left(text, {PREVIEW_CHARS}), length(text)"
            f" FROM {read_files([files[number]])} WHERE file_row_number IN ({listed}) ORDER BY 1"
        ):
            found.append(Row((number, row), *values))
    return found
