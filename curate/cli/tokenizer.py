"""`curate train-tokenizer`."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.options import Json, Master, Output, print_json, say
from curate.errors import InputError


def train_tokenizer(
    table: Annotated[
        str, typer.Argument(metavar="TABLE_DIR", help="A finished table of documents.")
    ],
    output: Output,
    vocabulary: Annotated[int, typer.Option(help="Tokens, a multiple of 64.")] = 32_768,
    model: Annotated[str, typer.Option(help="bpe, unigram or wordpiece, all on bytes.")] = "bpe",
    digits: Annotated[
        str, typer.Option(help="runs (GPT-2), single (Llama 2) or triples (GPT-4).")
    ] = "triples",
    whitespace: Annotated[
        str, typer.Option(help="runs (GPT-2), or lines (GPT-4): indentation stands alone.")
    ] = "lines",
    special: Annotated[
        list[str] | None,
        typer.Option(help="A token besides <|endoftext|>, as <|user|>; may be given again."),
    ] = None,
    sample_bytes: Annotated[int, typer.Option(help="Text to train on.")] = 1 << 30,
    exponent: Annotated[
        float, typer.Option(help="Below 1, small sources and languages count for more.")
    ] = 1.0,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", metavar="FILE…", help="Tokenizers to compare with, of any kind of file."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another sample.")] = 0,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Train a tokenizer on a sample of a table; measure it.

    The sample is drawn by source and language, held-out documents excluded; bytes per token and
    tokens per word are told for texts it has not seen.

    Example: curate train-tokenizer out/02-dedup --output tokenizer --vocabulary 512
    """
    from curate.tokens.tokenizer import Training
    from curate.tokens.tokenizer.command import Sampling
    from curate.tokens.tokenizer.command import train_tokenizer as train

    try:
        training = Training(model, vocabulary, digits, whitespace, tuple(special or ()))  # type: ignore[arg-type]
    except ValueError as error:
        raise InputError(f"train-tokenizer: {error}") from None
    sampling = Sampling(sample_bytes, exponent, seed)
    report = train(table, output, training, sampling, against or (), master, say(as_json))
    if as_json:
        print_json(report)
