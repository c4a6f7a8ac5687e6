"""How often each source is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from curate.mix import Mix, epochs
from curate.mix.shares import cut


def test_the_scarcest_source_is_read_fully() -> None:
    assert epochs({"web": 3, "code": 1}, {"web": 300, "code": 400}, 1) == {"web": 1, "code": 0.25}
    assert epochs({"web": 1, "code": 1}, {"web": 100, "code": 400}, 4) == {"web": 4, "code": 1}


def test_a_weight_of_zero_leaves_a_source_out() -> None:
    assert epochs({"web": 1, "spam": 0}, {"web": 10, "spam": 10}, 1) == {"web": 1, "spam": 0}


SOURCES = ["a", "b", "c"]


@given(
    st.lists(st.floats(0.01, 100), min_size=3, max_size=3),
    st.lists(st.integers(1, 10**9), min_size=3, max_size=3),
    st.floats(0.1, 8),
)
def test_shares_come_out_as_weighted(
    weights: list[float], chars: list[int], max_epochs: float
) -> None:
    rates = epochs(
        dict(zip(SOURCES, weights, strict=True)), dict(zip(SOURCES, chars, strict=True)), max_epochs
    )
    read = [rates[source] * available for source, available in zip(SOURCES, chars, strict=True)]
    for part, weight in zip(read, weights, strict=True):
        assert part / sum(read) == pytest.approx(weight / sum(weights))
    assert max(rates.values()) == pytest.approx(max_epochs)


def test_sources_and_weights_must_match() -> None:
    with pytest.raises(InputError, match="no weight for code"):
        epochs({"web": 1}, {"web": 1, "code": 1}, 1)
    with pytest.raises(InputError, match="no text of books, code; there is: web"):
        epochs({"web": 1, "code": 1, "books": 1}, {"web": 1}, 1)


@pytest.mark.parametrize("weights", [{}, {"web": -1.0}, {"web": 0.0}])
def test_impossible_weights(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Mix(weights)
    with pytest.raises(ValueError):
        Mix({"web": 1.0}, max_epochs=0)


@pytest.mark.parametrize(
    ("given_parameters", "line"),
    [
        ({}, "give weights"),
        ({"weights": {"a": 1}, "temperature": 2}, "give weights"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"weights": {"a": 1}, "by": "host"}, "by must be source"),
        ({"weights": {"a": 1}, "by": "signal:x"}, "edges must be ascending"),
        ({"weights": {"a": 1}, "by": "signal:x", "edges": (2, 1)}, "edges must be ascending"),
        ({"weights": {"a": 1}, "unit": "words"}, "unit must be chars"),
        ({"weights": {"a": 1}, "unit": "tokens"}, "a tokenizer must be named"),
    ],
)
def test_what_cannot_be_is_said(given_parameters: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Mix(**given_parameters)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.floats(0, 1))
def test_the_bin_that_decides(bins: list[float], share: float) -> None:
    wanted = share * sum(bins)
    at, rest = cut(bins, wanted)
    assert sum(bins[:at]) + rest == pytest.approx(wanted, abs=1e-3)
    assert -1e-3 <= rest <= bins[at] + 1e-3
