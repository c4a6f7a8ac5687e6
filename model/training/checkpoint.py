"""The state of a run on disk, and going on from it.

In/out: `checkpoints/step-N/`, each a complete Hugging Face folder with `optimiser.safetensors`, whose
tensors are called `<kind>/<weight>` (`exp_avg/lm_head.weight`), and `training.json`, which says of what.
The decision that matters: a checkpoint appears by a rename, so a killed run leaves only whole ones, and
nothing is pickled. It does not depend on how many processes wrote it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from curate.errors import InputError
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.checkpoints.export import export, first_line, load
from model.data import Batches
from model.training.parallel import ALONE, Ranks, gathered, is_sharded, scattered
from model.training.recipe import Recipe

OPTIMISER, STATE = "optimiser.safetensors", "training.json"
KEEP_CHECKPOINTS = 2
# what may differ when a run is continued, on another machine for example
FREE = ("log_steps", "checkpoint_steps", "device", "micro_windows", "compile", "recompute", "sharding")  # fmt: skip


def settings(batches: Batches, shape: Shape, recipe: Recipe) -> dict[str, Any]:
    """What must be the same for a run to be continued: JSON values only."""
    kept = {f.name: getattr(recipe, f.name) for f in fields(recipe) if f.name not in FREE}
    content = {"shape": asdict(shape), "recipe": kept, "data": batches.fingerprint}
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def save(
    output: Path,
    model: Transformer,
    optimiser: torch.optim.Optimizer,
    tokenizer: Tokenizer | None,
    state: dict[str, Any],
    ranks: Ranks = ALONE,
) -> None:
    """Write `checkpoints/step-N` whole or not at all, and keep the newest few. All processes call it."""
    whole = gathered_model(model, ranks)
    tensors = {
        name: tensor.cpu().contiguous() for name, tensor in _moments(model, optimiser, ranks)
    }
    if ranks.first:
        for left in (output / "checkpoints").glob(".partial*"):
            shutil.rmtree(left)
        partial = output / "checkpoints" / ".partial"
        export(whole, tokenizer, partial, state["recipe"]["objective"])
        save_file(tensors, partial / OPTIMISER)
        (partial / STATE).write_text(json.dumps(state, indent=2), encoding="utf-8")
        folder = partial.with_name(f"step-{state['step']:08d}")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        for old in found(output)[:-KEEP_CHECKPOINTS]:
            shutil.rmtree(old)
    ranks.wait()


def restore(
    output: Path, model: Transformer, optimiser: torch.optim.Optimizer, wanted: dict[str, Any]
) -> int:
    """Load the newest checkpoint into `model` and `optimiser`; the steps it had done, 0 without one.

    InputError: it belongs to another shape, recipe or data (the line names what differs), or is broken.
    """
    checkpoints = found(output)
    if not checkpoints:
        return 0
    newest = checkpoints[-1]
    try:
        state = json.loads((newest / STATE).read_text(encoding="utf-8"))
        _compare(newest, state, wanted)
        _load_weights(newest, model)
        _load_moments(newest / OPTIMISER, model, optimiser)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(
            f"{newest}: the checkpoint cannot be read ({first_line(error)}); "
            "delete it to go on from the one before"
        ) from None
    return int(state["step"])


def found(output: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted((output / "checkpoints").glob("step-*"))


def gathered_model(model: Transformer, ranks: Ranks) -> Transformer:
    """The model itself, or a copy with all weights in the first process if they are split."""
    if not is_sharded(model):
        return model
    whole = {name: gathered(tensor.detach()).cpu() for name, tensor in model.state_dict().items()}
    if not ranks.first:
        return model
    copy = Transformer(model.shape)
    copy.load_state_dict(whole)
    return copy


def _moments(
    model: Transformer, optimiser: torch.optim.Optimizer, ranks: Ranks
) -> Iterator[tuple[str, Tensor]]:
    for name, weight in model.named_parameters():
        for kind, tensor in sorted(optimiser.state[weight].items()):
            whole = gathered(tensor)
            if ranks.first:
                yield f"{kind}/{name}", whole


def _load_weights(folder: Path, model: Transformer) -> None:
    weights = load(folder)[0].state_dict()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(scattered(weights[name], tensor))


def _load_moments(path: Path, model: Transformer, optimiser: torch.optim.Optimizer) -> None:
    weights = dict(model.named_parameters())
    with safe_open(path, "pt") as file:
        for key in file.keys():  # noqa: SIM118  (not a dict)
            kind, name = key.split("/", 1)
            weight = weights[name]
            optimiser.state[weight][kind] = scattered(file.get_tensor(key), weight)


def _compare(folder: Path, state: dict[str, Any], wanted: dict[str, Any]) -> None:
    for part, value in wanted.items():
        if state[part] != value:
            raise InputError(
                f"{folder}: made with another {part} ({_difference(state[part], value)}); "
                "use a new output folder or do not resume"
            )


def _difference(old: Any, new: Any) -> str:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return f"{str(old)[:12]} then, {str(new)[:12]} now"
    pairs = [(key, old.get(key), new.get(key)) for key in {**new, **old}]
    return ", ".join(f"{key} {then} then, {now} now" for key, then, now in pairs if then != now)
