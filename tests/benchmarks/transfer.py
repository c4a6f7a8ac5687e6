"""Does the best learning rate stay where it is as the model becomes wider?

`python -m tests.benchmarks.transfer [--texts FILE] [--steps N]` trains three widths at each rate, once
with the rate as it is and once carried over from the narrowest width, and prints the losses and where
the optimum lies. Text: the language reference that Python carries, or a file.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch

from curate.tokens.tokenizer import Training, load, train
from model.architecture.shape import Shape
from model.data import Stream
from model.training.recipe import Recipe
from model.training.search import Tried, optimum, sweep

VOCABULARY, CONTEXT, BATCH = 512, 64, 8
WIDTHS = (64, 128, 256)
RATES = tuple(2.0**power * 1e-3 for power in range(1, 7))


def shape(width: int) -> Shape:
    """Two layers, heads of 32."""
    heads = width // 32
    return Shape(VOCABULARY, width, 2, heads, heads, 8 * width // 3 // 32 * 32, CONTEXT)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    text = options.texts.read_text("utf-8") if options.texts else "\n".join(topics.values())
    encoding = train([text], Training(vocabulary=VOCABULARY))
    stream = Stream(np.array(load(encoding.json).encode(text).ids, np.int32))
    recipe = Recipe(steps=options.steps, batch_windows=BATCH, weight_decay=0.0, schedule="linear")
    print(f"{len(stream.tokens):,} tokens of text, {options.steps} steps of {BATCH * CONTEXT}")
    for carried in (False, True):
        print("carried over from the narrowest" if carried else "the same rate for every width")
        print("width  " + "  ".join(f"{rate:7.4f}" for rate in RATES) + "  optimum")
        for width in WIDTHS[carried:]:  # at the narrowest both are the same
            base = shape(WIDTHS[0]) if carried else None
            found = _mean(stream, shape(width), recipe, base, options.seeds)
            losses = "  ".join(f"{one.loss:7.3f}" for one in found)
            print(f"{width:5}  {losses}  {optimum(found):.4f}", flush=True)


def _mean(
    stream: Stream, size: Shape, recipe: Recipe, base: Shape | None, seeds: int
) -> list[Tried]:
    from dataclasses import replace

    runs = [list(sweep(stream, size, replace(recipe, seed=s), RATES, base)) for s in range(seeds)]
    return [
        Tried(size.width, rate, math.fsum(run[i].loss for run in runs) / seeds)
        for i, rate in enumerate(RATES)
    ]


if __name__ == "__main__":
    main()
