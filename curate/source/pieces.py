"""A large file as pieces that can be read apart, and the proof that they fit together.

In: a file's size, before any of it is read. Out: half-open byte spans; a record belongs to the span
in which it starts. The decision: cuts are arithmetic, and whether they were good is told afterwards.
Every reader of a piece says where its first record started and where it stopped (`Joint`). Pieces
whose joints meet hold exactly the rows of the whole file; a file whose joints do not meet (a cut
inside an archive that is itself stored in the archive) has to be read whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

PIECE_BYTES = 256 << 20
SMALL_PIECE_BYTES = 32 << 20  # where a piece's first record is found at once
Span = tuple[int, int]


@dataclass(frozen=True, order=True)
class Joint:
    """What the reader of the span [begin, end) met.

    `first`: where its first record starts; None if none starts in the span. `next`: the first
    record it left to others; None if it read to the end of the file. Both are bytes, or the numbers
    of records: then a span in which none starts has the next one behind it as both.
    """

    begin: int
    end: int
    first: int | None
    next: int | None


def cut(size_bytes: int, piece_bytes: int) -> tuple[Span, ...]:
    """Spans of about equal size that tile a file; none for a file that is small enough.

    >>> cut(10, 4)
    ((0, 3), (3, 6), (6, 10))
    >>> cut(4, 4)
    ()
    """
    number = -(-size_bytes // piece_bytes)
    edges = [size_bytes * index // number for index in range(number + 1)] if number else []
    return tuple(pairwise(edges)) if number > 1 else ()


def fit(joints: Iterable[Joint]) -> bool:
    """Whether neighbouring pieces of one file meet; pieces that are not there yet are not judged.

    >>> fit([Joint(0, 9, 0, 12), Joint(9, 20, 12, None)])
    True
    >>> fit([Joint(0, 9, 0, 12), Joint(9, 20, 10, None)])
    False
    """
    expected: int | None = None
    known, edge = False, 0
    for joint in sorted(joints):
        known = known and joint.begin == edge
        edge = joint.end
        if joint.first is None:
            if known and expected is not None and expected < joint.end:
                return False
            continue
        if known and joint.first != expected:
            return False
        expected, known = joint.next, True
    return True


def misfits(joints: Iterable[Sequence[Any]]) -> set[tuple[str, str]]:
    """The (source, path) of every file whose pieces do not fit; a joint's four numbers come third."""
    files: dict[tuple[str, str], list[Joint]] = defaultdict(list)
    for source, path, numbers in joints:
        files[source, path].append(Joint(*numbers))
    return {file for file, found in files.items() if not fit(found)}
