"""A learning rate carried from a narrow model to a wide one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from curate.errors import InputError
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Stream
from model.training.recipe import Recipe
from model.training.search import ScaledAdamW, Tried, best, optimum, scales, sweep, transferred
from model.training.train import fit

BASE = Shape(vocabulary=64, width=32, layers=2, heads=1, kv_heads=1, hidden=64, context=16)
STREAM = Stream(np.random.default_rng(0).integers(0, 64, 4000).astype(np.int32))
RECIPE = Recipe(steps=6, batch_windows=4, bf16=False, device="cpu", weight_decay=0.0)


def wider(times: int, **changes: bool) -> Shape:
    heads = BASE.heads * times
    return replace(
        BASE, width=32 * times, heads=heads, kv_heads=heads, hidden=64 * times, **changes
    )


@pytest.mark.parametrize("tied", [True, False])
def test_nothing_changes_at_the_width_the_rate_was_found_on(tied: bool) -> None:
    shape = wider(1, tied=tied)
    model = Transformer(shape, 0)
    assert {scales(n, w, shape, shape) for n, w in model.named_parameters()} == {scales("x", model.lm_head.weight, BASE, BASE)}  # fmt: skip
    made, _ = transferred(shape, shape, RECIPE)
    for mine, theirs in zip(made.parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_every_weight_has_its_scales() -> None:
    shape = wider(4)
    found = {n: scales(n, w, shape, BASE) for n, w in Transformer(shape).named_parameters()}
    block = "model.layers.0."
    assert found[f"{block}self_attn.q_proj.weight"].rate == 1 / 4
    assert found[f"{block}mlp.down_proj.weight"].rate == 1 / 4
    assert found[f"{block}input_layernorm.weight"].rate == 1
    assert found["model.embed_tokens.weight"].rate == 1
    assert found["model.norm.weight"].start == found["model.norm.weight"].rate == 1 / 4
    untied = scales("lm_head.weight", torch.empty(64, 128), wider(4, tied=False), BASE)
    assert (untied.start, untied.rate) == (1 / 2, 1 / 4)


def test_the_optimiser_scales_the_rate_it_is_given() -> None:
    first, second = (torch.nn.Parameter(torch.ones(4)) for _ in range(2))
    scaled = ScaledAdamW([{"params": [first], "rate_scale": 0.25}], lr=1.0)
    plain = torch.optim.AdamW([second], lr=1.0)
    for rate in (0.1, 0.2):
        for optimiser, weight, given in ((scaled, first, rate), (plain, second, rate / 4)):
            optimiser.param_groups[0]["lr"] = given
            weight.grad = torch.tensor([1.0, -2.0, 0.5, 3.0])
            optimiser.step()
    assert torch.allclose(first, second) and scaled.param_groups[0]["lr"] == 0.2


@pytest.mark.parametrize("tied", [True, False])
def test_logits_do_not_move_further_in_a_wider_model(tied: bool) -> None:
    """The coordinate check of arXiv 2203.03466, app. D.1: at one rate for all weights the change of the
    logits grows with the width; with the rate carried over it does not."""

    def change(times: int, base: Shape | None) -> float:
        shape = wider(times, tied=tied)
        recipe = replace(RECIPE, steps=3, learning_rate=0.01, schedule="constant")
        windows = torch.from_numpy(STREAM.batch(0, 8, 16)[:, :-1])
        moved = []
        for seed in range(2):
            model, optimiser = transferred(shape, base or shape, replace(recipe, seed=seed))
            with torch.no_grad():
                before = model(windows)
            for _ in fit(model, optimiser, STREAM, recipe):
                pass
            with torch.no_grad():
                moved.append(float((model(windows) - before).std()))
        return float(np.mean(moved))

    narrow = wider(1, tied=tied)
    assert change(8, None) / change(2, None) > 1.4
    assert 0.4 < change(8, narrow) / change(2, narrow) < 1.1


def test_a_sweep_tries_every_rate() -> None:
    found = list(sweep(STREAM, BASE, RECIPE, [1e-3, 1e-2]))
    assert [one.learning_rate for one in found] == [1e-3, 1e-2]
    assert all(math.isfinite(one.loss) and one.width == 32 for one in found)
    wild = replace(RECIPE, clip=None, warmup_ratio=0.0)
    (diverged,) = sweep(STREAM, BASE, wild, [1e30])
    assert diverged.loss == math.inf
    with pytest.raises(InputError, match="no learning rate"):
        list(sweep(STREAM, BASE, RECIPE, []))


def test_the_optimum_lies_between_the_rates_tried() -> None:
    tried = [Tried(8, 2.0**p, (p - 1.25) ** 2) for p in (3, 0, 1, 2)]
    assert best(tried).learning_rate == 2.0
    assert optimum(tried) == pytest.approx(2**1.25)
    assert optimum(tried[:1]) == 8.0
    edge = [Tried(8, 1.0, 1.0), Tried(8, 2.0, 2.0), Tried(8, 4.0, math.inf)]
    assert optimum(edge) == 1.0
    assert optimum([*edge[1:], Tried(8, 1.0, 3.0)]) == 2.0
