"""One run of an ablation: a stream in, a scored model's numbers out.

The decision that matters: the model itself is thrown away; what is kept is its loss on every
held-out document, from which every statistic can be made again. A result is put in place in one
piece, so a killed run leaves nothing that looks finished. Before anything is trained, the stream is
searched for held-out documents.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from curate.errors import WorkError
from curate.store import write_json
from curate.tokens.tokenizer import load
from model.ablation.heldout import trained_on
from model.ablation.resident import ResidentStream, fresh_model, resident_losses
from model.ablation.runs import Run
from model.architecture.shape import Shape, parameter_count
from model.architecture.transformer import Transformer
from model.data import Stream, Tokens
from model.evaluation.evaluate import evaluate
from model.training.recipe import Recipe
from model.training.train import choose_device, fit, make_optimiser

CURVE_POINTS = 50
WARM_UP_STEPS = 3


@dataclass(frozen=True)
class Trial:
    """An arm, a seed and a learning rate; where the stream, the held-out texts and the result are."""

    arm: str
    seed: int
    rate_factor: float
    table: str
    shape: Shape
    recipe: Recipe
    stream: Path
    folder: Path
    result: Path


def run_trial(trial: Trial) -> None:
    """Train, score every held-out set, write the result.

    WorkError: the loss is no longer a number (at the usual learning rate; elsewhere that is a result), or the stream holds a held-out document.
    """
    device = choose_device(trial.recipe.device)
    _one_thread(device)
    started = time.monotonic()
    tokens, epochs = read_stream(trial.stream)
    _trip_wire(trial, tokens)
    model = fresh_model(trial.shape, trial.recipe.seed, device)
    losses = list(_losses(model, tokens, trial.recipe, device))
    loss = float(losses[-1])
    if not math.isfinite(loss) and trial.rate_factor == 1:
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
        epochs=epochs,
        train_loss=loss,
        seconds=round(time.monotonic() - started, 2),
        nats={name: part.nats.tolist() for name, part in found.items()},
        bytes={name: part.bytes.tolist() for name, part in found.items()},
        accuracy={name: part.accuracy for name, part in found.items()},
        losses=curve(losses),
        table=trial.table,
        parameters=parameter_count(trial.shape),
    )
    write_json(str(trial.result), asdict(run))


def _losses(
    model: Transformer, tokens: Tokens, recipe: Recipe, device: torch.device
) -> Iterator[Tensor]:
    """The loss of each step of a run."""
    optimiser = make_optimiser(model, recipe)
    if device.type == "cuda":
        yield from resident_losses(model, optimiser, ResidentStream(tokens, device), recipe)
    else:
        yield from (step.loss.detach() for step in fit(model, optimiser, Stream(tokens), recipe))


def _trip_wire(trial: Trial, tokens: Tokens) -> None:
    hashes = json.loads((trial.folder / "heldout-hashes.json").read_text(encoding="utf-8"))
    found = trained_on(tokens, trial.shape.eos, hashes)
    if found is not None:
        raise WorkError(
            f"{trial.arm}, seed {trial.seed}: the training stream holds the held-out document {found}; "
            "bits per byte would be wrong"
        )


def curve(losses: Sequence[Tensor]) -> list[float]:
    """The mean loss of each of at most CURVE_POINTS equally long parts of a run."""
    parts = np.array_split(
        torch.stack(list(losses)).float().cpu().numpy(), min(CURVE_POINTS, len(losses))
    )
    return [round(float(part.mean()), 4) for part in parts]


def write_stream(path: Path, tokens: Tokens, epochs: float) -> None:
    """A stream and how often its run reads the arm, put in one piece."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, tokens=tokens, epochs=np.float64(epochs))
    partial.replace(path)


def read_stream(path: Path) -> tuple[Tokens, float]:
    """What `write_stream` wrote."""
    with np.load(path) as stored:
        return stored["tokens"], float(stored["epochs"])


def measure_speed(shape: Shape, recipe: Recipe, device: str, seconds: float) -> float:
    """Training tokens per second of one worker, on random tokens, after a warm-up of a few steps."""
    chosen = choose_device(device)
    _one_thread(chosen)
    step_tokens = recipe.batch_windows * shape.context
    tokens = np.random.default_rng(0).integers(0, shape.vocabulary, 4 * step_tokens + 1)
    recipe = replace(recipe, steps=1_000_000, device=device)
    model = fresh_model(shape, 0, chosen)
    started = 0.0
    for number, loss in enumerate(_losses(model, tokens.astype(np.int32), recipe, chosen), 1):
        if number < WARM_UP_STEPS:
            continue
        float(loss)  # waits for the device
        if number == WARM_UP_STEPS:
            started = time.monotonic()
        elif time.monotonic() - started >= seconds:
            break
    return (number - WARM_UP_STEPS) * step_tokens / (time.monotonic() - started)


def _one_thread(device: torch.device) -> None:
    if device.type == "cpu":
        torch.set_num_threads(1)
