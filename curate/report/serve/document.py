"""One row, whole.

In: a table and a place. Out: every column of the row. The decision: a row is found by its place, which
costs one page of one file, not by its id, which would cost a search.
"""

from __future__ import annotations

import socket
from typing import Any

from curate.errors import UserError
from curate.report.serve.browse import Place
from curate.report.serve.database import Database
from curate.report.serve.tables import ServedTable, quoted, read_files

SECONDS = 60.0


def row(
    database: Database, table: ServedTable, place: Place, client: socket.socket | None
) -> dict[str, Any]:
    """Names and values; UserError: no row stands there."""
    return _read(database, table, place, "*", client)


def cell(
    database: Database, table: ServedTable, place: Place, column: str, client: socket.socket | None
) -> bytes:
    """One column of a row, as it stands; UserError: no such row, or nothing in that column."""
    value = _read(database, table, place, quoted(column), client)[column]
    if value is None:
        raise UserError(f"the row has no {column}")
    return value if isinstance(value, bytes) else str(value).encode()


def _read(
    database: Database, table: ServedTable, place: Place, columns: str, client: socket.socket | None
) -> dict[str, Any]:
    file, at = place
    files = (*table.kept, *table.dropped)
    if file < len(files):
        with database.query(client, SECONDS) as query:
            found = query.rows(
                f"SELECT {columns} FROM {read_files([files[file]])} WHERE file_row_number = ?", [at]
            )
            names = [column[0] for column in query.cursor.description or ()]
        if found:
            return dict(zip(names, found[0], strict=True))
    raise UserError(f"{table.name} has no row {file}.{at}")
