"""PSI, D and delta agree with their definitions, written out slowly, and with scipy."""

from __future__ import annotations

from math import ceil, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from curate.compare.distribution import (
    ADDED,
    distance_and_delta,
    population_stability,
    shift,
)

NUMBER = st.one_of(st.integers(-3, 3).map(float), st.floats(-10, 10))
NUMBERS = st.lists(NUMBER, min_size=1, max_size=60)
SEVERAL = st.lists(NUMBER, min_size=2, max_size=60)


def psi_by_hand(a: list[float], b: list[float]) -> tuple[float, int]:
    """Deciles by counting, a loop for each bin: (low, high] is one, a shared value is one."""
    a = sorted(a)
    deciles = [a[ceil(share * len(a) / 10) - 1] for share in range(1, 10)]
    bins: list[list[int]] = []
    bounds = sorted(set(deciles))
    for low, high in zip([None, *bounds], [*bounds, None], strict=True):
        shared = high is not None and (deciles.count(high) > 1 or high == a[0])
        inside = [
            [v for v in side if (low is None or v > low) and (high is None or v <= high)]
            for side in (a, b)
        ]
        if shared:
            bins.append([sum(v < high for v in side) for side in inside])
            bins.append([sum(v == high for v in side) for side in inside])
        else:
            bins.append([len(side) for side in inside])
    bins = [counts for counts in bins if sum(counts)]
    total = 0.0
    for n, m in bins:
        p = (n + ADDED) / (len(a) + ADDED * len(bins))
        q = (m + ADDED) / (len(b) + ADDED * len(bins))
        total += (q - p) * log(q / p)
    return total, len(bins)


def ordered(values: list[float]) -> Any:
    return np.sort(np.array(values))


@given(NUMBERS, NUMBERS)
def test_psi_is_the_sum_over_bins(a: list[float], b: list[float]) -> None:
    psi, bins = population_stability(ordered(a), ordered(b))
    by_hand, bins_by_hand = psi_by_hand(a, b)
    assert psi == pytest.approx(by_hand, abs=1e-9)
    assert bins == bins_by_hand


def test_psi_of_many_values_is_that_of_the_textbook() -> None:
    draw = np.random.default_rng(1)
    a, b = draw.normal(0, 1, 50_000), draw.normal(0.7, 1.2, 40_000)
    edges = [-np.inf, *np.quantile(a, np.arange(1, 10) / 10), np.inf]
    p, q = (np.histogram(values, edges)[0] / len(values) for values in (a, b))
    textbook = float(np.sum((q - p) * np.log(q / p)))
    found = shift(a, b)
    assert found is not None
    assert found.psi == pytest.approx(textbook, rel=1e-3)
    assert found.word == "changed"


@pytest.mark.parametrize("elsewhere", [0.5, 1.5])
def test_a_shift_away_from_a_shared_value_is_seen(elsewhere: float) -> None:
    found = shift(np.ones(500), np.where(np.arange(500) % 3, 1.0, elsewhere))
    assert found is not None
    assert found.psi > 0.25


@given(SEVERAL, SEVERAL)
@settings(max_examples=60)
def test_d_and_p_are_those_of_scipy(a: list[float], b: list[float]) -> None:
    found = shift(np.array(a), np.array(b))
    assert found is not None
    theirs = ks_2samp(a, b, method="asymp")
    assert found.ks_d == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.ks_p == pytest.approx(theirs.pvalue, abs=1e-9)


@given(NUMBERS, NUMBERS)
def test_delta_counts_pairs(a: list[float], b: list[float]) -> None:
    pairs = [(y > x) - (y < x) for x in a for y in b]
    assert distance_and_delta(ordered(a), ordered(b))[1] == pytest.approx(sum(pairs) / len(pairs))


@given(NUMBERS, NUMBERS)
@settings(max_examples=60)
def test_swapping_mirrors(a: list[float], b: list[float]) -> None:
    there, back = shift(np.array(a), np.array(b)), shift(np.array(b), np.array(a))
    assert there is not None and back is not None
    assert there.ks_d == pytest.approx(back.ks_d)
    assert there.cliffs_delta == pytest.approx(-back.cliffs_delta)
    assert (there.median_a, there.median_b) == (back.median_b, back.median_a)
    assert np.isfinite(there.psi) and there.psi >= 0


@given(NUMBERS)
def test_nothing_has_shifted_from_itself(a: list[float]) -> None:
    found = shift(np.array(a), np.array(a))
    assert found is not None
    assert (found.psi, found.ks_d, found.cliffs_delta) == (0, 0, pytest.approx(0))
    assert found.ks_p == 1
    assert not found.by_chance


def test_of_nothing_there_is_no_shift() -> None:
    assert shift(np.empty(0), np.ones(3)) is None
    assert shift(np.ones(3), np.empty(0)) is None


def test_chance_gives_its_psi_one_time_in_twenty() -> None:
    draw = np.random.default_rng(4)
    above = 0
    for _ in range(400):
        found = shift(draw.normal(size=300), draw.normal(size=400))
        assert found is not None
        above += not found.by_chance
    assert 0.02 <= above / 400 <= 0.09


def test_a_million_values_make_any_p_small() -> None:
    a = np.arange(200_000.0)
    found = shift(a, a + 2_000)
    assert found is not None
    assert found.ks_p < 1e-6
    assert found.psi < 0.02 and abs(found.cliffs_delta) < 0.03
    assert found.ks_d == pytest.approx(0.01)
