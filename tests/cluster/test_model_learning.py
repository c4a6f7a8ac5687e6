"""Each objective learns, in a real training, the task that it can learn and no other can."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Windows
from model.training.recipe import Objective, Recipe
from model.training.train import fit, make_optimiser

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
RECIPE = Recipe(steps=100, batch_windows=32, learning_rate=1e-2, masked_ratio=0.3, device="cpu")
SHAPE = Shape(vocabulary=32, width=32, layers=2, heads=2, kv_heads=2, hidden=64, context=16)


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
    model, recipe = Transformer(SHAPE), replace(RECIPE, objective=objective)
    for _ in fit(model, make_optimiser(model, recipe), rows, recipe):
        pass
    return model.eval()


@torch.no_grad()
def _next_accuracy(model: Transformer, rows: Rows, places: slice) -> float:
    windows = torch.from_numpy(rows.batch(10**6, 64, 16))
    hits = model(windows[:, :-1]).argmax(-1) == windows[:, 1:]
    return float(hits[:, places].float().mean())
