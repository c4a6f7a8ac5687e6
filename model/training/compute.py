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
from model.training.recipe import Recipe


def choose_device(wanted: str | None) -> torch.device:
    """The device asked for, else CUDA where there is one, else the CPU. InputError: it is not there."""
    if wanted is not None and wanted.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {wanted}: this PyTorch sees no CUDA device; use device cpu")
    try:
        device = torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))
        if device.type not in ("cpu", "cuda"):
            torch.empty(1, device=device).cpu()  # "meta" has a name and no memory
    except (RuntimeError, AssertionError):
        raise InputError(f"device {wanted!r} is not known here; use cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"device {device}: there are {count} CUDA devices, counted from 0")
    return device


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """bf16 for what tolerates it, weights and sums in fp32; fp32 throughout if the recipe says so."""
    enabled = has_bf16(device) if recipe.bf16 is None else recipe.bf16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def has_bf16(device: torch.device) -> bool:
    """Whether it is a GPU that computes in bf16 itself; before Ampere they imitate it, slower than fp32."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def compiles(recipe: Recipe, device: torch.device) -> bool:
    """Whether the loss is compiled. By default where it pays within minutes: on CUDA with Triton."""
    if recipe.compile is not None:
        return recipe.compile
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


@contextmanager
def tensor_cores(device: torch.device) -> Iterator[None]:
    """Inside, fp32 matrices are multiplied in TF32 on CUDA; training does not notice, scoring might."""
    with _matrices(device, "high"):
        yield


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Inside, fp32 matrices are multiplied in fp32, within `tensor_cores` too."""
    with _matrices(device, "highest"):
        yield


@contextmanager
def _matrices(device: torch.device, precision: str) -> Iterator[None]:
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
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
