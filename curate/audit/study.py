"""`curate audit`: defects planted among the recipe's own documents, the recipe run, the result judged.

In: a recipe. Out: an ordinary run below the output folder, over a sample of the sources' files and
the planted documents, and its `Audit`. The decision: planted documents are made of sentences that
the recipe itself would keep, so a control that is dropped was dropped for no fault of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from curate.audit.plant import PlantedCorpus, plant
from curate.audit.recall import Audit, recall
from curate.document import share
from curate.errors import UserError
from curate.finished import open_run
from curate.recipe import Recipe, Source, Step, build_step, load
from curate.registry import ROW_GROUPS
from curate.run import run
from curate.source import detect_format, list_files, read
from curate.source.catalogue import list_source
from curate.source.common_crawl.paths_list import is_list
from curate.step import Only, apply
from curate.store import absolute

PLANTED = "planted"
SAMPLE_FILES = 4  # of a list or an index, whose files are large
SAMPLE_BYTES = 128 << 20
TEXTS = 600
RECORDS_PER_FILE = 200
RECORDS = 6000


def audit(
    recipe: str,
    overrides: Sequence[str],
    output: str,
    per_kind: int = 50,
    per_grade: int = 10,
    seed: int = 0,
    master: str | None = None,
    say: Callable[[str], None] = print,
) -> Audit:
    """Plant `per_kind` defects of every kind and `per_grade` of every grade of the graded ones, run
    the recipe below `output`, and judge it.

    The run covers whole files, drawn by `seed` until `SAMPLE_BYTES`, and leaves out `mix` and
    `tokenize`, which judge nothing.
    """
    if per_kind < 1 or per_grade < 0:
        raise UserError(
            f"--per-kind has to be at least 1, --per-grade at least 0, got {per_kind} and {per_grade}"
        )
    sampled = sample(load(recipe, overrides), seed)
    steps = [step for step in sampled.steps if isinstance(step, Step)]
    texts = list(islice(_texts(sampled), TEXTS))
    say(f"audit: {per_kind} defects of each kind, made of sentences of {len(texts):,} documents")
    spoken = next(
        (step.params.get("keep", ["en"]) for step in steps if step.name == "language"), ["en"]
    )
    markup = any(step.group == "extract" for step in steps)
    planted = plant(
        texts, per_kind, seed, f"{absolute(output)}/planted", spoken or ["en"], markup, per_grade
    )
    run(with_planted(sampled, planted), output, master, say)
    return recall(open_run(absolute(output)).path)


def sample(recipe: Recipe, seed: int) -> Recipe:
    """The recipe over some of its files: whole ones, by a coin, at least one a source."""
    sources = tuple(_sampled(source, seed) for source in recipe.sources if source.name != PLANTED)
    return replace(recipe, sources=sources)


def with_planted(recipe: Recipe, planted: PlantedCorpus) -> Recipe:
    """The recipe with one source more, its steps open to that source, the questions to look for."""
    steps = [
        step if isinstance(step, str) else _opened(step, planted)
        for step in recipe.steps
        if isinstance(step, str) or step.group not in ("mix", "tokenize")
    ]
    source = Source(PLANTED, (planted.documents,), "jsonl")
    return replace(recipe, sources=(*recipe.sources, source), steps=tuple(steps))


def _sampled(source: Source, seed: int) -> Source:
    if source.select is not None or any(map(is_list, source.path)):
        return replace(source, files=min(source.files or SAMPLE_FILES, SAMPLE_FILES))
    root, files = list_files([absolute(path) for path in source.path], source.format)
    chosen: list[str] = []
    size = 0
    for file in sorted(files, key=lambda file: share(file.path, f"audit {seed}")):
        if not chosen or size + file.size <= SAMPLE_BYTES:
            chosen.append(f"{root.rstrip('/')}/{file.path}")
            size += file.size
    return replace(source, path=tuple(sorted(chosen)))


def _texts(recipe: Recipe) -> Iterator[str]:
    """Texts that the recipe's row steps keep, some of every file."""
    steps = [s.built for s in recipe.steps if isinstance(s, Step) and s.group in ROW_GROUPS]
    records = chain.from_iterable(_records(source) for source in recipe.sources)
    for row in apply(steps, islice(records, RECORDS)):
        if row.drop is None and row.text:
            yield row.text


def _records(source: Source) -> Iterator[Any]:
    listing = list_source(source)
    for file in listing.files:
        name = source.format or detect_format(file.path)
        rows = read(
            source.name, name, listing.root, file.path, source.options, file.spans, named=True
        )
        yield from islice(rows, RECORDS_PER_FILE)


def _opened(step: Step, planted: PlantedCorpus) -> Step:
    """A step that also sees planted documents, or also looks for the planted questions."""
    if step.name == "decontaminate":
        params = {**step.params, "against": [*step.params.get("against", ()), planted.evaluation]}
        return Step(step.name, params, build_step(step.name, params))
    if isinstance(step.built, Only):
        names = step.built.sources | {PLANTED}
        return Step(
            step.name, {**step.params, "only": sorted(names)}, replace(step.built, sources=names)
        )
    return step
