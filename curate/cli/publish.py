"""`curate export`, `verify`, `card`, `index`: what leaves a run."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.options import Contact, Json, License, Master, Name, PrettyName, RunDir, print_json
from curate.errors import UserError


def export(
    table: Annotated[
        str,
        typer.Argument(metavar="TABLE_DIR", help="A committed table; with --to also a run."),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", help="FILE.jsonl, .jsonl.gz, .jsonl.zst or .parquet; or a new FOLDER."
        ),
    ],
    dropped: Annotated[
        bool, typer.Option("--dropped", help="The dropped documents instead of the kept.")
    ] = False,
    chunk_chars: Annotated[
        int | None,
        typer.Option(help="Cut texts at sentence ends into pieces of at most so many characters."),
    ] = None,
    chunk_overlap_chars: Annotated[
        int, typer.Option(help="How many characters two neighbouring pieces share at most.")
    ] = 0,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="huggingface: a folder of splits and shards, with its card. For token shards: "
            "megatron, datatrove, olmo, nanogpt, llm.c, mds, litdata, parquet, arrow, webdataset.",
        ),
    ] = None,
    shard_rows: Annotated[
        int | None, typer.Option(help="Documents of a shard; default about 500 MB.")
    ] = None,
    name: Name = None,
    pretty_name: PrettyName = None,
    license: License = None,
    contact: Contact = None,
) -> None:
    """Write one file, a dataset, or shards for other trainers.

    Example: curate export out --to huggingface --output dataset --license odc-by
    """
    if to is not None:
        if dropped or chunk_chars is not None:
            raise UserError(f"--to {to} writes kept documents whole: no --dropped, no --chunk…")
        if to == "huggingface":
            from curate.card import About
            from curate.dataset_folder import export_folder

            about = About(name, pretty_name, license, contact)
            written = export_folder(table, output, about, shard_rows)
        else:
            from curate.tokens.export import export_tokens

            written = export_tokens(table, to, output)
        print(f"{written:,} documents written to {output}")
        return
    from curate.export import Pieces
    from curate.export import export as write

    if chunk_overlap_chars and chunk_chars is None:
        raise UserError("--chunk-overlap-chars needs --chunk-chars")
    pieces = None if chunk_chars is None else Pieces(chunk_chars, chunk_overlap_chars)
    rows = write(table, output, dropped, pieces)
    print(f"{rows:,} {'pieces' if pieces else 'documents'} written to {output}")


def verify(
    tokens_dir: Annotated[
        str, typer.Argument(metavar="TOKENS_DIR", help="Token shards: a table, a run, an export.")
    ],
    overlap_ratio: Annotated[
        float,
        typer.Option(help="Warn of held-out documents with more of their 13-grams in training."),
    ] = 0.5,
    skip_overlap: Annotated[
        bool, typer.Option("--skip-overlap", help="Do not compare 13-grams: half the time.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check token shards byte by byte, and their held-out split.

    Checksums, sizes, indexes, token ids, ends of documents, counts, and held-out documents in
    training shards. The exit status is 1 if there is a problem; a warning is none.

    Example: curate verify out
    """
    from curate.tokens.verification import verify as check

    if not 0 <= overlap_ratio < 1:
        raise UserError(f"--overlap-ratio must be in [0, 1), got {overlap_ratio}")
    found = check(tokens_dir, None if skip_overlap else overlap_ratio)
    print_json(found.to_json()) if as_json else print("\n".join(found.lines()))
    if not found.is_intact:
        raise typer.Exit(1)


def card(
    run_dir: RunDir,
    output: Annotated[
        str | None,
        typer.Option("--output", help="Folder of an export, or another; default the run's."),
    ] = None,
    name: Name = None,
    pretty_name: PrettyName = None,
    license: License = None,
    contact: Contact = None,
) -> None:
    """Write a run's dataset card and Croissant metadata.

    Example: curate card out --license odc-by --contact data@example.org
    """
    from curate.card import About
    from curate.card import card as write

    print(write(run_dir, output, About(name, pretty_name, license, contact)))


def index(
    table: Annotated[str, typer.Argument(metavar="TABLE_DIR", help="A table of the step dedup.")],
    output: Annotated[str, typer.Option("--output", help="The index, a new or an older one.")],
    master: Master = None,
) -> None:
    """Publish what was kept, to compare later crawls with it.

    Example: curate index out/02-dedup --output index
    """
    from curate.dedup.documents.publish import publish

    publish(table, output, master, say=print)
