"""In which order the windows of an epoch are read: a permutation, at any place of it.

In: a seed, an epoch, how many windows there are, and places. Out: the windows at these places. The
decision that matters: what fits is shuffled (Fisher and Yates, as NumPy does), and a longer epoch is
permuted by a Feistel network that is asked for single places, so a billion windows cost no memory.
Either is a pure function of its arguments, and part of the format: another order is another run.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from curate.code_points import mixed

Numbers = NDArray[np.int64]
SHUFFLED = 1 << 22  # windows, 32 MiB; 4.3 billion tokens in windows of 1,024
ROUNDS = 6


def windows_at(seed: int, epoch: int, count: int, places: Numbers) -> Numbers:
    """The windows at these places of the epoch's order, each in 0 … count - 1."""
    if count <= SHUFFLED:
        found: Numbers = order(seed, epoch, count)[places]
        return found
    return permuted(seed, epoch, count, places)


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, count: int) -> Numbers:
    """The permutation of `count` windows in one epoch: a pure function of its arguments."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def permuted(seed: int, epoch: int, count: int, places: Numbers) -> Numbers:
    """A permutation of `count` numbers, at these places alone.

    A Feistel network (Luby and Rackoff 1988, doi:10.1137/0217022) over the next power of two; what
    falls outside is permuted again until it falls inside (Black and Rogaway 2002,
    doi:10.1007/3-540-45760-7_9, cycle walking): fewer than two rounds of it on average.

    >>> sorted(permuted(7, 0, 6, np.arange(6)).tolist())
    [0, 1, 2, 3, 4, 5]
    """
    bits = max(2, (count - 1).bit_length())
    keys = round_keys(seed, epoch)
    found = _network(np.asarray(places).astype(np.uint64), bits, keys)
    outside = np.flatnonzero(found >= count)
    while len(outside):
        found[outside] = _network(found[outside], bits, keys)
        outside = outside[found[outside] >= count]
    return found.astype(np.int64)


@lru_cache(maxsize=4)
def round_keys(seed: int, epoch: int) -> NDArray[np.uint64]:
    """A key for each round."""
    return np.random.Philox(key=[seed, epoch]).random_raw(ROUNDS)


def _network(values: NDArray[np.uint64], bits: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each round adds a hash of the low half to the high one, and the halves change places. Where
    the bits are odd, so are the halves: they trade widths with their places."""
    low_bits = bits // 2
    low = values & np.uint64((1 << low_bits) - 1)
    high = values >> np.uint64(low_bits)
    high_bits = bits - low_bits
    for key in keys:
        drawn = mixed(low ^ key) >> np.uint64(64 - high_bits)
        low, high = high ^ drawn, low
        low_bits, high_bits = high_bits, low_bits
    joined: NDArray[np.uint64] = high << np.uint64(low_bits) | low
    return joined
