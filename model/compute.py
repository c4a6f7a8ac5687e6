"""Where and how exactly a training step is computed: device, precision, compilation, dropout's chance.

In: a recipe. Out: settings of PyTorch, put back where they are global.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from curate.errors import InputError
from model.recipe import Recipe


def choose_device(wanted: str | None) -> torch.device:
    """The device asked for, else CUDA where there is one, else the CPU. InputError: it is not there."""
    if wanted is not None and wanted.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {wanted}: this PyTorch sees no CUDA device; use device cpu")
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """bf16 for what tolerates it, weights and sums in fp32; fp32 throughout if the recipe says so."""
    enabled = device.type == "cuda" if recipe.bf16 is None else recipe.bf16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def compiles(recipe: Recipe, device: torch.device) -> bool:
    """Whether the loss is compiled. By default where it pays within minutes: on CUDA with Triton."""
    if recipe.compile is not None:
        return recipe.compile
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


@contextmanager
def tensor_cores(device: torch.device) -> Iterator[None]:
    """Inside, fp32 matrices are multiplied in TF32 on CUDA; training does not notice, scoring might."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def seed_dropout(seed: int, step: int, rank: int) -> None:
    """Make what a step drops a pure function of the step, so that a resumed run drops the same."""
    state = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0] >> np.uint64(1)))


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """To the device; to CUDA from pinned memory, so that the host goes on preparing."""
    if device.type == "cuda":
        return tensor.contiguous().pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
