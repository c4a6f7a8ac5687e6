"""What each stage of a run is worth: its tables as the arms of one ablation.

Enters: one run (an arm a table, and the pages before extraction), or several (an arm a recipe: its
last table). Leaves: the arms and held-out sets that `model.ablation.ablate` trains and judges on. The
decision: documents are drawn by a coin on their id, so the arms hold the same documents where both
kept them, and differ only by what the steps did.

H1 is clean text that never was in the crawl (held-out documents of the reference sources, or files);
H2 the crawl's own held-out documents after the whole pipeline; H3 the same domains extracted only; H4
the same domains raw. H1 and H2 make the verdict, H3 and H4 are reported. Held-out documents are in no
arm.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from curate.document import Document, documents, share
from curate.errors import InputError
from curate.extract.charset import decode
from curate.finished import FinishedRun, FinishedTable, open_run
from curate.raw import Raw, read_again
from curate.registry import unknown
from curate.source import detect_format, list_files, read
from curate.split import HELDOUT
from curate.table import Table

if TYPE_CHECKING:
    from model.ablation.heldout import Diagnostic
    from model.ablation.verdict import Verdict

DRAW = "ablate"  # the seed of the coin
RAW = "raw"
COLUMNS = ["id", "source", "origin", "text", "content", "media_type", "labels", "drop"]
LEAST_READ = 256  # documents at once

Texts = list[tuple[str, str]]


def ablate_runs(
    run_dirs: Sequence[str],
    output: str,
    *,
    arms: Sequence[str] = (),
    sources: Sequence[str] = (),
    reference: Sequence[str] = (),
    reference_files: Sequence[str] = (),
    profile: str = "cpu",
    seeds: int = 3,
    seconds: float | None = None,
    equal_source: bool = False,
    ladder: bool = False,
    say: Callable[[str], None] | None = None,
) -> Verdict:
    """Train on every arm with paired seeds and compare in held-out bits per byte.

    `arms`: names of tables (as `extract`, `dedup`), `raw`, or with several runs `run` and `run/table`;
    default all tables of one run, the last tables of several. `sources`: the sources compared,
    default all but the `reference` ones, whose held-out documents are H1, as are `reference_files`.
    """
    from model.ablation.ablate import Ways, ablate
    from model.ablation.profiles import choose_profile

    size = choose_profile(profile)
    size = size if seconds is None else replace(size, seconds=seconds)
    runs = [open_run(run_dir) for run_dir in run_dirs]
    chosen = _sources([run.documents[-1].table for run in runs], sources, reference)
    corpus = _Corpus(runs, chosen, size.arm_bytes, size.heldout_bytes, RAW in arms)
    texts = corpus.arms(arms)
    held = {"H2 curated": corpus.curated()}
    if reference or reference_files:
        held = {"H1 reference": corpus.reference(set(reference), reference_files), **held}
    empty = [name for name, found in {**texts, **held}.items() if not found]
    if empty:
        raise InputError(
            f"no documents for {', '.join(empty)}: hold out more (split.heldout_share) or give other --sources"
        )
    ways = Ways(equal_source, ladder, len(runs) > 1, tuple(_cautions(runs)))
    return ablate(
        texts, held, profile=size, output=output, seeds=seeds, ways=ways, say=say,
        diagnostics=corpus.diagnostics(texts),
    )  # fmt: skip


@dataclass
class _Corpus:
    """The texts of finished runs, of some sources, up to a size. must_read: the pages before
    extraction are an arm that was asked for."""

    runs: Sequence[FinishedRun]
    sources: set[str]
    arm_bytes: int
    heldout_bytes: int
    must_read: bool

    def __post_init__(self) -> None:
        self.raw_tables, self.extracted = _before_extraction(self.runs[-1])
        self.raw: Raw | None = None
        if (
            _extracts(self.runs[-1])
            and not self.raw_tables
            and (len(self.runs) == 1 or self.must_read)
        ):
            self.raw = self._read_again()  # fmt: skip

    def arms(self, wanted: Sequence[str]) -> dict[str, Texts]:
        """The documents for training, per arm."""
        tables = _named(self.runs)
        if self.raw_tables and len(self.runs) == 1:
            tables = {RAW: self.raw_tables[-1].table, **tables}
        names = list(wanted or (_last(self.runs) if len(self.runs) > 1 else _tables(self.runs[0])))
        if self.raw is not None and not wanted and len(self.runs) == 1:
            names = [RAW, *names]
        known = [*tables, RAW] if self.raw is not None else list(tables)
        for name in names:
            if name not in known:
                raise InputError(unknown("arm", name, known))
        return {
            name: self.raw.train if self.raw is not None and name == RAW else list(
                _texts(tables[name], self.sources, self.arm_bytes)
            )
            for name in names
        }  # fmt: skip

    def curated(self, sources: set[str] | None = None) -> Texts:
        """H2, or H1 from other `sources`. Of several runs each document as one of them left it, drawn
        by a coin: a set made by one recipe would favour it."""
        found: dict[str, dict[int, str]] = {}
        for number, run in enumerate(self.runs):
            table = run.documents[-1].table
            for id, text in _texts(
                table, sources or self.sources, self.heldout_bytes, heldout=True
            ):
                found.setdefault(id, {})[number] = text
        drawn = sorted(found, key=lambda id: share(id, DRAW))
        return [(id, _one_of(found[id], share(id, "version"))) for id in drawn]

    def reference(self, sources: set[str], files: Sequence[str]) -> Texts:
        """H1."""
        held = self.curated(sources) if sources else []
        given = [pair for path in files for pair in _file_texts(path)]
        return held + sorted(given, key=lambda pair: share(pair[0], DRAW))

    def diagnostics(self, arms: Mapping[str, Texts]) -> dict[str, Diagnostic]:
        """H3 and H4, where there are such tables."""
        from model.ablation.heldout import Diagnostic

        found = {}
        if self.extracted is not None:
            table = self.extracted.table
            found["H3 extracted"] = Diagnostic(self._held(table))
        if self.raw is not None:
            found["H4 raw"] = Diagnostic(self.raw.heldout, RAW if RAW in arms else None)
        elif self.raw_tables:
            last = self.raw_tables[-1]
            names = {name for name, table in _named(self.runs).items() if table is last.table}
            winner = next((name for name in arms if name in (*names, RAW)), None)
            found["H4 raw"] = Diagnostic(self._held(last.table), winner)
        return found

    def _held(self, table: Table) -> Texts:
        return list(_texts(table, self.sources, self.heldout_bytes, heldout=True))

    def _read_again(self) -> Raw | None:
        try:
            return read_again(
                self.runs[-1].recipe, self.sources, self.arm_bytes, self.heldout_bytes, DRAW
            )
        except InputError as error:
            if self.must_read:
                raise
            print(f"warning: no arm of raw pages: {error}", file=sys.stderr)
            return None


def _cautions(runs: Sequence[FinishedRun]) -> Iterator[str]:
    for run in runs:
        for table in run.documents:
            if dict(table.steps).get("split", {}).get("by") == "document":
                yield f"{run.path}: single documents were held out, not sites, so H2 is easier than new text"


def _extracts(run: FinishedRun) -> bool:
    return "extract" in run.step_order


def _before_extraction(run: FinishedRun) -> tuple[list[FinishedTable], FinishedTable | None]:
    """The tables of pages as they came, and the table that holds them extracted and nothing more.

    Where nothing is extracted, the first table is the second of these, if others follow it.
    """
    tables = list(run.documents)
    if not _extracts(run):
        return [], tables[0] if len(tables) > 1 else None
    place = next(i for i, one in enumerate(tables) if "extract" in dict(one.steps))
    only = tables[place].steps[-1][0] == "extract" and place < len(tables) - 1
    return tables[:place], tables[place] if only else None


def _tables(run: FinishedRun) -> dict[str, Table]:
    """A run's tables of documents by name, without their numbers where that is clear."""
    return {name: one.table for name, one in run.named.items() if one.holds_documents}


