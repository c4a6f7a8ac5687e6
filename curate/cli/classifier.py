"""`curate train-classifier`."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.options import Json, print_json, say


def train_classifier(
    positive: Annotated[
        list[str],
        typer.Option("--positive", metavar="PATH…", help="Good texts: files, folders, a table."),
    ],
    negative: Annotated[
        list[str],
        typer.Option("--negative", metavar="PATH…", help="A random sample of the web."),
    ],
    output: Annotated[
        str, typer.Option("--output", help="FILE.bin, or a folder for model.bin; cards beside it.")
    ],
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            "--corpus", metavar="PATH…", help="Texts to find the threshold on; default negatives."
        ),
    ] = None,
    text_field: Annotated[
        str, typer.Option(help="Field of the text in JSONL and tables.")
    ] = "text",
    heldout_share: Annotated[float, typer.Option(help="Share of the texts to measure on.")] = 0.2,
    keep_share: Annotated[float, typer.Option(help="Share that the threshold keeps.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the split and of the training.")] = 0,
    learning_rate: Annotated[float, typer.Option(help="fastText's lr.")] = 0.1,
    epochs: Annotated[int, typer.Option(help="fastText's epoch.")] = 5,
    dimensions: Annotated[int, typer.Option(help="fastText's dim.")] = 100,
    word_ngrams: Annotated[int, typer.Option(help="fastText's wordNgrams; DCLM: bigrams.")] = 2,
    min_count: Annotated[int, typer.Option(help="fastText's minCount.")] = 1,
    buckets: Annotated[int, typer.Option(help="fastText's bucket: hashed n-grams.")] = 2_000_000,
    as_json: Json = False,
) -> None:
    """Train a quality classifier: good texts against the web.

    The filter `quality` reads it.

    Example: curate train-classifier --positive reference.jsonl --negative kept.jsonl.zst --output q
    """
    from curate.classifier.card import lines
    from curate.classifier.train import Inputs, Options, train

    inputs = Inputs(tuple(positive), tuple(negative), tuple(corpus or ()), text_field)
    options = Options(
        heldout_share=heldout_share,
        keep_share=keep_share,
        seed=seed,
        learning_rate=learning_rate,
        epochs=epochs,
        dimensions=dimensions,
        word_ngrams=word_ngrams,
        min_count=min_count,
        buckets=buckets,
    )
    card = train(inputs, output, options, say(as_json))
    print_json(card) if as_json else print("\n".join(lines(card)))
