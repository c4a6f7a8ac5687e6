"""Options that several commands share, and the two ways in which a command answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

Output = Annotated[str, typer.Option("--output", help="Folder to write to.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE…", help="Change the recipe, e.g. steps.language.low=.5"
    ),
]
Master = Annotated[
    str | None, typer.Option(help="Spark master; default SPARK_MASTER, else local[*].")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Name = Annotated[str | None, typer.Option(help="The dataset's name, as owner/name on the hub.")]
PrettyName = Annotated[str | None, typer.Option(help="Its title; default the name.")]
License = Annotated[str | None, typer.Option(help="Its licence, such as odc-by or cc-by-4.0.")]
Contact = Annotated[str | None, typer.Option(help="Whom to ask to take a document out.")]
RunDir = Annotated[str, typer.Argument(metavar="RUN_DIR", help="Output folder of a run.")]


def say(as_json: bool) -> Callable[[str], None]:
    """Where progress goes: to stderr when stdout is JSON for a program."""

    def tell(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    return tell


def print_json(value: Any) -> None:
    """A result for a program to read."""
    print(json.dumps(value, indent=1, default=str))
