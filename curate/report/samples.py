"""Documents to look at: dropped ones by reason, kept ones, and what their labels say.

In: a finished run. Out: small excerpts, with marks where a rule points at a place. The decision: the
choice is a coin on the id, so the same run shows the same documents on every page, and nobody picked
them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import Any

from markupsafe import escape

from curate.audit.plant import LABEL
from curate.document import RECORD, share
from curate.finished import FinishedRun, FinishedTable, plain
from curate.report.glance import rows
from curate.report.spans import in_url, segments, spans

PER_REASON = 40
KEPT = 200
KEPT_REASON = "kept"
CHARS = 1_500
BEFORE_CHARS = 200
PREVIEW_CHARS = 110
PLACE_CHARS = 300
NAME_CHARS = 80
REASONS = 80
LABEL_VALUES = 8
LABELS = 60
NAMED, MARKUP_BYTES, PIECE_BYTES = 5, 1_500, 20  # of a document in the page
COLUMNS = ["id", "source", "url", "origin", "language", "text", "signals", "labels", "drop"]
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Row = Mapping[str, Any]
Pieces = Sequence[tuple[bool, str]]


@dataclass(frozen=True)
class Sample:
    """An excerpt of a document; `signals` is what was measured, `drop` None if it was kept.

    `place` and `text` come in pieces: (whether the rule points at it, text). `starts_late`: the
    excerpt begins at the first marked place, not at the beginning.
    """

    id: str
    table: str
    drop: str | None
    source: str
    place: Pieces
    language: str | None
    chars: int
    shown_chars: int
    starts_late: bool
    signals: Mapping[str, float]
    preview: str
    text: Pieces

    @property
    def reason(self) -> str:
        """What the page's list is narrowed by."""
        return KEPT_REASON if self.drop is None else f"{self.table}/{self.drop}"

    @property
    def size_bytes(self) -> int:
        """What it takes in the page, at most."""
        pieces = [text for _, text in (*self.place, *self.text)]
        names = [self.reason, self.source, self.language or "", self.id] * NAMED
        said = "".join([*pieces, self.preview, *names])
        return len(escape(said).encode()) + MARKUP_BYTES + PIECE_BYTES * len(pieces)


@dataclass(frozen=True)
class Listing:
    """The page's list of documents: the groups by reason in the order of the flow, kept ones last."""

    groups: Mapping[str, Sequence[Sample]]

    @property
    def items(self) -> list[Sample]:
        """All documents in order."""
        return [item for group in self.groups.values() for item in group]

    @property
    def first(self) -> dict[str, int]:
        """Where the documents of a reason begin in the list."""
        starts = accumulate((len(group) for group in self.groups.values()), initial=0)
        return {
            reason: at
            for (reason, group), at in zip(self.groups.items(), starts, strict=False)
            if group
        }

    @property
    def sources(self) -> list[str]:
        """What the list can be narrowed to."""
        return sorted({item.source for item in self.items})

    @property
    def languages(self) -> list[str]:
        """What the list can be narrowed to; documents without a language have none."""
        return sorted({item.language for item in self.items if item.language})

    @property
    def size_bytes(self) -> int:
        """What it takes in the page, at most."""
        return sum(item.size_bytes for item in self.items)

    def cut(self, part: float) -> Listing:
        """The first of each group: a share of it, rounded up."""
        return Listing(
            {reason: group[: ceil(part * len(group))] for reason, group in self.groups.items()}
        )


def listing(run: FinishedRun, reasons: Sequence[str]) -> Listing:
    """The documents of a run's page, by `reasons` in order and then those kept to the end."""
    found = samples_by_reason(run)
    return Listing({**{key: found.get(key, []) for key in reasons}, KEPT_REASON: kept_samples(run)})


def samples_by_reason(run: FinishedRun, most: int = PER_REASON) -> dict[str, list[Sample]]:
    """Up to `most` dropped documents for each of the first `REASONS` reasons, by `table/reason`."""
    found: dict[str, list[Sample]] = {}
    for table in run.documents:
        by_reason: dict[str, list[Row]] = {}
        for row in rows(table, False, COLUMNS):
            if not row["drop"].startswith(RECORD):
                by_reason.setdefault(row["drop"], []).append(row)
        for part in [*by_reason.values()][: REASONS - len(found)]:
            made = [sample(plain(dict(row)), table.name) for row in drawn(part, most)]
            found |= {item.reason: made for item in made}
    return found


def kept_samples(run: FinishedRun, most: int = KEPT) -> list[Sample]:
    """Up to `most` documents of the last table."""
    table = run.documents[-1]
    return [sample(plain(dict(row)), table.name) for row in drawn(rows(table, True, COLUMNS), most)]


def label_counts(run: FinishedRun) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """(label, rows looked at, its values by count) for labels with few values: which extractor ran,
    which backend judged. Each is counted in the first table that has it."""
    found: dict[str, tuple[int, Counter[str]]] = {}
    for table in run.documents:
        looked, counts = _labels(table)
        found = {**{name: (looked, values) for name, values in counts.items()}, **found}
    return [
        (shown(name)[:NAME_CHARS], looked, values.most_common())
        for name, (looked, values) in sorted(found.items())
        if len(values) <= LABEL_VALUES
    ][:LABELS]


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


def drawn(found: Iterable[Row], most: int) -> list[Row]:
    """The first by a coin on the id, planted documents after real ones."""
    return sorted(
        found, key=lambda row: (LABEL in dict(row["labels"] or ()), share(row["id"], "report"))
    )[:most]


def sample(row: Row, table: str) -> Sample:
    """An excerpt of a row whose maps are dicts."""
    text, drop = row["text"] or "", row["drop"]
    marked = spans(text, drop, row["labels"])
    start = _start(text, marked[0][0]) if marked else 0
    end = min(len(text), start + CHARS)
    place = (row["url"] or row["origin"])[:PLACE_CHARS]
    return Sample(
        shown(row["id"])[:NAME_CHARS],
        table,
        drop,
        shown(row["source"])[:NAME_CHARS],
        segments(shown(place), in_url(place, drop, row["labels"]), 0, len(place)),
        shown(row["language"])[:NAME_CHARS] if row["language"] else None,
        len(text),
        end - start,
        start > 0,
        row["signals"],
        _preview(text),
        [(is_marked, shown(piece)) for is_marked, piece in segments(text, marked, start, end)],
    )


def _start(text: str, first_mark: int) -> int:
    """Where an excerpt begins that has to show a mark: at the beginning, if that does."""
    if first_mark <= CHARS - BEFORE_CHARS:
        return 0
    after_space = text.find(" ", first_mark - BEFORE_CHARS, first_mark)
    return after_space + 1 if after_space >= 0 else first_mark - BEFORE_CHARS


def _preview(text: str) -> str:
    start = " ".join(shown(text[: 2 * PREVIEW_CHARS]).split())
    return start if len(start) <= PREVIEW_CHARS else f"{start[:PREVIEW_CHARS]}…"
