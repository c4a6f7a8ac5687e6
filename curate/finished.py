"""A finished run, read without Spark: its recipe, its tables in order, its steps in order.

In: a run folder (`run.json` and tables), or one committed table. Out: `FinishedRun`, which is also
what a notebook works with. The decision: tables that hold documents and the one that holds tokens
are told apart here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.document import SCHEMA, SPARK_SCHEMA, Document
from curate.errors import InputError
from curate.store import read_json
from curate.table import Table

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

    from curate.audit.recall import Audit
    from curate.audit.rules import Bound

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

    @property
    def tokens(self) -> Mapping[str, Any] | None:
        """What token shards hold (`shards`, `tokens` and `text_bytes` by source); None: documents."""
        found = [part["tokens"] for part in self.manifest["slices"] if "tokens" in part]
        return found[0] if found else None

    def frame(
        self,
        columns: Sequence[str] = ("id", "source", "drop"),
        signals: Sequence[str] = (),
        labels: Sequence[str] = (),
        kept: bool | None = None,
        most: int | None = None,
    ) -> pd.DataFrame:
        """Rows as a pandas DataFrame, a column for each name; see `curate.frames.frame`."""
        from curate.frames import frame

        return frame(self, columns, signals, labels, kept, most)

    def rows(self, kept: bool | None = None, most: int = 1000) -> Iterator[Document]:
        """About `most` documents, drawn by id, to give to `curate.apply`."""
        from curate.frames import rows

        return rows(self, kept, most)

    def spark(self, session: SparkSession, kept: bool | None = None) -> DataFrame:
        """The rows as a Spark DataFrame, which is what set steps such as `dedup` are called with."""
        files = self.table.files(kept)
        if not files:
            return session.createDataFrame([], SPARK_SCHEMA)
        return session.read.schema(SPARK_SCHEMA).parquet(*files)


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

    @cached_property
    def named(self) -> dict[str, FinishedTable]:
        """The tables by name, without their numbers where that is clear."""
        found: dict[str, FinishedTable] = {}
        for table in self.tables:
            name = table.name.partition("-")[2]
            found[name if name and name not in found else table.name] = table
        return found

    def table(self, name: str) -> FinishedTable:
        """A table by its name ("04-dedup"), its name without number, or the name of a step in it
        (the first table that has it); `InputError` names the known ones."""
        by_step = {step: table for table in reversed(self.tables) for step, _ in table.steps}
        known = {**by_step, **self.named, **{table.name: table for table in self.tables}}
        if name not in known:
            from curate.registry import unknown

            raise InputError(f"{self.path}: {unknown('table or step', name, known)}")
        return known[name]

    def before(self, table: FinishedTable) -> FinishedTable | None:
        """The table whose kept rows `table` was made of; None for the first."""
        place = self.tables.index(table)
        return self.tables[place - 1] if place else None

    def ledger(self) -> pd.DataFrame:
        """Documents by table, source and outcome; exact, see `curate.frames.ledger`."""
        from curate.frames import ledger

        return ledger(self)

    def bounds(self) -> dict[str, Bound]:
        """The bounds that judged the documents, by the reason of the drop they cause."""
        from curate.audit.rules import bounds

        return bounds(self)

    def audit(self) -> Audit | None:
        """Recall of planted defects and collateral, where `curate audit` or the demo measured it."""
        from curate.audit.recall import read_audit

        return read_audit(self)

    def verdict(self) -> Mapping[str, Any] | None:
        """The verdict in bits per byte beside the run, as `model.ablation.verdict.Verdict.to_json`
        describes it; None if none was made."""
        from curate.report.forest import read_verdict

        return read_verdict(self.path)


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
