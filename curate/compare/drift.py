"""Whether what was measured of the documents has shifted.

In: two finished runs. Out: a `Shift` for every signal that both measured. The decision: a signal is
read from the last table whose steps measured it, kept and dropped rows together, because that is
the population before decisions: another threshold does not move it. (A filter sees only what the
rules before it let through, so another rule moves the signals of the filters after it.) The kept ones
of that table alone are compared beside it. All rows up to a million, a coin's share of about a
million beyond; in memory are the numbers of those, 8 bytes each: two runs of a million documents with
41 signals take 1.2 GB, and larger ones no more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from curate.compare.distribution import Numbers, Shift, shift
from curate.document import RECORD
from curate.finished import FinishedRun, FinishedTable
from curate.reading import MOST_ROWS, Look, narrow, row_count
from curate.signals import numbers


@dataclass(frozen=True)
class SignalDrift:
    """`population`: kept and dropped; `kept`: None if one run kept none of those measured."""

    signal: str
    population: Shift
    kept: Shift | None


@dataclass(frozen=True)
class Drift:
    """Signals by falling PSI, and those that one run alone measured. `look_*`: rows read of all
    tables that hold measurements."""

    signals: tuple[SignalDrift, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    look_a: Look
    look_b: Look


@dataclass
class Measurements:
    """Numbers by signal, of kept and of dropped documents."""

    kept: dict[str, list[Numbers]] = field(default_factory=lambda: defaultdict(list))
    dropped: dict[str, list[Numbers]] = field(default_factory=lambda: defaultdict(list))
    rows: int = 0
    of: int = 0

    @property
    def signals(self) -> set[str]:
        """Names of what was measured."""
        return {*self.kept, *self.dropped}

    def of_kept(self, signal: str) -> Numbers:
        """The numbers of kept documents."""
        return np.concatenate([np.empty(0), *self.kept.get(signal, ())])

    def of_all(self, signal: str) -> Numbers:
        """The numbers of kept and dropped documents."""
        return np.concatenate([self.of_kept(signal), *self.dropped.get(signal, ())])


def drift(a: FinishedRun, b: FinishedRun, most: int = MOST_ROWS) -> Drift:
    """Compare every signal that both runs measured."""
    first, second = measurements(a, most), measurements(b, most)
    found = []
    for signal in sorted(first.signals & second.signals):
        population = shift(first.of_all(signal), second.of_all(signal))
        if population is not None:
            kept = shift(first.of_kept(signal), second.of_kept(signal))
            found.append(SignalDrift(signal, population, kept))
    return Drift(
        tuple(sorted(found, key=lambda drift: (-drift.population.psi, drift.signal))),
        tuple(sorted(first.signals - second.signals)),
        tuple(sorted(second.signals - first.signals)),
        Look(first.rows, first.of),
        Look(second.rows, second.of),
    )


def measurements(run: FinishedRun, most: int = MOST_ROWS) -> Measurements:
    """What a run measured, each signal from the last table whose steps measured it."""
    found = Measurements()
    steps = {name for table in run.documents for name, _ in table.steps}
    later: set[str] = set()
    for table in reversed(run.documents):
        own = {name for name, _ in table.steps} - later
        later |= own
        foreign = steps if table is run.documents[-1] else None
        rows = _collect(table, own, foreign, most, found)
        if rows:
            found.rows += rows
            found.of += rows if row_count(table) <= most else row_count(table)
    return found


def _collect(
    table: FinishedTable, own: set[str], steps: set[str] | None, most: int, found: Measurements
) -> int:
    """Add a table's own signals (and, given the `steps` of all tables, those that none of them
    measured); returns the documents read, 0 if the table has no such signal."""
    rows, any_found = 0, False
    for batch in narrow(table, ["signals", "drop"], most=most):
        is_kept = pc.is_null(batch["drop"]).to_numpy(zero_copy_only=False)
        records = pc.fill_null(pc.starts_with(batch["drop"], RECORD), False)
        is_document = ~records.to_numpy(zero_copy_only=False)
        rows += len(is_document)
        for signal, at, values in numbers(batch["signals"]):
            step = signal.partition(".")[0]
            if step not in own and (steps is None or step in steps):
                continue
            any_found = True
            for chosen, into in ((is_kept, found.kept), (is_document & ~is_kept, found.dropped)):
                if len(part := values[chosen[at]]):
                    into[signal].append(part)
    return rows if any_found else 0
