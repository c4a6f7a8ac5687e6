"""Documents to look at: dropped ones by reason, kept ones, and what their labels say.

In: the places drawn from all documents of a run (`curate.report.facts.draw`). Out: small excerpts, with marks
where a rule points at a place. The decision: what is shown of a document is made where it is read, so
that a long text goes no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from math import ceil
from typing import Any

from markupsafe import escape

from curate.finished import FinishedRun
from curate.report.facts.gather import Archive
from curate.report.facts.of_table import Facts
from curate.report.spans import in_url, segments, spans
from curate.report.text import NAME_CHARS, shown
from curate.table import by_count

KEPT_REASON = "kept"
CHARS = 1_500
BEFORE_CHARS = 200
PREVIEW_CHARS = 110
PLACE_CHARS = 300
LABELS = 60
NAMED, MARKUP_BYTES, PIECE_BYTES = 5, 1_500, 20  # of a document in the page
COLUMNS = ["id", "source", "url", "origin", "language", "text", "signals", "labels", "drop"]
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


def listing(
    run: FinishedRun, reasons: Sequence[str], facts: Mapping[str, Facts], archive: Archive
) -> Listing:
    """The documents of a run's page, by `reasons` in order and then those kept to the end."""
    found: dict[str, list[Sample]] = {}
    for table in run.documents:
        drawn = facts[table.name].drawn
        places = [place for group in drawn.values() for place in group]
        made = archive.documents(places, COLUMNS, partial(sample, table=table.name))
        for drop, group in drawn.items():
            key = f"{table.name}/{drop}" if drop else KEPT_REASON
            found[key] = [made[place.id] for place in group]
    return Listing({key: found.get(key, []) for key in (*reasons, KEPT_REASON)})


def label_counts(
    run: FinishedRun, facts: Mapping[str, Facts]
) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """(label, documents, its values by count) for labels with few values: which extractor ran, which
    backend judged. Each is told of the first table that has it."""
    found: dict[str, tuple[int, Mapping[str, int] | None]] = {}
    for table in run.documents:
        told = facts[table.name]
        for name, values in told.labels.items():
            found.setdefault(name, (told.kept + told.dropped, values))
    return [
        (shown(name)[:NAME_CHARS], documents, [(shown(v), n) for v, n in by_count(values).items()])
        for name, (documents, values) in sorted(found.items())
        if values is not None
    ][:LABELS]


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
