"""The command line: `curate …`, and the same commands behind `spark-submit pipelines/….py`.

Every command only parses its options and calls one function. A mistake of the user is one line on
stderr and exit status 2; work that failed is one line and exit status 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from curate import __version__
from curate.errors import CurateError, InputError, RecipeError, UserError, WorkError
from model.cli import register as register_model_commands

app = typer.Typer(
    name="curate",
    help="Turn raw web, code and book collections into training data, and measure what each step is worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
SPREAD = (
    "--input", "--set", "--positive", "--negative", "--corpus", "--against", "--fields",
    "--texts", "--tasks", "--choices", "--prompts", "--stop", "--data", "--validation",
)  # fmt: skip
STEP_GROUPS: dict[str, tuple[str, ...]] = {
    "extract": ("read", "extract"),
    "filter": ("clean", "filter"),
    "lines": ("lines",),
    "dedup": ("dedup",),
    "decontaminate": ("decontaminate",),
    "mix": ("mix",),
    "tokenize": ("tokenize",),
}
HELP = {
    "extract": "Read WARC, HTML, JSONL, Parquet, text or code, and extract the text.",
    "filter": "Clean the text, measure it, and drop what breaks a rule.",
    "lines": "Remove lines that repeat over the pages of a site: menus, notices, footers.",
    "dedup": "Drop exact and near duplicates; every removal is verified and names what was kept.",
    "decontaminate": "Drop documents that overlap with evaluation sets.",
    "mix": "Bring the sources to the wanted shares.",
    "tokenize": "Train or load a tokenizer and write packed shards.",
}

Output = Annotated[str, typer.Option("--output", help="Folder to write to.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE…", help="Change the recipe, e.g. steps.language.low=.5"
    ),
]
Master = Annotated[
    str | None, typer.Option(help="Spark master; default SPARK_MASTER, else local[*].")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Name = Annotated[str | None, typer.Option(help="The dataset's name, as owner/name on the hub.")]
PrettyName = Annotated[str | None, typer.Option(help="Its title; default the name.")]
License = Annotated[str | None, typer.Option(help="Its licence, such as odc-by or cc-by-4.0.")]
Contact = Annotated[str | None, typer.Option(help="Whom to ask to take a document out.")]
RunDir = Annotated[str, typer.Argument(metavar="RUN_DIR", help="Output folder of a run.")]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options before any command."""
    if version:
        print(f"curate {__version__}")
        raise typer.Exit


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="Recipe file, or the name of a bundled one.")],
    output: Output,
    set: Set = None,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Run a whole recipe: one committed table a stage. A re-run does only what is missing."""
    from curate.recipe import load
    from curate.run import run as run_recipe

    tables = run_recipe(load(recipe, set or ()), output, master, say=_say(as_json))
    if as_json:
        _print_json({"output": output, "tables": [{"path": t.path, **t.require()} for t in tables]})


def _step_command(name: str) -> Callable[..., None]:
    def command(
        input: Annotated[
            list[str],
            typer.Option(
                "--input", metavar="PATH…", help="Files, folders, globs, or one finished table."
            ),
        ],
        output: Output,
        recipe: Annotated[
            str, typer.Option(help="Recipe whose steps of this kind are run.")
        ] = "web",
        set: Set = None,
        master: Master = None,
        as_json: Json = False,
    ) -> None:
        from curate.recipe import Step, load
        from curate.registry import ROW_GROUPS
        from curate.run import run_step

        loaded = load(recipe, set or (), input)
        groups = STEP_GROUPS[name]
        steps = [step for step in loaded.steps if isinstance(step, Step) and step.group in groups]
        if not steps:
            raise RecipeError(
                f"the recipe '{recipe}' has no {name} step; name another with --recipe"
            )
        if len(steps) > 1 and steps[0].group not in ROW_GROUPS:
            raise RecipeError(
                f"the recipe '{recipe}' has {len(steps)} {name} steps, and a table holds the work of "
                "one; name a recipe with one, or use curate run"
            )
        table = run_step(steps, input, output, loaded, master, say=_say(as_json))
        if as_json:
            _print_json({"path": table.path, **table.require()})

    command.__doc__ = HELP[name]
    return command


for _name in STEP_GROUPS:
    app.command(_name)(_step_command(_name))


@app.command()
def index(
    table: Annotated[str, typer.Argument(metavar="TABLE_DIR", help="A table of the step dedup.")],
    output: Annotated[str, typer.Option("--output", help="The index, a new or an older one.")],
    master: Master = None,
) -> None:
    """Publish the kept documents of a deduplication, so that later crawls are compared with them."""
    from curate.dedup.documents.publish import publish

    publish(table, output, master, say=print)


@app.command()
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
    """Say which evaluation items a corpus holds, and which are clean, item by item."""
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
    found = compare(input, build_step("decontaminate", given), output, master, _say(as_json))
    if as_json:
        _print_json(found.to_json())
    else:
        print("\n".join(found.lines()))


@app.command()
def crawl(
    urls: Annotated[list[str], typer.Argument(metavar="URL…", help="Where to start.")],
    output: Output,
    depth: Annotated[
        int | None, typer.Option(help="Links to follow from a start page; default all.")
    ] = None,
    max_pages: Annotated[int, typer.Option(help="Stop after this many pages.")] = 1000,
    max_pages_per_host: Annotated[
        int | None, typer.Option(help="Ask one host for at most so many URLs; default any number.")
    ] = None,
    delay_seconds: Annotated[float, typer.Option(help="Pause between requests to one host.")] = 1.0,
    concurrency_per_host: Annotated[int, typer.Option(help="Requests to one host at a time.")] = 1,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Regular expression of URLs to leave out.")
    ] = None,
    scope: Annotated[str, typer.Option(help="host, domain or any.")] = "host",
    sitemaps: Annotated[
        bool, typer.Option("--sitemaps", help="Begin with the sitemaps of the start hosts, too.")
    ] = False,
    obey: Annotated[
        list[str] | None,
        typer.Option(
            help="nofollow, noindex or noai in pages and headers; default nofollow, noai."
        ),
    ] = None,
    avoid_traps: Annotated[
        bool, typer.Option(help="Leave out endless paths, queries and calendars.")
    ] = True,
    file_bytes: Annotated[
        int, typer.Option(help="Begin a new WARC file after this many bytes.")
    ] = 1 << 30,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow private and loopback addresses.")
    ] = False,
    shards: Annotated[
        int | None, typer.Option(help="Crawl with so many Spark tasks, each with hosts of its own.")
    ] = None,
    round_seconds: Annotated[
        float, typer.Option(help="Shards exchange links after so long at the latest.")
    ] = 900.0,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Crawl politely (robots.txt, delays, limits) into WARC files; a re-run resumes."""
    from curate.crawl import CrawlOptions
    from curate.crawl import crawl as start

    if master and shards is None:
        raise InputError("--master needs --shards: how many tasks share the hosts")
    options = CrawlOptions(
        depth=depth,
        max_pages=max_pages,
        max_pages_per_host=max_pages_per_host,
        delay_seconds=delay_seconds,
        exclude=tuple(exclude or ()),
        scope=scope,  # type: ignore[arg-type]
        sitemaps=sitemaps,
        obey=CrawlOptions.obey if obey is None else tuple(obey),
        avoid_traps=avoid_traps,
        allow_private=allow_private,
        concurrency_per_host=concurrency_per_host,
        file_bytes=file_bytes,
    )
    if shards is None:
        report = start(urls, output, options, _say(True))
    else:
        from curate.crawl.shards import crawl_sharded

        report = crawl_sharded(urls, output, options, shards, master, round_seconds, _say(True))
    _print_json(report.as_dict()) if as_json else print(report.line())


