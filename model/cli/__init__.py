"""The trainer's commands of `curate`.

Enters: options. Leaves: one call each. PyTorch is imported only by the command that needs it.
"""

from __future__ import annotations

import typer

from model.cli.ablate import ablate, search
from model.cli.evaluate import evaluate
from model.cli.train import train
from model.cli.use import finetune, generate, serve


def register(app: typer.Typer) -> None:
    """Add the commands to `curate`."""
    for command in (train, search, evaluate, generate, finetune, serve, ablate):
        app.command()(command)
