"""The trainer's commands of `curate`: train, evaluate, generate, ablate.

Enters: options. Leaves: one call each. PyTorch is imported only by the command that needs it.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from curate.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `curate`."""
    for command in (train, evaluate, generate, ablate):
        app.command()(command)


def train(
    shards: Annotated[
        str, typer.Argument(metavar="SHARDS", help="Output folder of a tokenize step.")
    ],
    output: Annotated[
        str, typer.Option("--output", help="Folder for the model; transformers loads it.")
    ],
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps; default one epoch, at most 1000.")
    ] = None,
    batch_windows: Annotated[int, typer.Option(help="Windows of one context in a batch.")] = 8,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 4.6e-3,
    width: Annotated[int, typer.Option(help="Model width; heads are 64 wide.")] = 128,
    layers: Annotated[int, typer.Option(help="Decoder layers.")] = 3,
    context: Annotated[int, typer.Option(help="Tokens in a window.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the weights and the order.")] = 0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of resuming.")
    ] = False,
) -> None:
    """Train the bundled transformer on token shards; a re-run resumes."""
    from tokenizers import Tokenizer

    from model.data import open_shards, read_manifest
    from model.recipe import Recipe
    from model.shape import Shape
    from model.train import train as run

    data, (about, root) = open_shards(shards), read_manifest(shards)
    tokenizer = Tokenizer.from_file(str(root / "tokenizer.json"))
    heads = max(1, width // 64)
    shape = Shape(
        about["vocabulary"],
        width,
        layers,
        heads,
        heads,
        64 * round(width * 8 / 3 / 64) or 64,
        context,
        eos=about["eos"],
    )
    one_epoch = max(1, data.token_count // (context * batch_windows))
    recipe = Recipe(
        steps=min(1000, one_epoch) if steps is None else steps,
        batch_windows=batch_windows,
        learning_rate=learning_rate,
        seed=seed,
    )
    try:
        validation = open_shards(shards, "heldout")
    except InputError:
        validation = None
    if validation is not None and not validation.window_starts(context)[-1]:
        validation = None
    print(run(data, shape, recipe, output, not restart, tokenizer, validation))


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A trained model's folder.")],
    texts: Annotated[
        list[str], typer.Option("--texts", help="Held-out set: .jsonl[.gz|.zst], .parquet or .txt.")
    ],
    as_json: Json = False,
) -> None:
    """Bits per byte, perplexity and next-token accuracy on held-out texts."""
    from curate.source import detect_format, list_files, read
    from model.evaluate import evaluate as score
    from model.export import load

    net, tokenizer = load(model)
    if tokenizer is None:
        raise InputError(f"{model}: no tokenizer.json beside the model, so texts cannot be read")
    results = {}
    for path in texts:
        root, files = list_files(path, None)
        rows = [
            row
            for file in files
            for row in read("heldout", detect_format(file.path), root, file.path, {})
        ]
        kept = [row.text for row in rows if row.text]
        if not kept:
            raise InputError(f"{path}: no document with text to evaluate on")
        found = score(net, tokenizer, kept)
        results[path] = {
            "documents": len(kept),
            "bits_per_byte": found.bits_per_byte,
            "perplexity": found.perplexity,
            "next_token_accuracy": found.accuracy,
        }
    if as_json:
        print(json.dumps(results, indent=1))
    for path, result in {} if as_json else results.items():
        print(
            f"{path}: {result['bits_per_byte']:.4f} bits per byte, perplexity {result['perplexity']:.2f}, "
            f"next-token accuracy {result['next_token_accuracy']:.3f}, {result['documents']} documents"
        )


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A trained model's folder.")],
    prompt: Annotated[str, typer.Option(help="Text to continue.")] = "",
    tokens: Annotated[int, typer.Option(help="Most tokens to write.")] = 100,
    temperature: Annotated[
        float, typer.Option(help="0 takes the likeliest token each time.")
    ] = 0.8,
    top_k: Annotated[int, typer.Option(help="Sample from this many likeliest tokens.")] = 50,
    seed: Annotated[int, typer.Option(help="Another seed, another text.")] = 0,
) -> None:
    """Continue a prompt with a trained model."""
    from model.generate import generate as write

    print(prompt + write(model, prompt, tokens, temperature, top_k, seed))


def ablate(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN_DIR…", help="One run (its tables are the arms) or several."),
    ],
    output: Annotated[
        str | None, typer.Option("--output", help="Default: RUN_DIR/ablation.")
    ] = None,
    arms: Annotated[
        list[str] | None, typer.Option("--arm", help="Only these tables, e.g. extract.")
    ] = None,
    sources: Annotated[
        list[str] | None, typer.Option("--source", help="Only documents of these sources.")
    ] = None,
    reference: Annotated[
        list[str] | None, typer.Option("--reference", help="Source whose held-out texts are clean.")
    ] = None,
    profile: Annotated[str, typer.Option(help="demo, cpu or gpu.")] = "cpu",
    seeds: Annotated[int, typer.Option(help="Runs of each arm.")] = 3,
    seconds: Annotated[
        float | None, typer.Option(help="Time for everything; default the profile's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what each stage is worth in held-out bits per byte, with intervals."""
    from curate.verdict import ablate_runs

    verdict = ablate_runs(
        runs,
        output or f"{runs[-1]}/ablation",
        arms=arms or (),
        sources=sources or (),
        reference=reference or (),
        profile=profile,
        seeds=seeds,
        seconds=seconds,
    )
    print(json.dumps(verdict.to_json(), indent=1) if as_json else "\n".join(verdict.lines()))
