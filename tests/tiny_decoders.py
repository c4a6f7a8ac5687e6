"""A decoder for each option of the architecture, small enough to be trained and compared at once."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from model.architecture.shape import Shape
from model.architecture.transformer import Transformer

TINY = Shape(vocabulary=320, width=64, layers=2, heads=2, kv_heads=2, hidden=96, context=32)
GPT2 = replace(TINY, positions="learned", activation="gelu", norm="layer", bias=True)
OPTIONS = {
    "llama": TINY,
    "untied": replace(TINY, tied=False),
    "grouped": replace(TINY, heads=4, kv_heads=2),
    "learned positions": replace(TINY, positions="learned"),
    "gelu": replace(TINY, activation="gelu"),
    "layer norm": replace(TINY, norm="layer"),
    "biased": replace(TINY, bias=True),
    "dropout": replace(TINY, dropout=0.1),
    "experts": replace(TINY, experts=4),
    "gpt2": GPT2,
    "everything": replace(GPT2, kv_heads=1, dropout=0.1, experts=3, experts_per_token=1),
}


def tokens(vocabulary: int, rows: int, time: int) -> Tensor:
    """Random ids, always the same."""
    return torch.randint(0, vocabulary, (rows, time), generator=torch.Generator().manual_seed(1))


def scattered(shape: Shape) -> Transformer:
    """Weights large enough that every part of the arithmetic shows in the logits."""
    model = Transformer(shape).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            spread = 0.15 if weight.ndim > 1 else 0.3
            weight.add_(torch.randn(weight.shape, generator=generator) * spread)
    return model
