"""`curate train`: token shards and options to a model. Nothing is decided here but defaults of sizes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from curate.errors import InputError
from model.architecture.shape import Activation, Norm, Positions
from model.training.recipe import Objective, Optimiser, Schedule, Sharding

if TYPE_CHECKING:
    from model.data import Shards


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
    objective: Annotated[
        Objective, typer.Option(help="causal (GPT), masked (BERT) or prefix (prefix-LM).")
    ] = "causal",
    optimiser: Annotated[Optimiser, typer.Option(help="muon moves hidden matrices.")] = "adamw",
    schedule: Annotated[
        Schedule, typer.Option(help="How the rate falls after the warm-up.")
    ] = "wsd",
    warmup_ratio: Annotated[float, typer.Option(help="Share of the steps that warm up.")] = 0.1,
    weight_decay: Annotated[float, typer.Option(help="Of matrices only.")] = 0.1,
    micro_windows: Annotated[
        int | None, typer.Option(help="Windows a process runs at a time; default all of its batch.")
    ] = None,
    heads: Annotated[int | None, typer.Option(help="Default one for each 64 of width.")] = None,
    kv_heads: Annotated[int | None, typer.Option(help="Default as many as heads.")] = None,
    hidden: Annotated[
        int | None, typer.Option(help="Feed-forward width; default 8/3 of width.")
    ] = None,
    positions: Annotated[
        Positions, typer.Option(help="rotary, or learned as in GPT-2.")
    ] = "rotary",
    activation: Annotated[Activation, typer.Option(help="Of the feed-forward layer.")] = "swiglu",
    norm: Annotated[Norm, typer.Option(help="RMS norm or layer norm.")] = "rms",
    bias: Annotated[bool, typer.Option("--bias", help="Give linear layers biases.")] = False,
    dropout: Annotated[float, typer.Option(help="Share zeroed in training.")] = 0.0,
    experts: Annotated[int | None, typer.Option(help="Feed-forward layers to choose from.")] = None,
    tied: Annotated[bool, typer.Option("--tied/--untied", help="Output layer = embedding.")] = True,
    bf16: Annotated[
        bool | None,
        typer.Option("--bf16/--fp32", help="Default bf16 on GPUs that compute in it, else fp32."),
    ] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Default: on CUDA.")
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Less memory, a third more arithmetic.")
    ] = False,
    sharding: Annotated[
        Sharding, typer.Option(help="full: torchrun's processes split the model (FSDP).")
    ] = "none",
    device: Annotated[str | None, typer.Option(help="cpu, cuda; default cuda if there.")] = None,
    checkpoint_steps: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 500,
    report_to: Annotated[
        list[str] | None, typer.Option(help="Besides metrics.jsonl: csv, tensorboard, wandb.")
    ] = None,
) -> None:
    """Train the bundled transformer; a re-run resumes.

    Several processes: torchrun --nproc-per-node N -m curate train …

    Example: curate train out/03-tokenize --output model --steps 20
    """
    from tokenizers import Tokenizer

    from model.architecture.shape import Shape
    from model.data import open_shards, read_manifest
    from model.training.recipe import Recipe
    from model.training.train import train as run

    data, (about, root) = open_shards(shards), read_manifest(shards)
    try:
        tokenizer = Tokenizer.from_file(str(root / "tokenizer.json"))
    except Exception:  # tokenizers raises nothing more precise
        raise InputError(
            f"{root / 'tokenizer.json'}: no tokenizer that can be read; run the tokenize step again"
        ) from None
    heads = heads or max(1, width // 64)
    shape = Shape(
        about["vocabulary"]
        + (objective == "masked"),  # the mask token follows the tokenizer's last
        width,
        layers,
        heads,
        kv_heads or heads,
        hidden or 64 * round(width * 8 / 3 / 64) or 64,
        context,
        tied,
        about["eos"],
        positions=positions,
        activation=activation,
        norm=norm,
        bias=bias,
        dropout=dropout,
        experts=experts,
    )
    one_epoch = max(1, data.token_count // (context * batch_windows))
    recipe = Recipe(
        steps=min(1000, one_epoch) if steps is None else steps,
        batch_windows=batch_windows,
        learning_rate=learning_rate,
        seed=seed,
        objective=objective,
        optimiser=optimiser,
        schedule=schedule,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        micro_windows=micro_windows,
        bf16=bf16,
        compile=compiled,
        recompute=recompute,
        sharding=sharding,
        device=device,
        checkpoint_steps=checkpoint_steps,
    )
    heldout = _heldout(shards, context)
    found = run(data, shape, recipe, output, not restart, tokenizer, heldout, report_to or ())
    if os.environ.get("RANK", "0") == "0":  # of torchrun's processes only the first speaks
        print(found)


def _heldout(shards: str, context: int) -> Shards | None:
    """The held-out shards, if they fill a window."""
    from model.data import open_shards

    try:
        heldout = open_shards(shards, "heldout")
    except InputError:
        return None
    return heldout if heldout.window_starts(context)[-1] else None
