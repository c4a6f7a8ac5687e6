"""Near-duplicates beside the documents that were kept for them.

In: a finished run. Out: a few clusters, their differences word by word in two columns. The decision:
the comparison begins where two texts begin to differ and is bounded in words, because difflib is
quadratic and a person reads one screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from curate.finished import FinishedRun, FinishedTable, plain, rows_where
from curate.report.glance import rows
from curate.report.samples import COLUMNS, Sample, drawn, sample, shown

CLUSTERS = 10
MEMBERS = 3
READ_CHARS = 1_000_000
WORDS = 300
SIDE_CHARS = 4_000
BEFORE_WORDS = 12
SAME_WORDS = 40
DUPLICATE_OF, SIMILARITY = "dedup.duplicate_of", "dedup.similarity"
PAIR_LOOKUP_ROWS = 5_000_000
_WORD = re.compile(r"\S{1,80}\s*")
Kind = Literal["same", "only", "left_out"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """Two texts side by side, each as (kind, words); `same`: no difference in the words compared."""

    kept: Sequence[tuple[Kind, str]]
    dropped: Sequence[tuple[Kind, str]]
    same: bool


@dataclass(frozen=True)
class Member:
    """A dropped document; no difference where its kept one was not looked up."""

    similarity: float
    sample: Sample
    difference: Difference | None


@dataclass(frozen=True)
class Cluster:
    """A kept document and those dropped for it; `size` of them were among the rows looked at."""

    kept_id: str
    kept: Sample | None
    size: int
    members: Sequence[Member]


def near_clusters(run: FinishedRun) -> list[Cluster]:
    """Up to `CLUSTERS` clusters of near-duplicates, those with the least similar member first."""
    found: list[Cluster] = []
    for table in run.documents:
        by_kept: dict[str, list[Row]] = {}
        for row in map(plain, rows(table, False, COLUMNS)):
            if DUPLICATE_OF in row["labels"] and row["signals"].get(SIMILARITY, 1.0) < 1.0:
                by_kept.setdefault(row["labels"][DUPLICATE_OF], []).append(row)
        order = sorted(by_kept, key=lambda key: (_least(by_kept[key]), key))[:CLUSTERS]
        kept = _kept_rows(table, set(order))
        found += [_cluster(key, kept.get(key), by_kept[key], table.name) for key in order]
    return sorted(found, key=lambda cluster: cluster.members[0].similarity)[:CLUSTERS]


def difference(kept: str, dropped: str) -> Difference:
    """Word by word, from a little before the first difference, at most `WORDS` words of each. Texts
    are read up to `READ_CHARS` characters; `same` speaks of those.

    >>> made = difference("one two three", "one too three")
    >>> made.kept, made.dropped[1]
    ([('same', 'one '), ('only', 'two '), ('same', 'three')], ('only', 'too '))
    """
    a, b = _words(kept), _words(dropped)
    first = _first_difference(a, b)
    start = max(0, first - BEFORE_WORDS)
    left, right = _bounded(a[start:]), _bounded(b[start:])
    before: list[tuple[Kind, str]] = [("left_out", f"{start} equal words")] if start else []
    columns = (list(before), list(before))
    keys = [word.strip() for word in left], [word.strip() for word in right]
    for tag, i, j, k, m in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        for column, words in zip(columns, (left[i:j], right[k:m]), strict=True):
            column.extend(_equal(words) if tag == "equal" else _only(words))
    for column, words, side in zip(columns, (a, b), (left, right), strict=True):
        if rest := len(words) - start - len(side):
            column.append(("left_out", f"{rest} more words"))
    return Difference(*columns, same=first == len(a) == len(b))


def _cluster(kept_id: str, kept: Row | None, members: Sequence[Row], table: str) -> Cluster:
    least_similar = sorted(
        drawn(members, len(members)), key=lambda row: float(row["signals"][SIMILARITY])
    )
    return Cluster(
        shown(kept_id),
        sample(kept, table) if kept else None,
        len(members),
        [
            Member(
                row["signals"][SIMILARITY],
                sample(row, table),
                _difference(kept, row) if kept else None,
            )
            for row in least_similar[:MEMBERS]
        ],
    )


def _difference(kept: Row, dropped: Row) -> Difference:
    return difference(*(shown((row["text"] or "")[:READ_CHARS]) for row in (kept, dropped)))


def _least(members: Sequence[Row]) -> float:
    return min(float(row["signals"][SIMILARITY]) for row in members)


def _kept_rows(table: FinishedTable, ids: set[str]) -> dict[str, Row]:
    """The documents that others were dropped for; none are looked up in very large tables."""
    if not ids or table.table.total().kept > PAIR_LOOKUP_ROWS:
        return {}
    return {row["id"]: row for row in rows_where(table, ["id"], _among(ids), COLUMNS)}


def _among(ids: set[str]) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda part: pc.is_in(part["id"], value_set=pa.array(sorted(ids)))


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:READ_CHARS])


def _bounded(words: Sequence[str]) -> list[str]:
    """The first words, of at most `SIDE_CHARS` characters together."""
    ends = accumulate(len(word) for word in words)
    return [word for word, end in zip(words[:WORDS], ends, strict=False) if end <= SIDE_CHARS]


def _first_difference(a: Sequence[str], b: Sequence[str]) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x.strip() != y.strip()), min(len(a), len(b)))


def _only(words: Sequence[str]) -> Iterator[tuple[Kind, str]]:
    if words:
        yield "only", "".join(words)


def _equal(words: Sequence[str]) -> Iterator[tuple[Kind, str]]:
    """A long stretch of equal words is shortened in its middle."""
    if len(words) <= SAME_WORDS:
        yield "same", "".join(words)
        return
    half = SAME_WORDS // 2
    yield "same", "".join(words[:half])
    yield "left_out", f"{len(words) - 2 * half} equal words"
    yield "same", "".join(words[-half:])
