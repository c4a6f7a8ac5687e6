"""Who stays among vectors that come best first: exact cosines, at the price of float32. No Spark in here.

Enters: rounded vectors (`curate.dedup.semantic.embeddings`) in the order of preference, in batches. Leaves: for
each the first kept vector at or above the threshold, if there is one; a vector without one is kept.
So what stands for a document is always kept itself, and no two kept ones are that similar: greedy,
no chains. Memory grows with the vectors kept, never with those dropped.

The decision: BLAS in float32 decides where its rounding cannot matter, whole numbers in float64 (exact)
decide the few pairs nearer to the threshold than that, so the verdict depends on no batch or processor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curate.dedup.semantic.embeddings import Matrix

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
BLOCK_ROWS = 1024
_PAIRS = 4096


@dataclass(frozen=True)
class Rows:
    """Vectors twice: rounded, and at length 1 in float32."""

    whole: Matrix
    unit: Floats

    @classmethod
    def of(cls, whole: Matrix) -> Rows:
        """Both forms of rounded vectors."""
        wide = whole.astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        return cls(whole, (wide / lengths[:, None]).astype(np.float32))

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, places: Places | slice) -> Rows:
        return Rows(self.whole[places], self.unit[places])

    def then(self, other: Rows) -> Rows:
        """These rows, then the others."""
        return Rows(
            np.concatenate([self.whole, other.whole]), np.concatenate([self.unit, other.unit])
        )


def cosines(ours: Matrix, theirs: Matrix) -> NDArray[np.float64]:
    """The cosine of each row with the row at the same place; exactly 1 for equal rows.

    >>> cosines(np.array([[3, 4]], np.int16), np.array([[4, 3]], np.int16)).tolist()
    [0.96]
    """
    left, right = ours.astype(np.float64), theirs.astype(np.float64)
    dots = np.einsum("ij,ij->i", left, right)
    squares = np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right)
    found: NDArray[np.float64] = np.clip(dots / np.sqrt(squares), -1.0, 1.0)
    return found


def similar(ours: Rows, theirs: Rows, threshold: float) -> Bools:
    """Whether the cosine of each of our rows with each of theirs is at least the threshold."""
    scores = ours.unit @ theirs.unit.T
    # twice the bound of the rounding error of a float32 sum in any order (Higham, "Accuracy and
    # Stability of Numerical Algorithms", eq. 3.5)
    margin = np.float32((ours.unit.shape[1] + 8) * 2.0**-23)
    found: Bools = scores >= np.float32(threshold) + margin
    left, right = np.nonzero((scores >= np.float32(threshold) - margin) & ~found)
    for start in range(0, len(left), _PAIRS):
        some, others = left[start : start + _PAIRS], right[start : start + _PAIRS]
        found[some, others] = cosines(ours.whole[some], theirs.whole[others]) >= threshold
    return found


@dataclass
class Greedy:
    """The vectors kept so far, and what becomes of the next ones."""

    threshold: float
    blocks: list[Rows] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)

    def take(self, names: list[bytes], whole: Matrix) -> Iterator[tuple[int, bytes, float]]:
        """(place, the kept one's name, cosine) of the rows that go; the others are kept from now on."""
        rows = Rows.of(whole)
        first = self.first_kept(rows)
        left = np.flatnonzero(first < 0)
        among = _first_among(rows[left], self.threshold)
        stays = left[among < 0]
        known = len(self.names)
        self.names += [names[place] for place in stays]
        self._keep(rows[stays])
        numbers = np.cumsum(among < 0) - 1 + known
        first[left] = np.where(among < 0, -1, numbers[among])
        yield from self.pairs(first, whole)

    def first_kept(self, rows: Rows) -> Places:
        """The number of the first kept vector that is similar to each row; -1 for none."""
        first = np.full(len(rows), -1, np.int64)
        start = 0
        for block in self.blocks:
            left = np.flatnonzero(first < 0)
            if not len(left):
                break
            found = similar(block, rows[left], self.threshold)
            hit = found.any(axis=0)
            first[left[hit]] = start + found.argmax(axis=0)[hit]
            start += len(block)
        return first

    def pairs(self, first: Places, whole: Matrix) -> Iterator[tuple[int, bytes, float]]:
        """(place, the kept one's name, cosine) of the rows that `first` gives a kept vector."""
        places = np.flatnonzero(first >= 0)
        if not len(places):
            return
        roots = first[places]
        kept = np.stack([self.vector(number) for number in roots])
        for place, number, cosine in zip(places, roots, cosines(whole[places], kept), strict=True):
            yield int(place), self.names[number], float(cosine)

    def vector(self, number: int) -> Matrix:
        """A kept vector by its number."""
        row: Matrix = self.blocks[number // BLOCK_ROWS].whole[number % BLOCK_ROWS]
        return row

    def _keep(self, rows: Rows) -> None:
        while len(rows):
            if not self.blocks or len(self.blocks[-1]) == BLOCK_ROWS:
                self.blocks.append(rows[:BLOCK_ROWS])
                rows = rows[BLOCK_ROWS:]
            else:
                room = BLOCK_ROWS - len(self.blocks[-1])
                self.blocks[-1] = self.blocks[-1].then(rows[:room])
                rows = rows[room:]


def _first_among(rows: Rows, threshold: float) -> Places:
    """For each row the first one before it that stays and is similar; -1 if it stays itself."""
    first = np.full(len(rows), -1, np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        found = similar(block, rows[start:], threshold)
        for place in range(len(block)):
            if first[start + place] < 0:
                after = found[place].copy()
                after[: place + 1] = False
                later = first[start:]
                later[after & (later < 0)] = start + place
    return first
