"""What the page tells of a table, over all its documents: values that add up.

In: batches of narrow columns, and a plan that says what to look for. Out: `Facts`, which merge: in any
order, however the rows are cut into batches, files and partitions, the same come out. The decision:
nothing is estimated from a part. What has few values is counted, numbers are counted on a grid
(`curate.report.facts.spread`), and documents to show are those with the smallest hashes of their ids. The one
thing that grows with the corpus, values of open sets such as domains, can be told apart and summed
elsewhere (`Facts.values`, see `curate.report.facts.by_spark`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.audit.rules import Bound
from curate.document import RECORD
from curate.finished import FinishedRun, FinishedTable
from curate.report.facts import draw
from curate.report.facts.agreement import Agreement, agreement
from curate.report.facts.draw import Place
from curate.report.facts.label_values import Labels, count_labels, merge_labels
from curate.report.facts.properties import Pair, Value, add_pairs, properties
from curate.report.facts.spread import Spread, merged
from curate.signals import Numbers, Rows, entries, numbers, places

SIDES = ("kept", "own", "others")
MERGED_AT_ONCE = 16
TOP_VALUES = 1_000
REASONS = 80
EXTRACT = "extract"


@dataclass(frozen=True)
class Plan:
    """What to look for in a table: `bounds` of the run, `own` those of its steps, `reasons` whose
    documents are shown, whether kept ones are, and whether the lengths of texts are wanted."""

    bounds: tuple[Bound, ...]
    own: tuple[Bound, ...]
    reasons: frozenset[str]
    shows_kept: bool
    reads_lengths: bool

    @property
    def columns(self) -> list[str]:
        """What has to be read."""
        narrow = ["id", "url", "language", "signals", "labels", "drop"]
        return [*narrow, "text"] if self.reads_lengths else narrow


@dataclass(frozen=True)
class Facts:
    """Of the documents of a table. `spreads`: by (drop of a bound, side); `having`: how many kept and
    dropped documents have a property; `values`: how many have a value of it; `drawn`: documents to show
    by drop ("" for kept ones); `copies`: by step, documents and what they are copies of."""

    kept: int = 0
    dropped: int = 0
    spreads: Mapping[tuple[str, str], Spread] = field(default_factory=dict)
    agreement: Agreement | None = None
    labels: Labels = field(default_factory=dict)
    having: Mapping[str, Pair] = field(default_factory=dict)
    values: Mapping[Value, Pair] = field(default_factory=dict)
    drawn: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    copies: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)

    def spread(self, bound: Bound, side: str) -> Spread:
        """How the signal of a bound is spread: of kept documents, of those it dropped, of others."""
        found = self.spreads.get((bound.drop, side))
        return found if found is not None else Spread.of(np.empty(0), marks(bound))

    def top(self) -> Facts:
        """With the most frequent values of each property only: of all documents, and of kept ones."""
        by_name: dict[str, list[tuple[Value, Pair]]] = {}
        for value, pair in self.values.items():
            by_name.setdefault(value[0], []).append((value, pair))
        chosen: dict[Value, Pair] = {}
        for found in by_name.values():
            chosen |= sorted(found, key=lambda item: (-sum(item[1]), item[0]))[:TOP_VALUES]
            chosen |= sorted(found, key=lambda item: (-item[1][0], item[0]))[:TOP_VALUES]
        return replace(self, values=dict(sorted(chosen.items())))


def plans(run: FinishedRun, limits: Mapping[str, Bound]) -> dict[str, Plan]:
    """What to look for in each table. Documents are shown of the `REASONS` largest reasons; lengths are
    told before and after, of the first table, the one that texts come from, and the last."""
    bounds = tuple(limits.values())
    counts = (
        (n, t.name, drop) for t in run.documents for drop, n in t.table.total().dropped.items()
    )
    shown = sorted(counts, key=lambda item: (-item[0], *item[1:]))[:REASONS]
    ends = (run.documents[0], run.documents[-1])
    return {
        table.name: Plan(
            bounds,
            own_bounds(table, bounds),
            frozenset(drop for _, name, drop in shown if name == table.name),
            table is run.documents[-1],
            table in ends or EXTRACT in dict(table.steps),
        )
        for table in run.documents
    }


def facts_of(batch: pa.RecordBatch, is_kept: bool, file: str, start: int, plan: Plan) -> Facts:
    """The facts of a batch: rows of one file from row `start` on, all kept or all dropped."""
    drops = batch["drop"]
    is_document = pc.invert(pc.fill_null(pc.starts_with(drops, RECORD), False))
    at = np.flatnonzero(is_document.to_numpy(zero_copy_only=False))
    rows = batch.take(pa.array(at)) if len(at) < len(batch) else batch
    if not len(at):
        return Facts()
    measured = {name: (row, values) for name, row, values in numbers(rows["signals"])}
    labels = {name: (row, found) for name, row, found in _labels(rows["labels"])}
    by_drop = {} if is_kept else dict(places(rows["drop"]))
    having, values = properties(rows, measured, labels, is_kept)
    return Facts(
        len(at) * is_kept,
        len(at) * (not is_kept),
        dict(_spreads(measured, by_drop, is_kept, len(at), plan)),
        None if is_kept else agreement(measured, by_drop, len(at), plan.bounds),
        count_labels(labels),
        having,
        values,
        *draw.draws(
            rows, measured, labels, by_drop, file, start + at, plan.reasons, plan.shows_kept
        ),
    )


def total(parts: Iterable[Facts]) -> Facts:
    """All facts as one."""
    held: list[Facts] = []
    for part in parts:
        held.append(part)
        if len(held) == MERGED_AT_ONCE:
            held = [merge(held)]
    return merge(held)


def merge(parts: Sequence[Facts]) -> Facts:
    """The facts of the rows of all."""
    spreads: dict[tuple[str, str], list[Spread]] = {}
    for part in parts:
        for key, spread in part.spreads.items():
            spreads.setdefault(key, []).append(spread)
    known = [part.agreement for part in parts if part.agreement is not None]
    return Facts(
        sum(part.kept for part in parts),
        sum(part.dropped for part in parts),
        {key: merged(found) for key, found in spreads.items()},
        sum(known[1:], known[0]) if known else None,
        merge_labels([part.labels for part in parts]),
        add_pairs([part.having for part in parts]),
        add_pairs([part.values for part in parts]),
        draw.merge_drawn([part.drawn for part in parts]),
        draw.merge_copies([part.copies for part in parts]),
    )


def own_bounds(table: FinishedTable, bounds: Iterable[Bound]) -> tuple[Bound, ...]:
    """The bounds of a table's own steps."""
    steps = dict(table.steps)
    return tuple(bound for bound in bounds if bound.step in steps)


def marks(bound: Bound) -> tuple[float, ...]:
    """The finite bounds, which are points of the grid."""
    return tuple(value for value in (bound.low, bound.high) if -inf < value < inf)


def _spreads(
    measured: Mapping[str, tuple[Rows, Numbers]],
    by_drop: Mapping[str, Rows],
    is_kept: bool,
    count: int,
    plan: Plan,
) -> Iterator[tuple[tuple[str, str], Spread]]:
    for bound in plan.own:
        if bound.key not in measured:
            continue
        row, values = measured[bound.key]
        is_own = np.zeros(count, bool)
        is_own[by_drop.get(bound.drop, np.empty(0, np.int64))] = True
        own = is_own[row]
        sides = {"kept": values} if is_kept else {"own": values[own], "others": values[~own]}
        for side, part in sides.items():
            if len(part):
                yield (bound.drop, side), Spread.of(part, marks(bound))


def _labels(maps: pa.Array) -> Iterator[tuple[str, Rows, pa.Array]]:
    """(label, rows, values) of a column of maps."""
    row, keys, items = entries(maps)
    for name, at in places(keys):
        yield name, row[at], items.take(pa.array(at))
