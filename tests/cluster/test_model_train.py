"""Training learns, resumes with the same bits, refuses to go on with other data, and says how it went."""

from __future__ import annotations

import csv
import json
import math
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from curate.errors import InputError, WorkError
from curate.tokens.formats import Folder
from curate.tokens.shards import write_shard
from curate.tokens.tokenizer import Training
from curate.tokens.tokenizer import train as train_tokenizer
from model import cli as command
from model.architecture.shape import Shape, training_flops_per_token
from model.architecture.transformer import Transformer
from model.checkpoints.export import load
from model.data import Stream, Windows
from model.training.metrics import Report, Step
from model.training.parallel import Ranks, join
from model.training.recipe import Recipe
from model.training.reports import open_writers
from model.training.train import choose_device, fit, make_optimiser, train

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
TINY = Shape(vocabulary=64, width=32, layers=2, heads=2, kv_heads=1, hidden=48, context=16)
RECIPE = Recipe(steps=100, batch_windows=4, device="cpu", checkpoint_steps=50, log_steps=5)
GOLDEN = Path(__file__).parents[1] / "golden" / "losses.json"
DATA = Stream(np.random.default_rng(0).integers(0, 64, 3000))


@dataclass(frozen=True)
class Cut(Stream):
    """Data that ends in an interruption before step `end`."""

    end: int = 70

    def batch(self, step: int, *args: int, **kwargs: int) -> Windows:
        if step == self.end:
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


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("objective", ["causal", "masked", "prefix"])
def test_chance_is_resumed_too(objective: Any, optimiser: Any, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=16, checkpoint_steps=8, objective=objective, optimiser=optimiser)
    shape = replace(TINY, vocabulary=65, dropout=0.2)
    whole = train(DATA, shape, recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(Cut(DATA.tokens, 12), shape, recipe, tmp_path / "cut")
    torch.manual_seed(7)
    cut = train(DATA, shape, recipe, tmp_path / "cut")
    for name in ("model.safetensors", "checkpoints/step-00000016/optimiser.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
    written = json.loads((cut / "config.json").read_text())
    assert written.get("curate_objective", "causal") == objective
    dropless = train(DATA, replace(shape, dropout=0.0), recipe, tmp_path / "dropless")
    assert _metrics(dropless)[0]["loss"] != _metrics(whole)[0]["loss"]


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


@pytest.mark.parametrize("objective", ["causal", "masked", "prefix"])
def test_accumulated_gradients_are_those_of_the_whole_batch(objective: Any) -> None:
    weights = []
    for micro in (None, 4, 3, 1):
        model = Transformer(replace(TINY, vocabulary=65))
        recipe = replace(RECIPE, steps=5, batch_windows=8, micro_windows=micro, objective=objective)
        losses = [float(s.loss) for s in fit(model, make_optimiser(model, recipe), DATA, recipe)]
        weights.append((losses, model.state_dict()))
    for losses, state in weights[1:]:
        assert losses == pytest.approx(weights[0][0], rel=1e-5)
        for name, value in state.items():
            torch.testing.assert_close(value, weights[0][1][name], atol=2e-4, rtol=1e-3)


def test_recomputed_blocks_give_the_same_bits() -> None:
    losses = []
    for recompute in (False, True):
        model, recipe = Transformer(TINY), replace(RECIPE, steps=5, recompute=recompute)
        losses.append(
            [float(s.loss) for s in fit(model, make_optimiser(model, recipe), DATA, recipe)]
        )
    assert losses[0] == losses[1]


def test_bf16_is_close_to_fp32() -> None:
    losses = []
    for bf16 in (False, True):
        model, recipe = Transformer(TINY), replace(RECIPE, steps=5, bf16=bf16)
        losses.append(
            [float(s.loss) for s in fit(model, make_optimiser(model, recipe), DATA, recipe)]
        )
    assert losses[0] == pytest.approx(losses[1], abs=0.05) and losses[0] != losses[1]


def test_losses_are_those_of_the_golden_file() -> None:
    """Made by this test's loop; a change of it is a change of what training does."""
    golden = json.loads(GOLDEN.read_text())
    for objective in ("causal", "masked", "prefix"):
        model = Transformer(replace(TINY, vocabulary=65))
        recipe = replace(RECIPE, steps=8, objective=objective)
        losses = [float(s.loss) for s in fit(model, make_optimiser(model, recipe), DATA, recipe)]
        assert losses == pytest.approx(golden[objective], abs=1e-4)


def test_the_first_loss_is_the_logarithm_of_the_vocabulary() -> None:
    for objective in ("causal", "masked", "prefix"):
        model = Transformer(
            Shape(vocabulary=2048, width=64, layers=1, heads=1, kv_heads=1, context=64)
        )
        recipe = replace(RECIPE, objective=objective, steps=1)
        step = next(fit(model, make_optimiser(model, recipe), DATA, recipe))
        assert float(step.loss) == pytest.approx(math.log(2048), abs=0.3)


def test_one_batch_is_learnt_by_heart() -> None:
    batch = Stream(DATA.tokens[: 4 * 16 + 1])
    model, recipe = Transformer(TINY), replace(RECIPE, steps=120, learning_rate=1e-2)
    losses = [float(s.loss) for s in fit(model, make_optimiser(model, recipe), batch, recipe)]
    assert losses[0] > 4 > 0.05 > losses[-1]


def test_training_learns(tmp_path: Path) -> None:
    pattern = Stream(np.tile(np.arange(10), 400))
    train(pattern, TINY, replace(RECIPE, steps=60), tmp_path, validation=pattern)
    rows = _metrics(tmp_path)
    assert rows[0]["loss"] > 2 > 0.2 > rows[-1]["validation_loss"]


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
        {"clip": 0},
        {"betas": (0.9, 1.0)},
        {"masked_ratio": 0},
        {"objective": "prefixed"},
        {"optimiser": "sgd"},
        {"schedule": "step"},
        {"sharding": "half"},
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
    (tmp_path / "shards/shards/tokenizer.json").unlink()
    with pytest.raises(InputError, match="run the tokenize step again"):
        command.train(str(tmp_path / "shards"), str(tmp_path / "none"), 3, 4, **options)
    _shards(tmp_path / "again", {"train": 3000})
    with pytest.raises(InputError, match="steps"):
        command.train(str(tmp_path / "again"), str(tmp_path / "none"), 0, 4, **options)


def test_tokens_beyond_the_vocabulary_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="token 64, the model only 64"):
        train(Stream(np.full(3000, 64)), TINY, RECIPE, tmp_path)


def test_reports_agree_and_forget_what_is_done_again(tmp_path: Path) -> None:
    reports = ("csv", "tensorboard") if find_spec("tensorboard") else ("csv",)
    recipe = replace(RECIPE, steps=12, checkpoint_steps=6, log_steps=2)
    with pytest.raises(KeyboardInterrupt):
        train(Cut(DATA.tokens, 9), TINY, recipe, tmp_path, report_to=reports)
    train(DATA, TINY, recipe, tmp_path, validation=DATA, report_to=reports)
    rows = _metrics(tmp_path)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        table = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    assert table == rows and [row["step"] for row in rows if "loss" in row] == [*range(2, 13, 2)]
    if "tensorboard" in reports:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        losses = {event.step: event.value for event in events.Scalars("loss")}
        assert losses == pytest.approx({row["step"]: row["loss"] for row in rows if "loss" in row})
        assert len(events.Scalars("loss")) == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mlflow", "known: csv, tensorboard, wandb"),
        ("wandb", r"pip install 'curate\[trainer-logs\]'"),
    ],
)
def test_a_report_that_cannot_be_is_refused(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match=message):
        train(DATA, TINY, RECIPE, tmp_path, report_to=(name,))


