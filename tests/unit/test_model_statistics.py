"""The arithmetic behind a verdict: hand-computed values, and simulations where the truth is known."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from curate.errors import InputError
from model.ablation.contrasts import Contrast, judge, planned, rate_order
from model.ablation.ladder import trends
from model.ablation.runs import Run, summarise
from model.ablation.statistics import (
    compare,
    detectable_effect,
    document_bootstrap,
    holm,
    residual,
    trend,
)

BYTES = np.full(40, 1000)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.04], [0.04]),
        ([0.9, 0.8, 0.001], [1.0, 1.0, 0.003]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


def test_residual_by_hand() -> None:
    assert residual(np.array([[1.0, 2.0], [3.0, 6.0]])) == (pytest.approx(1.0), 1)
    effects = np.array([[0.0], [5.0], [1.0]]) + np.array([[0.0, -2.0, 7.0, 1.0]])
    assert residual(effects) == (pytest.approx(0.0, abs=1e-12), 6)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1)])
def test_noise_cannot_be_measured_without_a_block(shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="2 x 2 runs"):
        residual(np.zeros(shape))


def test_two_arms_are_a_paired_t_test() -> None:
    scores = _noise(1, 2, 6)
    (found,) = compare(scores, [(0, 1)])
    expected = stats.ttest_rel(scores[1], scores[0])
    interval = expected.confidence_interval()
    assert found.p == found.p_holm == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_without_noise_only_equal_arms_are_equal() -> None:
    scores = np.repeat([[1.0], [1.0], [2.0]], 3, axis=1)
    same, other = compare(scores, [(0, 1), (1, 2)])
    assert (same.p, same.rejected, other.p, other.rejected) == (1.0, False, 0.0, True)


@given(st.integers(0, 10_000), st.floats(0, 6))
def test_an_interval_excludes_zero_when_its_contrast_is_rejected(seed: int, effect: float) -> None:
    scores = _noise(seed, 4, 3) + np.array([[0], [effect], [effect], [2 * effect]])
    for found in compare(scores, [(0, 1), (1, 2), (2, 3), (0, 3)]):
        assert found.rejected == (found.low > 0 or found.high < 0)
        assert found.low <= found.difference <= found.high


def test_arms_that_do_not_differ_are_seldom_told_apart() -> None:
    """A/A: the chance of any false claim is the nominal one, within what the draws can show."""
    draws = 2000
    for arms, at_least in ((2, 0.05), (4, 0.03)):
        pairs = [(i, j) for _, i, j in planned([str(n) for n in range(arms)])]
        false = sum(
            any(found.rejected for found in compare(_noise(1000 * arms + draw, arms, 3), pairs))
            for draw in range(draws)
        )
        assert stats.binom.ppf(0.001, draws, at_least) <= false
        assert false <= stats.binom.ppf(0.999, draws, 0.05)


@pytest.mark.parametrize(
    ("arms", "seeds", "in_sigmas"),
    [(5, 3, 2.61), (6, 3, 2.54), (5, 5, 1.89), (3, 5, 2.02), (2, 5, 2.35), (2, 3, 4.38)],
)
def test_detectable_effects(arms: int, seeds: int, in_sigmas: float) -> None:
    degrees = (arms - 1) * (seeds - 1)
    assert detectable_effect(1.0, degrees, seeds, 1) == pytest.approx(in_sigmas, abs=0.01)
    assert detectable_effect(0.2, degrees, seeds, 1) == pytest.approx(in_sigmas / 5, abs=0.01)
    assert detectable_effect(1.0, degrees, seeds, arms) > in_sigmas


def test_a_planted_effect_of_the_detectable_size_is_found_at_the_promised_rate() -> None:
    draws, effect = 1000, detectable_effect(1.0, 8, 3, 1)
    shift = np.array([[0.0], [-effect], [-effect], [-effect], [-effect]])
    found = [compare(_noise(draw, 5, 3) + shift, [(0, 1)])[0] for draw in range(draws)]
    hits = sum(one.rejected and one.difference < 0 for one in found)
    assert stats.binom.ppf(0.001, draws, 0.78) <= hits <= stats.binom.ppf(0.999, draws, 0.82)


def test_the_bootstrap_interval_covers_the_true_difference() -> None:
    """Documents of very different sizes; what they add to the nats goes with their bytes."""
    draws, truth, covered = 300, 0.05, 0
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        sizes = generator.lognormal(6, 0.7, 80).astype(np.int64)
        first = generator.normal(1.0, 0.2, (3, 80)) * sizes
        bits = truth + generator.normal(0, 0.1, 80)
        second = first + bits * math.log(2) * sizes
        resampled = document_bootstrap(first, second, sizes, draws=300, seed=draw)
        low, high = np.quantile(resampled, [0.025, 0.975])
        covered += low <= truth <= high
    assert stats.binom.ppf(0.001, draws, 0.92) <= covered <= stats.binom.ppf(0.999, draws, 0.95)


def test_the_bootstrap_is_a_function_of_its_seed() -> None:
    first, second = _noise(1, 3, 40), _noise(2, 3, 40)
    one, two, other = (document_bootstrap(first, second, BYTES, 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_planned_contrasts() -> None:
    assert planned(["raw", "text"]) == [("text", 0, 1)]
    assert planned(["raw", "text", "dedup"]) == [
        ("text", 0, 1),
        ("dedup", 1, 2),
        ("raw to dedup", 0, 2),
    ]


@pytest.mark.parametrize(("effect", "outcome"), [(-0.2, "better"), (0.2, "worse")])
def test_a_clear_effect_has_a_name(effect: float, outcome: str) -> None:
    found = _contrast([*_runs("a"), *_runs("b", effect)])
    assert (found.outcome, found.reason) == (outcome, None)
    assert found.difference == pytest.approx(effect, abs=0.02)
    assert set(found.by_set) == {"H1", "H2"}
    assert found.documents_low <= found.difference <= found.documents_high
    sign = "−" if effect < 0 else "+"
    assert found.sentence().startswith(f"b: {sign}0.")
    assert found.sentence().endswith(f"], {outcome}")


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        (lambda: _runs("b", 0.001), "within the noise between runs"),
        (lambda: _runs("b", -0.4, {"H2": 0.1}), "the held-out sets disagree"),
        (lambda: _runs("b", -0.2, one_document=True), "which documents were held out"),
        (
            lambda: [*_runs("a", 0, factor=3.0), *_runs("b", -0.2), *_runs("b", 0.2, factor=3.0)],
            "turns round, or training diverges, at 3 times the learning rate",
        ),
    ],
)
def test_without_certainty_a_contrast_is_inconclusive(runs: Any, reason: str) -> None:
    found = _contrast([*_runs("a"), *runs()])
    assert found.outcome == "inconclusive"
    assert found.reason is not None and reason in found.reason
    assert found.sentence().endswith(f"inconclusive ({found.reason})")


def test_the_same_sign_at_every_learning_rate_keeps_the_verdict() -> None:
    factors = (1.0, 1 / 3, 3.0)
    runs = [r for f in factors for r in (*_runs("a", 0, factor=f), *_runs("b", -0.2, factor=f))]
    assert _contrast(runs).outcome == "better"
    assert rate_order(runs, ["a", "b"]) == {"0.33": 1.0, "3": 1.0}


def test_a_probe_that_diverged_confirms_nothing() -> None:
    runs = [*_runs("a"), *_runs("b", -0.2)]
    lost = replace(_runs("b", factor=3)[0], nats={"H1": [math.nan] * 40, "H2": [math.nan] * 40})
    contrast = _contrast([*runs, *_runs("a", factor=3), lost])
    assert contrast.outcome == "inconclusive" and "diverges" in str(contrast.reason)
    assert rate_order([*runs, *_runs("a", factor=3), lost], ["a", "b"]) == {"3": None}


def test_arms_without_an_order_have_no_rate_order() -> None:
    runs = [r for f in (1.0, 3.0) for name in "ab" for r in _runs(name, 0, factor=f, noise=0)]
    assert rate_order(runs, ["a", "b"]) == {"3": None}
    assert _contrast(runs).outcome == "inconclusive"


def test_runs_at_other_learning_rates_are_not_part_of_the_score() -> None:
    runs = [*_runs("a"), *_runs("b", -0.2)]
    extra = [*runs, *_runs("a", 3, factor=3.0), *_runs("b", 2.8, factor=3.0)]
    counts = {"a": 10, "b": 20}
    assert judge(runs, ["a", "b"]) == judge(extra, ["a", "b"])
    assert summarise(runs, counts) == summarise(extra, counts)
    assert [arm.documents for arm in summarise(runs, counts)] == [10, 20]


def test_a_run_survives_json() -> None:
    run = _runs("a")[0]
    assert Run(**json.loads(json.dumps(asdict(run)))) == run
    assert run.score == pytest.approx(np.mean(list(run.bits_per_byte.values())))
    summary = run.summary()
    assert "nats" not in summary and summary["bits_per_byte"] == run.bits_per_byte


def test_a_score_weighs_sets_equally_and_documents_by_their_bytes() -> None:
    run = replace(
        _runs("a")[0],
        nats={"H1": [math.log(2), 0.0], "H2": [math.log(2) * 3]},
        bytes={"H1": [1, 3], "H2": [1]},
    )
    assert run.bits_per_byte == pytest.approx({"H1": 0.25, "H2": 3.0})
    assert run.score == pytest.approx(1.625)


def test_arms_that_do_not_differ_are_seldom_claimed_to() -> None:
    """A/A through the whole judgement, documents and all: seldom "better" or "worse"."""
    draws = 200
    found = [
        judge([*_noisy_runs("a", draw), *_noisy_runs("b", draw)], ["a", "b"])[0]
        for draw in range(draws)
    ]
    rejected = sum(one.p <= 0.05 for one in found)
    assert stats.binom.ppf(0.001, draws, 0.05) <= rejected <= stats.binom.ppf(0.999, draws, 0.05)
    claimed = sum(one.outcome != "inconclusive" for one in found)
    assert claimed <= stats.binom.ppf(0.999, draws, 0.05)


def test_one_held_out_set_confirms_nothing() -> None:
    runs = [run.only({"H1": [True] * 40}) for run in [*_runs("a"), *_runs("b", -0.2)]]
    found = _contrast(runs)
    assert found.outcome == "inconclusive"
    assert found.reason is not None and "no second held-out set" in found.reason


@pytest.mark.parametrize(("epochs", "outcome"), [(4.0, "worse"), (4.1, "inconclusive")])
def test_an_arm_that_was_repeated_does_not_lose_by_that(epochs: float, outcome: str) -> None:
    runs = [*_runs("a"), *(replace(run, epochs=epochs) for run in _runs("b", 0.2))]
    assert _contrast(runs).outcome == outcome
    better = [*_runs("a"), *(replace(run, epochs=epochs) for run in _runs("b", -0.2))]
    assert _contrast(better).outcome == "better"


def test_plain_words() -> None:
    better = _contrast([*_runs("a"), *_runs("b", -0.2)]).plain()
    assert better.startswith("b: better. A model trained after it needs 0.") and " less " in better
    assert " more " in _contrast([*_runs("a"), *_runs("b", 0.2)]).plain()
    none = _contrast([*_runs("a"), *_runs("b", 0.0)])
    assert none.plain() == (
        f"b: no difference was found; one below {none.detectable:.3f} bits per byte could have been missed."
    )
    apart = _contrast([*_runs("a"), *_runs("b", -0.4, {"H2": 0.1})]).plain()
    assert "nothing is claimed: the held-out sets disagree" in apart


def test_what_is_detectable_knows_both_kinds_of_noise() -> None:
    """A few documents that differ a lot hide an effect that many equal ones would show."""
    even = _contrast([*_runs("a"), *_runs("b", -0.2)])
    uneven = _contrast([*_runs("a"), *_runs("b", -0.2, one_document=True)])
    assert even.detectable < 0.02 < uneven.detectable


def test_a_run_on_some_documents_only() -> None:
    run = _runs("a")[0]
    half = [place % 2 == 0 for place in range(40)]
    found = run.only({"H2": half})
    assert list(found.nats) == ["H2"] and len(found.nats["H2"]) == len(found.bytes["H2"]) == 20
    assert found.nats["H2"] == run.nats["H2"][::2]


def test_recipes_are_compared_with_the_first() -> None:
    pairs = planned(["x", "y", "z"], baseline=True)
    assert pairs == [("x to y", 0, 1), ("x to z", 0, 2)]


def test_a_line_through_differences() -> None:
    found = trend([1, 2, 3], [0.1, 0.3, 0.5], [0.0, 0.0, 0.0], [4, 4, 4])
    assert (found.slope, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))
    one = trend([0, 1], [0.0, 1.0], [0.3, 0.4], [6, 6])
    half = stats.t.ppf(0.975, 0.25**2 / ((0.09**2 + 0.16**2) / 6)) * 0.5
    assert (one.slope, one.high - one.slope) == pytest.approx((1.0, half))


def test_the_interval_of_a_slope_covers_it() -> None:
    draws, truth, covered = 400, -0.01, 0
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        blocks = [
            generator.normal(0, s, (3, 3)) + generator.normal(0, 1, (1, 3))
            for s in (0.02, 0.03, 0.01)
        ]
        noise = [residual(block) for block in blocks]
        effects = [
            truth * place + block[1].mean() - block[0].mean() for place, block in enumerate(blocks)
        ]
        errors = [sigma * math.sqrt(2 / 3) for sigma, _ in noise]
        found = trend([0, 1, 2], effects, errors, [degrees for _, degrees in noise])
        covered += found.low <= truth <= found.high
    assert stats.binom.ppf(0.001, draws, 0.93) <= covered <= stats.binom.ppf(0.999, draws, 0.97)


def test_trends_need_two_sizes() -> None:
    small = [replace(run, parameters=100) for run in (*_runs("a"), *_runs("b", -0.1))]
    large = [replace(run, parameters=400) for run in (*_runs("a"), *_runs("b", -0.3))]
    assert trends(small, ["a", "b"], planned(["a", "b"])) == ()
    (found,) = trends([*small, *large], ["a", "b"], planned(["a", "b"]))
    assert found.parameters == (100, 400) and found.slope == pytest.approx(-0.1, abs=0.01)
    assert found.sentence().endswith("it grows with the model")


def _noise(seed: int, arms: int, seeds: int) -> Any:
    """Scores of arms that do not differ: every seed shifts all arms, and noise of one sigma."""
    generator = np.random.default_rng(seed)
    return generator.normal(0, 5, (1, seeds)) + generator.normal(0, 1, (arms, seeds))


def _contrast(runs: list[Run]) -> Contrast:
    return judge(runs, ["a", "b"])[0]


def _runs(
    arm: str,
    effect: float = 0.0,
    by_set: dict[str, float] | None = None,
    factor: float = 1.0,
    noise: float = 0.002,
    one_document: bool = False,
) -> list[Run]:
    """Three seeds of an arm that is `effect` bits per byte off, on every document or on one only."""
    runs = []
    for seed in range(3):
        generator = np.random.default_rng([seed, ord(arm), int(10 * factor)])
        nats = {}
        for number, name in enumerate(("H1", "H2")):
            shift = np.full(40, (by_set or {}).get(name, effect))
            if one_document:
                shift = np.where(np.arange(40) == 7, effect * 40, 0.0)
            wobble = 0.1 * np.sin(np.arange(40)) + generator.normal(0, noise) * (1 + number)
            wobble += generator.normal(0, noise, 40)
            level = 2.0 + wobble
            nats[name] = list((level + shift) * math.log(2) * BYTES)
        runs.append(
            Run(
                arm=arm,
                seed=seed,
                rate_factor=factor,
                tokens=1000,
                epochs=0.5,
                train_loss=3.0,
                seconds=1.0,
                nats=nats,
                bytes={"H1": BYTES.tolist(), "H2": BYTES.tolist()},
                accuracy={"H1": 0.3, "H2": 0.3},
            )
        )
    return runs if factor == 1 else runs[:1]


def _noisy_runs(arm: str, draw: int) -> list[Run]:
    """Three seeds of an arm that differs from others by noise only: of runs, and of documents."""
    generator = np.random.default_rng([draw, ord(arm)])
    runs = []
    for seed in range(3):
        shared = np.random.default_rng([draw, seed])
        level = 2.0 + shared.normal(0, 0.05)
        wobble = generator.normal(0, 0.01)
        nats = {
            name: list(
                (level + wobble + 0.2 * shared.normal(0, 1, 40) + generator.normal(0, 0.005, 40))
                * math.log(2) * BYTES
            )
            for name in ("H1", "H2")
        }  # fmt: skip
        sizes = {"H1": BYTES.tolist(), "H2": BYTES.tolist()}
        runs.append(Run(arm, seed, 1.0, 1000, 0.5, 3.0, 1.0, nats, sizes, {}))
    return runs
