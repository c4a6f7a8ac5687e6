"""Near-duplicates beside the documents that were kept for them.

In: the least similar pairs of a run. Out: a few clusters, their differences word by word in two columns.
The decision: the comparison begins where two texts begin to differ and is bounded in words, because difflib is
quadratic and a person reads one screen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, islice
from typing import Any, Literal

from curate.finished import FinishedRun, FinishedTable
from curate.report.facts.draw import COPIES, HEADS, Place
from curate.report.facts.gather import Archive
from curate.report.facts.of_table import Facts
from curate.report.samples import COLUMNS, Sample, sample
from curate.report.text import shown

CLUSTERS = HEADS
MEMBERS = 3
READ_CHARS = 1_000_000
WORDS = 300
SIDE_CHARS = 4_000
BEFORE_WORDS = 12
SAME_WORDS = 40
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
    """A dropped document; no difference where the one it is like is not in the table."""

    similarity: float
    sample: Sample
    difference: Difference | None


@dataclass(frozen=True)
class Cluster:
    """A kept document and some of the `size` (None: not written down) dropped for it."""

    kept_id: str
    kept: Sample | None
    size: int | None
    members: Sequence[Member]


def near_clusters(run: FinishedRun, facts: Mapping[str, Facts], archive: Archive) -> list[Cluster]:
    """Up to `CLUSTERS` clusters of near-duplicates, those with the least similar member first."""
    found: list[Cluster] = []
    for table in run.documents:
        for step, signal in COPIES.items():
            if signal is not None and (places := facts[table.name].copies.get(step)):
                found += _clusters(table, signal, places, archive)
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


def _clusters(
    table: FinishedTable, signal: str, places: Sequence[Place], archive: Archive
) -> list[Cluster]:
    by_kept: dict[str, list[Place]] = {}
    for place in places:
        by_kept.setdefault(place.other, []).append(place)
    chosen = dict(islice(by_kept.items(), CLUSTERS))
    members = {key: found[:MEMBERS] for key, found in chosen.items()}
    kept = archive.find(table, set(chosen))
    wanted = [*kept.values(), *(place for found in members.values() for place in found)]
    rows = archive.documents(wanted, COLUMNS, bounded)
    return [
        _cluster(key, rows.get(key), [rows[place.id] for place in members[key]], table.name, signal)
        for key in chosen
    ]


def bounded(row: Row) -> Row:
    """A row with as much of its text as is looked at."""
    return {**row, "text": (row["text"] or "")[:READ_CHARS]}


def _cluster(
    kept_id: str, kept: Row | None, members: Sequence[Row], table: str, signal: str
) -> Cluster:
    size = kept["signals"].get("dedup.cluster_size") if kept else None
    return Cluster(
        shown(kept_id),
        sample(kept, table) if kept else None,
        int(size) - 1 if size else None,
        [
            Member(
                row["signals"][signal],
                sample(row, table),
                _difference(kept, row) if kept else None,
            )
            for row in members
        ],
    )


def _difference(kept: Row, dropped: Row) -> Difference:
    return difference(*(shown(row["text"] or "") for row in (kept, dropped)))


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
