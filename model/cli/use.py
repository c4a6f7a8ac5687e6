"""`curate generate`, `finetune`, `serve`: what a trained model is for."""

from __future__ import annotations

from typing import Annotated

import typer

from model.cli.options import Device, Model


def generate(
    model: Model,
    prompt: Annotated[
        list[str] | None, typer.Option("--prompt", help="Text to continue; may be given again.")
    ] = None,
    tokens: Annotated[int, typer.Option(help="Most tokens to write.")] = 100,
    temperature: Annotated[
        float, typer.Option(help="0 takes the likeliest token each time.")
    ] = 0.8,
    top_k: Annotated[
        int | None, typer.Option(help="Sample from this many likeliest tokens; 0: from all.")
    ] = 50,
    top_p: Annotated[
        float | None, typer.Option(help="Sample from the likeliest that together have this chance.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another text.")] = 0,
    chat: Annotated[
        bool, typer.Option("--chat", help="The prompt is what a user says to a chat model.")
    ] = False,
    device: Device = None,
) -> None:
    """Continue prompts with a model.

    Example: curate generate model --prompt 'The '
    """
    from model.checkpoints.loading import open_model
    from model.use.generate import Sampling, continuations

    sampling = Sampling(temperature, top_k or None, top_p, seed)
    prompts = prompt or [""]
    written = continuations(open_model(model, device), prompts, tokens, sampling, chat)
    for number, (given, text) in enumerate(zip(prompts, written, strict=True)):
        print(("\n" if number else "") + ("" if chat else given) + text)


def finetune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of any causal model.")],
    data: Annotated[
        list[str],
        typer.Option("--data", help="Conversations, .jsonl: messages, or prompt and completion."),
    ],
    output: Annotated[str, typer.Option("--output", help="Folder for the model or adapter.")],
    validation: Annotated[
        list[str] | None,
        typer.Option("--validation", help="Conversations to judge on, each epoch."),
    ] = None,
    epochs: Annotated[float, typer.Option(help="Times every conversation is read.")] = 3.0,
    batch_examples: Annotated[int, typer.Option(help="Conversations of a step.")] = 16,
    micro_examples: Annotated[int, typer.Option(help="Of them in memory at once.")] = 4,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Default 2e-4 with LoRA, 2e-5 without; small models want more."),
    ] = None,
    lora: Annotated[
        bool, typer.Option("--lora/--full", help="Train low-rank layers, or all weights.")
    ] = True,
    rank: Annotated[int, typer.Option(help="Rank of the LoRA layers.")] = 16,
    alpha: Annotated[int, typer.Option(help="Scale of the LoRA layers, over the rank.")] = 32,
    merge: Annotated[
        bool, typer.Option("--merge", help="Write a whole model instead of an adapter.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the order and of new layers.")] = 0,
    device: Device = None,
) -> None:
    """Teach a model to answer: fine-tune it on chats.

    With LoRA, or in full.

    Example: curate finetune model --data chats.jsonl --output chat --full --epochs 1
    """
    from model.use.finetune import Lora, Tuning
    from model.use.finetune import finetune as run

    tuning = Tuning(
        epochs=epochs,
        batch_examples=batch_examples,
        micro_examples=micro_examples,
        learning_rate=learning_rate,
        lora=Lora(rank, alpha) if lora else None,
        merge=merge,
        seed=seed,
        device=device,
    )
    print(run(model, data, output, tuning, validation))


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: one that is free.")] = 8000,
    name: Annotated[
        str | None, typer.Option(help="What requests call the model; default its folder's name.")
    ] = None,
    engine: Annotated[str, typer.Option(help="transformers or vllm.")] = "transformers",
    device: Device = None,
) -> None:
    """Serve a model over HTTP in OpenAI's shape.

    chat/completions, completions and models, on 127.0.0.1 unless told otherwise.

    Example: curate serve model --port 8000
    """
    from model.use.serve import Address
    from model.use.serve import serve as run

    run(model, Address(host, port, name), engine, device)
