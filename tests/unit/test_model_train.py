"""Training resumes with the same bits and refuses to go on with other data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curate.errors import InputError, WorkError
from curate.tokens.shards import write_shard
from curate.tokens.tokenizer import train as train_tokenizer
from model import cli as command
from model.data import Stream, Windows
from model.export import load
from model.recipe import Recipe, learning_rate
from model.shape import Shape
from model.train import fit, make_optimiser, train
from model.transformer import Transformer

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
TINY = Shape(vocabulary=64, width=32, layers=2, heads=2, kv_heads=1, hidden=48, context=16)
RECIPE = Recipe(steps=100, batch_windows=4, device="cpu", checkpoint_steps=50, log_steps=5)
DATA = Stream(np.random.default_rng(0).integers(0, 64, 3000))


class Cut(Stream):
    """Data that ends in an interruption at step 70."""

    def batch(self, step: int, *args: int, **kwargs: int) -> Windows:
        if step == 70:
            raise KeyboardInterrupt
        return super().batch(step, *args, **kwargs)


def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = train(DATA, TINY, RECIPE, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(Cut(DATA.tokens), TINY, RECIPE, tmp_path / "cut")
    assert not (tmp_path / "cut/model.safetensors").exists()
    cut = train(DATA, TINY, RECIPE, tmp_path / "cut")
    for name in ("model.safetensors", "checkpoints/step-00000100/optimiser.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
    losses = [[row["loss"] for row in _metrics(folder)] for folder in (whole, cut)]
    assert losses[0] == losses[1] and len(losses[0]) == 20


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=10)
    first = train(DATA, TINY, recipe, tmp_path)
    before = (first / "model.safetensors").read_bytes()
    train(Cut(DATA.tokens), TINY, recipe, tmp_path)
    assert (first / "model.safetensors").read_bytes() == before
    assert [row["step"] for row in _metrics(tmp_path)] == [5, 10]


@pytest.mark.parametrize(
    ("data", "shape", "recipe", "message"),
    [
        (Stream(DATA.tokens[::-1]), TINY, RECIPE, "another data"),
        (DATA, replace(TINY, layers=1), RECIPE, "another shape .layers 2 then, 1 now"),
        (DATA, TINY, replace(RECIPE, learning_rate=1e-3), "learning_rate 0.0046 then, 0.001 now"),
    ],
)
def test_another_run_is_not_continued(
    data: Stream, shape: Shape, recipe: Recipe, message: str, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(Cut(DATA.tokens), TINY, RECIPE, tmp_path)
    with pytest.raises(InputError, match=message):
        train(data, shape, recipe, tmp_path)
    train(data, shape, replace(recipe, steps=2), tmp_path, resume=False)
    assert load(tmp_path)[0].shape == shape


def test_accumulated_gradients_are_those_of_the_whole_batch() -> None:
    weights = []
    for micro in (None, 4, 3, 1):
        model = Transformer(TINY)
        recipe = replace(RECIPE, steps=5, batch_windows=8, micro_windows=micro)
        losses = [float(s.loss) for s in fit(model, make_optimiser(model, recipe), DATA, recipe)]
        weights.append((losses, model.state_dict()))
    for losses, state in weights[1:]:
        assert losses == pytest.approx(weights[0][0], rel=1e-5)
        for name, value in state.items():
            torch.testing.assert_close(value, weights[0][1][name], atol=2e-4, rtol=1e-3)


def test_training_learns(tmp_path: Path) -> None:
    pattern = Stream(np.tile(np.arange(10), 400))
    train(pattern, TINY, replace(RECIPE, steps=60), tmp_path, validation=pattern)
    rows = _metrics(tmp_path)
    assert rows[0]["loss"] > 2 > 0.2 > rows[-1]["validation_loss"]


def test_embeddings_and_norms_do_not_decay() -> None:
    model = Transformer(TINY)
    decayed, plain = make_optimiser(model, RECIPE).param_groups
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert decayed["weight_decay"] == 0.1 and plain["weight_decay"] == 0
    assert all(names[id(weight)].endswith("proj.weight") for weight in decayed["params"])
    assert {"model.embed_tokens.weight", "model.norm.weight"} <= {
        names[id(weight)] for weight in plain["params"]
    }


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ("wsd", [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]),
    ],
)
def test_schedules(schedule: str, rates: list[float]) -> None:
    recipe = Recipe(10, learning_rate=1, warmup_ratio=0.2, decay_ratio=0.4, schedule=schedule)  # type: ignore[arg-type]
    assert [learning_rate(recipe, step) for step in range(10)] == pytest.approx(rates, abs=1e-3)


def test_a_diverged_run_stops(tmp_path: Path) -> None:
    wild = replace(RECIPE, learning_rate=1e30, clip=None, warmup_ratio=0.0)
    with pytest.raises(WorkError, match="diverged"):
        train(DATA, TINY, wild, tmp_path)


def test_weights_that_are_no_longer_numbers_are_not_kept(tmp_path: Path) -> None:
    wild = replace(RECIPE, learning_rate=1e30, clip=None, warmup_ratio=0.0)
    with pytest.raises(WorkError, match="diverged at step 3"):
        train(DATA, TINY, replace(wild, log_steps=50, checkpoint_steps=3), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"micro_windows": 0},
        {"learning_rate": 0},
        {"warmup_ratio": 1.5},
        {"decay_ratio": 0},
        {"seed": -1},
    ],
)
def test_an_impossible_recipe_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="training recipe"):
        replace(RECIPE, **change)


def test_held_out_shards_shorter_than_a_window_validate_nothing(tmp_path: Path) -> None:
    _shards(tmp_path / "shards", {"train": 3000, "heldout": 20})
    options = {"width": 64, "layers": 1, "seed": 0, "restart": False, "learning_rate": 1e-3}
    command.train(str(tmp_path / "shards"), str(tmp_path / "short"), 3, 4, context=32, **options)
    command.train(str(tmp_path / "shards"), str(tmp_path / "long"), 3, 4, context=16, **options)
    assert ["validation_loss" in row for row in _metrics(tmp_path / "short")] == [False]
    assert ["validation_loss" in row for row in _metrics(tmp_path / "long")] == [False, True]
    assert load(tmp_path / "long")[1] is not None
    with pytest.raises(InputError, match="steps"):
        command.train(str(tmp_path / "shards"), str(tmp_path / "none"), 0, 4, **options)


def test_tokens_beyond_the_vocabulary_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="token 64, the model only 64"):
        train(Stream(np.full(3000, 64)), TINY, RECIPE, tmp_path)


def _shards(folder: Path, sizes: dict[str, int]) -> None:
    """A committed `tokenize` output with splits of so many tokens."""
    (folder / "shards").mkdir(parents=True)
    encoding = train_tokenizer(["a few words"], 320)
    (folder / "shards/tokenizer.json").write_text(encoding.json)
    shards = []
    for split, tokens in sizes.items():
        payload = np.arange(tokens, dtype="uint16") % 300
        shard = write_shard([payload.tobytes()], f"{folder}/shards", f"{split}-00000", "uint16")
        shards.append({"split": split, "file": shard.file})
    about = {"vocabulary": encoding.vocabulary, "eos": 0, "shards": shards}
    manifest = {"slices": [{"files": ["shards/tokenizer.json"], "tokens": about}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
