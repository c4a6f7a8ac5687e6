"""What was cut out of texts, beside the document that keeps it.

In: places of documents that lost a passage (`curate.report.facts.draw`). Out: the passage as the step
wrote it down, and the same passage where it stays. The decision: the steps compare words, not signs, so
the passage is looked for in the other text whatever its capitals and white space; where it is not found,
nothing is shown beside it rather than something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curate.finished import FinishedRun, FinishedTable
from curate.report.facts.draw import COPIES, Place
from curate.report.facts.gather import Archive
from curate.report.facts.of_table import Facts
from curate.report.pairs import Row, bounded
from curate.report.samples import COLUMNS, Pieces, Sample, sample
from curate.report.spans import segments
from curate.report.text import shown

CUTS = 10
AROUND_CHARS = 300


@dataclass(frozen=True)
class Cut:
    """A document that lost `removed` (the first of what it lost, shortened) and `ratio` of its
    characters. `keeper`: the document that holds it (None: not in this table), `passage`: where, in
    pieces of (is it the passage, text); none if it was not found there."""

    step: str
    document: Sample
    removed: str
    ratio: float | None
    keeper: Sample | None
    passage: Pieces


def cuts(run: FinishedRun, facts: Mapping[str, Facts], archive: Archive) -> dict[str, list[Cut]]:
    """Up to `CUTS` documents by step, drawn by a hash of their ids."""
    found: dict[str, list[Cut]] = {}
    for table in run.documents:
        for step, signal in COPIES.items():
            if signal is None and (places := facts[table.name].copies.get(step)):
                found[step] = _cuts(table, step, places[:CUTS], archive)
    return found


def _cuts(table: FinishedTable, step: str, places: Sequence[Place], archive: Archive) -> list[Cut]:
    keepers = archive.find(table, {place.other for place in places})
    rows = archive.documents([*places, *keepers.values()], COLUMNS, bounded)
    return [_cut(table.name, step, rows[place.id], rows.get(place.other)) for place in places]


def _cut(table: str, step: str, row: Row, keeper: Row | None) -> Cut:
    removed = row["labels"].get(f"{step}.removed", "")
    return Cut(
        step,
        sample(row, table),
        shown(removed),
        row["signals"].get(f"{step}.removed_ratio"),
        sample(keeper, table) if keeper else None,
        passage(keeper["text"], removed) if keeper else [],
    )


def passage(text: str, removed: str) -> list[tuple[bool, str]]:
    """The passage in a text, and a little around it.

    >>> passage("We said: Hello,  World. Bye.", "hello, world.")
    [(False, 'We said: '), (True, 'Hello,  World.'), (False, ' Bye.')]
    """
    words = removed.split()
    pattern = r"\s+".join(map(re.escape, words))
    match = re.search(pattern, text, re.IGNORECASE) if words else None
    if match is None:
        return []
    start, end = max(0, match.start() - AROUND_CHARS), match.end() + AROUND_CHARS
    parts = segments(text, [match.span()], start, min(end, len(text)))
    return [(is_passage, shown(part)) for is_passage, part in parts]
