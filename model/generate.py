"""A checkpoint continues a prompt.

In: a checkpoint folder with its tokenizer, and a prompt. Out: the continuation as text. The model
sees at most its context; nothing is cached, which at this size costs less than it would to read.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from curate.errors import InputError
from model.export import load
from model.transformer import Transformer


def generate(
    folder: str | Path,
    prompt: str = "",
    tokens: int = 100,
    temperature: float = 0.8,
    top_k: int | None = 50,
    seed: int = 0,
) -> str:
    """Up to `tokens` tokens after `prompt`, ending early at the end-of-document token.

    temperature 0 takes the likeliest token each time; top_k None samples from all of them.
    InputError: no checkpoint, one without a tokenizer, temperature below 0 or top_k below 1.
    """
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise InputError(
            f"temperature {temperature}, top_k {top_k}: temperature must be at least 0, top_k at least 1"
        )
    model, tokenizer = load(folder)
    if tokenizer is None:
        raise InputError(
            f"{folder}: no tokenizer.json beside the model, so a prompt cannot be read"
        )
    ids = [model.shape.eos, *tokenizer.encode(prompt, add_special_tokens=False).ids]
    new = continue_tokens(model, ids, tokens, temperature, top_k, seed)
    return str(tokenizer.decode(new, skip_special_tokens=True))


@torch.no_grad()
def continue_tokens(
    model: Transformer,
    ids: list[int],
    tokens: int,
    temperature: float,
    top_k: int | None,
    seed: int,
) -> list[int]:
    """The ids that follow `ids`: at most `tokens`, without the end-of-document token."""
    generator = torch.Generator().manual_seed(seed)
    new: list[int] = []
    while len(new) < tokens:
        window = torch.tensor([[*ids, *new][-model.shape.context :]])
        token = _draw(model(window)[0, -1].float(), temperature, top_k, generator)
        if token == model.shape.eos:
            break
        new.append(token)
    return new


def _draw(logits: Tensor, temperature: float, top_k: int | None, generator: torch.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(top_k).values[-1], -torch.inf)
    chances = torch.softmax(logits / temperature, dim=0)
    return int(torch.multinomial(chances, 1, generator=generator))
