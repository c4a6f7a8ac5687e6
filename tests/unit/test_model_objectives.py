"""What is predicted from what: shares of masked tokens, and prefixes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from model.training.objectives import NOT_SCORED, make_examples
from model.training.recipe import Objective, Recipe

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
RECIPE = Recipe(steps=100, batch_windows=16, learning_rate=1e-2, device="cpu")
WINDOWS = np.random.default_rng(0).integers(0, 999, (64, 129))
OBJECTIVES: tuple[Objective, ...] = ("causal", "masked", "prefix")


def test_causal_targets_are_the_next_tokens() -> None:
    inputs, targets, prefix, scored, total = make_examples(WINDOWS, RECIPE, 999, 0)
    assert np.array_equal(inputs, WINDOWS[:, :-1]) and np.array_equal(targets, WINDOWS[:, 1:])
    assert prefix is None and total == scored.sum() == 64 * 128


def test_masked_tokens_are_replaced_as_in_bert() -> None:
    recipe = replace(RECIPE, objective="masked")
    inputs, targets, prefix, *_ = make_examples(WINDOWS, recipe, 1000, 3)
    tokens, chosen = torch.from_numpy(WINDOWS[:, :-1]), targets != NOT_SCORED
    assert torch.equal(targets[chosen], tokens[chosen]) and torch.equal(
        inputs[~chosen], tokens[~chosen]
    )
    assert prefix is not None and (prefix == 128).all()
    assert chosen.float().mean() == pytest.approx(0.15, abs=0.01)
    hidden, kept = inputs[chosen] == 999, inputs[chosen] == tokens[chosen]
    assert hidden.float().mean() == pytest.approx(0.8, abs=0.03)
    assert kept.float().mean() == pytest.approx(0.1, abs=0.03)
    random = inputs[chosen][~hidden & ~kept]
    assert len(random) > 90 and random.min() < 100 and random.max() > 900


def test_the_mask_token_may_be_any_id_the_data_never_uses() -> None:
    recipe = replace(RECIPE, objective="masked", mask_token=0, masked_ratio=1.0)
    inputs, targets, *_ = make_examples(WINDOWS + 1, recipe, 1000, 0)
    assert (inputs == 0).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (targets != NOT_SCORED).all()


def test_what_follows_the_prefix_is_scored() -> None:
    recipe = replace(RECIPE, objective="prefix")
    inputs, targets, prefix, scored, _ = make_examples(WINDOWS, recipe, 999, 0)
    assert torch.equal(inputs, torch.from_numpy(WINDOWS[:, :-1])) and prefix is not None
    for row, length in enumerate(prefix.tolist()):
        assert (targets[row, : length - 1] == NOT_SCORED).all()
        assert targets[row, length - 1 :].tolist() == WINDOWS[row, length:].tolist()
        assert scored[row] == 129 - length
    lengths = [make_examples(WINDOWS, recipe, 999, step).prefix for step in range(50)]
    drawn = torch.cat([part for part in lengths if part is not None]).float()
    assert drawn.min() == 1 and drawn.max() == 128
    assert drawn.mean() == pytest.approx(64.5, abs=2) and drawn.std() == pytest.approx(37, abs=2)


@given(
    st.sampled_from(OBJECTIVES),
    st.integers(0, 9),
    st.integers(0, 10**6),
    st.sampled_from([1, 2, 4]),
)
def test_processes_share_what_one_would_do(
    objective: Objective, seed: int, step: int, world: int
) -> None:
    recipe = replace(RECIPE, objective=objective, seed=seed)
    whole = make_examples(WINDOWS, recipe, 1000, step)
    parts = [make_examples(WINDOWS[r::world], recipe, 1000, step, r, world) for r in range(world)]
    for rank, part in enumerate(parts):
        assert torch.equal(part.inputs, whole.inputs[rank::world])
        assert torch.equal(part.targets, whole.targets[rank::world])
        assert (part.scored == (part.targets != NOT_SCORED).sum(dim=1).numpy()).all()
        if whole.prefix is not None and part.prefix is not None:
            assert torch.equal(part.prefix, whole.prefix[rank::world])
        assert part.batch_scored == whole.batch_scored == (whole.targets != NOT_SCORED).sum()
    other = make_examples(WINDOWS, recipe, 1000, step + 1)
    assert objective == "causal" or not torch.equal(other.targets, whole.targets)


@pytest.mark.parametrize(
    ("change", "vocabulary", "message"),
    [
        ({}, 998, "token 998, the model only 998"),
        ({"objective": "masked"}, 999, "token 998, which is the mask token"),
        ({"objective": "masked", "mask_token": 5}, 1000, "token 5, which is the mask token"),
        ({"objective": "masked", "mask_token": 1000}, 1000, "mask_token 1000 is not in the model"),
    ],
)
def test_tokens_that_cannot_be_are_refused(
    change: dict[str, object], vocabulary: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_examples(WINDOWS, replace(RECIPE, **change), vocabulary, 0)  # type: ignore[arg-type]
