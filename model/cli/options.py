"""Options that several of the trainer's commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Folder of a model: ours or any causal one.")
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1; default a GPU if there is one.")
]
