"""Several processes train the model one process would, a killed run goes on, compiled code is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import training_run
from safetensors.torch import load_file
from training_run import RECIPE, SHAPE

from model.architecture.transformer import Transformer
from model.data import Stream
from model.training.optimiser import make_optimiser
from model.training.train import fit, train

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "training_run.py"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
CASES: dict[str, dict[str, Any]] = {
    "replicated": {},
    "accumulated": {"micro_windows": 3},
    "masked": {"objective": "masked", "micro_windows": 1},
    "muon": {"optimiser": "muon", "objective": "prefix"},
    "sharded": {"sharding": "full", "micro_windows": 2},
    "sharded masked": {"sharding": "full", "objective": "masked", "recompute": True},
    "sharded muon": {"sharding": "full", "optimiser": "muon"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two processes: every case, and one that was interrupted, with a part of it by one process."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [{"output": str(folder / name), **fields} for name, fields in CASES.items()]
    cut = {"output": str(folder / "cut"), "checkpoint_steps": 2, "sharding": "full"}
    _two_processes([*runs, {**cut, "interrupted_at": 3}])
    training_run.run(**{**cut, "interrupted_at": 5})
    _two_processes([cut])
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_do_what_one_does(name: str, folder: Path, tmp_path: Path) -> None:
    training_run.run(str(tmp_path), **{**CASES[name], "sharding": "none", "micro_windows": None})
    bf16 = CASES[name].get("optimiser") == "muon"  # in which it makes its steps orthogonal
    _same(tmp_path, folder / name, *((1e-3, 5e-3) if bf16 else ()))


def test_a_run_goes_on_with_another_number_of_processes(folder: Path, tmp_path: Path) -> None:
    training_run.run(str(tmp_path), checkpoint_steps=2)
    _same(tmp_path, folder / "cut")
    assert (folder / "cut/checkpoints/step-00000006").exists()


def test_a_batch_that_cannot_be_dealt_out_is_refused_once(tmp_path: Path) -> None:
    process = _start(TORCHRUN, [{"output": str(tmp_path), "batch_windows": 3}])
    errors = process.communicate()[1]
    assert process.returncode != 0
    assert errors.count("batch_windows 3 cannot be dealt out evenly to 2 processes") == 1


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    fields = {
        "steps": 300, "checkpoint_steps": 10, "objective": "masked", "dropout": 0.1, "log_steps": 5,
    }  # fmt: skip
    output = tmp_path / "killed"
    process = _start((), [{"output": str(output), **fields}])
    while not (output / "checkpoints/step-00000030").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    steps = sorted(int(path.name[5:]) for path in (output / "checkpoints").glob("step-*"))
    assert not (output / "model.safetensors").exists() and steps[-1] < 300
    training_run.run(str(output), **fields)
    training_run.run(str(tmp_path / "whole"), **fields)
    for name in ("model.safetensors", "checkpoints/step-00000300/optimiser.safetensors"):
        assert (output / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert _losses(output) == _losses(tmp_path / "whole")


def test_compiled_training_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the generated code, whose compiling would take the longest here; one graph for all runs."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    torch.compiler.reset()
    graphs = torch._dynamo.utils.counters["stats"]
    for objective in ("causal", "masked", "prefix"):
        losses, counts = [], []
        for compiled in (False, True, True):
            model = Transformer(SHAPE)
            names = list(model.state_dict())
            recipe = replace(RECIPE, compile=compiled, objective=objective)
            steps = fit(model, make_optimiser(model, recipe), Stream(training_run.TOKENS), recipe)
            losses.append([float(step.loss) for step in steps])
            counts.append(graphs["unique_graphs"])
            assert list(model.state_dict()) == names
        assert losses[1] == losses[2] == pytest.approx(losses[0], rel=1e-5)
        assert counts[0] < counts[1] == counts[2]


def test_an_offline_run_of_wandb_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    train(Stream(training_run.TOKENS), SHAPE, RECIPE, tmp_path, report_to=("wandb",))
    [run] = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"gradient_norm" in run.read_bytes()


def _two_processes(runs: list[dict[str, Any]]) -> None:
    process = _start(TORCHRUN, runs)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors[-3000:]


def _start(launcher: Sequence[str], runs: list[dict[str, Any]]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, str(SCRIPT), json.dumps(runs)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def _same(one: Path, several: Path, losses: float = 1e-5, weights: float = 2e-4) -> None:
    """Losses, weights and the optimiser's state up to rounding, by default that of fp32."""
    assert _losses(several) == pytest.approx(_losses(one), rel=losses)
    for name in ("model.safetensors", "checkpoints/step-00000006/optimiser.safetensors"):
        expected, found = load_file(one / name), load_file(several / name)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, atol=weights, rtol=1e-3)


def _losses(folder: Path) -> list[float]:
    return [
        json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]
