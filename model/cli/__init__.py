"""The trainer's commands of `curate`.

Enters: options. Leaves: one call each. PyTorch is imported only by the command that needs it.
"""

from __future__ import annotations

from collections.abc import Callable

from model.cli.ablate import ablate, search
from model.cli.evaluate import evaluate
from model.cli.train import train
from model.cli.use import finetune, generate, serve

COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "search": search,
    "evaluate": evaluate,
    "generate": generate,
    "finetune": finetune,
    "serve": serve,
    "ablate": ablate,
}
