"""What each table, and each step in it, took: seconds, records a second, share of the time, and money if an hour has a price.

In: the steps of a run, a price per hour. Out: one line a table. The decision: the price is of
everything that runs, in whatever currency the reader thinks; seconds are those the manifests say, of
committed work only, so time lost to attempts that failed is not in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.errors import InputError
from curate.report.funnel import Step


@dataclass(frozen=True)
class StepCost:
    """`seconds` of all workers together, `rate` in documents a second of one, `share` of the seconds of
    the table's steps."""

    step: str
    documents: int
    seconds: float
    rate: float | None
    share: float


@dataclass(frozen=True)
class Cost:
    """`share` is of all tables' seconds; `price` None where an hour has none. `steps`: those of a row
    table, in order."""

    table: str
    records: int
    seconds: float
    rate: float | None
    share: float
    price: float | None
    steps: Sequence[StepCost]


def costs(steps: Sequence[Step], price_per_hour: float | None = None) -> list[Cost]:
    """A line a table; `InputError` for a price that is none."""
    if price_per_hour is not None and not 0 <= price_per_hour < 1e9:
        raise InputError(f"--price-per-hour {price_per_hour}: give a price of 0 or more")
    whole = sum(step.seconds for step in steps)
    return [
        Cost(
            step.name,
            step.counts.read,
            step.seconds,
            step.rate,
            step.seconds / whole if whole else 0.0,
            None if price_per_hour is None else step.seconds / 3600 * price_per_hour,
            _steps(step),
        )
        for step in steps
    ]


def _steps(table: Step) -> list[StepCost]:
    whole = sum(seconds for seconds, _ in table.work.values())
    return [
        StepCost(
            name,
            documents,
            seconds,
            documents / seconds if seconds else None,
            seconds / whole if whole else 0.0,
        )
        for name, (seconds, documents) in table.work.items()
    ]
