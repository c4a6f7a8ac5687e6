"""The feed-forward layer: SwiGLU (Shazeer 2020, arXiv 2002.05202) or GPT-2's GELU.

In: states (..., width). Out: the same shape.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from model.architecture.shape import Shape


class FeedForward(nn.Module):
    """down(silu(gate(x)) * up(x)), or down(gelu(up(x))) with the tanh form of GELU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        gated = shape.activation == "swiglu"
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=shape.bias) if gated else None
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=shape.bias)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=shape.bias)

    def forward(self, states: Tensor) -> Tensor:
        raised = self.up_proj(states)
        if self.gate_proj is None:
            inner = F.gelu(raised, approximate="tanh")
        else:
            inner = F.silu(self.gate_proj(states)) * raised
        out: Tensor = self.down_proj(inner)
        return out
