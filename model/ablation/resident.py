"""One process, one compiled graph and one copy of the data for all runs on a GPU.

In: shape, seed, stream. Out: a model with the seed's initial weights, and batches on the device. The
decision that matters: weights are put in place into the model whose loss was compiled, so that a
run costs no start and no compilation; its numbers are those of a model of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Tokens
from model.training.recipe import Recipe
from model.training.schedule import learning_rate

RESIDENT_MODELS = 4  # sizes of a ladder


def fresh_model(shape: Shape, seed: int, device: torch.device) -> Transformer:
    """A model as `Transformer(shape, seed)` makes it. On a GPU the same object each time, so the one
    before is gone."""
    made = Transformer(shape, seed)
    if device.type != "cuda":
        return made.to(device)
    model = _compiled(shape, device)
    model.load_state_dict(made.state_dict())
    model.zero_grad(set_to_none=True)
    return model


@lru_cache(maxsize=RESIDENT_MODELS)
def _compiled(shape: Shape, device: torch.device) -> Transformer:
    """A model whose training loss is one compiled graph."""
    model = Transformer(shape).to(device)
    model.loss = torch.compile(model.loss, dynamic=False)  # type: ignore[method-assign]
    return model


class ResidentStream:
    """A `model.data.Stream` that lies on the device: batches are gathered there."""

    def __init__(self, tokens: Tokens, device: torch.device) -> None:
        # PyTorch gathers no uint16, so the bits travel as int16 and `mask` makes them whole again.
        narrow = tokens.dtype == np.uint16
        held = tokens.view(np.int16) if narrow else tokens.astype(np.int32, copy=False)
        self.tokens = torch.from_numpy(held).to(device)
        self.mask = 0xFFFF if narrow else 0x7FFFFFFF

    def batch(self, step: int, size: int, context: int) -> Tensor:
        """The rows of `Stream.batch`, on the device: (size, context + 1) int64."""
        steps = (len(self.tokens) - 1) // (size * context)
        device = self.tokens.device
        firsts = torch.arange(size, device=device) * steps * context + (step % steps) * context
        places = firsts[:, None] + torch.arange(context + 1, device=device)
        return self.tokens[places].long() & self.mask


def resident_losses(
    model: Transformer, optimiser: torch.optim.Optimizer, stream: ResidentStream, recipe: Recipe
) -> Iterator[Tensor]:
    """What `model.training.train.fit` does, without a word between host and device: the loss of each step.

    Causal, all windows of a batch at once; the recipe's other ways to train are not known here.
    """
    model.train()
    device = stream.tokens.device
    bf16 = device.type == "cuda" if recipe.bf16 is None else recipe.bf16
    limit = math.inf if recipe.clip is None else recipe.clip
    for number in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe, number)
        windows = stream.batch(number, recipe.batch_windows, model.shape.context)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = model.loss(windows)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        yield loss.detach()
