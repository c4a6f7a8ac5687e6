"""Defects of several strengths: from which strength on does a recipe notice?

In: clean texts and a grade. Out: the damaged text, as in `curate.audit.defects`. The decision: the
outcome that counts is whether the defect came through, whoever stopped it, so that the curves of two
recipes can be laid over each other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from curate.audit.defects import Kind, Outcome, Planted, edit, insert, jaccard
from curate.audit.lines import BOILERPLATE, INSULTS

MOST_EDITS = 400
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")


class GradedDefect(Kind, Protocol):
    """A defect with a strength. unit: what a grade is; grades: from weak to strong, or from frequent to
    rare."""

    unit: ClassVar[str]
    grades: ClassVar[tuple[float, ...]]

    def plant(self, grade: float, text: Callable[[], str], draw: random.Random) -> Planted:
        """Damage as many new texts of the corpus as it takes; equal randomness, equal damage."""
        ...


@dataclass(frozen=True)
class NearDuplicateAt:
    """A copy with words exchanged until the Jaccard similarity of word 5-grams is down to the grade."""

    kind: ClassVar[str] = "near_duplicate_at"
    steps: ClassVar[tuple[str, ...]] = ("dedup",)
    outcome: ClassVar[Outcome] = "dropped"
    unit: ClassVar[str] = "Jaccard similarity"
    grades: ClassVar[tuple[float, ...]] = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

    def plant(self, grade: float, text: Callable[[], str], draw: random.Random) -> Planted:
        """No evidence: one of the two has to go."""
        kept = copy = text()
        for _ in range(MOST_EDITS):
            if jaccard(kept, copy) <= grade:
                break
            copy = edit(copy, draw)
        return Planted(kept, copy=copy)


@dataclass(frozen=True)
class ToxicAmong:
    """One insult in a document of so many lines."""

    kind: ClassVar[str] = "toxic_among"
    steps: ClassVar[tuple[str, ...]] = ("toxicity",)
    outcome: ClassVar[Outcome] = "repaired"
    unit: ClassVar[str] = "lines of the document"
    grades: ClassVar[tuple[float, ...]] = (3, 10, 30, 100, 300)

    def plant(self, grade: float, text: Callable[[], str], draw: random.Random) -> Planted:
        """Evidence: the insult; a line is one sentence."""
        lines: list[str] = []
        while len(lines) < grade - 1:
            lines += _SENTENCE_END.split(text().replace("\n", " "))
        insult = draw.choice(INSULTS)
        clean = "\n".join(lines[: int(grade) - 1])
        return Planted(insert(clean, [insult], draw), (insult,))


@dataclass(frozen=True)
class BoilerplateShare:
    """Lines that C4 names (Raffel et al. 2020, section 2.2) until they are so much of the text."""

    kind: ClassVar[str] = "boilerplate_share"
    steps: ClassVar[tuple[str, ...]] = ("c4",)
    outcome: ClassVar[Outcome] = "repaired"
    unit: ClassVar[str] = "share of characters"
    grades: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5, 0.7, 0.9)

    def plant(self, grade: float, text: Callable[[], str], draw: random.Random) -> Planted:
        """Evidence: the lines, which have to be gone."""
        clean = text()
        wanted_chars = grade / (1 - grade) * len(clean)
        lines = [draw.choice(BOILERPLATE)]
        while sum(map(len, lines)) + len(line := draw.choice(BOILERPLATE)) / 2 < wanted_chars:
            lines.append(line)
        return Planted(insert(clean, lines, draw), tuple(sorted(set(lines))))


GRADED: dict[str, GradedDefect] = {
    defect.kind: defect for defect in (NearDuplicateAt(), ToxicAmong(), BoilerplateShare())
}
