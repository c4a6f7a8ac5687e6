"""Training runs as a process of their own, for tests that kill or multiply it.

    python tests/training_run.py '[{"output": "folder", "steps": 6}, ...]'

In: for each run its folder, fields of the recipe, and optionally `dropout` and `interrupted_at`, a step
before which the data ends in an interruption.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from curate.errors import CurateError
from model.architecture.shape import Shape
from model.data import Stream, Windows
from model.training.recipe import Recipe
from model.training.train import train

SHAPE = Shape(vocabulary=64, width=32, layers=2, heads=2, kv_heads=1, hidden=48, context=16)
RECIPE = Recipe(steps=6, batch_windows=8, device="cpu", log_steps=1)
TOKENS = np.random.default_rng(0).integers(0, 63, 3000)


class Interrupted(Exception):
    """The data ended early."""


@dataclass(frozen=True)
class Cut(Stream):
    """Data that ends in an interruption before step `end`."""

    end: int | None = None

    def batch(self, step: int, *args: Any, **kwargs: Any) -> Windows:
        if step == self.end:
            raise Interrupted
        return super().batch(step, *args, **kwargs)


def run(
    output: str, interrupted_at: int | None = None, dropout: float = 0.0, **fields: Any
) -> None:
    """One run."""
    torch.set_num_threads(1)
    shape, recipe = replace(SHAPE, dropout=dropout), replace(RECIPE, **fields)
    with suppress(Interrupted):
        train(Cut(TOKENS, interrupted_at), shape, recipe, output)


if __name__ == "__main__":
    runs = json.loads(sys.argv[1])
    if len(runs) > 1:  # processes that part do not find each other again
        torch.distributed.init_process_group("gloo")
    try:
        for options in runs:
            run(**options)
    except CurateError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
