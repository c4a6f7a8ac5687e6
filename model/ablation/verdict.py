"""The outcome of an ablation: runs, arms, contrasts, and the words for them.

In: the runs of a complete block (every arm with every seed). Out: a `Verdict`. The decision that
matters: "better" has to survive four questions (noise between runs, the other held-out set, other
held-out documents, another learning rate), else the word is "inconclusive".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy import stats

from model.ablation.statistics import ALPHA, Interval, compare, document_bootstrap

MANY_EPOCHS = 4  # up to here repeated data is worth about as much as new (Muennighoff 2305.16264)


@dataclass(frozen=True)
class Run:
    """One trained and evaluated model. nats, bytes: per held-out set, per document.

    rate_factor: its learning rate as a multiple of the profile's; epochs: how often it read its arm.
    """

    arm: str
    seed: int
    rate_factor: float
    tokens: int
    epochs: float
    train_loss: float
    seconds: float
    nats: dict[str, list[float]]
    bytes: dict[str, list[int]]
    accuracy: dict[str, float]

    @property
    def bits_per_byte(self) -> dict[str, float]:
        """Per held-out set."""
        return {
            name: sum(nats) / sum(self.bytes[name]) / math.log(2)
            for name, nats in self.nats.items()
        }

    @property
    def score(self) -> float:
        """Bits per byte, the mean over the held-out sets."""
        return float(np.mean(list(self.bits_per_byte.values())))

    def summary(self) -> dict[str, Any]:
        """Everything but the single documents."""
        kept = {key: value for key, value in asdict(self).items() if key not in ("nats", "bytes")}
        return {**kept, "bits_per_byte": self.bits_per_byte}


@dataclass(frozen=True)
class ArmResult:
    """What one arm came to. seed_sigma: standard deviation of the score between its seeds."""

    name: str
    documents: int
    epochs: float
    bits_per_byte: dict[str, float]
    score: float
    seed_sigma: float


@dataclass(frozen=True)
class Contrast:
    """What one step did: bits per byte of `second` minus `first`, so below zero is better.

    low, high: Holm interval over seeds. documents_low, documents_high: 95 % bootstrap over held-out
    documents. "better" and "worse" need both to exclude 0, every held-out set to have the same
    sign, and no flip of the sign at another learning rate; `reason` says what was missing.
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
    outcome: Literal["better", "worse", "inconclusive"]
    reason: str | None

    def sentence(self) -> str:
        """`extraction: −0.410 bits per byte [−0.450, −0.370], better`."""
        numbers = (
            f"{signed(self.difference)} bits per byte [{signed(self.low)}, {signed(self.high)}]"
        )
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.name}: {numbers}, {self.outcome}{why}"


@dataclass(frozen=True)
class Verdict:
    """The outcome of an ablation. Scores are bits per byte, lower is better."""

    profile: str
    seeds: int
    tokens_per_run: int
    detectable_effect: float
    noise_sigma: float
    degrees_of_freedom: int
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]
    rate_order: dict[str, float | None]
    guard: dict[str, Any]
    plan: dict[str, Any]
    versions: dict[str, str]
    notes: tuple[str, ...]
    runs: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """What a terminal shows: what could be found, the arms, one sentence per contrast, cautions."""
        width = max(len(arm.name) for arm in self.arms)
        sets = list(self.arms[0].bits_per_byte)
        head = (
            f"{'arm':{width}}  {'documents':>9}  {'epochs':>6}  " + "  ".join(sets) + "  mean ± sd"
        )
        rows = [
            f"{arm.name:{width}}  {arm.documents:>9,}  {arm.epochs:>6.2f}  "
            + "  ".join(f"{arm.bits_per_byte[name]:{len(name)}.4f}" for name in sets)
            + f"  {arm.score:.4f} ± {arm.seed_sigma:.4f}"
            for arm in self.arms
        ]
        return [
            f"Smallest difference found with 80 % chance: {self.detectable_effect:.4f} bits per byte "
            f"({len(self.arms)} arms x {self.seeds} seeds of {self.tokens_per_run:,} tokens; "
            f"noise {self.noise_sigma:.4f}).",
            head,
            *rows,
            *(contrast.sentence() for contrast in self.contrasts),
            *(f"Note: {note}" for note in self.notes),
        ]


