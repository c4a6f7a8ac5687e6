"""What is predicted from what: shares of masked tokens, prefixes, and a task each objective can learn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Windows
from model.training.objectives import NOT_SCORED, make_examples
from model.training.recipe import Objective, Recipe
from model.training.train import fit, make_optimiser

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
RECIPE = Recipe(steps=100, batch_windows=16, learning_rate=1e-2, device="cpu")
LEARNING = replace(RECIPE, batch_windows=32, masked_ratio=0.3)
SHAPE = Shape(vocabulary=32, width=32, layers=2, heads=2, kv_heads=2, hidden=64, context=16)
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


@dataclass(frozen=True)
class Rows:
    """Endless rows of one kind."""

    kind: str
    token_count: int = 0
    fingerprint: str = ""

    def batch(
        self, step: int, size: int, context: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Windows:
        """counting: a walk of steps of one. pairs: group and member, the member says the group."""
        chance = np.random.default_rng([seed, step])
        if self.kind == "counting":
            return (chance.integers(0, 20, (size, 1)) + np.arange(context + 1)) % 20
        members = chance.integers(0, 16, (size, context // 2 + 1))
        pairs = np.stack([16 + members // 4, members], axis=2).reshape(size, -1)
        return pairs[:, : context + 1]


def test_causal_learns_what_comes_next_and_masked_does_not() -> None:
    rows = Rows("counting")
    causal, masked = _trained(rows, "causal"), _trained(rows, "masked")
    assert _next_accuracy(causal, rows, slice(1, None)) > 0.95
    assert _next_accuracy(masked, rows, slice(1, None)) < 0.3


def test_prefix_learns_to_go_on_from_what_it_sees_both_ways() -> None:
    rows = Rows("counting")
    model = _trained(rows, "prefix")
    windows = torch.from_numpy(rows.batch(10**6, 64, 16))
    for length in (6, 10, 15):
        with torch.no_grad():
            seen = model(windows[:, :-1], torch.full((64,), length))
        hits = seen.argmax(-1)[:, length - 1 :] == windows[:, length:]
        assert hits.float().mean() > 0.95
    with torch.no_grad():
        one_way, both_ways = (model(windows[:, :8], seen) for seen in (None, torch.full((64,), 8)))
    assert (one_way - both_ways)[:, 0].abs().mean() > 0.1


def test_masked_learns_what_only_the_right_neighbour_says_and_causal_cannot() -> None:
    rows = Rows("pairs")
    masked = _trained(rows, "masked")
    tokens = torch.from_numpy(rows.batch(10**6, 64, 16)[:, :16])
    hidden = tokens.clone()
    hidden[:, 4] = 31  # the group of the pair at 4, 5
    with torch.no_grad():
        seen = masked(hidden, torch.full((64,), 16))[:, 4].argmax(-1)
    assert (seen == tokens[:, 4]).float().mean() > 0.95
    groups = slice(1, None, 2)  # positions whose next token is a group
    assert _next_accuracy(_trained(rows, "causal"), rows, groups) < 0.5


def _trained(rows: Rows, objective: Objective) -> Transformer:
    model, recipe = Transformer(SHAPE), replace(LEARNING, objective=objective)
    for _ in fit(model, make_optimiser(model, recipe), rows, recipe):
        pass
    return model.eval()


@torch.no_grad()
def _next_accuracy(model: Transformer, rows: Rows, places: slice) -> float:
    windows = torch.from_numpy(rows.batch(10**6, 64, 16))
    hits = model(windows[:, :-1]).argmax(-1) == windows[:, 1:]
    return float(hits[:, places].float().mean())
