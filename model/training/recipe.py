"""How a model is trained: one frozen, checked record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from curate.errors import InputError

Objective = Literal["causal", "masked", "prefix"]
Schedule = Literal["linear", "cosine", "wsd", "constant"]
Optimiser = Literal["adamw", "muon"]
Sharding = Literal["none", "full"]


@dataclass(frozen=True)
class Recipe:
    """How to train. Defaults suit a model of about a million parameters (OLMo-core's ladder formula).

    steps: optimiser steps of `batch_windows` windows, which each process runs `micro_windows` at a
    time (None: at once). schedule: after a linear warm-up the rate falls to `final_ratio` of its peak
    along a line or a cosine, or stays constant, or stays until the last `decay_ratio` of the steps and
    then falls along a line ("wsd", Hägele et al. 2024). betas, epsilon, weight_decay: AdamW; matrices
    decay, embeddings, norms and biases do not. clip: largest gradient norm. seed: of the weights, the
    order and all chance. bf16: autocast; None means on GPUs that compute in it.
    objective: see `model.training.objectives`; masked_ratio and mask_token (None: the vocabulary's last id) are
    of "masked". optimiser: "muon" moves hidden matrices with `momentum`, the rest with AdamW.
    compile: `torch.compile` the loss; None means on CUDA only. recompute: less memory for more
    arithmetic. sharding: what the processes of `torchrun` do not all hold: nothing or weights,
    gradients and optimiser ("full", FSDP).
    """

    steps: int = 1000
    batch_windows: int = 8
    micro_windows: int | None = None
    learning_rate: float = 4.6e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1
    clip: float | None = 1.0
    warmup_ratio: float = 0.1
    schedule: Schedule = "wsd"
    decay_ratio: float = 0.65
    final_ratio: float = 0.0
    seed: int = 0
    bf16: bool | None = None
    device: str | None = None
    log_steps: int = 10
    checkpoint_steps: int = 500
    objective: Objective = "causal"
    masked_ratio: float = 0.15
    mask_token: int | None = None
    optimiser: Optimiser = "adamw"
    epsilon: float = 1e-8
    momentum: float = 0.95
    compile: bool | None = None
    recompute: bool = False
    sharding: Sharding = "none"

    def __post_init__(self) -> None:
        for problem in (self._count_problem(), self._share_problem(), self._choice_problem()):
            if problem is not None:
                raise InputError(f"training recipe: {problem}")

    def _count_problem(self) -> str | None:
        micro = self.batch_windows if self.micro_windows is None else self.micro_windows
        counts = (self.steps, self.batch_windows, micro, self.log_steps, self.checkpoint_steps)
        if min(counts) < 1 or self.learning_rate <= 0 or self.epsilon <= 0:
            return "steps, windows, learning_rate and epsilon must be above zero"
        if self.clip is not None and self.clip <= 0:
            return f"clip {self.clip} must be above zero, or None for no clipping"
        if self.seed < 0 or self.weight_decay < 0:
            return f"seed {self.seed} and weight_decay {self.weight_decay} must not be below zero"
        return None

    def _share_problem(self) -> str | None:
        if not 0 <= self.warmup_ratio <= 1 or not 0 < self.decay_ratio <= 1:
            return "warmup_ratio and decay_ratio are shares between 0 and 1"
        if not 0 <= self.final_ratio <= 1 or not 0 < self.masked_ratio <= 1:
            return "final_ratio and masked_ratio are shares between 0 and 1"
        if not all(0 <= share < 1 for share in (*self.betas, self.momentum)):
            return f"betas {self.betas} and momentum {self.momentum} must be at least 0 and below 1"
        return None

    def _choice_problem(self) -> str | None:
        choices = {
            "objective": Objective, "schedule": Schedule, "optimiser": Optimiser, "sharding": Sharding,
        }  # fmt: skip
        for name, known in choices.items():
            if getattr(self, name) not in get_args(known):
                return f"{name} {getattr(self, name)!r} is unknown; known: {', '.join(get_args(known))}"
        return None
