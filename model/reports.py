"""Where a run's rows go: metrics.jsonl always; CSV, TensorBoard, Weights & Biases if asked.

In: rows, mappings of a name to a number that have a `step`. Out: files, the same names in all of them.
The decision that matters: opening a report forgets the rows after the checkpoint a run goes on from, so
none holds a step twice.
"""

from __future__ import annotations

import csv
import importlib
import json
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
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [
                line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= first
            ]
            self.path.write_text("".join(kept), encoding="utf-8")

    def write(self, row: Row) -> None:
        """Append, and let readers see it at once."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def close(self) -> None:
        """Nothing is open."""


class Csv:
    """metrics.csv, one column a name, empty where a row does not say."""

    def __init__(self, output: Path, first: int) -> None:
        self.path = output / "metrics.csv"
        kept: list[dict[str, str]] = []
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= first]
        with self.path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(kept)

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
