"""From a recipe to committed tables: plans the stages, skips what is done, does the rest.

Enters: a recipe and an output folder. Leaves: one committed table a stage and `run.json`, which
lists them in order. The decision: whether work is needed is told from fingerprints alone, so a
re-run of a finished run starts no Spark at all, and a re-run after a kill does only the slices
that had not been committed. Before a slice is committed, the pieces of large files have to fit; a
file whose pieces do not is read whole instead, in this run and in later ones.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from errno import ENOSPC
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from curate import errors
from curate.document import SPARK_SCHEMA
from curate.errors import CurateError, InputError, LedgerError, OutputError, WorkError
from curate.finished import RUN
from curate.inputs import plan_scan, plan_slices, stamp_inputs, stamps_of
from curate.progress import spark_progress
from curate.recipe import Recipe, Stage, Step, stage_of
from curate.source.pieces import misfits
from curate.spark import (
    Entry,
    check_tally,
    count,
    scan,
    session,
    step_work,
    stepped,
    tally_joints,
    write,
)
from curate.store import absolute, locked, unwritable, write_json
from curate.table import Counts, Slice, Table, committed, fingerprint

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Say = Callable[[str], None]
CHECKPOINTS, WORK = "checkpoints", "work"


@dataclass
class Workshop:
    """What all stages of a run share: the lazily started Spark session, the log, the voice."""

    master: str | None
    log: str | None
    say: Say

    @cached_property
    def spark(self) -> SparkSession:
        """The session; started by the first stage that has work to do."""
        return session(self.master, self.log)

    @property
    def has_worked(self) -> bool:
        """Whether a stage had work to do."""
        return "spark" in vars(self)


@dataclass(frozen=True)
class Part:
    """Input that commits together: files to scan, or rows of a committed table."""

    key: str
    entries: tuple[Entry, ...] = ()
    files: tuple[str, ...] = ()
    expected: tuple[tuple[str, int], ...] = ()

    def describe(self) -> Any:
        """What a fingerprint has to cover."""
        return [self.files, [asdict(entry) for entry in self.entries]]


def run(
    recipe: Recipe,
    output: str,
    master: str | None = None,
    say: Say = print,
    with_page: bool = False,
) -> list[Table]:
    """Run every stage of a recipe below `output`; returns the tables in order. With `with_page`, the
    report page of what was made is written too, while the session is there to read it.

    Raises `UserError` for what the user can mend and `WorkError` for what failed on the way.
    """
    output = absolute(output)
    started = time.monotonic()
    entries, stamps = plan_scan(recipe.sources, output)
    for step in recipe.steps:
        if isinstance(step, Step):
            stamp_inputs(step)
    tables: list[Table] = []
    with workshop(output, master, say) as shop:
        for stage in recipe.stages():
            table = Table(f"{output}/{stage.name}")
            build(stage, table, tables[-1] if tables else None, entries, stamps, recipe, shop)
            tables.append(table)
        _write_run(recipe, output, tables, time.monotonic() - started)
        if with_page:
            _put_page(output, shop)
    return tables


def run_step(
    steps: Sequence[Step],
    inputs: Sequence[str],
    output: str,
    recipe: Recipe,
    master: str | None = None,
    say: Say = print,
) -> Table:
    """Run one stage as a table of its own. `inputs`: one committed table, or source files."""
    output = absolute(output)
    table, stage = Table(output), stage_of(steps)
    previous = committed(inputs)
    if previous is None and stage.kind != "rows":
        raise InputError(f"{stage.name} reads a finished table of documents; {inputs[0]} is none")
    entries, stamps = plan_scan(() if previous else recipe.sources, output)
    with workshop(output, master, say) as shop:
        build(stage, table, previous, entries, stamps, recipe, shop)
    return table


@contextmanager
def workshop(output: str, master: str | None, say: Say) -> Iterator[Workshop]:
    """The output for this process alone; that it can be written is known before anything is done."""
    if "://" in output:
        raise OutputError(
            f"cannot write to {output}: an output has to be a local or mounted folder"
        )
    with locked(output):
        yield Workshop(master, f"{output}/spark.log", say)


def build(
    stage: Stage,
    table: Table,
    previous: Table | None,
    entries: Sequence[Entry],
    stamps: Sequence[Any],
    recipe: Recipe,
    shop: Workshop,
) -> None:
    """Bring one table up to date: nothing, the missing slices, or everything."""
    before = previous.require()["fingerprint"] if previous else list(stamps)
    steps = [[step.name, dict(step.params), stamp_inputs(step)] for step in stage.steps]
    mark = fingerprint(stage.kind, before, steps, recipe.measure_dropped)
    if table.is_current(mark):
        shop.say(f"{stage.name}: already done, {_sentence(table.total())}")
        return
    table.begin()
    slices = None
    while slices is None:
        parts = _parts(stage, previous, entries, recipe.slice_bytes, table)
        slices = _slices(stage, table, parts, before, steps, recipe, shop)
    about = {
        "name": stage.name,
        "kind": stage.kind,
        "steps": [{step.name: dict(step.params)} for step in stage.steps],
        "input": previous.path if previous else [list(stamp) for stamp in stamps],
    }
    table.commit(mark, slices, about)
    shop.say(f"{stage.name}: {_sentence(table.total())}, {sum(s.seconds for s in slices):.1f} s")


def _parts(
    stage: Stage,
    previous: Table | None,
    entries: Sequence[Entry],
    slice_bytes: int,
    table: Table,
) -> list[Part]:
    if previous is None:
        groups = plan_slices(entries, slice_bytes, table.read_whole())
        return [_scan_part(group) for group in groups]
    parts = previous.require()["slices"]
    kept = {
        part["key"]: tuple(f"{previous.path}/{f}" for f in part["files"] if "/kept=true/" in f)
        for part in parts
    }
    if stage.kind == "rows":
        return [
            Part(part["key"], files=kept[part["key"]], expected=tuple(sorted(part["kept"].items())))
            for part in parts
        ]
    files = tuple(file for group in kept.values() for file in group)
    expected = {source: counts.kept for source, counts in previous.counts().items()}
    return [Part("all", files=files, expected=tuple(sorted(expected.items())))]


def _scan_part(entries: Sequence[Entry]) -> Part:
    names = json.dumps([[entry.source, entry.path, *entry.spans] for entry in entries])
    return Part(xxhash.xxh3_64_hexdigest(names.encode()), entries=tuple(entries))


def _slices(
    stage: Stage,
    table: Table,
    parts: Sequence[Part],
    before: Any,
    steps: list[Any],
    recipe: Recipe,
    shop: Workshop,
) -> list[Slice] | None:
    """Every slice, committed; None if the pieces of a file do not fit, which is remembered."""
    slices: list[Slice] = []
    joints: list[Any] = []
    for part in parts:
        made, is_new = _slice(stage, table, part, before, steps, recipe, shop)
        files = {(source, path) for source, path, _ in made.joints}
        # a file's pieces stand in a row: those of other files are complete, and were checked
        joints = [joint for joint in joints if (joint[0], joint[1]) in files] + made.joints
        if wrong := misfits(joints):
            for source, path in sorted(wrong):
                shop.say(f"{stage.name}: {source}: {path}: cannot be read in pieces; read whole")
            table.remember_whole(wrong)
            return None
        if is_new:
            table.commit_slice(made)
        slices.append(made)
    return slices


def _slice(
    stage: Stage,
    table: Table,
    part: Part,
    before: Any,
    steps: list[Any],
    recipe: Recipe,
    shop: Workshop,
) -> tuple[Slice, bool]:
    """The slice that is there already, or a new one to be committed; and whether it is new."""
    stamp = stamps_of(part.entries, before) if part.entries else before
    mark = fingerprint(stage.kind, steps, recipe.measure_dropped, stamp, part.describe())
    done = table.committed_slice(part.key, mark)
    if done is not None:
        return done, False
    started = time.monotonic()
    with telling(stage.name, table, shop.log), spark_progress(shop.spark, stage.name):
        files, counts, extra = _work(stage, table, part, recipe, shop)
    extra["kept"] = {source: value.kept for source, value in counts.items()}
    seconds = round(time.monotonic() - started, 2)
    joints = extra.pop("joints", [])
    return Slice(part.key, mark, files, counts, seconds, extra, joints), True


def _work(
    stage: Stage, table: Table, part: Part, recipe: Recipe, shop: Workshop
) -> tuple[tuple[str, ...], dict[str, Counts], dict[str, Any]]:
    """Do a slice's work and check its ledger; returns its files, counts and extra facts."""
    if stage.kind == "tokens":
        return _tokenize(stage, table, part, shop)
    attempt = table.new_attempt(part.key)
    folder = f"{table.path}/{attempt}"
    work = f"{folder}/{WORK}"
    steps = [step.built for step in stage.steps]
    if part.entries:
        df = scan(shop.spark, part.entries, steps, f"{folder}/tally", recipe.measure_dropped, work)
    elif stage.kind == "rows":
        passed = stepped(steps, recipe.measure_dropped, work)
        df = _rows(shop.spark, part).mapInArrow(passed, SPARK_SCHEMA)
    else:
        df = _set_step(steps[0], _rows(shop.spark, part), f"{folder}/{CHECKPOINTS}")
    write(df, f"{folder}/documents")
    written = shop.spark.read.schema(SPARK_SCHEMA).parquet(f"{folder}/documents")
    counts = count(written)
    read = check_tally(written, f"{folder}/tally") if part.entries else dict(part.expected)
    _balance_ledger(stage.name, counts, read)
    in_pieces = any(entry.is_piece for entry in part.entries)
    extra: dict[str, Any] = (
        {"joints": tally_joints(shop.spark, f"{folder}/tally")} if in_pieces else {}
    )
    if table.fs.exists(f"{table.root}/{attempt}/{WORK}"):
        extra["work"] = step_work(shop.spark, work)
    if stage.kind == "set" and hasattr(steps[0], "review"):
        alarms = steps[0].review(written, counts)
        for alarm in alarms:
            shop.say(f"{stage.name}: {alarm.sentence()}")
        extra["alarms"] = [asdict(alarm) for alarm in alarms]
    if stage.kind == "set" and hasattr(steps[0], "shares"):
        shares = steps[0].shares(written)
        for share in shares:
            shop.say(f"{stage.name}: {share.sentence()}")
        extra["mixture"] = [asdict(share) for share in shares]
    table.forget(f"{attempt}/{CHECKPOINTS}")
    table.forget(f"{attempt}/{WORK}")
    return _parquet_files(table, attempt), counts, extra


