"""How far two sets of measured numbers lie apart.

In: two arrays. Out: `Shift`. The decision: effect sizes lead. At a million values every difference
has a small p-value, whether or not it matters, so p is reported and never judged by. Judge by:

* PSI, the population stability index: sum of (q - p) ln(q / p) over the bins between the deciles of A
  (Siddiqi, Credit Risk Scorecards, 2006; the usual words: below .1 stable, to .25 shifted, above
  changed). A value that many share is one bin, so a signal that is mostly 0 has fewer. Half a value
  is added to every bin (Krichevsky and Trofimov, 1981), so an empty one gives no infinity.
  Without any change PSI is about (1/n + 1/m) times a chi-squared with bins - 1 degrees of freedom
  (Yurdakul and Naranjo, Journal of Risk Model Validation 14(4), 2020): `psi_chance` is its 95 % point,
  and what lies below says nothing. Fifty documents a side give .68.
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
    d = largest_distance(a, b)
    return Shift(
        len(a), len(b), psi, _psi_chance(len(a), len(b), bins), d, _p_value(d, len(a), len(b)),
        cliffs_delta(a, b), float(np.median(a)), float(np.median(b)),
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


def largest_distance(a: Numbers, b: Numbers) -> float:
    """Kolmogorov and Smirnov's D of sorted numbers.

    >>> largest_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    pooled = np.concatenate([a, b])
    below_a = np.searchsorted(a, pooled, side="right") / len(a)
    below_b = np.searchsorted(b, pooled, side="right") / len(b)
    return float(np.max(np.abs(below_a - below_b)))


def cliffs_delta(a: Numbers, b: Numbers) -> float:
    """P(B > A) - P(B < A) of sorted numbers, exact.

    >>> cliffs_delta(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.75
    """
    above = np.searchsorted(a, b, side="left").sum(dtype=np.int64)
    below = (len(a) - np.searchsorted(a, b, side="right")).sum(dtype=np.int64)
    return float(above - below) / (len(a) * len(b))


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

    return float(kstwo.sf(d, max(1, round(count_a * count_b / (count_a + count_b)))))
