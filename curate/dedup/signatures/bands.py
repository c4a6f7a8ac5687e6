"""The bands of MinHash signatures, and how many there should be. No Spark in here.

Enters: signatures (Broder 1997), one a document. Leaves: one 64-bit key a band. Two documents are
candidates if any key is equal; a key that two different bands happen to share costs one comparison and
nothing else, because candidates are verified.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.code_points import mixed


def band_keys(
    values: NDArray[np.uint32], bands: int, rows: int, salts: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """One 64-bit key for each of `bands` runs of `rows` values of each signature; (rows, bands).

    `salts`: (rows,) documents of different salts share no key.
    """
    split = values[:, : bands * rows].reshape(len(values), bands, rows).astype(np.uint64)
    keys = (mixed(salts)[:, None] + np.arange(bands, dtype=np.uint64)).astype(np.uint64)
    for place in range(rows):
        keys = mixed(keys ^ split[:, :, place])
    return keys.view(np.int64)


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