def signed(value: float) -> str:
    """Three decimals with a sign, minus as U+2212."""
    return f"{value:+.3f}".replace("-", "\u2212")


def planned(arms: Sequence[str]) -> list[tuple[str, int, int]]:
    """The contrasts decided on before any run: each arm with the one before it, and last with first."""
    pairs = [(second, i, i + 1) for i, (_, second) in enumerate(pairwise(arms))]
    if len(arms) > 2:
        pairs.append((f"{arms[0]} to {arms[-1]}", 0, len(arms) - 1))
    return pairs


def judge(runs: Sequence[Run], arms: Sequence[str]) -> tuple[Contrast, ...]:
    """The planned contrasts over a complete block of runs (every arm with every seed).

    Runs with a `rate_factor` other than 1 serve only to see whether a sign flips.
    """
    block = {(run.arm, run.seed): run for run in runs if run.rate_factor == 1}
    seeds = sorted({seed for _, seed in block})
    scores = np.array([[block[arm, seed].score for seed in seeds] for arm in arms])
    pairs = planned(arms)
    intervals = compare(scores, [(first, second) for _, first, second in pairs])
    contrasts = []
    for (name, first, second), interval in zip(pairs, intervals, strict=True):
        sides = [[block[arms[side], seed] for seed in seeds] for side in (first, second)]
        contrasts.append(_contrast(name, sides, interval, _flips(runs, arms[first], arms[second])))
    return tuple(contrasts)


def _contrast(
    name: str, sides: list[list[Run]], interval: Interval, flips: list[float]
) -> Contrast:
    first, second = sides
    by_set = {
        key: float(np.mean([run.bits_per_byte[key] for run in second]))
        - float(np.mean([run.bits_per_byte[key] for run in first]))
        for key in first[0].nats
    }
    low, high = _documents_interval(first, second)
    reason = None
    if not interval.rejected:
        reason = "within the noise between runs"
    elif len({difference > 0 for difference in by_set.values()}) > 1:
        reason = "the held-out sets disagree"
    elif low <= 0 <= high:
        reason = "depends on which documents were held out"
    elif flips:
        reason = f"turns round at {flips[0]:.2g} times the learning rate"
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
        "inconclusive" if reason else outcome,
        reason,
    )


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


def _flips(runs: Sequence[Run], first: str, second: str) -> list[float]:
    """Learning-rate factors at which the sign of second - first differs from factor 1, same seed."""
    at = {(run.rate_factor, run.arm): run.score for run in runs if run.seed == 0}
    usual = at[1.0, second] > at[1.0, first]
    return [f for f in rate_factors(runs) if (at[f, second] > at[f, first]) != usual]


def rate_factors(runs: Sequence[Run]) -> list[float]:
    """The learning-rate factors tried besides 1."""
    return sorted({run.rate_factor for run in runs} - {1.0})


def rate_order(runs: Sequence[Run], arms: Sequence[str]) -> dict[str, float | None]:
    """Kendall's tau between the order of the arms at each learning-rate factor and at factor 1.

    Rankings of data can flip with the rate (Wang et al. 2025, arXiv 2512.24503). None: all arms
    score the same, so there is no order.
    """
    at = {(run.rate_factor, run.arm): run.score for run in runs if run.seed == 0}
    usual = [at[1.0, arm] for arm in arms]
    taus = {
        factor: float(stats.kendalltau(usual, [at[factor, arm] for arm in arms]).statistic)
        for factor in rate_factors(runs)
    }
    return {f"{factor:.2g}": None if math.isnan(tau) else tau for factor, tau in taus.items()}


def summarise(runs: Sequence[Run], documents: Mapping[str, int]) -> tuple[ArmResult, ...]:
    """Per arm, in the order of `documents` (arm -> documents): means over its seeds."""
    results = []
    for name, count in documents.items():
        mine = [run for run in runs if run.arm == name and run.rate_factor == 1]
        by_set = {
            key: float(np.mean([run.bits_per_byte[key] for run in mine])) for key in mine[0].nats
        }
        scores = [run.score for run in mine]
        epochs = max(run.epochs for run in mine)
        results.append(
            ArmResult(
                name, count, epochs, by_set, float(np.mean(scores)), float(np.std(scores, ddof=1))
            )
        )
    return tuple(results)
