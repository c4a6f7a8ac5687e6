"""Documents to look at: dropped ones by reason, kept ones, pairs of near-duplicates, labels.

In: a finished run. Out: small excerpts. The decision: the choice is a coin on the id, so the same
run shows the same documents on every page, and nobody picked them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.audit.diff import unified_diff
from curate.audit.plant import LABEL
from curate.document import RECORD, share
from curate.finished import FinishedRun, FinishedTable, plain, rows_where
from curate.report.glance import rows

PER_REASON = 5
KEPT = 10
PAIRS = 8
CHARS = 1_500
PREVIEW_CHARS = 110
DUPLICATE_OF, SIMILARITY = "dedup.duplicate_of", "dedup.similarity"
REASONS = 80
PAIR_LOOKUP_ROWS = 5_000_000
LABEL_VALUES = 8
COLUMNS = ["id", "source", "url", "origin", "language", "text", "signals", "labels", "drop"]
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """An excerpt of a document; `signals` is what was measured."""

    id: str
    source: str
    place: str
    language: str | None
    chars: int
    signals: Mapping[str, float]
    preview: str
    text: str
    cut: bool


@dataclass(frozen=True)
class Pair:
    """A dropped document and the kept one it is like."""

    similarity: float
    dropped: Sample
    kept: Sample | None
    kept_id: str
    diff: Sequence[str]


def samples_by_reason(run: FinishedRun) -> dict[str, list[Sample]]:
    """Up to `PER_REASON` dropped documents for each of the first `REASONS` reasons, by `table/reason`."""
    found: dict[str, list[Row]] = {}
    for table in run.documents:
        for row in rows(table, False, COLUMNS):
            if not row["drop"].startswith(RECORD):
                found.setdefault(f"{table.name}/{row['drop']}", []).append(row)
    return {
        key: [_sample(row) for row in _drawn(part, PER_REASON)]
        for key, part in [*found.items()][:REASONS]
    }


def kept_samples(run: FinishedRun) -> list[Sample]:
    """Up to `KEPT` documents of the last table."""
    return [_sample(row) for row in _drawn(rows(run.documents[-1], True, COLUMNS), KEPT)]


def near_pairs(run: FinishedRun) -> list[Pair]:
    """Up to `PAIRS` near-duplicates with the documents that stand for them, least similar first."""
    pairs: list[Pair] = []
    for table in run.documents:
        near = (
            row for row in rows(table, False, COLUMNS) if DUPLICATE_OF in dict(row["labels"] or ())
        )
        chosen = [plain(row) for row in _drawn((row for row in near if not _is_exact(row)), PAIRS)]
        kept = _kept_rows(table, {row["labels"][DUPLICATE_OF] for row in chosen})
        pairs += [_pair(row, kept.get(row["labels"][DUPLICATE_OF])) for row in chosen]
    return sorted(pairs, key=lambda pair: pair.similarity)[:PAIRS]


def label_counts(run: FinishedRun) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """(label, rows looked at, its values by count) for labels with few values: which extractor ran,
    which backend judged. Each is counted in the first table that has it."""
    found: dict[str, tuple[int, Counter[str]]] = {}
    for table in run.documents:
        looked, counts = _labels(table)
        found = {**{name: (looked, values) for name, values in counts.items()}, **found}
    return [
        (name, looked, values.most_common())
        for name, (looked, values) in sorted(found.items())
        if len(values) <= LABEL_VALUES
    ]


def shown(text: str) -> str:
    """Text without control and direction-changing characters, which could disturb the page.

    >>> shown("a\\x00b\\u202ec")
    'a\\ufffdb\\ufffdc'
    """
    return _UNSHOWN.sub("\ufffd", text)


def _labels(table: FinishedTable) -> tuple[int, dict[str, Counter[str]]]:
    counts: dict[str, Counter[str]] = {}
    looked = 0
    for kept in (True, False):
        for row in rows(table, kept, ["labels", "drop"]):
            looked += not (row["drop"] or "").startswith(RECORD)
            for name, value in row["labels"] or ():
                counter = counts.setdefault(name, Counter())
                if len(counter) <= LABEL_VALUES:
                    counter[shown(value)[:PREVIEW_CHARS]] += 1
    return looked, counts


def _drawn(found: Any, most: int) -> list[Row]:
    """The first by a coin on the id, planted documents after real ones."""
    return sorted(
        found, key=lambda row: (LABEL in dict(row["labels"] or ()), share(row["id"], "report"))
    )[:most]


def _sample(row: Mapping[str, Any]) -> Sample:
    text = row["text"] or ""
    return Sample(
        row["id"],
        row["source"],
        shown(row["url"] or row["origin"])[:300],
        row["language"],
        len(text),
        dict(row["signals"] or ()),
        _preview(text),
        shown(text[:CHARS]),
        len(text) > CHARS,
    )


def _preview(text: str) -> str:
    start = " ".join(shown(text[: 2 * PREVIEW_CHARS]).split())
    return start if len(start) <= PREVIEW_CHARS else f"{start[:PREVIEW_CHARS]}…"


def _is_exact(row: Mapping[str, Any]) -> bool:
    return bool(dict(row["signals"] or ()).get(SIMILARITY, 1.0) >= 1.0)


def _kept_rows(table: FinishedTable, ids: set[str]) -> dict[str, Row]:
    """The documents that others were dropped for; none are looked up in very large tables."""
    if not ids or table.table.total().kept > PAIR_LOOKUP_ROWS:
        return {}
    return {row["id"]: row for row in rows_where(table, ["id"], _among(ids), COLUMNS)}


def _among(ids: set[str]) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda part: pc.is_in(part["id"], value_set=pa.array(sorted(ids)))


def _pair(row: Row, kept: Row | None) -> Pair:
    diff: Iterator[str] = iter(())
    if kept is not None:
        diff = unified_diff(kept["text"] or "", row["text"] or "", most=24)
    return Pair(
        row["signals"][SIMILARITY],
        _sample(row),
        _sample(kept) if kept else None,
        row["labels"][DUPLICATE_OF],
        [shown(line) for line in diff],
    )
