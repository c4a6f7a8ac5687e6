"""What a query found: cut for a page, whole for a file.

In: a checked query. Out: an `Answer` of at most `MOST_ROWS` rows whose cells are cut, or lines of CSV or
JSON as they come. The decision: cells are cut inside the engine, so that a page never holds long texts;
a file is written a few rows at a time, so that its length does not matter.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curate.report.serve.database import Database, Query

MOST_ROWS = 1_000
CELL_CHARS = 300
QUERY_SECONDS = 120.0
FILE_SECONDS = 3_600.0
FILE_ROWS = 64  # fetched at a time
NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "HUGE", "UBIGINT", "BIGINT")


@dataclass(frozen=True)
class Cell:
    """`text` None: null. `chars`: of the whole value, where more than is shown."""

    text: str | None
    chars: int | None = None


@dataclass(frozen=True)
class Answer:
    """`columns`: (name, type, whether it holds numbers). `cut`: there are more rows."""

    columns: Sequence[tuple[str, str, bool]]
    rows: Sequence[Sequence[Cell]]
    cut: bool


def answer(
    database: Database, sql: str, client: socket.socket | None, seconds: float = QUERY_SECONDS
) -> Answer:
    """The first rows of a query. UserError: it is refused or wrong; WorkError: no time or memory."""
    query_text = database.check(sql)
    with database.query(client, seconds) as query:
        columns = _columns(query, query_text)
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        cells = ", ".join(_cut(f"c{i}", kind) for i, (_, kind) in enumerate(columns))
        rows = query.rows(
            f"SELECT {cells} FROM (\n{query_text}\n) AS answer({names}) LIMIT {MOST_ROWS + 1}"
        )
    return Answer(
        [(name, kind, kind.startswith(NUMBERS)) for name, kind in columns],
        [list(map(_cell, row[::2], row[1::2])) for row in rows[:MOST_ROWS]],
        len(rows) > MOST_ROWS,
    )


def csv_parts(query: Query, sql: str) -> Iterator[bytes]:
    """The whole answer as CSV, its header first."""
    for rows in _parts(query, sql):
        lines = io.StringIO()
        csv.writer(lines).writerows([map(_text, row) for row in rows])
        yield lines.getvalue().encode()


def json_parts(query: Query, sql: str) -> Iterator[bytes]:
    """The whole answer as JSON, one object a line."""
    parts = _parts(query, sql)
    names = _distinct([str(name) for name in next(parts)[0]])
    for rows in parts:
        objects = (dict(zip(names, map(plain, row), strict=True)) for row in rows)
        yield "".join(f"{_json(one)}\n" for one in objects).encode()


def plain(value: Any) -> Any:
    """A value as JSON can hold it: bytes in base64, numbers that are none as null.

    >>> plain({"a": [b"hi", float("nan")]})
    {'a': ['aGk=', None]}
    """
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)


def _columns(query: Query, sql: str) -> list[tuple[str, str]]:
    query.cursor.execute(f"SELECT * FROM (\n{sql}\n) LIMIT 0")
    return [(str(column[0]), str(column[1])) for column in query.cursor.description or ()]


def _cut(column: str, kind: str) -> str:
    """The start of a cell as text, and its length."""
    if kind == "BLOB":
        return f"left(hex({column}), {CELL_CHARS}), 2 * octet_length({column})"
    text = column if kind == "VARCHAR" else f"CAST({column} AS VARCHAR)"
    return f"left({text}, {CELL_CHARS}), length({text})"


def _cell(text: str | None, chars: int | None) -> Cell:
    is_cut = chars is not None and chars > CELL_CHARS
    return Cell(text, chars if is_cut else None)


def _parts(query: Query, sql: str) -> Iterator[Sequence[Sequence[Any]]]:
    """The names of the columns, then the rows, some at a time."""
    cursor = query.cursor.execute(sql)
    yield [[column[0] for column in cursor.description or ()]]
    while rows := cursor.fetchmany(FILE_ROWS):
        yield rows


def _text(value: Any) -> Any:
    made = plain(value)
    return _json(made) if isinstance(made, dict | list) else made


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur once.

    >>> _distinct(["a", "b", "a"])
    ['a', 'b', 'a_2']
    """
    found: list[str] = []
    for name in names:
        wanted, n = name, 2
        while wanted in found:
            wanted, n = f"{name}_{n}", n + 1
        found.append(wanted)
    return found
