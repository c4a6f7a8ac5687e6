"""What each step did: planned contrasts over a complete block of runs, and the words for them.

In: runs (every arm with every seed). Out: contrasts. The decision that matters: "better" has to
survive five questions (noise between runs, a second held-out set that is not from the crawl, its
sign, other held-out documents, another learning rate), else the word is "inconclusive".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import stats

from model.ablation.runs import MANY_EPOCHS, Run, mean_by_set
from model.ablation.statistics import (
    ALPHA,
    POWER,
    Interval,
    Scores,
    compare,
    detectable_effect,
    document_bootstrap,
    residual,
)

NOISE = "within the noise between runs"
FEWEST_DOCUMENTS = 10  # below, resampling documents says little about other documents


@dataclass(frozen=True)
class Contrast:
    """What one step did: bits per byte of `second` minus `first`, so below zero is better.

    low, high: Holm interval over seeds. documents_low, documents_high: 95 % bootstrap over held-out
    documents and seeds. detectable: the difference found with 80 % chance, given both kinds of
    noise. "better" and "worse" need both intervals to exclude 0, two held-out sets or more that all
    have the same sign, and no flip of the sign at another learning rate; `reason` says what was
    missing.
    """

    name: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    documents_low: float
    documents_high: float
    by_set: dict[str, float]
    detectable: float
    outcome: Literal["better", "worse", "inconclusive"]
    reason: str | None

    def sentence(self) -> str:
        """`extraction: −0.410 bits per byte [−0.450, −0.370], better`."""
        numbers = (
            f"{signed(self.difference)} bits per byte [{signed(self.low)}, {signed(self.high)}]"
        )
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.name}: {numbers}, {self.outcome}{why}"

    def plain(self) -> str:
        """What a reader who skips the numbers should take away: one sentence."""
        size = f"{abs(self.difference):.3f} bits per byte"
        if self.outcome == "inconclusive":
            missed = f"one below {self.detectable:.3f} bits per byte could have been missed"
            if self.reason == NOISE:
                return f"{self.name}: no difference was found; {missed}."
            side = "better" if self.difference < 0 else "worse"
            return f"{self.name}: looks {side} by {size}, but nothing is claimed: {self.reason}."
        more = "less" if self.outcome == "better" else "more"
        low, high = min(self.low, self.documents_low), max(self.high, self.documents_high)
        ends = sorted((abs(low), abs(high)))
        return (
            f"{self.name}: {self.outcome}. A model trained after it needs {size} {more} for held-out text "
            f"(between {ends[0]:.3f} and {ends[1]:.3f})."
        )


def signed(value: float) -> str:
    """Three decimals with a sign, minus as U+2212."""
    return f"{value:+.3f}".replace("-", "\u2212")


def planned(arms: Sequence[str], baseline: bool = False) -> list[tuple[str, int, int]]:
    """The contrasts decided on before any run: (name, first, second).

    Steps of one run: each arm with the one before it, and the last with the first. With `baseline`
    (whole recipes, none of which builds on another): each arm with the first.
    """
    if baseline:
        return [(f"{arms[0]} to {name}", 0, i) for i, name in enumerate(arms) if i]
    pairs = [(second, i, i + 1) for i, (_, second) in enumerate(pairwise(arms))]
    if len(arms) > 2:
        pairs.append((f"{arms[0]} to {arms[-1]}", 0, len(arms) - 1))
    return pairs


def scores_of(runs: Sequence[Run], arms: Sequence[str]) -> Scores:
    """The scores of a complete block, (arms, seeds), at the usual learning rate."""
    block = {(run.arm, run.seed): run.score for run in runs if run.rate_factor == 1}
    seeds = sorted({seed for _, seed in block})
    return np.array([[block[arm, seed] for seed in seeds] for arm in arms])


def judge(
    runs: Sequence[Run], arms: Sequence[str], pairs: Sequence[tuple[str, int, int]] | None = None
) -> tuple[Contrast, ...]:
    """The planned contrasts over a complete block of runs (every arm with every seed).

    Runs with a `rate_factor` other than 1 serve only to see whether a sign flips.
    """
    block = {(run.arm, run.seed): run for run in runs if run.rate_factor == 1}
    seeds = sorted({seed for _, seed in block})
    pairs = planned(arms) if pairs is None else pairs
    scores = scores_of(runs, arms)
    sigma, degrees = residual(scores)
    by_noise = detectable_effect(sigma, degrees, len(seeds), len(pairs))
    contrasts = []
    for (name, first, second), interval in zip(
        pairs, compare(scores, [(first, second) for _, first, second in pairs]), strict=True
    ):
        sides = [[block[arms[side], seed] for seed in seeds] for side in (first, second)]
        flips = _flips(runs, arms[first], arms[second], interval.difference)
        contrasts.append(_contrast(name, sides, interval, by_noise, flips))
    return tuple(contrasts)


def _contrast(
    name: str, sides: list[list[Run]], interval: Interval, by_noise: float, flips: list[float]
) -> Contrast:
    first, second = sides
    before, after = mean_by_set(first), mean_by_set(second)
    by_set = {key: after[key] - before[key] for key in before}
    low, high = _documents_interval(first, second)
    error = (high - low) / 2 / stats.norm.ppf(1 - ALPHA / 2)
    by_documents = float(error * (stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)))
    fewest = min(len(nats) for nats in first[0].nats.values())
    loser = second if interval.difference > 0 else first
    repeated = max(run.epochs for run in loser)
    reason = _doubt(interval, by_set, (low, high), flips, fewest, repeated)
    outcome: Literal["better", "worse"] = "better" if interval.difference < 0 else "worse"
    return Contrast(
        name,
        first[0].arm,
        second[0].arm,
        interval.difference,
        interval.low,
        interval.high,
        interval.p,
        interval.p_holm,
        low,
        high,
        by_set,
        max(by_noise, by_documents),
        "inconclusive" if reason else outcome,
        reason,
    )


def _doubt(
    interval: Interval, by_set: dict[str, float], documents: tuple[float, float],
    flips: list[float], fewest: int, repeated: float,
) -> str | None:  # fmt: skip
    """What keeps a contrast from being a claim. fewest: documents of the smallest held-out set;
    repeated: how often the arm that lost was read."""
    if not interval.rejected:
        return NOISE
    if len(by_set) < 2:
        return "no second held-out set, from outside the crawl, confirms it"
    if len({difference > 0 for difference in by_set.values()}) > 1:
        return "the held-out sets disagree"
    if fewest < FEWEST_DOCUMENTS:
        return f"a held-out set has only {fewest} documents to judge on"
    if documents[0] <= 0 <= documents[1]:
        return "it depends on which documents were held out"
    if repeated > MANY_EPOCHS:
        return f"the arm that lost was read {repeated:.1f} times, and repetition alone may have cost that"
    if flips:
        return f"it turns round, or training diverges, at {flips[0]:.2g} times the learning rate"
    return None


def _documents_interval(first: list[Run], second: list[Run]) -> tuple[float, float]:
    """95 % percentile interval of the mean difference over the sets, documents resampled per set."""
    draws = [
        document_bootstrap(
            np.array([run.nats[key] for run in first]),
            np.array([run.nats[key] for run in second]),
            np.array(first[0].bytes[key]),
            seed=number,
        )
        for number, key in enumerate(first[0].nats)
    ]
    low, high = np.quantile(np.mean(draws, axis=0), [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def _flips(runs: Sequence[Run], first: str, second: str, difference: float) -> list[float]:
    """Learning-rate factors at which the sign of second - first is not that of the contrast, or where
    one of both diverged."""
    at = {(run.rate_factor, run.arm): run.score for run in runs if run.seed == 0}
    return [f for f in rate_factors(runs) if not (at[f, second] - at[f, first]) * difference >= 0]


def rate_factors(runs: Sequence[Run]) -> list[float]:
    """The learning-rate factors tried besides 1."""
    return sorted({run.rate_factor for run in runs} - {1.0})


def rate_order(runs: Sequence[Run], arms: Sequence[str]) -> dict[str, float | None]:
    """Kendall's tau between the order of the arms at each learning-rate factor and at factor 1.

    Rankings of data can flip with the rate (Wang et al. 2025, arXiv 2512.24503). None: all arms
    score the same or one diverged, so there is no order.
    """
    at = {(run.rate_factor, run.arm): run.score for run in runs if run.seed == 0}
    usual = [at[1.0, arm] for arm in arms]
    taus = {
        factor: float(stats.kendalltau(usual, [at[factor, arm] for arm in arms]).statistic)
        for factor in rate_factors(runs)
    }
    return {f"{factor:.2g}": None if math.isnan(tau) else tau for factor, tau in taus.items()}
