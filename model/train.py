"""Train a decoder on token windows.

In: batches (see `model.data`), a shape, a recipe. Out: a Hugging Face folder; beside it
`metrics.jsonl` and `checkpoints/step-N/`, each a complete checkpoint with the optimiser's state.
The decision that matters: weights, optimiser and step number are the whole state, so a resumed run
on the CPU ends with the same bits as one that was never interrupted. Nothing is pickled.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from curate.errors import InputError, WorkError
from curate.progress import Line
from model.data import Batches
from model.export import WEIGHTS, export, load
from model.recipe import Recipe, learning_rate
from model.shape import Shape
from model.transformer import Transformer

OPTIMISER, STATE, METRICS = "optimiser.safetensors", "training.json", "metrics.jsonl"
KEEP_CHECKPOINTS = 2
VALIDATION_BATCHES = 8


@dataclass(frozen=True)
class Step:
    """What one optimiser step did. number: steps finished; loss: nats per token before the step."""

    number: int
    loss: Tensor
    gradient_norm: Tensor
    learning_rate: float


def train(
    batches: Batches,
    shape: Shape,
    recipe: Recipe,
    output: str | Path,
    resume: bool = True,
    tokenizer: Tokenizer | None = None,
    validation: Batches | None = None,
) -> Path:
    """Train to `recipe.steps` and return `output`, a folder that `transformers` loads.

    With `resume` the newest checkpoint in `output` is continued. InputError: that checkpoint was
    made with another shape, recipe or data. WorkError: the loss is no longer a number.
    """
    output = Path(output)
    settings = _settings(batches, shape, recipe)
    model = Transformer(shape, recipe.seed).to(choose_device(recipe.device))
    optimiser = make_optimiser(model, recipe)
    first = restore(output, model, optimiser, settings) if resume else _clear(output)
    output.mkdir(parents=True, exist_ok=True)
    _forget_metrics_after(output / METRICS, first)
    report = _Report(output / METRICS, recipe, shape, first)
    for step in fit(model, optimiser, batches, recipe, first):
        keep = step.number == recipe.steps or step.number % recipe.checkpoint_steps == 0
        if keep or step.number % recipe.log_steps == 0:
            report.log(step)
        if keep:
            if validation is not None:
                report.log_validation(step, validation_loss(model, validation, recipe))
            save(output, model, optimiser, tokenizer, {**settings, "step": step.number})
    report.line.clear()
    return export(model, tokenizer, output)


def fit(
    model: Transformer,
    optimiser: torch.optim.Optimizer,
    batches: Batches,
    recipe: Recipe,
    first: int = 0,
) -> Iterator[Step]:
    """Take the steps `first` to `recipe.steps`, yielding after each; writes nothing."""
    device = model.lm_head.weight.device
    model.train()
    for number in range(first, recipe.steps):
        rate = learning_rate(recipe, number)
        for group in optimiser.param_groups:
            group["lr"] = rate
        rows = batches.batch(number, recipe.batch_windows, model.shape.context, recipe.seed)
        if (highest := int(rows.max())) >= model.shape.vocabulary:
            raise InputError(
                f"the data holds token {highest}, the model only {model.shape.vocabulary}"
            )
        loss = _accumulate(model, torch.from_numpy(rows).to(device), recipe)
        limit = math.inf if recipe.clip is None else recipe.clip
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        yield Step(number + 1, loss, norm, rate)


def _accumulate(model: Transformer, windows: Tensor, recipe: Recipe) -> Tensor:
    """Gradients of the mean loss over all windows, whatever the micro-batch; returns that loss."""
    total = torch.zeros((), device=windows.device)
    for part in torch.split(windows, recipe.micro_windows or len(windows)):
        with torch.autocast(windows.device.type, torch.bfloat16, enabled=_bf16(recipe, windows)):
            loss = model.loss(part) * (len(part) / len(windows))
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total


def _bf16(recipe: Recipe, windows: Tensor) -> bool:
    return windows.is_cuda if recipe.bf16 is None else recipe.bf16


def make_optimiser(model: Transformer, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices but neither embeddings (with their tied output) nor norms."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        matrix = weight.ndim >= 2 and not name.endswith("embed_tokens.weight")
        (decayed if matrix else plain).append(weight)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


@torch.no_grad()
def validation_loss(model: Transformer, batches: Batches, recipe: Recipe) -> float:
    """Mean nats per token over the first few batches of `batches`, in fp32, always the same ones."""
    device = model.lm_head.weight.device
    losses = [
        model.loss(
            torch.from_numpy(batches.batch(number, recipe.batch_windows, model.shape.context)).to(
                device
            )
        )
        for number in range(VALIDATION_BATCHES)
    ]
    return float(torch.stack(losses).mean())


def choose_device(wanted: str | None) -> torch.device:
    """The device asked for, else CUDA where there is one, else the CPU. InputError: it is not there."""
    if wanted is not None and wanted.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {wanted}: this PyTorch sees no CUDA device; use device cpu")
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


def save(
    output: Path,
    model: Transformer,
    optimiser: torch.optim.Optimizer,
    tokenizer: Tokenizer | None,
    state: dict[str, Any],
) -> None:
    """Write `checkpoints/step-N` whole or not at all, and keep the newest few."""
    folder = output / "checkpoints" / f"step-{state['step']:08d}"
    partial = folder.with_name(f".partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    export(model, tokenizer, partial)
    tensors = {
        f"{kind}/{name}": optimiser.state[weight][kind].cpu().contiguous()
        for name, weight in model.named_parameters()
        for kind in ("step", "exp_avg", "exp_avg_sq")
    }
    save_file(tensors, partial / OPTIMISER)
    (partial / STATE).write_text(json.dumps(state, indent=2), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    for old in _checkpoints(output)[:-KEEP_CHECKPOINTS]:
        shutil.rmtree(old)


def restore(
    output: Path, model: Transformer, optimiser: torch.optim.Optimizer, settings: dict[str, Any]
) -> int:
    """Load the newest checkpoint into `model` and `optimiser`; the steps it had done, 0 without one.

    InputError: it belongs to another shape, recipe or data; the line names what differs.
    """
    found = _checkpoints(output)
    if not found:
        return 0
    state = json.loads((found[-1] / STATE).read_text(encoding="utf-8"))
    for part, value in settings.items():
        if state[part] != value:
            raise InputError(
                f"{found[-1]}: made with another {part} ({_difference(state[part], value)}); use a new output folder or do not resume"
            )
    model.load_state_dict(load(found[-1])[0].state_dict())
    tensors = load_file(found[-1] / OPTIMISER)
    for name, weight in model.named_parameters():
        moments = {
            kind: tensors[f"{kind}/{name}"].to(weight.device)
            for kind in ("step", "exp_avg", "exp_avg_sq")
        }
        optimiser.state[weight] = moments
    return int(state["step"])


def _settings(batches: Batches, shape: Shape, recipe: Recipe) -> dict[str, Any]:
    """What must be the same for a run to be continued: JSON values only."""
    free = ("log_steps", "checkpoint_steps", "device")
    kept = {f.name: getattr(recipe, f.name) for f in fields(recipe) if f.name not in free}
    settings = {"shape": asdict(shape), "recipe": kept, "data": batches.fingerprint}
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _difference(old: Any, new: Any) -> str:
    if not isinstance(old, dict):
        return f"{str(old)[:12]} then, {str(new)[:12]} now"
    return ", ".join(
        f"{key} {old.get(key)} then, {new[key]} now" for key in new if old.get(key) != new[key]
    )


def _checkpoints(output: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted((output / "checkpoints").glob("step-*"))


def _clear(output: Path) -> int:
    shutil.rmtree(output / "checkpoints", ignore_errors=True)
    for name in (METRICS, WEIGHTS):
        (output / name).unlink(missing_ok=True)
    return 0


def _forget_metrics_after(path: Path, step: int) -> None:
    """Drop lines about steps that will be taken again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        path.write_text("".join(kept), encoding="utf-8")