def _last(runs: Sequence[FinishedRun]) -> dict[str, Table]:
    """The last table of each run, by its folder's name, or its path where two have the same."""
    folders = [Path(run.path).name for run in runs]
    names = [
        folder if folders.count(folder) == 1 else run.path
        for folder, run in zip(folders, runs, strict=True)
    ]
    return {name: run.documents[-1].table for name, run in zip(names, runs, strict=True)}


def _named(runs: Sequence[FinishedRun]) -> dict[str, Table]:
    """Everything that can be an arm: tables of one run; of several, `run` and `run/table`."""
    if len(runs) == 1:
        return _tables(runs[0])
    last = _last(runs)
    every = {
        f"{name}/{table}": found
        for name, run in zip(last, runs, strict=True)
        for table, found in _tables(run).items()
    }
    return {**last, **every}


def _sources(tables: Sequence[Table], wanted: Sequence[str], reference: Sequence[str]) -> set[str]:
    known = {name for table in tables for name in table.counts()}
    for name in [*wanted, *reference]:
        if name not in known:
            raise InputError(unknown("source", name, known))
    if both := sorted(set(wanted) & set(reference)):
        raise InputError(
            f"{', '.join(both)}: a --reference is in no arm, but it is a --source, too"
        )
    return set(wanted) or known - set(reference)


