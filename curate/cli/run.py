"""`curate run` and `curate demo`: a whole recipe, and the whole flow."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.options import Json, Master, Output, Set, print_json, say


def run(
    recipe: Annotated[str, typer.Argument(help="Recipe file, or the name of a bundled one.")],
    output: Output,
    set: Set = None,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Run a whole recipe; a re-run does only what is missing.

    Leaves one committed table a stage, and the report page.

    Example: curate run web --set sources.0.path=crawl/*.warc.gz --output out
    """
    from curate.recipe import load
    from curate.run import run as run_recipe

    tables = run_recipe(load(recipe, set or ()), output, master, say=say(as_json), with_page=True)
    if as_json:
        print_json({"output": output, "tables": [{"path": t.path, **t.require()} for t in tables]})


def demo(
    output: Annotated[str, typer.Option("--output", help="Folder to write to.")] = "demo",
    pages: Annotated[int, typer.Option(help="Pages to crawl.")] = 700,
    seconds: Annotated[
        float | None, typer.Option(help="Time for the verdict; default two and a half minutes.")
    ] = None,
    master: Master = None,
) -> None:
    """The whole flow, offline, on text this machine already has.

    From a crawl to the bits per byte that each stage is worth, in about four minutes.

    Example: curate demo --output demo
    """
    from curate.demo.flow import demo as start

    start(output, pages, seconds, master)