@app.command()
def export(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE_DIR", help="A committed table; for --to huggingface or a run."
        ),
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
        typer.Option(help="huggingface: a folder of splits and shards, with its card."),
    ] = None,
    shard_rows: Annotated[
        int | None, typer.Option(help="Documents of a shard; default about 500 MB.")
    ] = None,
    name: Name = None,
    pretty_name: PrettyName = None,
    license: License = None,
    contact: Contact = None,
) -> None:
    """Write a table's documents into one file, or a run's as a dataset.

    Example: curate export out --to huggingface --output dataset --license odc-by
    """
    if to is not None:
        if to != "huggingface":
            raise UserError(f"--to {to}: known is huggingface; leave --to out to write one file")
        if dropped or chunk_chars is not None:
            raise UserError(
                "--to huggingface writes kept documents whole: no --dropped, no --chunk…"
            )
        from curate.card import About
        from curate.dataset_folder import export_folder

        about = About(name, pretty_name, license, contact)
        written = export_folder(table, output, about, shard_rows)
        print(f"{written:,} documents written to {output}")
        return
    from curate.export import Pieces
    from curate.export import export as write

    if chunk_overlap_chars and chunk_chars is None:
        raise UserError("--chunk-overlap-chars needs --chunk-chars")
    pieces = None if chunk_chars is None else Pieces(chunk_chars, chunk_overlap_chars)
    rows = write(table, output, dropped, pieces)
    print(f"{rows:,} {'pieces' if pieces else 'documents'} written to {output}")