def _set_step(step: Any, df: DataFrame, checkpoints: str) -> DataFrame:
    """Its result. On a cluster what it computes on the way outlives the executors it was made on."""
    context = df.sparkSession.sparkContext
    if not str(context.master).startswith("local"):
        context.setCheckpointDir(checkpoints)
    result: DataFrame = step(df)
    return result


def _tokenize(
    stage: Stage, table: Table, part: Part, shop: Workshop
) -> tuple[tuple[str, ...], dict[str, Counts], dict[str, Any]]:
    attempt = table.new_attempt(part.key)
    df = _rows(shop.spark, part)
    about = stage.steps[0].built(df, f"{table.path}/{attempt}")
    files = tuple(path for path, _ in table.list_files(attempt))
    wanted = _copies(df)
    written = sum(shard["documents"] for shard in about["shards"])
    if written != wanted:
        raise LedgerError(f"{stage.name}: {wanted} documents to write but {written} in the shards")
    counts = {source: Counts(read=rows, kept=rows) for source, rows in part.expected}
    return files, counts, {"tokens": about}


def _copies(df: DataFrame) -> int:
    """Documents the shards have to hold: each as often as `mix` asks for."""
    from pyspark.sql import functions as f

    copies = f.coalesce(f.element_at("signals", f.lit("mix.copies")), f.lit(1.0))
    row = df.agg(f.sum(copies).alias("copies")).first()
    return int(row["copies"] or 0) if row else 0


