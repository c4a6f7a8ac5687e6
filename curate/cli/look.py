"""`curate report`, `explain`, `compare`, `audit`, `contamination`: what happened, and was it right."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from curate.cli.options import Json, Master, Output, RunDir, Set, print_json, say
from curate.errors import UserError, WorkError


def report(
    run_dir: RunDir,
    price_per_hour: Annotated[
        float | None, typer.Option(help="What an hour of the machines costs; adds the cost.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Browse every row, with SQL, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Of --serve, on this machine; default 8765, 0: any free one.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="What the SQL of --serve may take; default 2GB.")
    ] = None,
) -> None:
    """Write the report page of a run: one HTML file.

    Example: curate report out --price-per-hour 2.5
    """
    if serve:
        from curate.report.serve import serve as browse
        from curate.report.serve.server import MEMORY, PORT

        browse(run_dir, PORT if port is None else port, memory or MEMORY, price_per_hour)
        return
    if port is not None or memory is not None:
        raise UserError("--port and --memory belong to --serve")
    from curate.report import report as write

    print(write(run_dir, price_per_hour=price_per_hour))


def explain(
    run_dir: RunDir,
    key: Annotated[
        str,
        typer.Argument(
            metavar="ID|URL|SHARD:TOKEN",
            help="A document's id (or its start), its URL, or a token: train-00003.bin:1204.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Tell where a record came from, and what was decided why.

    Example: curate explain out https://example.org/
    """
    from curate.audit.explain import explain as tell

    story = tell(run_dir, key)
    print_json(story.to_json()) if as_json else print("\n".join(story.lines()))


def compare(
    a: Annotated[str, typer.Argument(metavar="RUN_A", help="A run, or one table: what was.")],
    b: Annotated[str, typer.Argument(metavar="RUN_B", help="Another: what is.")],
    max_psi: Annotated[
        float | None, typer.Option(help="Fail above this PSI of any signal, e.g. .25")
    ] = None,
    max_kept_share_change: Annotated[
        float | None, typer.Option(help="Fail if the kept share moved by more, e.g. .05")
    ] = None,
    max_decided_differently: Annotated[
        float | None,
        typer.Option(help="Fail if one run alone kept more than this share of common documents."),
    ] = None,
    max_total_variation: Annotated[
        float | None, typer.Option(help="Fail if domains, languages or sources moved by more.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Whole lists instead of the first 10.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what changed between two runs or crawls.

    Counts, signals, domains, languages, and the documents that were decided differently.

    With a --max option the exit status is 1 if more changed than that, for CI.

    Example: curate compare may june --max-psi .25 --max-kept-share-change .05
    """
    from curate.compare import Limits
    from curate.compare import compare as compare_runs

    limits = Limits(max_psi, max_kept_share_change, max_decided_differently, max_total_variation)
    found = compare_runs(a, b, limits)
    print_json(found.to_json()) if as_json else print("\n".join(found.lines(everything)))
    for line in found.broken:
        print(f"curate: {line}", file=sys.stderr)
    if found.broken:
        raise typer.Exit(1)


def audit(
    recipe: Annotated[str, typer.Argument(help="Recipe file, or the name of a bundled one.")],
    output: Output,
    per_kind: Annotated[int, typer.Option(help="Defects to plant of each kind.")] = 50,
    per_grade: Annotated[
        int, typer.Option(help="Defects to plant of each strength, for detection curves.")
    ] = 10,
    floor: Annotated[
        list[str] | None,
        typer.Option(
            "--floor",
            metavar="KIND=SHARE",
            help="Exit with 1 if a recall is lower (or collateral higher), e.g. near_duplicate=.9",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, other places.")] = 0,
    set: Set = None,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Plant labelled defects in your data; report the recall.

    The defects go into a sample of the recipe's own sources. For each step and kind: recall,
    collateral, and detection curves over the defect's strength.

    Example: curate audit my-web.yaml --output audit --per-kind 5 --floor collateral=.9
    """
    from curate.audit import audit as plant_and_run
    from curate.audit.floors import below, parse_floors

    floors = parse_floors(floor or ())
    result = plant_and_run(
        recipe, set or (), output, per_kind, per_grade, seed, master, say(as_json)
    )
    print_json(result.to_json()) if as_json else print("\n".join(result.lines()))
    if failed := list(below(result, floors)):
        raise WorkError(f"the audit is below its floors: {'; '.join(failed)}")


def contamination(
    input: Annotated[
        list[str],
        typer.Option(
            "--input", metavar="PATH…", help="One finished table, or files that hold text."
        ),
    ],
    against: Annotated[
        list[str],
        typer.Option(
            "--against",
            metavar="FILE…",
            help="Evaluation files: JSONL, JSON, CSV, Parquet, task YAML.",
        ),
    ],
    output: Output,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--fields", metavar="NAME…", help="Where an item's text is; default all known."
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="ngram (words) or chars.")] = "ngram",
    ngram_words: Annotated[int, typer.Option(help="Words of an n-gram.")] = 13,
    shortest_words: Annotated[int, typer.Option(help="Shorter texts are not matched.")] = 8,
    run_chars: Annotated[int, typer.Option(help="Letters and digits of a run, for chars.")] = 50,
    ignore_above: Annotated[
        int | None, typer.Option(help="N-grams in more documents are no evidence; GPT-3: 10.")
    ] = None,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Say which evaluation items a corpus holds, one by one.

    Example: curate contamination --input out/02-dedup --against eval.jsonl --output contamination
    """
    from curate.decontaminate.command import contamination as compare
    from curate.registry import build_step

    given = {
        "against": against,
        "fields": fields,
        "method": method,
        "ngram_words": ngram_words,
        "shortest_words": shortest_words,
        "run_chars": run_chars,
        "ignore_above": ignore_above,
    }
    found = compare(input, build_step("decontaminate", given), output, master, say(as_json))
    if as_json:
        print_json(found.to_json())
    else:
        print("\n".join(found.lines()))
