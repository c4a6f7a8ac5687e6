"""Documents that one run kept and the other dropped, and by which rules.

In: two finished runs. Out: `Decisions`: counts by (rule in A -> rule in B), and a few documents of each
with what was measured and what was allowed in both runs. The decision: which documents are shown is
a coin on their key, so nobody picked them and the same are shown again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.audit.rules import Bound, bounds
from curate.compare.fates import BUCKET_ROWS, KEPT, Fates, Pair, fates
from curate.finished import FinishedRun, rows_where
from curate.report.samples import PREVIEW_CHARS
from curate.report.text import shown
from curate.table import by_count

PAIRS_WITH_SAMPLES = 20
PLACE_CHARS = 200
_COLUMNS = ["id", "url", "origin", "text", "signals", "labels", "drop"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """A document in one run: "kept" or the reason of its drop, and what that rests on."""

    outcome: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """A document that was decided differently; `preview` is how its text begins."""

    id: str
    place: str
    a: Side
    b: Side
    preview: str


@dataclass(frozen=True)
class Switch:
    """`documents` went from one outcome to another."""

    a: str
    b: str
    documents: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Decisions:
    """`key`: "id" or "url", what documents were matched by. `decided_differently`: kept in one and
    dropped in the other, by pair of rules; `other_rule`: dropped in both, by different rules;
    `only_a`, `only_b`: documents of one run by what became of them there. `other_url` and
    `repeated`: see `Fates`."""

    key: str
    matched: int
    decided_differently: int
    share: float | None
    switches: tuple[Switch, ...]
    other_rule: tuple[Switch, ...]
    only_a: Mapping[str, int]
    only_b: Mapping[str, int]
    other_url: int
    repeated: int

    @property
    def differs(self) -> bool:
        """Whether any document has another fate."""
        return bool(
            self.switches or self.other_rule or self.only_a or self.only_b or self.other_url
        )


def decisions(a: FinishedRun, b: FinishedRun, bucket_rows: int = BUCKET_ROWS) -> Decisions:
    """Match the documents of two runs, and compare what became of them."""
    found = fates(a, b, bucket_rows)
    pairs = [
        (pair, n)
        for pair, n in found.counts.most_common()
        if None not in pair and pair[0] != pair[1]
    ]
    pairs.sort(key=lambda item: (-item[1], str(item[0])))
    switched = [(pair, n) for pair, n in pairs if KEPT in pair]
    stories = _stories(a, b, found, [pair for pair, _ in switched[:PAIRS_WITH_SAMPLES]])
    total = sum(n for _, n in switched)
    return Decisions(
        found.key, found.matched, total, total / found.matched if found.matched else None,
        tuple(Switch(str(p[0]), str(p[1]), n, tuple(stories.get(p, ()))) for p, n in switched),
        tuple(Switch(str(p[0]), str(p[1]), n, ()) for p, n in pairs if KEPT not in p),
        _only(found, 0), _only(found, 1), found.other_url, found.repeated,
    )  # fmt: skip


def _only(found: Fates, side: int) -> dict[str, int]:
    """Outcomes of the documents that one side alone has, most frequent first."""
    counts = {str(pair[side]): n for pair, n in found.counts.items() if pair[1 - side] is None}
    return by_count(counts)


def _stories(
    a: FinishedRun, b: FinishedRun, found: Fates, pairs: Sequence[Pair]
) -> dict[Pair, list[Sample]]:
    """The samples of some pairs, in the order of their coins."""
    keys = {key for pair in pairs for key in found.samples.get(pair, ())}
    rows_a, rows_b = (_rows(run, found.key, keys) for run in (a, b))
    limits = bounds(a), bounds(b)
    stories: dict[Pair, list[Sample]] = {}
    for pair in pairs:
        for key in found.samples.get(pair, ()):
            of_a, of_b = rows_a.get((key, pair[0])), rows_b.get((key, pair[1]))
            if of_a and of_b:
                stories.setdefault(pair, []).append(_sample(of_a, of_b, limits))
    return stories


def _rows(run: FinishedRun, key: str, wanted: set[str]) -> dict[tuple[str, str | None], Row]:
    """Rows where their way ended, by key and outcome."""
    if not wanted:
        return {}
    values = pa.array(sorted(wanted), pa.string())
    found: dict[tuple[str, str | None], Row] = {}
    for table, kept in [*((table, False) for table in run.documents), (run.documents[-1], True)]:
        for row in rows_where(
            table, [key], lambda part: pc.is_in(part[key], values), _COLUMNS, kept
        ):
            found[row[key], row["drop"] or KEPT] = row
    return found


def _sample(a: Row, b: Row, limits: tuple[Mapping[str, Bound], Mapping[str, Bound]]) -> Sample:
    reasons = [row["drop"] for row in (a, b) if row["drop"]]
    in_a, in_b = limits
    text = " ".join(shown((b["text"] or a["text"] or "")[: 2 * PREVIEW_CHARS]).split())
    return Sample(
        b["id"],
        shown(b["url"] or b["origin"])[:PLACE_CHARS],
        Side(a["drop"] or KEPT, tuple(_evidence(a, reasons, in_a, in_b))),
        Side(b["drop"] or KEPT, tuple(_evidence(b, reasons, in_b, in_a))),
        text[:PREVIEW_CHARS],
    )


def _evidence(
    row: Row, reasons: Sequence[str], own: Mapping[str, Bound], other: Mapping[str, Bound]
) -> Iterator[str]:
    """What this run measured and allowed of what either run dropped the document for."""
    for reason in reasons:
        bound = own.get(reason) or other.get(reason)
        if bound is not None:
            value = row["signals"].get(bound.key)
            measured = "not measured" if value is None else f"= {value:.4g}"
            allowed = f"allowed {own[reason].describe()}" if reason in own else "no such rule"
            yield f"{bound.key} {measured}, {allowed}"
        elif (twin := row["labels"].get(f"{reason.partition('.')[0]}.duplicate_of")) is not None:
            similarity = row["signals"].get(f"{reason.partition('.')[0]}.similarity", 1.0)
            yield f"duplicate of {twin}, similarity {similarity:.3f}"
