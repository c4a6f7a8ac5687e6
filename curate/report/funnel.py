"""The way of the records through a run, from the ledgers in its manifests.

In: a finished run. Out: counts by table and source, reasons of the drops with their shares. The
decision: every number here comes from a manifest, so it is exact and costs no reading of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.audit.rules import Bound
from curate.finished import FinishedRun, FinishedTable
from curate.table import Counts, by_count

SOURCES_SHOWN = 6
OTHER = "other sources"


@dataclass(frozen=True)
class Reason:
    """Why documents were dropped: `share` is of the documents the table read, `text_bytes` theirs,
    `bytes_share` of all text it read (None: the manifest is of a version that did not write them)."""

    name: str
    count: int
    share: float
    text_bytes: int | None
    bytes_share: float | None
    bound: Bound | None


@dataclass(frozen=True)
class Level:
    """One bar of the funnel: documents and text after a table (or, first, before all)."""

    name: str
    documents: int
    text_bytes: int
    documents_share: float
    text_share: float
    documents_by_source: Sequence[tuple[int, float]]
    bytes_by_source: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Step:
    """A table's own section: what it did, why, and how fast. `work`: by step, the seconds of all
    workers together, and the documents that met it. `mixture`: what a mix was asked for and gave
    (`curate.mix.shares.Share`)."""

    name: str
    steps: Sequence[str]
    kind: str
    counts: Counts
    documents_read: int
    reasons: Sequence[Reason]
    non_documents: Mapping[str, int]
    seconds: float
    rate: float | None
    tokens: Mapping[str, Any] | None
    work: Mapping[str, tuple[float, int]]
    mixture: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Funnel:
    """The whole way. `balanced`: records read = kept + dropped + non-documents over the run."""

    sources: Sequence[str]
    levels: Sequence[Level]
    steps: Sequence[Step]
    records: int
    non_documents: int
    dropped: int
    reasons: int
    kept: int
    balanced: bool

    @property
    def tokens(self) -> int:
        """Tokens in the shards, held-out ones included; 0 without shards."""
        shards = [shard for step in self.steps for shard in (step.tokens or {}).get("shards", ())]
        return sum(int(shard["tokens"]) for shard in shards)

    @property
    def reasons_in_order(self) -> list[str]:
        """`table/reason`, tables in the order of the flow, their largest reasons first."""
        return [f"{step.name}/{reason.name}" for step in self.steps for reason in step.reasons]


def funnel(run: FinishedRun, limits: Mapping[str, Bound]) -> Funnel:
    """All counts of a run that its page shows."""
    ledgers = [table.table.counts() for table in run.documents]
    totals = [table.table.total() for table in run.documents]
    sources = _largest_sources(ledgers[0])
    non_documents = sum(sum(total.non_documents.values()) for total in totals)
    dropped = sum(sum(total.dropped.values()) for total in totals)
    kept, records = totals[-1].kept, totals[0].read
    return Funnel(
        sources,
        _levels(run, ledgers, sources),
        [_step(table, limits) for table in run.tables],
        records,
        non_documents,
        dropped,
        len({reason for total in totals for reason in total.dropped}),
        kept,
        records == kept + dropped + non_documents,
    )


def _largest_sources(ledger: Mapping[str, Counts]) -> list[str]:
    names = sorted(ledger, key=lambda name: (-ledger[name].read, name))
    return names if len(names) <= SOURCES_SHOWN else [*names[: SOURCES_SHOWN - 1], OTHER]


def _levels(
    run: FinishedRun, ledgers: Sequence[Mapping[str, Counts]], sources: Sequence[str]
) -> list[Level]:
    """Before the first table: everything that is a document, with the bytes that came in."""
    first = {
        name: (c.kept + sum(c.dropped.values()), c.kept_bytes + c.dropped_bytes)
        for name, c in ledgers[0].items()
    }
    after = [{name: (c.kept, c.kept_bytes) for name, c in ledger.items()} for ledger in ledgers]
    names = ["documents read", *(table.name for table in run.documents)]
    grouped = [_group(values, sources) for values in (first, *after)]
    most_documents = max(1, sum(documents for documents, _ in grouped[0]))
    most_bytes = max(1, *(sum(size for _, size in level) for level in grouped))
    return [
        _level(name, level, most_documents, most_bytes)
        for name, level in zip(names, grouped, strict=True)
    ]


def _group(values: Mapping[str, tuple[int, int]], sources: Sequence[str]) -> list[tuple[int, int]]:
    """(documents, bytes) by shown source; small sources together."""
    groups = dict.fromkeys(sources, (0, 0))
    for name, (documents, size) in values.items():
        key = name if name in groups else OTHER
        groups[key] = (groups[key][0] + documents, groups[key][1] + size)
    return list(groups.values())


def _level(
    name: str, level: Sequence[tuple[int, int]], most_documents: int, most_bytes: int
) -> Level:
    documents, size = sum(d for d, _ in level), sum(b for _, b in level)
    return Level(
        name,
        documents,
        size,
        documents / most_documents,
        size / most_bytes,
        [(d, d / most_documents) for d, _ in level],
        [(b, b / most_bytes) for _, b in level],
    )


def _step(table: FinishedTable, limits: Mapping[str, Bound]) -> Step:
    total = table.table.total()
    documents = total.read - sum(total.non_documents.values())
    seconds = float(table.manifest.get("seconds") or 0)
    return Step(
        table.name,
        [name for name, _ in table.steps],
        str(table.manifest.get("kind", "rows")),
        total,
        documents,
        [
            _reason(total, documents, *item, limits.get(item[0]))
            for item in by_count(total.dropped).items()
        ],
        by_count(total.non_documents),
        seconds,
        total.read / seconds if seconds else None,
        table.tokens,
        _work(table),
        [share for part in table.manifest["slices"] for share in part.get("mixture", ())],
    )


def _work(table: FinishedTable) -> dict[str, tuple[float, int]]:
    found: dict[str, tuple[float, int]] = {}
    for part in table.manifest["slices"]:
        for name, did in part.get("work", {}).items():
            seconds, documents = found.get(name, (0.0, 0))
            found[name] = (seconds + did["seconds"], documents + did["documents"])
    return found


def _reason(total: Counts, documents: int, name: str, count: int, bound: Bound | None) -> Reason:
    size = total.bytes_by_reason.get(name)
    whole = total.kept_bytes + total.dropped_bytes
    part = None if size is None else size / max(1, whole)
    return Reason(name, count, count / max(1, documents), size, part, bound)
