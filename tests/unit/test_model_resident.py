"""Training on a GPU without leaving it, as far as a CPU can tell: the same numbers as anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from model.ablation import resident, trial
from model.ablation.profiles import PROFILES
from model.ablation.resident import ResidentStream, fresh_model, resident_losses
from model.ablation.workers import InProcess, workers
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Stream
from model.training.recipe import Recipe
from model.training.train import fit, make_optimiser

CPU = torch.device("cpu")
SHAPE = Shape(vocabulary=64, width=32, layers=1, heads=1, kv_heads=1, hidden=64, context=16)
RECIPE = Recipe(steps=12, batch_windows=4, bf16=False, seed=3, device="cpu")


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_batches_on_the_device_are_the_same(dtype: Any) -> None:
    tokens = np.random.default_rng(0).integers(0, 1 << 16, 900).astype(dtype)
    stream, here = Stream(tokens), ResidentStream(tokens, CPU)
    for step in range(25):  # more than two epochs
        assert np.array_equal(here.batch(step, 4, 16).numpy(), stream.batch(step, 4, 16))


def test_training_on_the_device_is_training() -> None:
    tokens = np.random.default_rng(0).integers(0, 64, 900).astype(np.uint16)
    first, second = Transformer(SHAPE, 3), Transformer(SHAPE, 3)
    usual = fit(first, make_optimiser(first, RECIPE), Stream(tokens), RECIPE)
    expected = [float(step.loss) for step in usual]
    optimiser = make_optimiser(second, RECIPE)
    found = resident_losses(second, optimiser, ResidentStream(tokens, CPU), RECIPE)
    assert [float(loss) for loss in found] == pytest.approx(expected, abs=1e-5)
    for mine, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_one_compiled_model_serves_every_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: the object and its graph stay, the weights are those of a new model."""
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda loss, dynamic: compiled.append(loss) or loss)
    monkeypatch.setattr(Transformer, "to", lambda model, device: model)
    resident._compiled.cache_clear()
    cuda = torch.device("cuda")
    first = fresh_model(SHAPE, 1, cuda)
    first(torch.zeros(1, 4, dtype=torch.int64)).sum().backward()
    second = fresh_model(SHAPE, 2, cuda)
    assert second is first and len(compiled) == 1
    assert all(weight.grad is None for weight in second.parameters())
    for mine, new in zip(second.parameters(), Transformer(SHAPE, 2).parameters(), strict=True):
        assert torch.equal(mine, new)
    assert fresh_model(replace(SHAPE, layers=2), 1, cuda) is not first
    assert fresh_model(SHAPE, 1, CPU) is not first
    resident._compiled.cache_clear()


def test_a_gpu_is_used_from_this_process() -> None:
    with workers(PROFILES["gpu"]) as pool:
        assert isinstance(pool, InProcess)
        assert pool.submit(lambda: 7).result() == 7
        failed = pool.submit(lambda: 1 / 0)
        assert isinstance(failed.exception(), ZeroDivisionError)
        with pytest.raises(KeyboardInterrupt):
            pool.submit(_interrupt)


def test_speed_is_measured() -> None:
    assert trial.measure_speed(SHAPE, RECIPE, "cpu", 0.05) > 100


def _interrupt() -> None:
    raise KeyboardInterrupt
