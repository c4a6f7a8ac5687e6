"""The learning rate found on a narrow model, carried to wide ones.

In: a narrow shape and rates to try. Out: the loss at each rate, and an optimiser for a wider shape
that moves its weights so that the same rate is best. The decision that matters: maximal update
parametrisation (Yang et al. 2022, arXiv 2203.03466, table 8, Adam) without a change to the model. Of
a weight only its first scale and its rate change, told by its name and shape:

    matrices in the blocks   rate x base / fan-in (their scale is 1 / sqrt(fan-in) already)
    tied embedding           as it is; the output is multiplied by base / width, which the gain of the
                             last norm does: scale and rate x base / width
    output that is not tied  scale x sqrt(base / width) and rate x base / width (table 3)
    norms, biases, input     as they are

Heads keep their width, so attention needs nothing. Depth, batch and tokens are not carried over. Only
the rate is searched: a wide model with a rate of its own in the usual parametrisation can still be
better, where the narrow one's output scale is too small for its few steps (tests/benchmarks/transfer.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from curate.errors import InputError
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.data import Batches
from model.training.recipe import Recipe
from model.training.train import choose_device, fit

LAST_SHARE = 0.1  # the loss of a trial is the mean over this last part of its steps


@dataclass(frozen=True)
class Scales:
    """What a weight of a wider model is multiplied by at the start, and its learning rate."""

    start: float = 1.0
    rate: float = 1.0


@dataclass(frozen=True)
class Tried:
    """A model's training loss (nats per token) at the end, for one width and rate."""

    width: int
    learning_rate: float
    loss: float


def scales(name: str, weight: Tensor, shape: Shape, base: Shape) -> Scales:
    """Of one weight of a model of `shape`, if `base` is the shape the rate was found on.

    >>> wide = Shape(width=512, heads=8, kv_heads=8, hidden=1408)
    >>> scales("model.layers.0.mlp.down_proj.weight", torch.empty(512, 1408), wide, Shape())
    Scales(start=1.0, rate=0.25)
    """
    wider = shape.width / base.width
    if ".layers." in name and weight.ndim >= 2:
        fan_in = base.hidden if name.endswith("down_proj.weight") else base.width
        return Scales(rate=fan_in / weight.shape[-1])
    if name == "lm_head.weight":
        return Scales(wider**-0.5, 1 / wider)
    if shape.tied and name.startswith("model.norm."):
        return Scales(1 / wider, 1 / wider)
    return Scales()


def transferred(
    shape: Shape, base: Shape, recipe: Recipe
) -> tuple[Transformer, torch.optim.Optimizer]:
    """A model of `shape` and an AdamW for it, under which the best rate for `base` is best again.

    Give both to `model.training.train.fit`; without experts. At `shape == base` nothing changes.
    """
    model = Transformer(shape, recipe.seed)
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        of = scales(name, weight, shape, base)
        with torch.no_grad():
            weight.mul_(of.start)
        decays = weight.ndim >= 2 and ".embed_" not in f".{name}"
        groups.setdefault((of.rate, decays), []).append(weight)
    model.to(choose_device(recipe.device))
    return model, ScaledAdamW(
        [
            # A slower group decays as fast: rate x decay stays (Wortsman et al. 2023, 2309.14322).
            {
                "params": part,
                "rate_scale": rate,
                "weight_decay": recipe.weight_decay / rate * decays,
            }
            for (rate, decays), part in groups.items()
        ],
        lr=recipe.learning_rate,
        betas=recipe.betas,
        eps=recipe.epsilon,
        fused=True,
    )


class ScaledAdamW(torch.optim.AdamW):
    """AdamW whose groups take the rate they are given times their own `rate_scale`."""

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """As AdamW's."""
        given = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] = group["lr"] * group["rate_scale"]
        loss = super().step(closure)
        for group, rate in zip(self.param_groups, given, strict=True):
            group["lr"] = rate
        return loss


def sweep(
    batches: Batches,
    shape: Shape,
    recipe: Recipe,
    rates: Sequence[float],
    base: Shape | None = None,
) -> Iterator[Tried]:
    """Train once at each rate. base: carry the rate over from this shape; None: take it as it is.

    A run that diverges has an infinite loss. InputError: no rate was given.
    """
    if not rates:
        raise InputError("no learning rate to try")
    for rate in rates:
        chosen = replace(recipe, learning_rate=rate)
        model, optimiser = transferred(shape, base or shape, chosen)
        losses = [float(step.loss) for step in fit(model, optimiser, batches, chosen)]
        last = losses[-max(1, round(LAST_SHARE * len(losses))) :]
        loss = sum(last) / len(last)
        yield Tried(shape.width, rate, loss if math.isfinite(loss) else math.inf)


def best(tried: Sequence[Tried]) -> Tried:
    """The rate with the lowest loss."""
    return min(tried, key=lambda one: one.loss)


def optimum(tried: Sequence[Tried]) -> float:
    """The rate at the vertex of a parabola through the lowest loss and its neighbours, in log rate.

    At the edge of the rates that were tried: that rate.
    """
    ordered = sorted(tried, key=lambda one: one.learning_rate)
    place = min(range(len(ordered)), key=lambda i: ordered[i].loss)
    near = ordered[max(0, place - 1) : place + 2]
    if len(near) < 3 or not all(math.isfinite(one.loss) for one in near):
        return ordered[place].learning_rate
    (a, fa), (b, fb), (c, fc) = ((math.log(one.learning_rate), one.loss) for one in near)
    top = (b - a) ** 2 * (fb - fc) - (b - c) ** 2 * (fb - fa)
    bottom = (b - a) * (fb - fc) - (b - c) * (fb - fa)
    return math.exp(b - top / bottom / 2) if bottom else ordered[place].learning_rate
