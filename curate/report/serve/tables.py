"""What the manifests of a run list, as SQL views.

In: a finished run. Out: its tables, each with the files it was committed with and the view that reads
them. The decision: never a glob. A view names its files, so what an attempt left behind is not seen;
kept rows come before dropped ones, and their files in the manifest's order, which is the order of pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.errors import InputError
from curate.finished import FinishedRun, FinishedTable
from curate.table import Counts

GLOB = "*?["
SHARD = ("split", "file", "documents", "tokens", "bytes", "sha256")


@dataclass(frozen=True)
class ServedTable:
    """A table as it is served. `kept`, `dropped`: its Parquet files; both empty for an empty table."""

    name: str
    steps: tuple[str, ...]
    holds_documents: bool
    counts: dict[str, Counts]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    view: str

    @property
    def total(self) -> Counts:
        """The ledger over all sources."""
        total = Counts()
        for counts in self.counts.values():
            total = total.merge(counts)
        return total

    @property
    def reasons(self) -> list[str]:
        """Why rows were dropped, the commonest first; those that are no documents last."""
        dropped = self.total.dropped
        others = [f"record.{kind}" for kind in self.total.non_documents]
        return [*sorted(dropped, key=lambda name: -dropped[name]), *others]


def served_tables(run: FinishedRun, empty: str) -> list[ServedTable]:
    """The tables of a run in order. `empty`: a Parquet file with a document's columns and no row."""
    return [_served(table, empty) for table in run.tables]


def quoted(name: str) -> str:
    """A name as SQL writes it.

    >>> print(quoted('a"b'))
    "a""b"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A string as SQL writes it.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def read_files(files: Sequence[str]) -> str:
    """The call that reads just these files."""
    listed = ", ".join(map(literal, files))
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _served(table: FinishedTable, empty: str) -> ServedTable:
    kept, dropped = (
        tuple(path for path in table.table.files(side) if path.endswith(".parquet"))
        for side in (True, False)
    )
    for path in (*kept, *dropped):
        if any(char in path for char in GLOB):
            raise InputError(f"{path}: --serve cannot read a path with one of {GLOB}; rename it")
    select = _documents(kept, dropped, empty) if table.holds_documents else _shards(table)
    return ServedTable(
        table.name,
        tuple(name for name, _ in table.steps),
        table.holds_documents,
        table.table.counts(),
        kept,
        dropped,
        f"CREATE VIEW {quoted(table.name)} AS {select}",
    )


def _documents(kept: Sequence[str], dropped: Sequence[str], empty: str) -> str:
    sides = [(files, is_kept) for files, is_kept in ((kept, True), (dropped, False)) if files]
    return " UNION ALL BY NAME ".join(
        f"SELECT *, {is_kept} AS kept FROM {read_files(files)}"
        for files, is_kept in sides or [([empty], True)]
    )


def _shards(table: FinishedTable) -> str:
    """Token shards are no rows; what the manifest says of each is one."""
    shards = [
        shard
        for part in table.manifest["slices"]
        for shard in part.get("tokens", {}).get("shards", ())
    ]
    rows = ", ".join(
        f"({', '.join(_value(shard.get(name)) for name in SHARD)})" for shard in shards
    )
    columns = ", ".join(SHARD)
    if not rows:
        return (
            f"SELECT * FROM (VALUES ({', '.join(['NULL'] * len(SHARD))})) t({columns}) WHERE false"
        )
    return f"SELECT * FROM (VALUES {rows}) t({columns})"


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else literal(str(value))
