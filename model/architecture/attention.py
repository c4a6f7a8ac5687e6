"""Self-attention: which positions see which, rotary turning, grouped keys and values.

In: states (batch, time, width). Out: the same shape. The decision that matters: the causal path hands
the kernel a flag and no mask, so it can skip the upper half; a mask is built only for prefixes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.architecture.shape import Shape

Rotation = tuple[Tensor, Tensor]


class View(NamedTuple):
    """What a position sees. mask: (batch, 1, time, time), True where seen, or None for `causal`:
    everything before it, or else everything."""

    mask: Tensor | None
    causal: bool


def view(prefix: Tensor | None, time: int) -> View:
    """Causal without a prefix; with one (batch,), the first prefix[i] positions of row i are seen by all.

    Outside `torch.compile`, prefixes that all reach the end need no mask at all.
    """
    if prefix is None:
        return View(None, causal=True)
    if not torch.compiler.is_compiling() and bool((prefix >= time).all()):
        return View(None, causal=False)
    places = torch.arange(time, device=prefix.device)
    before = places <= places[:, None]
    return View(before | (places < prefix[:, None, None, None]), causal=False)


class Attention(nn.Module):
    """Multi-head self-attention; documents in one window see each other."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_width = shape.heads, shape.kv_heads, shape.head_width
        self.dropout = shape.dropout
        self.q_proj = nn.Linear(shape.width, shape.heads * shape.head_width, bias=shape.bias)
        self.k_proj = nn.Linear(shape.width, shape.kv_heads * shape.head_width, bias=shape.bias)
        self.v_proj = nn.Linear(shape.width, shape.kv_heads * shape.head_width, bias=shape.bias)
        self.o_proj = nn.Linear(shape.heads * shape.head_width, shape.width, bias=shape.bias)

    def forward(self, states: Tensor, rotation: Rotation | None, seen: View) -> Tensor:
        query = self._split(self.q_proj(states), self.heads)
        key = self._split(self.k_proj(states), self.kv_heads)
        value = self._split(self.v_proj(states), self.kv_heads)
        if rotation is not None:
            query, key = rotate(query, rotation), rotate(key, rotation)
        mixed = F.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=seen.mask,
            is_causal=seen.causal,
            dropout_p=self.dropout if self.training else 0.0,
            enable_gqa=self.kv_heads < self.heads,
        )
        out: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, states: Tensor, heads: int) -> Tensor:
        rows, time, _ = states.shape
        return states.view(rows, time, heads, self.head_width)


def rotary_table(shape: Shape) -> Rotation:
    """Cosines and sines (context, 1, head_width) of RoPE (Su et al. 2021), each pair (i, i + half).

    The first half of the sines is negative, so that turning is two products and a sum.
    """
    half = torch.arange(0, shape.head_width, 2, dtype=torch.int64).float() / shape.head_width
    angles = torch.outer(torch.arange(shape.context).float(), 1.0 / shape.rope_base**half)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat((cosine, cosine), 1)[:, None], torch.cat((-sine, sine), 1)[:, None]


def rotate(states: Tensor, rotation: Rotation) -> Tensor:
    """Turn (batch, time, heads, head_width) by its position."""
    cosine, sine = rotation
    swapped = states.roll(states.shape[-1] // 2, dims=-1)
    return (states * cosine + swapped * sine).to(states.dtype)
