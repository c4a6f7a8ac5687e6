"""Which weights decay, which Muon moves, and how the rate goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Stream
from model.training.muon import orthogonal
from model.training.optimiser import make_optimiser
from model.training.recipe import Recipe
from model.training.schedule import learning_rate
from model.training.train import fit

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
TINY = Shape(vocabulary=64, width=32, layers=2, heads=2, kv_heads=1, hidden=48, context=16)
OTHER = replace(TINY, positions="learned", norm="layer", bias=True, tied=False, experts=2)
RECIPE = Recipe(steps=100, batch_windows=4, device="cpu")


@pytest.mark.parametrize("shape", [TINY, OTHER], ids=["rotary", "learned"])
def test_embeddings_norms_and_biases_do_not_decay(shape: Shape) -> None:
    model = Transformer(shape)
    decayed, plain = make_optimiser(model, RECIPE).param_groups
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert decayed["weight_decay"] == 0.1 and plain["weight_decay"] == 0
    matrices = {names[id(weight)] for weight in decayed["params"]}
    others = {names[id(weight)] for weight in plain["params"]}
    assert matrices | others == set(names.values())
    assert all(name.endswith(("proj.weight", "lm_head.weight", "gate.weight")) for name in matrices)
    assert {"model.embed_tokens.weight", "model.norm.weight"} <= others
    assert ("model.embed_positions.weight" in others) == (shape is OTHER)
    assert ("lm_head.weight" in matrices) == (shape is OTHER)


def test_adamw_is_adamw() -> None:
    recipe = replace(RECIPE, betas=(0.8, 0.95), epsilon=1e-4, weight_decay=0.3, learning_rate=0.02)
    model, plain = Transformer(TINY), Transformer(TINY)
    reference = torch.optim.AdamW(plain.parameters(), 0.02, (0.8, 0.95), 1e-4, 0.3, fused=False)
    for net, optimiser in ((model, make_optimiser(model, recipe)), (plain, reference)):
        for seed in range(3):
            _gradients(net, seed)
            optimiser.step()
    decaying = "model.layers.0.mlp.up_proj.weight"
    torch.testing.assert_close(model.state_dict()[decaying], plain.state_dict()[decaying])


def test_muon_moves_the_hidden_matrices_and_adamw_the_rest() -> None:
    recipe = replace(RECIPE, optimiser="muon")
    start, model, theirs, rest = (Transformer(OTHER) for _ in range(4))
    both = make_optimiser(model, recipe)
    hidden = [w for n, w in theirs.named_parameters() if ".layers." in n and w.ndim == 2]
    muon = torch.optim.Muon(hidden, 4.6e-3, 0.1, 0.95, adjust_lr_fn="match_rms_adamw")
    adamw = make_optimiser(rest, RECIPE)
    for seed in range(3):
        for net, optimiser in ((model, both), (theirs, muon), (rest, adamw)):
            _gradients(net, seed)
            optimiser.step()
    for name, value in model.state_dict().items():
        if ".layers." in name and value.ndim == 2:  # torch's computes in bf16
            moved = value - start.state_dict()[name]
            assert (value - theirs.state_dict()[name]).norm() < 0.02 * moved.norm(), name
        else:
            assert torch.equal(value, rest.state_dict()[name]), name
    kinds = {tuple(sorted(state)) for state in both.state.values()}
    assert kinds == {("momentum_buffer",), ("exp_avg", "exp_avg_sq", "step")}


def test_muon_moves_matrices_alike_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Shape(vocabulary=64, width=32, layers=3, heads=2, kv_heads=2, hidden=48, context=16)
    moved = []
    for numbers in (2**28, 2 * 32 * 32, 1):
        monkeypatch.setattr("model.training.muon.STACKED_NUMBERS", numbers)
        model = Transformer(shape)
        _gradients(model, 1)
        make_optimiser(model, Recipe(optimiser="muon")).step()
        moved.append(model.state_dict())
    for name, weight in moved[0].items():
        assert all(torch.allclose(weight, other[name], atol=1e-6) for other in moved[1:])


def test_orthogonal_matrices_keep_their_singular_vectors() -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(3, 24, 40, generator=generator)
    for shaped in (matrices, matrices.mT):
        turned = orthogonal(shaped)
        values = torch.linalg.svdvals(turned)
        assert values.min() > 0.5 and values.max() < 1.3
        left, _, right = torch.linalg.svd(shaped, full_matrices=False)
        inner = left.mT @ turned @ right.mT
        assert (inner - torch.diag_embed(inner.diagonal(dim1=1, dim2=2))).abs().max() < 1e-4


def test_muon_follows_the_schedule_and_learns() -> None:
    recipe = replace(RECIPE, optimiser="muon", steps=60, learning_rate=1e-2)
    model, rates = Transformer(TINY), set()
    optimiser = make_optimiser(model, recipe)
    for step in fit(model, optimiser, Stream(np.tile(np.arange(10), 400)), recipe):
        rates.add(tuple(group["lr"] for group in optimiser.param_groups))
        loss = float(step.loss)
    assert all(len(set(rate)) == 1 for rate in rates) and len(rates) > 20
    assert loss < 0.2


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ("wsd", [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]),
    ],
)
def test_schedules(schedule: str, rates: list[float]) -> None:
    recipe = Recipe(10, learning_rate=1, warmup_ratio=0.2, decay_ratio=0.4, schedule=schedule)  # type: ignore[arg-type]
    assert [learning_rate(recipe, step) for step in range(10)] == pytest.approx(rates, abs=1e-3)
    final = replace(recipe, final_ratio=0.5)
    expected = rates[:2] + [0.5 + rate / 2 for rate in rates[2:]]
    assert [learning_rate(final, step) for step in range(10)] == pytest.approx(expected, abs=1e-3)


def _gradients(model: Transformer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator)
