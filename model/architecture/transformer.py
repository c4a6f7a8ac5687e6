"""A decoder-only transformer, small enough to read in one sitting.

In: token ids (batch, time). Out: logits (batch, time, vocabulary), or a loss in nats.
The decision that matters: modules carry the names of Llama's weights, so the `state_dict()` of the
default parts *is* a Hugging Face checkpoint; what other parts are called there is in `model.checkpoints.families`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.architecture.attention import Attention, Rotation, View, rotary_table, view
from model.architecture.experts import Experts, balance_loss
from model.architecture.feed_forward import FeedForward
from model.architecture.loss import NOT_SCORED, summed_nats
from model.architecture.shape import EMBEDDING_STD, Shape


class Transformer(nn.Module):
    """The decoder with its output layer. `seed` alone fixes the initial weights.

    recompute: in training, keep only each block's input and compute the block again for its
    gradients (Chen et al. 2016): less memory, a third more arithmetic, the same numbers.
    """

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.recompute = False
        self.model = Decoder(shape)
        self.lm_head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        if shape.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        self._initialise(seed)

    def forward(self, tokens: Tensor, prefix: Tensor | None = None) -> Tensor:
        """(batch, time) int64 -> (batch, time, vocabulary). time <= context.

        prefix None: each position sees those before it. prefix (batch,) int64: the first prefix[i]
        positions of row i are also seen by all of its positions; prefix = time is bidirectional.
        """
        logits: Tensor = self.lm_head(self.model(tokens, prefix, self.recompute)[0])
        return logits

    def loss(self, windows: Tensor) -> Tensor:
        """Mean next-token cross-entropy in nats over windows (batch, time + 1)."""
        return self.masked_loss(windows[:, :-1], windows[:, 1:])

    def masked_loss(self, inputs: Tensor, targets: Tensor, prefix: Tensor | None = None) -> Tensor:
        """Mean cross-entropy in nats, in fp32, over the targets (batch, time) that are not -100.

        In training, experts add `router_weight` times their balance loss. No target at all gives 0.
        """
        states, routers = self.model(inputs, prefix, self.recompute)
        summed = summed_nats(states.flatten(0, 1), self.lm_head.weight, targets.flatten())
        loss = summed / (targets != NOT_SCORED).sum().clamp(min=1)
        if self.training and routers:
            balance = balance_loss(routers, self.shape.experts_per_token)
            loss = loss + self.shape.router_weight * balance
        return loss

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """Normal weights: 1 / sqrt(fan-in) (LeCun 1998, §4.6), divided by sqrt(2 * layers) where they
        lead back into the residual stream (GPT-2), and EMBEDDING_STD for embeddings. Biases are 0.

        With GPT-2's 0.02 for all, some seeds stay on the first plateau of a run of a few hundred
        steps: the noise between runs of an ablation was .040 bits per byte, and is .014 with this.
        """
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                weight.zero_()
            if weight.ndim >= 2:
                std = weight.shape[1] ** -0.5
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    std /= math.sqrt(2 * self.shape.layers)
                if name.endswith(("embed_tokens.weight", "embed_positions.weight")):
                    std = EMBEDDING_STD
                weight.normal_(0.0, std, generator=generator)


class Decoder(nn.Module):
    """Embedding, blocks, final norm: tokens (batch, time) -> states (batch, time, width), and the
    router logits of each block that has experts."""

    cosine: Tensor | None
    sine: Tensor | None

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        learned = shape.positions == "learned"
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.embed_positions = nn.Embedding(shape.context, shape.width) if learned else None
        self.dropout = nn.Dropout(shape.dropout)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = make_norm(shape)
        cosine, sine = (None, None) if learned else rotary_table(shape)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def forward(
        self, tokens: Tensor, prefix: Tensor | None = None, recompute: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        time = tokens.shape[1]
        states: Tensor = self.embed_tokens(tokens)
        if self.embed_positions is not None:
            states = states + self.embed_positions.weight[:time]
        states = self.dropout(states)
        rotation, seen, routers = self._rotation(time), view(prefix, time), []
        for block in self.layers:
            if recompute and self.training:
                states, router = checkpoint(block, states, rotation, seen, use_reentrant=False)
            else:
                states, router = block(states, rotation, seen)
            if router is not None:
                routers.append(router)
        return self.norm(states), routers

    def _rotation(self, time: int) -> Rotation | None:
        if self.cosine is None or self.sine is None:
            return None
        return self.cosine[:time], self.sine[:time]


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each added to the residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = make_norm(shape)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = make_norm(shape)
        self.mlp = FeedForward(shape) if shape.experts is None else Experts(shape, shape.experts)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(
        self, states: Tensor, rotation: Rotation | None, seen: View
    ) -> tuple[Tensor, Tensor | None]:
        """States and, of experts, the router's logits."""
        attended = self.self_attn(self.input_layernorm(states), rotation, seen)
        states = states + self.dropout(attended)
        found = self.mlp(self.post_attention_layernorm(states))
        thought, router = found if isinstance(found, tuple) else (found, None)
        return states + self.dropout(thought), router


def make_norm(shape: Shape) -> nn.Module:
    """The norm before each part and at the end."""
    if shape.norm == "layer":
        return nn.LayerNorm(shape.width, shape.norm_epsilon, bias=shape.bias)
    return nn.RMSNorm(shape.width, shape.norm_epsilon)
