"""How far two sets of measured numbers lie apart.

In: two arrays. Out: `Shift`. The decision: effect sizes lead. At a million values every difference
has a small p-value, whether or not it matters, so p is reported and never judged by. Judge by:

* PSI, the population stability index: sum of (q - p) ln(q / p) over the bins between the deciles of A
  (Siddiqi, Credit Risk Scorecards, 2006; the usual words: below .1 stable, to .25 shifted, above
  changed). A value that many share is one bin, so a signal that is mostly 0 has fewer. Half a value
  is added to every bin (Krichevsky and Trofimov, 1981), so an empty one gives no infinity.
  Without any change PSI is about (1/n + 1/m) times a chi-squared with bins - 1 degrees of freedom
  (Yurdakul and Naranjo, Journal of Risk Model Validation 14(4), 2020): `psi_chance` is its 95 % point,
  and what lies below says nothing of two crawls; fifty documents a side give .68. (The same documents
  measured twice do not differ by chance, so a limit on PSI is taken as it was given.)
* D, the largest distance of the two cumulative distributions (Smirnov 1948), in [0, 1].
* Cliff's delta, P(B > A) - P(B < A) (Cliff 1993): 0 for no shift, 1 where every value of B is above
  every value of A. Differences in spread alone move D and PSI, and not delta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DECILES = np.arange(1, 10) / 10
ADDED = 0.5
STABLE, SHIFTED = 0.1, 0.25
CHANCE = 0.95
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """The numbers of B against those of A; counts, and medians of both."""

    count_a: int
    count_b: int
    psi: float
    psi_chance: float
    ks_d: float
    ks_p: float
    cliffs_delta: float
    median_a: float
    median_b: float

    @property
    def word(self) -> str:
        """What is usually said of such a PSI."""
        return word(self.psi)

    @property
    def by_chance(self) -> bool:
        """Whether so few values give such a PSI without any change."""
        return 0 < self.psi <= self.psi_chance


def word(psi: float) -> str:
    """
    >>> word(0.02), word(0.1), word(0.3)
    ('stable', 'shifted', 'changed')
    """
    return "stable" if psi < STABLE else "shifted" if psi <= SHIFTED else "changed"


def shift(a: Numbers, b: Numbers) -> Shift | None:
    """Compare two sets of finite numbers; None if one is empty."""
    if not len(a) or not len(b):
        return None
    a, b = np.sort(a), np.sort(b)
    psi, bins = population_stability(a, b)
    d, delta = (0.0, 0.0) if np.array_equal(a, b) else distance_and_delta(a, b)
    return Shift(
        len(a), len(b), psi, _psi_chance(len(a), len(b), bins), d, _p_value(d, len(a), len(b)),
        delta, float(np.median(a)), float(np.median(b)),
    )  # fmt: skip


def population_stability(a: Numbers, b: Numbers) -> tuple[float, int]:
    """(PSI, bins) of sorted numbers over the deciles of `a`.

    >>> population_stability(np.arange(10.0), np.arange(10.0))
    (0.0, 10)
    >>> population_stability(np.ones(10), np.ones(20))
    (0.0, 1)
    """
    edges = _edges(a)
    counts_a, counts_b = (_count(values, edges) for values in (a, b))
    used = counts_a + counts_b > 0
    p, q = (_shares(counts[used]) for counts in (counts_a, counts_b))
    return float(np.sum((q - p) * np.log(q / p))), int(used.sum())


def distance_and_delta(a: Numbers, b: Numbers) -> tuple[float, float]:
    """(D of Kolmogorov and Smirnov, Cliff's delta) of sorted numbers, both exact, from one merge.

    >>> distance_and_delta(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    (0.5, 0.75)
    """
    pooled = np.concatenate([a, b])
    order = np.argsort(pooled, kind="stable")
    merged = pooled[order]
    last = np.flatnonzero(np.append(merged[1:] != merged[:-1], True))  # of each value
    up_to_b = np.cumsum(order >= len(a))[last]
    up_to_a = last + 1 - up_to_b
    here_a, here_b = (np.diff(counts, prepend=0) for counts in (up_to_a, up_to_b))
    above_less_below = int(np.sum(here_b * (2 * up_to_a - here_a - len(a))))
    distance = np.max(np.abs(up_to_a / len(a) - up_to_b / len(b)))
    return float(distance), above_less_below / (len(a) * len(b))


def _edges(a: Numbers) -> Numbers:
    """Deciles, each the upper end of its bin. A value that many share is a bin of its own, cut off
    below as well: else numbers of `b` just beneath it would count as equal to it."""
    deciles, times = np.unique(np.quantile(a, DECILES, method="inverted_cdf"), return_counts=True)
    shared = deciles[(times > 1) | (deciles == a[0])]
    return np.union1d(deciles, np.nextafter(shared, -np.inf))


def _count(values: Numbers, edges: Numbers) -> NDArray[np.int64]:
    cuts = np.searchsorted(values, edges, side="right")
    return np.diff(cuts, prepend=0, append=len(values))


def _shares(counts: NDArray[np.int64]) -> Numbers:
    added = counts.astype(np.float64) + ADDED
    return np.asarray(added / added.sum(), np.float64)


def _psi_chance(count_a: int, count_b: int, bins: int) -> float:
    from scipy.stats import chi2

    return float(chi2.ppf(CHANCE, bins - 1) * (1 / count_a + 1 / count_b)) if bins > 1 else 0.0


def _p_value(d: float, count_a: int, count_b: int) -> float:
    """Of D, two-sided, by the distribution for large samples; too large (safe) where values tie."""
    from scipy.stats import kstwo

    if d == 0:
        return 1.0
    return float(kstwo.sf(d, max(1, round(count_a * count_b / (count_a + count_b)))))
