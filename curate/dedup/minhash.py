"""MinHash signatures and their bands. No Spark in here.

Enters: 64-bit hashes of a document's shingles. Leaves: its signature, the same bits as
`datasketch.MinHash(permutations, seed)` (scheme "affine32") gives for these shingles, and one
64-bit key a band. Two documents are candidates if any key is equal; a key that two different bands
happen to share costs one comparison and nothing else, because candidates are verified.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import xxhash
from numpy.typing import NDArray

_BLOCK = 1024


@cache
def affine(permutations: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The multipliers (odd) and offsets of the permutations h -> a*h + b mod 2**32, as datasketch 2
    draws them; each an array of shape (permutations, 1)."""
    draw = np.random.RandomState(seed)
    a = draw.randint(0, 1 << 31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    b = draw.randint(0, 1 << 32, permutations, dtype=np.uint32)
    return a[:, None], b[:, None]


def signature(hashes: NDArray[np.uint64], permutations: int, seed: int) -> NDArray[np.uint32]:
    """The smallest value of every permutation over the hashes; shape (permutations,)."""
    a, b = affine(permutations, seed)
    mixed = _fmix32(hashes.astype(np.uint32))
    smallest = np.full(permutations, 0xFFFFFFFF, np.uint32)
    for start in range(0, len(mixed), _BLOCK):
        block = a * mixed[start : start + _BLOCK]
        block += b
        np.minimum(smallest, block.min(axis=1), out=smallest)
    return smallest


def band_keys(values: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.int64]:
    """One 64-bit key for each of `bands` runs of `rows` values of a signature."""
    parts = (values[band * rows : (band + 1) * rows].tobytes() for band in range(bands))
    keys = [xxhash.xxh3_64_intdigest(part, seed=band) for band, part in enumerate(parts)]
    return np.array(keys, np.uint64).view(np.int64)


def candidate_probability(jaccard: float, bands: int, rows: int) -> float:
    """How likely two documents of this Jaccard similarity share a band: 1 - (1 - s**r)**b.

    Source: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", §3.4.2.
    """
    return float(1 - (1 - jaccard**rows) ** bands)


@cache
def optimal_bands(
    threshold: float, permutations: int, false_negative_weight: float = 0.5
) -> tuple[int, int]:
    """(bands, rows) with the least weighted error below and above the threshold.

    The same choice as `datasketch.MinHashLSH(threshold, num_perm, weights=(1 - w, w))`. The
    integrands are polynomials of degree <= permutations, so Gauss-Legendre is exact.
    """
    nodes, weights = np.polynomial.legendre.leggauss(permutations // 2 + 1)
    below, above = threshold * (nodes + 1) / 2, threshold + (1 - threshold) * (nodes + 1) / 2
    best, least = (1, 1), float("inf")
    for bands in range(1, permutations + 1):
        for rows in range(1, permutations // bands + 1):
            false_positive = threshold / 2 * weights @ (1 - (1 - below**rows) ** bands)
            false_negative = (1 - threshold) / 2 * weights @ (1 - above**rows) ** bands
            wrong = (1 - false_negative_weight) * false_positive
            error = float(wrong + false_negative_weight * false_negative)
            if error < least:
                best, least = (bands, rows), error
    return best


def _fmix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's finalizer, a bijection of 32-bit values (Appleby, MurmurHash3.cpp)."""
    values = values ^ (values >> np.uint32(16))
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