def _rows(spark: SparkSession, part: Part) -> DataFrame:
    if not part.files:
        return spark.createDataFrame([], SPARK_SCHEMA)
    return spark.read.schema(SPARK_SCHEMA).parquet(*part.files)


def _parquet_files(table: Table, attempt: str) -> tuple[str, ...]:
    return tuple(
        path for path, _ in table.list_files(f"{attempt}/documents") if path.endswith(".parquet")
    )


def _balance_ledger(name: str, counts: dict[str, Counts], read: dict[str, int]) -> None:
    """The invariant: records read = kept + dropped by reason + non-documents by kind."""
    for source in sorted({*counts, *read}):
        entry = counts.setdefault(source, Counts())
        entry.read = read.get(source, 0)
        if entry.accounted != entry.read:
            raise LedgerError(
                f"{name}: {source}: {entry.read} records read but {entry.accounted} accounted for; "
                "the table was not committed"
            )


def _write_run(recipe: Recipe, output: str, tables: Sequence[Table], seconds: float) -> None:
    write_json(
        f"{output}/{RUN}",
        {
            "name": recipe.name,
            "recipe": recipe.describe(),
            "tables": [
                {"name": Path(table.path).name, "fingerprint": table.require()["fingerprint"]}
                for table in tables
            ],
            "seconds": round(seconds, 1),
        },
    )


def _put_page(output: str, shop: Workshop) -> None:
    """A run is whole without its page: what keeps it from being written is told, and no more."""
    from curate.report.page import PAGE, report

    if not shop.has_worked and Path(output, PAGE).exists():
        return
    try:
        with telling("report", Table(output), shop.log):
            shop.say(f"report: {report(output, spark=lambda: shop.spark)}")
    except CurateError as error:
        shop.say(f"report: {error}; `curate report {output}` tries again")


def _sentence(total: Counts) -> str:
    parts = [f"{total.read:,} read", f"{total.kept:,} kept"]
    if total.dropped:
        parts.append(f"{sum(total.dropped.values()):,} dropped")
    if total.non_documents:
        parts.append(f"{sum(total.non_documents.values()):,} non-documents")
    return ", ".join(parts)


@contextmanager
def telling(stage: str, table: Table, log: str | None) -> Iterator[None]:
    """Whatever fails inside fails with one line."""
    try:
        yield
    except CurateError:
        raise
    except Exception as error:
        raise _told(error, stage, table, log) from error


def _told(error: Exception, stage: str, table: Table, log: str | None) -> CurateError:
    """One line for what went wrong inside Spark: the user's mistake, a full disk, or failed work."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        ours = re.search(r"curate\.errors\.(\w+): (.+)", line)
        if ours and (kind := getattr(errors, ours.group(1), None)):
            return kind(ours.group(2))  # type: ignore[no-any-return]
        if "No space left on device" in line:
            return unwritable(table.path, OSError(ENOSPC, "No space left on device"))
    telling = [line for line in lines if "Error:" in line or "Exception:" in line]
    cause = (telling[-1] if telling else lines[0] if lines else type(error).__name__)[:400]
    return WorkError(f"{stage} failed: {cause}{_see(log)}")


def _see(log: str | None) -> str:
    return f" (details: {log})" if log and os.path.exists(log) else ""
