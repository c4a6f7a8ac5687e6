"""One run of an ablation, in a process of its own: a stream in, a scored model's numbers out.

The decision that matters: the model itself is thrown away; what is kept is its loss on every
held-out document, from which every statistic can be made again. A result is put in place in one
piece, so a killed run leaves nothing that looks finished.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from curate.errors import WorkError
from curate.store import write_json
from curate.tokens.tokenizer import load
from model.ablation.verdict import Run
from model.data import Stream
from model.evaluate import evaluate
from model.recipe import Recipe
from model.shape import Shape
from model.train import choose_device, fit, make_optimiser
from model.transformer import Transformer


@dataclass(frozen=True)
class Trial:
    """An arm, a seed and a learning rate; where the stream, the held-out texts and the result are."""

    arm: str
    seed: int
    rate_factor: float
    epochs: float
    shape: Shape
    recipe: Recipe
    stream: Path
    folder: Path
    result: Path


def run_trial(trial: Trial) -> None:
    """Train, score every held-out set, write the result. WorkError: the loss is no longer a number."""
    _one_thread(trial.recipe.device)
    started = time.monotonic()
    stream = Stream(np.load(trial.stream))
    model = Transformer(trial.shape, trial.recipe.seed).to(choose_device(trial.recipe.device))
    loss = math.nan
    for step in fit(model, make_optimiser(model, trial.recipe), stream, trial.recipe):
        if step.number == trial.recipe.steps:
            loss = float(step.loss)
    if not math.isfinite(loss):
        raise WorkError(
            f"{trial.arm}, seed {trial.seed}: the loss is {loss}; lower the learning rate"
        )
    tokenizer = load((trial.folder / "tokenizer.json").read_text(encoding="utf-8"))
    texts = json.loads((trial.folder / "heldout.json").read_text(encoding="utf-8"))
    found = {name: evaluate(model, tokenizer, part) for name, part in texts.items()}
    run = Run(
        arm=trial.arm,
        seed=trial.seed,
        rate_factor=trial.rate_factor,
        tokens=trial.recipe.steps * trial.recipe.batch_windows * trial.shape.context,
        epochs=trial.epochs,
        train_loss=loss,
        seconds=round(time.monotonic() - started, 2),
        nats={name: part.nats.tolist() for name, part in found.items()},
        bytes={name: part.bytes.tolist() for name, part in found.items()},
        accuracy={name: part.accuracy for name, part in found.items()},
    )
    write_json(str(trial.result), asdict(run))


def measure_speed(shape: Shape, recipe: Recipe, device: str, seconds: float) -> float:
    """Training tokens per second of one worker, on random tokens, after a warm-up of three steps."""
    _one_thread(device)
    tokens = recipe.batch_windows * shape.context
    stream = Stream(
        np.random.default_rng(0).integers(0, shape.vocabulary, 4 * tokens + 1).astype(np.int32)
    )
    recipe = replace(recipe, steps=1_000_000, device=device)
    model = Transformer(shape, 0).to(choose_device(device))
    started = steps = 0.0
    for step in fit(model, make_optimiser(model, recipe), stream, recipe):
        float(step.loss)
        if step.number == 3:
            started = time.monotonic()
        elif step.number > 3:
            steps += 1
            if time.monotonic() - started >= seconds:
                break
    return steps * tokens / (time.monotonic() - started)


def _one_thread(device: str | None) -> None:
    if device == "cpu":
        torch.set_num_threads(1)
