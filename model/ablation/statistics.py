"""From scores of arms x seeds to statements that hold up.

In: a score (bits per byte) for every arm and seed, and nats per held-out document. Out: contrasts
with intervals, adjusted for how many were planned.
The decision that matters: a seed is a block (same initial weights, same order of documents in every
arm), so noise is what is left after removing arm and seed effects, pooled over all arms with
(arms - 1)(seeds - 1) degrees of freedom. With three seeds a paired test per contrast would have two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from curate.errors import InputError

Scores = NDArray[np.float64]
ALPHA, POWER = 0.05, 0.8


@dataclass(frozen=True)
class Interval:
    """A difference of two arms, second minus first, with its interval and p-values."""

    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    rejected: bool


def residual(scores: Scores) -> tuple[float, int]:
    """Standard deviation and degrees of freedom of the two-way residual of scores (arms, seeds).

    Model: score = arm + seed + noise. InputError: fewer than two arms or seeds leave no residual.
    """
    arms, seeds = scores.shape
    if arms < 2 or seeds < 2:
        raise InputError(f"{arms} arms x {seeds} seeds: noise can be measured from 2 x 2 runs on")
    rest = scores - scores.mean(1, keepdims=True) - scores.mean(0, keepdims=True) + scores.mean()
    degrees = (arms - 1) * (seeds - 1)
    return math.sqrt(float((rest**2).sum()) / degrees), degrees


def compare(
    scores: Scores, pairs: Sequence[tuple[int, int]], alpha: float = ALPHA
) -> list[Interval]:
    """Planned contrasts (first arm, second arm) on scores (arms, seeds), Holm-adjusted.

    Each interval has the level at which Holm's procedure tested it, so it excludes 0 exactly when
    the contrast is rejected (Holm 1979, Scand. J. Statist. 6:65).
    """
    sigma, degrees = residual(scores)
    error = sigma * math.sqrt(2 / scores.shape[1])
    means = scores.mean(1)
    differences = [float(means[second] - means[first]) for first, second in pairs]
    p_values = [_two_sided(difference, error, degrees) for difference in differences]
    adjusted = holm(p_values)
    levels = _tested_levels(p_values, alpha)
    intervals = []
    for difference, p, p_holm, level in zip(differences, p_values, adjusted, levels, strict=True):
        half = float(stats.t.ppf(1 - level / 2, degrees)) * error
        rejected = p_holm <= alpha
        intervals.append(
            Interval(difference, difference - half, difference + half, p, p_holm, rejected)
        )
    return intervals


def _two_sided(difference: float, error: float, degrees: int) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, degrees))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _tested_levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """alpha / (m - rank) in the order of p, frozen at the first contrast that is not rejected."""
    levels = [0.0] * len(p_values)
    rank = 0
    for index in np.argsort(p_values, kind="stable"):
        levels[index] = alpha / (len(p_values) - rank)
        if p_values[index] <= levels[index]:
            rank = min(rank + 1, len(p_values) - 1)
    return levels


def detectable_effect(
    sigma: float,
    degrees: int,
    seeds: int,
    contrasts: int,
    alpha: float = ALPHA,
    power: float = POWER,
) -> float:
    """The smallest true difference that would be found with chance `power`, in the unit of sigma.

    At Holm's strictest level alpha / contrasts: (t(1 - level/2) + t(power)) * sigma * sqrt(2 / seeds).
    """
    level = alpha / contrasts
    quantiles = stats.t.ppf(1 - level / 2, degrees) + stats.t.ppf(power, degrees)
    return float(quantiles) * sigma * math.sqrt(2 / seeds)


def document_bootstrap(
    first_nats: Scores,
    second_nats: Scores,
    document_bytes: NDArray[np.int64],
    draws: int = 2000,
    seed: int = 0,
) -> Scores:
    """Bits per byte of second minus first over `draws` resamples of held-out documents and seeds: (draws,).

    Nats are (seeds, documents). Documents are the clusters (a document is drawn with all its seeds),
    because seeds say nothing about which documents happened to be held out; seeds are drawn as well,
    independently (the crossed bootstrap of Owen 2007, doi 10.1214/07-AOAS122, which errs on the wide
    side).
    """
    difference = second_nats - first_nats
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    seeds, count = difference.shape
    weights = generator.multinomial(count, np.full(count, 1 / count), size=draws)
    shared = np.random.Generator(
        np.random.Philox(key=[0, 1])
    )  # each set's draws meet the same runs
    picks = shared.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    nats = ((weights @ difference.T) * picks).sum(1)
    bits: Scores = nats / (weights @ document_bytes) / math.log(2)
    return bits


@dataclass(frozen=True)
class Slope:
    """A straight line through differences: its slope with a 95 % interval."""

    slope: float
    low: float
    high: float


def trend(
    places: Sequence[float], differences: Sequence[float], errors: Sequence[float],
    degrees: Sequence[int],
) -> Slope:  # fmt: skip
    """The least-squares slope of differences that were measured apart, each with a standard error.

    Its variance is the sum of theirs under the weights of the slope; its degrees of freedom are
    Satterthwaite's (1946, Biometrics Bulletin 2:110). Two places at least, not all equal.
    """
    x = np.array(places) - np.mean(places)
    weights = x / (x**2).sum()
    parts = (weights * np.array(errors)) ** 2
    slope, variance = float(weights @ np.array(differences)), float(parts.sum())
    if variance == 0:
        return Slope(slope, slope, slope)
    freedom = variance**2 / float((parts**2 / np.array(degrees)).sum())
    half = float(stats.t.ppf(1 - ALPHA / 2, freedom)) * math.sqrt(variance)
    return Slope(slope, slope - half, slope + half)