@app.command()
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
    """Write a run's dataset card (README.md) and Croissant metadata (croissant.json).

    Example: curate card out --license odc-by --contact data@example.org
    """
    from curate.card import About
    from curate.card import card as write

    print(write(run_dir, output, About(name, pretty_name, license, contact)))


@app.command()
def explain(
    run_dir: RunDir,
    key: Annotated[
        str, typer.Argument(metavar="ID|URL", help="A document's id (or its start) or URL.")
    ],
    as_json: Json = False,
) -> None:
    """Tell the story of one record: origin, measurements, decisions."""
    from curate.audit.explain import explain as tell

    story = tell(run_dir, key)
    _print_json(story.to_json()) if as_json else print("\n".join(story.lines()))


@app.command()
def report(
    run_dir: RunDir,
    price_per_hour: Annotated[
        float | None, typer.Option(help="What an hour of the machines costs; adds the cost.")
    ] = None,
) -> None:
    """Write the report page of a run: one self-contained HTML file."""
    from curate.report import report as write

    print(write(run_dir, price_per_hour=price_per_hour))


@app.command()
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
    """Say what changed between two runs or crawls: counts, signals, domains, decisions.

    With a --max option the exit status is 1 if more changed than that, for CI.

    Example: curate compare may june --max-psi .25 --max-kept-share-change .05
    """
    from curate.compare import Limits
    from curate.compare import compare as compare_runs

    limits = Limits(max_psi, max_kept_share_change, max_decided_differently, max_total_variation)
    found = compare_runs(a, b, limits)
    _print_json(found.to_json()) if as_json else print("\n".join(found.lines(everything)))
    for line in found.broken:
        print(f"curate: {line}", file=sys.stderr)
    if found.broken:
        raise typer.Exit(1)


@app.command()
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
    """Plant labelled defects into a sample of the recipe's own sources; report each step's recall."""
    from curate.audit import audit as plant_and_run
    from curate.audit.floors import below, parse_floors

    floors = parse_floors(floor or ())
    result = plant_and_run(
        recipe, set or (), output, per_kind, per_grade, seed, master, _say(as_json)
    )
    _print_json(result.to_json()) if as_json else print("\n".join(result.lines()))
    if failed := list(below(result, floors)):
        raise WorkError(f"the audit is below its floors: {'; '.join(failed)}")


@app.command("train-classifier")
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
    """Train a quality classifier for the filter `quality`: good texts against the web."""
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
    card = train(inputs, output, options, _say(as_json))
    _print_json(card) if as_json else print("\n".join(lines(card)))


@app.command()
def demo(
    output: Annotated[str, typer.Option("--output", help="Folder to write to.")] = "demo",
    pages: Annotated[int, typer.Option(help="Pages to crawl.")] = 700,
    seconds: Annotated[
        float | None, typer.Option(help="Time for the verdict; default two and a half minutes.")
    ] = None,
    master: Master = None,
) -> None:
    """The whole flow on text this machine already has: crawl to bits per byte, offline."""
    from curate.demo.flow import demo as start

    start(output, pages, seconds, master)


@app.command("list")
def list_steps(as_json: Json = False) -> None:
    """Every step, its parameters, their defaults and the paper they come from."""
    from curate.registry import catalogue

    entries = catalogue()
    if as_json:
        _print_json(entries)
        return
    for entry in entries:
        print(f"{entry['group']}: {entry['name']}\n    {entry['about']}")
        for key, value in entry["parameters"].items():
            print(f"    {key}: {json.dumps(value, default=list)}")
        if entry["variants"]:
            print(f"    variant: {', '.join(entry['variants'])} (without it, the paper's reading)")


register_model_commands(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never returns on a mistake, exits with its status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(_spread(given), prog_name="curate", standalone_mode=False)
    except CurateError as error:
        print(f"curate: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("curate: stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        print(f"curate: {error.filename or 'the work'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message() or "see --help"
        print(f"curate: {message.splitlines()[0]} (see: curate --help)", file=sys.stderr)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _spread(arguments: Sequence[str]) -> list[str]:
    """`--input a b c` as the parser wants it: `--input a --input b --input c`."""
    spread: list[str] = []
    option: str | None = None
    fresh = False
    for argument in arguments:
        if argument.startswith("-"):
            option, fresh = (argument, True) if argument in SPREAD else (None, False)
            spread.append(argument)
        elif option and not fresh and (option != "--set" or "=" in argument):
            spread += [option, argument]
        else:
            spread.append(argument)
            fresh = False
    return spread


def _say(as_json: bool) -> Callable[[str], None]:
    def say(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    return say


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, default=str))


if __name__ == "__main__":
    main()
