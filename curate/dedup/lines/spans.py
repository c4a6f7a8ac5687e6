"""Runs of sentences as numbers, and what of a document they cover. No Spark in here.

Enters: the hashes and word counts of the tiles of many documents, end to end, and which tiles are gone.
Leaves: one hash for each run of `span` tiles of a document, in the place of its first tile, and 0 where
no run begins. The decision: tiles with nothing to compare (hash 0: blank lines, rules) do not count and
do not end a run, but go with the run they are inside of; nor do tiles that are gone, so that a second
look finds the runs that have closed up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curate.code_points import mixed

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]
_ODD = np.uint64(0x9E3779B97F4A7C15)


def runs(
    units: Int64s, words: NDArray[np.int16], owner: Int64s, gone: Bools, span: int, min_words: int
) -> tuple[Int64s, Bools]:
    """Of n tiles, (n,) hashes of the runs that begin there, and (n,) whether a run has closed up over
    a tile that is gone. `owner`: (n,) the number of each tile's document. Runs of fewer than
    `min_words` words are 0.

    >>> none = np.zeros(4, bool)
    >>> found, _ = runs(np.array([5, 0, 6, 7]), np.ones(4, np.int16), np.zeros(4, int), none, 2, 2)
    >>> (found != 0).tolist()
    [True, False, True, False]
    """
    found, closed = np.zeros(len(units), np.int64), np.zeros(len(units), np.bool_)
    alive = np.flatnonzero((units != 0) & ~gone)
    count = len(alive) - span + 1
    if count <= 0:
        return found, closed
    first, last = alive[:count], alive[span - 1 :]
    total, keys = np.zeros(count, np.int64), np.zeros(count, np.uint64)
    for step in range(span):
        tile = alive[step : step + count]
        total += words[tile]
        keys = mixed(keys * _ODD + units[tile].view(np.uint64))
    valid = (owner[first] == owner[last]) & (total >= min_words)
    found[first[valid]] = np.maximum(keys, np.uint64(1)).view(np.int64)[valid]
    before = np.cumsum(gone & (units != 0))
    closed[first[valid]] = (before[last] > before[first])[valid]
    return found, closed


def covered(units: Int64s, gone: Bools, places: Int64s, span: int) -> Bools:
    """Which tiles of one document are gone once the runs that begin at `places` are, too.

    >>> covered(np.array([5, 0, 6, 7]), np.zeros(4, bool), np.array([0]), 2).tolist()
    [True, True, True, False]
    """
    alive = np.flatnonzero((units != 0) & ~gone)
    ends = alive[np.searchsorted(alive, places) + span - 1]
    borders = np.zeros(len(units) + 1, np.int64)
    np.add.at(borders, places, 1)
    np.add.at(borders, ends + 1, -1)
    return gone | (np.cumsum(borders[:-1]) > 0)