def test_the_line_says_speed_utilisation_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("model.training.metrics.time.monotonic", lambda: now)
    shown: list[str] = []
    rows: list[Any] = []
    report = Report([SimpleNamespace(write=rows.append)], RECIPE, TINY, 50)  # type: ignore[list-item]
    monkeypatch.setattr(report.line, "show", shown.append)
    norm = torch.tensor(1.0)
    now, peak = 2.0, 640 * training_flops_per_token(TINY)
    report.log(Step(60, torch.tensor(2.0), norm, 0.1), peak)
    now = 100.0  # a checkpoint was written
    report.skip_time()
    now = 104.0
    report.log(Step(70, torch.tensor(1.5), norm, 0.1))
    assert shown == [
        "train  step 60/100  loss 2.000  320 tokens/s  MFU 50%  about 0:08 left",
        "train  step 70/100  loss 1.500  160 tokens/s  about 0:12 left",
    ]
    assert rows[0]["mfu"] == 0.5 and "mfu" not in rows[1]


def test_lines_that_cannot_be_read_are_not_kept(tmp_path: Path) -> None:
    for report in open_writers(["csv"], tmp_path, 0, {}):
        for step in (1, 2, 3):
            report.write({"step": step, "loss": 0.5})
    for name, broken in (
        ("metrics.jsonl", '{"step": 2}x\n[]\n{"step": 1'),
        ("metrics.csv", "x\n1"),
    ):
        with (tmp_path / name).open("a") as file:
            file.write(broken)
    open_writers(["csv"], tmp_path, 2, {})
    assert _metrics(tmp_path) == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.5}]
    rows = (tmp_path / "metrics.csv").read_text().splitlines()[1:]
    assert rows == ["1,,0.5,,,,,", "2,,0.5,,,,,"]
    assert not list(tmp_path.glob("*.partial"))


