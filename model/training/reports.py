"""Where a run's rows go: metrics.jsonl always; CSV, TensorBoard, Weights & Biases if asked.

In: rows, mappings of a name to a number that have a `step`. Out: files, the same names in all of them.
The decision that matters: opening a report forgets the rows after the checkpoint a run goes on from, so
none holds a step twice.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from curate.errors import InputError

METRICS = "metrics.jsonl"
COLUMNS = (
    "step", "tokens", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "mfu",
    "validation_loss",
)  # fmt: skip
REPORTS = ("csv", "tensorboard", "wandb")  # called as the packages they need
Row = Mapping[str, float]


class Writer(Protocol):
    """Somewhere rows go."""

    def write(self, row: Row) -> None:
        """One row; it has a `step`."""

    def close(self) -> None:
        """Nothing more will come."""


def check_reports(report_to: Sequence[str]) -> None:
    """InputError: a report has another name than csv, tensorboard or wandb, or needs a missing package."""
    for name in report_to:
        if name not in REPORTS:
            raise InputError(f"report_to {name!r} is unknown; known: {', '.join(REPORTS)}")
        try:
            importlib.import_module(name)
        except ImportError:
            raise InputError(
                f"report_to {name}: it is not installed; pip install 'curate[trainer-logs]'"
            ) from None


def open_writers(
    report_to: Sequence[str], output: Path, first: int, settings: Mapping[str, Any]
) -> list[Writer]:
    """metrics.jsonl and the reports asked for, without rows after step `first`."""
    writers: list[Writer] = [JsonLines(output, first)]
    if "csv" in report_to:
        writers.append(Csv(output, first))
    if "tensorboard" in report_to:
        writers.append(TensorBoard(output, first))
    if "wandb" in report_to:
        writers.append(WeightsAndBiases(output, first, settings))
    return writers


class JsonLines:
    """metrics.jsonl."""

    def __init__(self, output: Path, first: int) -> None:
        self.path = output / METRICS
        if self.path.exists():
            kept = [line for line in _whole_lines(self.path) if _step(line) <= first]
            _rewrite(self.path, "".join(kept))

    def write(self, row: Row) -> None:
        """Append, and let readers see it at once."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def close(self) -> None:
        """Nothing is open."""


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file without the last one if a killed run left it unfinished."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [line for line in file if line.endswith("\n")]


def _step(line: str) -> float:
    """The step of a line of metrics.jsonl; infinite if it cannot be read, so that nothing keeps it."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return math.inf


def _rewrite(path: Path, text: str) -> None:
    """Replace a file at once: a run killed here leaves the old one or the new one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="")
    os.replace(partial, path)


class Csv:
    """metrics.csv, one column a name, empty where a row does not say."""

    def __init__(self, output: Path, first: int) -> None:
        self.path = output / "metrics.csv"
        rows = csv.DictReader(_whole_lines(self.path) if self.path.exists() else [])
        file = io.StringIO(newline="")
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(
            row
            for row in rows
            if tuple(row) == COLUMNS
            and None not in row.values()
            and row["step"].isdecimal()
            and int(row["step"]) <= first
        )
        _rewrite(self.path, file.getvalue())

    def write(self, row: Row) -> None:
        """Append, and let readers see it at once."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)

    def close(self) -> None:
        """Nothing is open."""


class TensorBoard:
    """Event files in tensorboard/; the names are those of metrics.jsonl."""

    def __init__(self, output: Path, first: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.events = SummaryWriter(str(output / "tensorboard"), purge_step=first + 1)

    def write(self, row: Row) -> None:
        """One scalar a name."""
        for name, value in row.items():
            if name != "step":
                self.events.add_scalar(name, value, int(row["step"]))

    def close(self) -> None:
        """Write what is buffered."""
        self.events.close()


class WeightsAndBiases:
    """A run in the project "curate" (or WANDB_PROJECT); WANDB_MODE=offline needs no network."""

    def __init__(self, output: Path, first: int, settings: Mapping[str, Any]) -> None:
        import wandb

        name = output.resolve().name
        self.run = wandb.init(dir=str(output), name=name, group=name, config=dict(settings))
        self.run.define_metric("*", step_metric="step")

    def write(self, row: Row) -> None:
        """One row, drawn over its step."""
        self.run.log(dict(row))

    def close(self) -> None:
        """Send what is left."""
        self.run.finish()
