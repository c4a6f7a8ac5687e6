"""`curate ablate` and `curate search`: which data, and which learning rate."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from model.cli.options import Json


def ablate(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN_DIR…",
            help="One run (its tables are the arms), or several (each recipe's last table is one).",
        ),
    ],
    output: Annotated[
        str | None, typer.Option("--output", help="Default: RUN_DIR/ablation of the last run.")
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            help="Only these: a table (extract), raw pages (raw), or of several runs RUN/TABLE.",
        ),
    ] = None,
    sources: Annotated[
        list[str] | None, typer.Option("--source", help="Only documents of these sources.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option("--reference", help="Source whose held-out texts are clean (H1)."),
    ] = None,
    reference_files: Annotated[
        list[str] | None,
        typer.Option(
            "--reference-file", help="Clean text from elsewhere (H1): .jsonl, .parquet, .txt …"
        ),
    ] = None,
    profile: Annotated[str, typer.Option(help="demo, cpu or gpu.")] = "cpu",
    seeds: Annotated[int, typer.Option(help="Runs of each arm.")] = 3,
    seconds: Annotated[
        float | None, typer.Option(help="Time for everything; default the profile's.")
    ] = None,
    equal_source: Annotated[
        bool,
        typer.Option(
            "--equal-source",
            help="Also train every arm from the same slice of the crawl; up to twice the runs.",
        ),
    ] = False,
    ladder: Annotated[
        bool,
        typer.Option(
            "--ladder", help="Also train the profile's other model sizes; the trend of each effect."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what each stage is worth in held-out bits per byte.

    Trains small models on each stage's kept documents, and tells every difference with its interval.

    Example: curate ablate out --profile demo --seconds 60
    """
    from curate.verdict import ablate_runs

    verdict = ablate_runs(
        runs,
        output or f"{runs[-1]}/ablation",
        arms=arms or (),
        sources=sources or (),
        reference=reference or (),
        reference_files=reference_files or (),
        profile=profile,
        seeds=seeds,
        seconds=seconds,
        equal_source=equal_source,
        ladder=ladder,
    )
    print(json.dumps(verdict.to_json(), indent=1) if as_json else "\n".join(verdict.lines()))


def search(
    shards: Annotated[
        str, typer.Argument(metavar="SHARDS", help="Output folder of a tokenize step.")
    ],
    width: Annotated[int, typer.Option(help="Narrow width to search on; heads are 64 wide.")] = 64,
    wide: Annotated[
        list[int] | None, typer.Option("--wide", help="Widths to carry the rate to and try it on.")
    ] = None,
    layers: Annotated[int, typer.Option(help="Decoder layers.")] = 3,
    context: Annotated[int, typer.Option(help="Tokens in a window.")] = 256,
    steps: Annotated[int, typer.Option(help="Optimiser steps of each trial.")] = 300,
    batch_windows: Annotated[int, typer.Option(help="Windows of one context in a batch.")] = 8,
    rates: Annotated[
        list[float] | None, typer.Option("--rate", help="Learning rates; default 0.001 to 0.032.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the learning rate on a narrow model, for wider ones.

    Carried over by muP.

    Example: curate search out/03-tokenize --steps 20 --rate .004 --rate .008
    """
    from dataclasses import asdict

    from model.architecture.shape import Shape
    from model.data import open_shards, read_manifest
    from model.training.recipe import Recipe
    from model.training.search import optimum, sweep

    data, (about, _) = open_shards(shards), read_manifest(shards)
    recipe = Recipe(steps=steps, batch_windows=batch_windows)

    def shape(size: int) -> Shape:
        heads = max(1, size // 64)
        hidden = 64 * round(size * 8 / 3 / 64) or 64
        return Shape(
            about["vocabulary"], size, layers, heads, heads, hidden, context, eos=about["eos"]
        )

    tried = rates or [0.001 * 2**power for power in range(6)]
    found = {}
    for size in [width, *(wide or ())]:
        results = list(sweep(data, shape(size), recipe, tried, shape(width)))
        found[size] = {"optimum": optimum(results), "tried": [asdict(one) for one in results]}
        if not as_json:
            losses = "  ".join(f"{one.learning_rate:g}: {one.loss:.3f}" for one in results)
            print(f"width {size}: best near {found[size]['optimum']:.4f}   {losses}", flush=True)
    if as_json:
        print(json.dumps(found, indent=1))