class _Report:
    """metrics.jsonl and the progress line."""

    def __init__(self, path: Path, recipe: Recipe, shape: Shape, first: int) -> None:
        self.path, self.recipe, self.first = path, recipe, first
        self.step_tokens = recipe.batch_windows * shape.context
        self.line, self.start = Line(), time.monotonic()

    def log(self, step: Step) -> None:
        """One line of metrics, and the progress line. WorkError: the loss is no longer a number."""
        loss, norm = float(step.loss), float(step.gradient_norm)
        if not math.isfinite(loss + norm):
            raise WorkError(
                f"training diverged at step {step.number}: loss {loss}, gradient norm {norm}; lower learning_rate or set clip"
            )
        seconds = time.monotonic() - self.start
        rate = (step.number - self.first) * self.step_tokens / max(seconds, 1e-9)
        self._write(
            step=step.number,
            tokens=step.number * self.step_tokens,
            loss=loss,
            learning_rate=step.learning_rate,
            gradient_norm=norm,
            tokens_per_second=round(rate),
        )
        left = (self.recipe.steps - step.number) * self.step_tokens / rate
        self.line.show(
            f"train  step {step.number}/{self.recipe.steps}  loss {loss:.3f}  {rate:,.0f} tokens/s  "
            f"about {int(left) // 60}:{int(left) % 60:02d} left"
        )

    def log_validation(self, step: Step, loss: float) -> None:
        """The loss on held-out windows after a step."""
        self._write(step=step.number, validation_loss=loss)

    def _write(self, **values: float) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
