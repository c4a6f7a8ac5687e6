"""The learning rate of each step: a pure function of the recipe and the step's number."""

from __future__ import annotations

import math

from model.training.recipe import Recipe


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of step `step`, counted from 0.

    >>> recipe = Recipe(steps=10, learning_rate=1.0, warmup_ratio=0.2, schedule="linear")
    >>> [learning_rate(recipe, step) for step in (0, 1, 2, 6)]
    [0.5, 1.0, 1.0, 0.5]
    """
    warmup = max(1, round(recipe.warmup_ratio * recipe.steps))
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    share = _share(recipe, step, warmup)
    return recipe.learning_rate * (recipe.final_ratio + (1 - recipe.final_ratio) * share)


def _share(recipe: Recipe, step: int, warmup: int) -> float:
    """How much of the fall from the peak to the final rate is still to come, after the warm-up."""
    if recipe.schedule == "constant":
        return 1.0
    start = warmup
    if recipe.schedule == "wsd":
        start = max(warmup, round((1 - recipe.decay_ratio) * recipe.steps))
    done = max(0.0, (step - start) / max(1, recipe.steps - start))
    if recipe.schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    return 1 - done
