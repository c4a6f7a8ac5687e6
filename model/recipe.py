"""How a decoder is trained: one frozen record, and the learning rate of each of its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from curate.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """How to train. Defaults suit a model of about a million parameters (OLMo-core's ladder formula).

    steps: optimiser steps of `batch_windows` windows, run `micro_windows` at a time (None: at once).
    schedule: after a linear warm-up the rate falls to `final_ratio` of its peak along a line or a
    cosine, or stays constant, or stays until the last `decay_ratio` of the steps and then falls
    along a line ("wsd", Hägele et al. 2024). betas, weight_decay: AdamW; matrices decay, embeddings
    and norms do not. clip: largest gradient norm. bf16: autocast; None means on CUDA only.
    """

    steps: int = 1000
    batch_windows: int = 8
    micro_windows: int | None = None
    learning_rate: float = 4.6e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1
    clip: float | None = 1.0
    warmup_ratio: float = 0.1
    schedule: Literal["linear", "cosine", "wsd", "constant"] = "wsd"
    decay_ratio: float = 0.65
    final_ratio: float = 0.0
    seed: int = 0
    bf16: bool | None = None
    device: str | None = None
    log_steps: int = 10
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        micro = self.batch_windows if self.micro_windows is None else self.micro_windows
        counts = (self.steps, self.batch_windows, micro, self.log_steps, self.checkpoint_steps)
        if min(counts) < 1 or self.learning_rate <= 0:
            raise InputError("training recipe: steps, windows and learning_rate must be above zero")
        if self.seed < 0:
            raise InputError(f"training recipe: seed {self.seed} is below zero")
        if not 0 <= self.warmup_ratio <= 1 or not 0 < self.decay_ratio <= 1:
            raise InputError(
                "training recipe: warmup_ratio and decay_ratio are shares between 0 and 1"
            )


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of step `step` (counted from 0)."""
    warmup = max(1, round(recipe.warmup_ratio * recipe.steps))
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    start = warmup
    if recipe.schedule == "wsd":
        start = max(warmup, round((1 - recipe.decay_ratio) * recipe.steps))
    done = max(0.0, (step - start) / max(1, recipe.steps - start))
    if recipe.schedule == "constant":
        share = 1.0
    elif recipe.schedule == "cosine":
        share = (1 + math.cos(math.pi * done)) / 2
    else:
        share = 1 - done
    return recipe.learning_rate * (recipe.final_ratio + (1 - recipe.final_ratio) * share)
