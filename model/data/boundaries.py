"""Which tokens of a window belong to one document, so that attention need not cross its border.

In: where windows start in a shard, and where documents do. Out: for every token the number of its
document within the window, and its position within that document. The decision that matters:
documents come from the index, not from the tokens, and positions start at 0 where the window does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Boundaries:
    """Both (rows, tokens), int64. `documents`: 0, 1, … within the row: tokens see each other where it
    is equal. `positions`: 0, 1, … from the start of the document or of the row; the flattened
    places of its zeros are the `cu_seqlens` of variable-length attention."""

    documents: NDArray[np.int64]
    positions: NDArray[np.int64]


def begins(starts: NDArray[np.int64], first: int, length: int) -> NDArray[np.int64]:
    """Where documents begin within a window, its own first token left out.

    >>> begins(np.array([0, 4, 6, 9]), 4, 5).tolist()
    [2]
    """
    low, high = np.searchsorted(starts, (first + 1, first + length))
    found: NDArray[np.int64] = starts[low:high] - first
    return found


def boundaries(marks: NDArray[np.bool_]) -> Boundaries:
    """Of rows in which the first token of every document is marked; the row's first counts anyway.

    >>> boundaries(np.array([[0, 0, 1, 0, 1]], bool)).positions.tolist()
    [[0, 1, 0, 1, 0]]
    """
    places = np.arange(marks.shape[1])
    since = np.maximum.accumulate(np.where(marks, places, 0), axis=1)
    return Boundaries(np.cumsum(marks, axis=1, dtype=np.int64), places - since)
