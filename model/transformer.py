"""A Llama-shaped decoder, small enough to read in one sitting.

In: token ids (batch, time). Out: logits (batch, time, vocabulary).
The decision that matters: modules carry the names of Llama's weights, so `state_dict()` *is* a
Hugging Face checkpoint and no conversion can be wrong.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.shape import EMBEDDING_STD, Shape


class Transformer(nn.Module):
    """The decoder with its output layer. `seed` alone fixes the initial weights."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.model = Decoder(shape)
        self.lm_head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        if shape.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        self._initialise(seed)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, time) int64 -> (batch, time, vocabulary). time <= context."""
        logits: Tensor = self.lm_head(self.model(tokens))
        return logits

    def loss(self, windows: Tensor) -> Tensor:
        """Mean next-token cross-entropy in nats over windows (batch, time + 1), computed in fp32."""
        logits = self(windows[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1).float(), windows[:, 1:].flatten())

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """Normal weights: 1 / sqrt(fan-in) (LeCun 1998, §4.6), divided by sqrt(2 * layers) where they
        lead back into the residual stream (GPT-2), and EMBEDDING_STD for the tied embedding.

        With GPT-2's 0.02 for all, some seeds stay on the first plateau of a run of a few hundred
        steps: the noise between runs of an ablation was .040 bits per byte, and is .014 with this.
        """
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.ndim >= 2:
                std = weight.shape[1] ** -0.5
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    std /= math.sqrt(2 * self.shape.layers)
                if name.endswith("embed_tokens.weight"):
                    std = EMBEDDING_STD
                weight.normal_(0.0, std, generator=generator)


class Decoder(nn.Module):
    """Embedding, blocks, final norm: tokens (batch, time) -> states (batch, time, width)."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, shape.norm_epsilon)
        cosine, sine = rotary_table(shape)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        states: Tensor = self.embed_tokens(tokens)
        time = tokens.shape[1]
        rotation = (self.cosine[:time], self.sine[:time])
        for block in self.layers:
            states = block(states, rotation)
        normed: Tensor = self.norm(states)
        return normed


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each added to the residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, shape.norm_epsilon)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, shape.norm_epsilon)
        self.mlp = FeedForward(shape)

    def forward(self, states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        states = states + self.self_attn(self.input_layernorm(states), rotation)
        out: Tensor = states + self.mlp(self.post_attention_layernorm(states))
        return out


class Attention(nn.Module):
    """Causal self-attention with rotary positions; documents in one window see each other."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_width = shape.heads, shape.kv_heads, shape.head_width
        self.q_proj = nn.Linear(shape.width, shape.heads * shape.head_width, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.kv_heads * shape.head_width, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.kv_heads * shape.head_width, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head_width, shape.width, bias=False)

    def forward(self, states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        query = rotate(self._split(self.q_proj(states), self.heads), rotation)
        key = rotate(self._split(self.k_proj(states), self.kv_heads), rotation)
        value = self._split(self.v_proj(states), self.kv_heads)
        mixed = F.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=self.kv_heads < self.heads
        )
        out: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, states: Tensor, heads: int) -> Tensor:
        rows, length, _ = states.shape
        return states.view(rows, length, heads, self.head_width).transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(states)) * self.up_proj(states))
        return out


def rotary_table(shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and sines (context, head_width) of RoPE (Su et al. 2021) in the rotate-half layout."""
    half = torch.arange(0, shape.head_width, 2, dtype=torch.int64).float() / shape.head_width
    angles = torch.outer(torch.arange(shape.context).float(), 1.0 / shape.rope_base**half)
    angles = torch.cat((angles, angles), dim=1)
    return angles.cos(), angles.sin()


def rotate(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn (batch, heads, time, head_width) by its position."""
    cosine, sine = rotation
    first, second = states.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (states * cosine + turned * sine).to(states.dtype)
