"""A sparse mixture of experts: each token goes to the few feed-forward layers its router likes best.

In: states (batch, time, width). Out: the same shape, and the router's logits, from which the loss that
keeps the experts equally busy is computed. No token is dropped, however many want the same expert.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.architecture.feed_forward import FeedForward
from model.architecture.shape import Shape


class Experts(nn.Module):
    """Mixtral's layer (Jiang et al. 2024, arXiv 2401.04088, eq. 1-2)."""

    def __init__(self, shape: Shape, experts: int) -> None:
        super().__init__()
        self.per_token = shape.experts_per_token
        self.gate = nn.Linear(shape.width, experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(shape) for _ in range(experts))
        # Not compiled: how many rows an expert gets is known only when it gets them. Asked for here,
        # because it imports the compiler, which takes seconds.
        self.ask = torch.compiler.disable(self._ask)  # type: ignore[no-untyped-call]

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, time, width) -> the same, and router logits (batch * time, experts)."""
        rows = states.flatten(0, 1)
        logits: Tensor = self.gate(rows)
        shares, chosen = torch.softmax(logits.float(), dim=-1).topk(self.per_token)
        shares = shares / shares.sum(dim=-1, keepdim=True)
        answers = self.ask(rows, chosen).view(*chosen.shape, -1)
        out = (answers * shares[..., None].to(answers.dtype)).sum(dim=1)
        return out.view_as(states), logits

    def _ask(self, rows: Tensor, chosen: Tensor) -> Tensor:
        """Every (row, choice) through its expert: (rows * per_token, width), in the order of `chosen`."""
        order = chosen.flatten().argsort(stable=True)
        counts = torch.bincount(chosen.flatten(), minlength=len(self.experts)).tolist()
        parts = torch.split(rows[order // self.per_token], counts)
        answers = [expert(part) for expert, part in zip(self.experts, parts, strict=True)]
        return torch.cat(answers)[order.argsort()]


def balance_loss(logits: Sequence[Tensor], per_token: int) -> Tensor:
    """How unequally busy the experts are: experts * sum(share of rows * mean probability).

    Switch Transformer (Fedus et al. 2021, arXiv 2101.03961, eq. 4-6), both means taken over the rows of
    all layers as in transformers' Mixtral. `logits`: (rows, experts) of each layer. Equally busy experts
    give `per_token`, the least.
    """
    every = torch.cat(tuple(logits)).float()
    chances = torch.softmax(every, dim=-1)
    chosen = F.one_hot(chances.topk(per_token).indices, every.shape[1])
    busy = chosen.sum(dim=1).float().mean(dim=0)
    return every.shape[1] * torch.sum(busy * chances.mean(dim=0))