def _texts(
    table: Table, sources: set[str], limit_bytes: int, heldout: bool = False
) -> Iterator[tuple[str, str]]:
    """(id, text) of a table's kept documents in the order of a coin on their id, up to a size. Of
    a held-out document no more counts than is scored of it where there are many."""
    from model.ablation.heldout import MOST_PIECES

    most_bytes = max(1, limit_bytes // MOST_PIECES) if heldout else limit_bytes
    wanted = pc.field("source").isin(sorted(sources))
    narrow = table.dataset(kept=True).to_table(columns=["id", "labels"], filter=wanted)
    drawn = [
        row["id"]
        for row in narrow.to_pylist()
        if (dict(row["labels"] or ()).get("split") == HELDOUT) == heldout
    ]
    drawn.sort(key=lambda id: share(id, DRAW))
    total = table.total()
    mean_bytes = max(1, min(most_bytes, total.kept_bytes // max(1, total.kept)))
    size = place = 0
    while place < len(drawn) and size < limit_bytes:
        group = drawn[place : place + max(LEAST_READ, (limit_bytes - size) // mean_bytes)]
        place += len(group)
        found = _read(table, group)
        for id in group:
            if found[id] and size < limit_bytes:
                size += min(most_bytes, len(found[id].encode("utf-8", "replace")))
                yield id, found[id]


def _read(table: Table, ids: Sequence[str]) -> dict[str, str]:
    """The texts of some documents, in one pass over the table."""
    rows = table.dataset(kept=True).to_batches(columns=COLUMNS, filter=pc.field("id").isin(ids))
    return {row.id: _text(row) for batch in rows for row in documents(batch)}


def _text(row: Document) -> str:
    """The text of a document; before extraction, its content decoded with the markup left in."""
    if row.text is not None:
        return str(row.text)
    return decode(row.content or b"", row.labels.get("charset")).text


def _one_of(versions: Mapping[int, str], coin: float) -> str:
    """One of a document's versions."""
    return versions[sorted(versions)[int(coin * len(versions))]]


def _file_texts(path: str) -> Iterator[tuple[str, str]]:
    """The documents of files that no run has read."""
    root, files = list_files(path, None)
    for file in files:
        for row in read("reference", detect_format(file.path), root, file.path, {}):
            if row.drop is None and row.text:
                yield row.id, str(row.text)
