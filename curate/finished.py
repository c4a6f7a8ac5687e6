"""A finished run, read without Spark: its recipe, its tables in order, its steps in order.

In: a run folder (`run.json` and tables), or one committed table. Out: `FinishedRun`. The decision:
tables that hold documents and the one that holds tokens are told apart here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.document import SCHEMA
from curate.errors import InputError
from curate.store import read_json
from curate.table import Table

RUN = "run.json"


@dataclass(frozen=True)
class FinishedTable:
    """A committed table and what its manifest says."""

    name: str
    table: Table
    manifest: Mapping[str, Any]

    @property
    def holds_documents(self) -> bool:
        """False for token shards."""
        return bool(self.manifest.get("kind") != "tokens")

    @property
    def steps(self) -> list[tuple[str, dict[str, Any]]]:
        """(name, parameters) of the steps that made it, in order."""
        return [(name, dict(params or {})) for step in self.manifest.get("steps", ())
                for name, params in step.items()]  # fmt: skip


@dataclass(frozen=True)
class FinishedRun:
    """`path` is the folder; `tables` stand in the order of the flow."""

    path: str
    name: str
    recipe: Mapping[str, Any]
    tables: tuple[FinishedTable, ...]
    seconds: float | None = None

    @cached_property
    def documents(self) -> tuple[FinishedTable, ...]:
        """The tables whose rows are documents."""
        return tuple(table for table in self.tables if table.holds_documents)

    @cached_property
    def step_order(self) -> list[str]:
        """Names of all steps in the order in which a document meets them."""
        return [name for table in self.tables for name, _ in table.steps]


def open_run(run_dir: str) -> FinishedRun:
    """The run in a folder or at a URL; `InputError` if there is no finished one."""
    path = str(run_dir).rstrip("/")
    found = read_json(f"{path}/{RUN}")
    if found is None:
        return _single(path)
    tables = []
    for entry in found["tables"]:
        table = Table(f"{path}/{entry['name']}")
        if entry.get("fingerprint", mark := table.require()["fingerprint"]) != mark:
            raise InputError(
                f"{path}: {entry['name']} was made anew by a run that did not end; run it to the end"
            )
        tables.append(FinishedTable(entry["name"], table, table.require()))
    return FinishedRun(path, found["name"], found["recipe"], tuple(tables), found.get("seconds"))


def _single(path: str) -> FinishedRun:
    """One committed table as a run of its own."""
    table = Table(path)
    manifest = table.manifest
    if manifest is None:
        raise InputError(
            f"{path} holds no finished run (no {RUN}); give the --output folder of `curate run`"
        )
    if manifest.get("kind") == "tokens":
        raise InputError(
            f"{path} holds token shards, not documents; give the folder of the whole run"
        )
    made = FinishedTable(path.rpartition("/")[2], table, manifest)
    return FinishedRun(path, made.name, {"steps": list(manifest.get("steps", ()))}, (made,))


def rows_where(
    table: FinishedTable,
    keys: Sequence[str],
    matches: Callable[[pa.Table], pa.ChunkedArray],
    columns: Sequence[str] | None = None,
    kept: bool | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows (kept, dropped, or None: both) for which `matches` says True of the narrow columns `keys`.

    Only row groups that hold a match are read in full, so a search costs ids, not texts. Maps come
    back as dicts.
    """
    for fragment in table.table.dataset(kept).get_fragments():
        for group in fragment.split_by_row_group(schema=SCHEMA):
            mask = matches(group.to_table(schema=SCHEMA, columns=list(keys)))
            if pc.any(mask).as_py():
                found = group.to_table(schema=SCHEMA, columns=list(columns or SCHEMA.names)).filter(
                    mask
                )
                yield from map(plain, found.to_pylist())


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as Arrow gives it, its maps as dicts."""
    return {**row, **{name: dict(row[name] or ()) for name in ("signals", "labels") if name in row}}
