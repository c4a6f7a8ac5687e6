"""One record through the row steps of a table once more, to see what each of them did.

In: a finished run, a table, the record's row there and in the table before (or none, where the table
reads a source). Out: a `Deed` a step, or nothing where the steps cannot be repeated: other code or
models today, a source that is gone. The decision: a table stores only what came out in the end, and
a step is a pure function, so its part is found by doing it again; and what comes out has to be what
the table holds, else nothing is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from curate.document import COLUMNS, Document
from curate.errors import CurateError
from curate.finished import FinishedRun, FinishedTable
from curate.inputs import plan_scan
from curate.recipe import Step, parse
from curate.registry import ROW_GROUPS
from curate.spark import rows_of
from curate.step import apply

MOST_SOURCE_BYTES = 2 << 30  # of the file that is read again for one record


@dataclass(frozen=True)
class Deed:
    """What one step did. before, after: the text; signals: new ones."""

    step: str
    drop: str | None
    before: str | None
    after: str | None
    signals: Mapping[str, float]

    @property
    def changed(self) -> bool:
        """Whether there is a text that the step changed (or made)."""
        return self.before != self.after


def replay(
    run: FinishedRun, table: FinishedTable, row: Mapping[str, Any], before: Mapping[str, Any] | None
) -> tuple[Deed, ...]:
    """What each row step of `table` did to the record; empty where that cannot be known."""
    share = float(run.recipe.get("measure_dropped", 0.0) or 0.0)
    try:
        if not (steps := _steps(run, table)):
            return ()
        record = _record(run, row) if before is None else _document(before)
        if record is None:
            return ()
        deeds = tuple(_deeds(steps, record, share))
    except (CurateError, OSError):
        return ()
    same = (record.drop, record.text) == (row["drop"], row["text"])
    return deeds if same else ()


def _deeds(steps: list[Step], record: Document, measure_dropped: float) -> Iterator[Deed]:
    for step in steps:
        text = None if record.text is None else str(record.text)
        signals, drop = dict(record.signals), record.drop
        for _ in apply([step.built], [record], measure_dropped):
            pass
        yield Deed(
            step.name,
            record.drop if record.drop != drop else None,
            text,
            None if record.text is None else str(record.text),
            {key: value for key, value in record.signals.items() if signals.get(key) != value},
        )


def _steps(run: FinishedRun, table: FinishedTable) -> list[Step]:
    """The table's steps, built; none if one of them is no row step."""
    steps = list(table.manifest.get("steps", ()))
    if not steps:
        return []
    named = [{"name": "web", "path": "."}]
    parsed = parse(json.dumps({"sources": run.recipe.get("sources") or named, "steps": steps}))
    built = [step for step in parsed.steps if isinstance(step, Step)]
    return built if all(step.group in ROW_GROUPS for step in built) else []


def _record(run: FinishedRun, row: Mapping[str, Any]) -> Document | None:
    """The record as its source has it."""
    sources = [one for one in run.recipe.get("sources") or () if one["name"] == row["source"]]
    if not sources:
        return None
    parsed = parse(json.dumps({"sources": sources, "steps": ["commit"]}))
    entries, _ = plan_scan(parsed.sources, "")
    for entry in entries:
        if row["origin"].startswith(entry.path) and entry.size <= MOST_SOURCE_BYTES:
            found = next((one for one in rows_of(entry) if one.id == row["id"]), None)
            if found is not None:
                return found
    return None


def _document(row: Mapping[str, Any]) -> Document:
    values = {name: row[name] for name in COLUMNS}
    return Document(**{**values, "signals": dict(row["signals"]), "labels": dict(row["labels"])})
