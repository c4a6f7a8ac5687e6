"""Which SQL is run: one query that only reads.

In: what a person typed. Out: the same text, or `UserError` in one line. The decision: the parse tree of
DuckDB's own parser is walked, and every kind of node has to be on a list. The type of the statement is
not enough: `WITH x AS (COPY … TO 'file') SELECT 1` is a SELECT to it and writes, and a function in FROM
can read files, run other SQL or change settings. What is not known is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from curate.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_CHARS = 50_000
NODES = frozenset(
    "SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE "
    "BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EMPTY EXPRESSION_LIST PIVOT SHOW_REF "
    "ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER "
    "ORDER_DEFAULT ASCENDING DESCENDING ENUM_TYPE_INFO".split()
)
TABLE_FUNCTIONS = frozenset(
    "range generate_series unnest json_each json_tree histogram histogram_values "
    "duckdb_columns duckdb_functions duckdb_keywords duckdb_types duckdb_views".split()
)


def checked(sql: str, parser: DuckDBPyConnection) -> str:
    """The query without the semicolon at its end. UserError: it is not one that only reads."""
    import duckdb

    if len(sql) > MOST_CHARS:
        raise UserError(f"a query has at most {MOST_CHARS:,} characters, this one {len(sql):,}")
    try:
        statements = parser.extract_statements(sql)
        if len(statements) != 1:
            raise UserError(f"one statement at a time: this is {len(statements)}")
        kind = statements[0].type
        if kind != duckdb.StatementType.SELECT:
            raise UserError(
                f"{kind.name} is not run here: only SELECT, WITH, DESCRIBE and SUMMARIZE read"
            )
        query = statements[0].query.rstrip().rstrip(";")
        row = parser.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    except duckdb.Error as error:
        raise UserError(one_line(error)) from None
    tree = _tree(row[0] if row else "")
    if tree.get("error"):
        raise UserError(" ".join(str(tree.get("error_message")).split()))
    for part in _parts(tree):
        _judge(part)
    return query


def one_line(error: Exception) -> str:
    """What DuckDB says, without the picture of the place and the settings that are locked here."""
    said = str(error).split("\nLINE ", 1)[0].split("Possible solutions:", 1)[0]
    return " ".join(said.split()) or type(error).__name__


def _tree(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, RecursionError):
        raise UserError("the query is nested too deeply to be checked; simplify it") from None


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in the tree."""
    left = [tree]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part


def _judge(part: dict[str, Any]) -> None:
    """Expressions have a class and only compute; all else that has a type must be known."""
    kind = part.get("type")
    if not isinstance(kind, str) or "class" in part:
        return
    if kind not in NODES and not _is_type_info(part):
        raise UserError(f"{kind.removesuffix('_NODE')} is not run here: a query may only read")
    if kind == "TABLE_FUNCTION":
        name = str(part["function"].get("function_name")).lower()
        if name not in TABLE_FUNCTIONS:
            raise UserError(f"FROM {name}(…) is not run here: read the run's tables by their names")


def _is_type_info(part: dict[str, Any]) -> bool:
    """The description of a column type in a cast."""
    return str(part["type"]).endswith("_TYPE_INFO")
