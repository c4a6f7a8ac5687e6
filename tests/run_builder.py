"""A finished run written with pyarrow alone: what Spark would leave behind, in a second.

`write_run` puts tables of hand-made documents below a folder, each holding what the one before
kept, with manifests and ledgers as `curate run` writes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.document import SCHEMA, Document, batches, document_id
from curate.store import write_json
from curate.table import Counts, Slice, Table

FETCHED = datetime(2025, 3, 1, 12, tzinfo=UTC)


@dataclass
class TableSpec:
    """A table to write: its steps as a manifest lists them, its rows as the steps left them, and over how
    many files kept and dropped ones are dealt out."""

    name: str
    steps: Sequence[Mapping[str, Any]]
    rows: Sequence[Document]
    kind: str = "rows"
    seconds: float = 2.0
    extra: Mapping[str, Any] = field(default_factory=dict)
    files: int = 1


def document(origin: str, text: str | None = None, source: str = "web", **values: Any) -> Document:
    """A document with the id its origin gives it."""
    values.setdefault("url", f"https://example.org/{origin}")
    values.setdefault("fetched", FETCHED)
    return Document(document_id(source, origin), source, origin, text=text, **values)


def write_run(
    folder: Path, specs: Iterable[TableSpec], recipe: Mapping[str, Any] | None = None
) -> Path:
    """Write the tables and `run.json`; returns the folder."""
    specs = list(specs)
    for spec in specs:
        write_table(folder, spec)
    steps = [dict(step) for spec in specs for step in spec.steps]
    about = {
        "name": "fake",
        "sources": [],
        "steps": steps,
        "measure_dropped": 0.0,
        **(recipe or {}),
    }
    names = [{"name": spec.name} for spec in specs]
    write_json(
        f"{folder}/run.json",
        {"name": about["name"], "recipe": about, "tables": names, "seconds": 12.3},
    )
    return folder


def write_table(folder: Path, spec: TableSpec) -> Table:
    """One committed table with one slice."""
    table = Table(str(folder / spec.name))
    attempt = table.new_attempt("all")
    files = [] if spec.kind == "tokens" else _write_rows(folder / spec.name, attempt, spec)
    part = Slice("all", "0" * 24, tuple(files), count(spec.rows), spec.seconds, dict(spec.extra))
    table.commit_slice(part)
    about = {
        "name": spec.name,
        "kind": spec.kind,
        "steps": [dict(step) for step in spec.steps],
        "input": None,
    }
    table.commit("0" * 24, [part], about)
    return table


def count(rows: Iterable[Document]) -> dict[str, Counts]:
    """The ledger by source."""
    counts: dict[str, Counts] = defaultdict(Counts)
    for row in rows:
        size = len(row.text.encode()) if row.text is not None else len(row.content or b"")
        counts[row.source].read += 1
        counts[row.source].add(row.drop, 1, size)
    return dict(counts)


def _write_rows(folder: Path, attempt: str, spec: TableSpec) -> list[str]:
    files = []
    for kept in (True, False):
        chosen = [row for row in spec.rows if (row.drop is None) == kept]
        for i in range(min(spec.files, len(chosen))):
            name = f"{attempt}/documents/kept={str(kept).lower()}/part-{i}.parquet"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            part = pa.Table.from_batches(batches(chosen[i :: spec.files]), SCHEMA)
            pq.write_table(part, folder / name, row_group_size=500)
            files.append(name)
    return files