def test_processes_go_on_from_one_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def reduce(mine: torch.Tensor, op: object) -> None:
        torch.maximum(mine, torch.tensor([4, -4]), out=mine)

    monkeypatch.setattr("model.training.parallel.dist.all_reduce", reduce)
    Ranks(1, 2).agree(4, torch.device("cpu"))
    for step in (0, 8):
        with pytest.raises(InputError, match="different checkpoints"):
            Ranks(1, 2).agree(step, torch.device("cpu"))


def test_a_process_that_fails_alone_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("model.training.parallel.dist.is_initialized", lambda: True)
    with pytest.raises(SystemExit), join(replace(RECIPE, batch_windows=3)):
        pass
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit), join(RECIPE):
        raise InputError("no disk")
    assert capsys.readouterr().err == "curate: process 1: no disk\n"


@pytest.mark.parametrize(
    ("device", "message"), [("cuda:0", "use device cuda"), ("cuda", "LOCAL_RANK is not set")]
)
def test_a_process_without_a_device_of_its_own_is_refused(
    device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr("model.training.parallel.choose_device", torch.device)
    with pytest.raises(InputError, match=message), join(replace(RECIPE, device=device)):
        pass


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "cuda:-1", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(InputError, match="device") as caught:
        choose_device(device)
    assert "\n" not in str(caught.value)


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    train(DATA, TINY, replace(RECIPE, steps=2), tmp_path)
    (tmp_path / "checkpoints/step-00000002/optimiser.safetensors").write_bytes(b"12345678")
    with pytest.raises(InputError, match="step-00000002: the checkpoint cannot be read"):
        train(DATA, TINY, replace(RECIPE, steps=2), tmp_path)


def test_a_run_may_go_on_on_another_machine(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=8, checkpoint_steps=4)
    with pytest.raises(KeyboardInterrupt):
        train(Cut(DATA.tokens, 6), TINY, recipe, tmp_path)
    train(DATA, TINY, replace(recipe, micro_windows=2, recompute=True, log_steps=2), tmp_path)
    assert [row["step"] for row in _metrics(tmp_path)] == [4, 6, 8]


def _shards(folder: Path, sizes: dict[str, int]) -> None:
    """A committed `tokenize` output with splits of so many tokens."""
    (folder / "shards").mkdir(parents=True)
    encoding = train_tokenizer(["a few words"], Training(vocabulary=320))
    (folder / "shards/tokenizer.json").write_text(encoding.json)
    shards = []
    for split, tokens in sizes.items():
        payload = np.arange(tokens, dtype="uint16") % 300
        to = Folder.at(f"{folder}/shards")
        shard, _ = write_shard([payload.tobytes()], to, f"{split}-00000", "uint16")
        shards.append({"split": split, "file": shard.file})
    about = {"vocabulary": encoding.vocabulary, "eos": 0, "shards": shards}
    manifest = {"slices": [{"files": ["shards/tokenizer.json"], "tokens": about}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
