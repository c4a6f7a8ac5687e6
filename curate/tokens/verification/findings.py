"""What a verification tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """where: a file. what: is wrong with it. mend: what to do."""

    where: str
    what: str
    mend: str

    def line(self) -> str:
        """All three on one line, whatever is in a name."""
        return "".join(
            letter if letter.isprintable() else ascii(letter)[1:-1]
            for letter in f"{self.where}: {self.what}; {self.mend}"
        )


@dataclass(frozen=True)
class Verification:
    """`warnings` may be meant, `problems` are not; `notes` say what could not be looked at."""

    path: str
    files: int
    bytes: int
    shards: int
    documents: int
    tokens: int
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def is_intact(self) -> bool:
        """No problem was found."""
        return not self.problems

    def lines(self) -> list[str]:
        """For people: a line for each problem, warning and note, and one for the whole."""
        held = (
            f"{self.files:,} files, {self.bytes:,} bytes, {self.shards:,} shards, "
            f"{self.documents:,} documents, {self.tokens:,} tokens"
        )
        found = len(self.problems)
        verdict = "intact" if self.is_intact else f"{found} problem{'s' if found > 1 else ''}"
        return [
            *(f"problem: {problem.line()}" for problem in self.problems),
            *(f"warning: {warning.line()}" for warning in self.warnings),
            *(f"note: {note}" for note in self.notes),
            f"{verdict}: {held}",
        ]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "is_intact": self.is_intact}
