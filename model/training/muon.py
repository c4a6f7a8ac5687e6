"""Muon (Jordan et al. 2024): momentum, made orthogonal before it moves a matrix.

In: matrices with gradients. Out: the matrices, moved. The decisions that matter: steps are scaled to the
size of AdamW's (Liu et al. 2025, arXiv 2502.16982, eq. 4), so its learning rate and weight decay hold
here too; and matrices of one shape are turned together, in fp32 on the CPU. `torch.optim.Muon` takes them
one by one in bf16, which a CPU without such arithmetic only imitates: a step of the default model took
it 719 ms, twice the time of forward and backward.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from model.training.parallel import gathered, scattered

# https://kellerjordan.github.io/posts/muon/
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
SMALLEST_NORM = 1e-7
# turned at a time: small matrices gain by company, and large ones would fill the memory (1 GiB in fp32
# for each of the four copies an iteration holds)
STACKED_NUMBERS = 2**28


class Muon(torch.optim.Optimizer):
    """Nesterov momentum and decoupled weight decay over matrices."""

    def __init__(
        self, matrices: Sequence[nn.Parameter], lr: float, weight_decay: float, momentum: float
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(list(matrices), defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient. `closure` is not supported."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[weight.shape].append(weight)
            for shape, weights in alike.items():
                count = max(1, STACKED_NUMBERS // shape.numel())
                for start in range(0, len(weights), count):
                    self._move(weights[start : start + count], group)

    def _move(self, weights: list[nn.Parameter], group: dict[str, Any]) -> None:
        """Move matrices of one shape."""
        ahead = [self._momentum(weight, group["momentum"]) for weight in weights]
        rate = group["lr"] * 0.2 * math.sqrt(max(weights[0].shape))
        for weight, turned in zip(weights, orthogonal(torch.stack(ahead)), strict=True):
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.sub_(scattered(turned.to(weight.dtype), weight), alpha=rate)

    def _momentum(self, weight: nn.Parameter, momentum: float) -> Tensor:
        """The whole matrix's gradient and momentum, Nesterov's mixture."""
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        return gathered(gradient.lerp(state["momentum_buffer"], momentum))


def orthogonal(matrices: Tensor) -> Tensor:
    """(count, rows, columns) with about the same singular vectors and all singular values near 1.

    A quintic Newton-Schulz iteration; values between 0.7 and 1.2 are near enough (Jordan et al. 2024).
    """
    turned = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    tall = turned.shape[1] > turned.shape[2]
    turned = turned.mT if tall else turned
    turned = turned / turned.norm(dim=(1, 2), keepdim=True).clamp(min=SMALLEST_NORM)
    linear, cubic, quintic = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = turned @ turned.mT
        mixed = torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic)
        turned = torch.baddbmm(turned, mixed, turned, beta=linear)
    return turned.mT if tall else turned
