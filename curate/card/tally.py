"""Counts of names in bounded memory.

Enters: names with counts. Leaves: the most frequent names with their counts. The decision: exact as
long as there are at most `capacity` names; beyond, the summary of Misra & Gries (1982,
doi:10.1016/0167-6423(82)90012-0), whose counts are too low by at most `error`, and by no more than
total / capacity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

CAPACITY = 100_000


class Tally:
    """Counts by name, and their `total` (exact, whatever became of single names)."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.total = 0
        self.error = 0
        self._counts: Counter[str] = Counter()

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to the counts.

        >>> tally = Tally(capacity=1)
        >>> tally.add({"a": 5, "b": 1})
        >>> tally.top(3), tally.total, tally.error
        ([('a', 4)], 6, 1)
        """
        self._counts.update(counts)
        self.total += sum(counts.values())
        if len(self._counts) > self.capacity:
            self._prune()

    def top(self, most: int | None = None) -> list[tuple[str, int]]:
        """The most frequent names, equal ones by name."""
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:most]

    def count(self, name: str) -> int:
        """How often the name was counted, less at most `error`."""
        return self._counts[name]

    def share(self, name: str) -> float:
        """Its part of the total."""
        return self.count(name) / self.total if self.total else 0.0

    def _prune(self) -> None:
        least = sorted(self._counts.values(), reverse=True)[self.capacity]
        self.error += least
        self._counts = Counter({n: c - least for n, c in self._counts.items() if c > least})
