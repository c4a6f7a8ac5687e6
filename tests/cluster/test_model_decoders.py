"""Every option of the decoder learns in a real training, and is the same when it is compiled."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_decoders import OPTIONS, TINY, scattered, tokens

from model.architecture.transformer import Transformer
from model.training.optimiser import make_optimiser
from model.training.recipe import Recipe

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_learns(name: str) -> None:
    model, windows = Transformer(OPTIONS[name]), tokens(320, 4, 33)
    before = model.eval().loss(windows).item()
    optimiser = make_optimiser(model, Recipe(learning_rate=3e-3))
    model.train()
    for _ in range(40):
        model.loss(windows).backward()
        assert all(weight.grad is not None for weight in model.parameters())
        optimiser.step()
        optimiser.zero_grad()
    assert model.eval().loss(windows).item() < before - 2.5


def test_one_batch_can_be_learnt_by_heart() -> None:
    windows, model = tokens(320, 4, 33), Transformer(TINY)
    optimiser = make_optimiser(model, Recipe(learning_rate=3e-3))
    for _ in range(120):
        loss = model.loss(windows)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert loss.item() < 0.05


@pytest.mark.parametrize(("name", "recompute"), [("grouped", True), ("gpt2", False)])
def test_a_compiled_decoder_is_one_graph(name: str, recompute: bool) -> None:
    shape = replace(OPTIONS[name], dropout=0.0 if recompute else 0.1)
    model, windows = scattered(shape).train(), tokens(320, 2, 33)
    model.recompute = recompute
    compiled = torch.compile(model.masked_loss, backend="eager", fullgraph=True)
    for prefix in (None, torch.tensor([3, 32])):
        arguments = (windows[:, :-1], windows[:, 1:], prefix)
        torch.manual_seed(1)
        expected = model.masked_loss(*arguments)
        torch.manual_seed(1)
        torch.testing.assert_close(compiled(*arguments), expected)


def test_a_compiled_mixture_of_experts_gives_the_same_loss() -> None:
    model, windows = scattered(OPTIONS["experts"]).train(), tokens(320, 2, 33)
    compiled = torch.compile(model.loss, backend="aot_eager")
    compiled(windows).backward()
    gradients = [weight.grad for weight in model.parameters()]
    model.zero_grad(set_to_none=True)
    model.loss(windows).backward()
    for weight, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(gradient, weight.grad)
