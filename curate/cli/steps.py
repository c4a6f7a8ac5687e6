"""One step of a recipe as a command of its own, and the list of all steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, NamedTuple

import typer

from curate.cli.options import Json, Master, Output, Set, print_json, say
from curate.errors import RecipeError


class StepCommand(NamedTuple):
    """A command that runs the recipe's steps of some groups.

    `alone`: what runs when no recipe is named, for a step that the bundled `web` does not have.
    """

    groups: tuple[str, ...]
    help: str
    example: str
    alone: str | None = None


STEP_COMMANDS = {
    "extract": StepCommand(
        ("read", "extract"),
        "Read pages, books, papers, data or code; extract texts.",
        "curate extract --input crawl/*.warc.gz --output t/extract",
    ),
    "filter": StepCommand(
        ("clean", "filter"),
        "Clean texts, measure them, drop what breaks a rule.",
        "curate filter --input t/extract --output t/filter",
    ),
    "lines": StepCommand(
        ("lines",),
        "Remove lines that repeat over the pages of a site.",
        "curate lines --input t/extract --output t/lines",
        alone="site_lines",
    ),
    "dedup": StepCommand(
        ("dedup",),
        "Drop exact and near duplicates, each pair verified.",
        "curate dedup --input t/filter --output t/dedup",
    ),
    "decontaminate": StepCommand(
        ("decontaminate",),
        "Drop documents that overlap with evaluation sets.",
        "curate decontaminate --input t/filter --output t/clean "
        "--set 'steps.decontaminate.against=[eval.jsonl]'",
        alone="decontaminate",
    ),
    "mix": StepCommand(
        ("mix",),
        "Bring the sources to the wanted shares.",
        "curate mix --input t/filter --output t/mix --set steps.mix.weights.web=1",
        alone="mix",
    ),
    "tokenize": StepCommand(
        ("tokenize",),
        "Train or load a tokenizer; write packed shards.",
        "curate tokenize --input t/filter --output t/tokens",
    ),
}


def step_command(name: str) -> Callable[..., None]:
    """The command of `STEP_COMMANDS[name]`."""
    about = STEP_COMMANDS[name]

    def command(
        input: Annotated[
            list[str],
            typer.Option(
                "--input", metavar="PATH…", help="Files, folders, globs, or one finished table."
            ),
        ],
        output: Output,
        recipe: Annotated[
            str | None,
            typer.Option(
                help="Recipe whose steps of this kind are run; default the bundled web, or for "
                "lines, decontaminate and mix the step alone."
            ),
        ] = None,
        set: Set = None,
        master: Master = None,
        as_json: Json = False,
    ) -> None:
        from curate.recipe import Step, load, parse
        from curate.registry import ROW_GROUPS
        from curate.run import run_step

        if recipe is None and about.alone:
            alone = f"{{name: {name}, sources: [], steps: [{about.alone}]}}"
            loaded = parse(alone, f"curate {name}", set or (), input)
        else:
            loaded = load(recipe or "web", set or (), input)
        steps = [s for s in loaded.steps if isinstance(s, Step) and s.group in about.groups]
        if not steps:
            raise RecipeError(
                f"the recipe '{recipe}' has no {name} step; name another with --recipe"
            )
        if len(steps) > 1 and steps[0].group not in ROW_GROUPS:
            raise RecipeError(
                f"the recipe '{recipe}' has {len(steps)} {name} steps, and a table holds the work of "
                "one; name a recipe with one, or use curate run"
            )
        table = run_step(steps, input, output, loaded, master, say=say(as_json))
        if as_json:
            print_json({"path": table.path, **table.require()})

    command.__doc__ = f"{about.help}\n\nExample: {about.example}"
    return command


def list_steps(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="STEP|GROUP…", help="Only these, such as gopher or dedup."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Every step with its parameters, defaults and paper.

    Example: curate list gopher dedup
    """
    from curate.registry import catalogue

    entries = catalogue(*(names or ()))
    if as_json:
        print_json(entries)
        return
    for entry in entries:
        print(f"{entry['group']}: {entry['name']}\n    {entry['about']}")
        for key, value in entry["parameters"].items():
            print(f"    {key}: {json.dumps(value, default=list)}")
        if entry["variants"]:
            print(f"    variant: {', '.join(entry['variants'])} (without it, the paper's reading)")
