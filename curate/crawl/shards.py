"""A crawl over several machines: a Spark task for each shard of the hosts, in rounds.

In: seeds, an output folder that every worker reaches under the same path, options. Out: a folder
`shard-K` of WARC files for each shard, `crawl.json` written last. The decision that matters: a host
belongs to one shard for good, by a hash of its registered domain, and a shard is one process at a
time that holds the lock on its folder; so the delay that a host is owed needs no talk between
machines. Links to other shards' hosts wait in files until the round ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import Any

from curate import errors
from curate.crawl.archive import Archive
from curate.crawl.options import CrawlOptions, CrawlReport
from curate.crawl.round import FOLDER, unchanged, waited
from curate.crawl.run import REPORT, SHARDS, check_seeds, finish
from curate.crawl.warc_writer import PATTERN
from curate.errors import InputError, WorkError
from curate.store import absolute, locked, read_json, write_json

ROUND_SECONDS = 900.0
Outcome = dict[str, Any]


def crawl_sharded(
    urls: Sequence[str],
    output: str,
    options: CrawlOptions,
    shards: int,
    master: str | None = None,
    round_seconds: float = ROUND_SECONDS,
    on_progress: Callable[[str], None] = print,
) -> CrawlReport:
    """`curate.crawl.crawl` by `shards` Spark tasks; the same call goes on where it stopped.

    `options.max_pages` holds over the job, `concurrency` in each shard. Errors: those of `crawl`,
    InputError for another number of shards than the folder was begun with.
    """
    seeds = check_seeds(urls, options)
    if shards < 1 or round_seconds <= 0:
        raise InputError("shards and round_seconds must be above 0")
    begin = monotonic()
    with locked(absolute(output)) as folder:
        _check_state(folder, shards)
        (folder / REPORT).unlink(missing_ok=True)
        job = {"output": str(folder), "shards": shards, "seeds": seeds, "seconds": round_seconds}
        job["options"] = asdict(replace(options, max_pages=None))
        run = _runner(master or os.environ.get("SPARK_MASTER") or f"local[{shards},4]", folder)
        outcomes, fetched = _rounds(run, job, options.max_pages, on_progress)
        report = _report(folder, seeds, options, outcomes, fetched, monotonic() - begin)
        reasons = (outcome["first_reason"] for outcome in outcomes.values())
        finish(folder, report, next((reason for reason in reasons if reason), None))
    return report


def _check_state(folder: Path, shards: int) -> None:
    state = read_json(str(folder / SHARDS))
    if state is None and next(folder.glob(PATTERN), None):
        raise InputError(f"{folder} holds a crawl without shards; choose another --output")
    if state and state["shards"] != shards:
        raise InputError(
            f"{folder} was begun with {state['shards']} shards; use --shards {state['shards']}"
        )
    write_json(str(folder / SHARDS), {"shards": shards})


def _runner(master: str, folder: Path) -> Callable[[Sequence[Mapping[str, Any]]], list[Outcome]]:
    """A function that runs jobs as the tasks of one Spark stage."""
    from curate.spark import session

    context = session(master, str(folder / "spark.log")).sparkContext

    def run(jobs: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        lines = [json.dumps(job) for job in jobs]
        try:
            outcomes = context.parallelize(lines, len(lines)).map(play_apart).collect()
        except Exception as error:
            last = (
                str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            )
            raise WorkError(
                f"a shard broke more than Spark retries: {last}; details: {folder}/shard-*/crawl.log"
            ) from None
        for outcome in outcomes:
            if "error" in outcome:
                raise getattr(errors, outcome["kind"], WorkError)(outcome["error"])
        return list(outcomes)

    return run


def play_apart(line: str) -> Outcome:
    """A Spark task: the round in a child process, which dies with this one.

    Scrapy's reactor starts once a process, and Spark uses its workers again.
    """
    job = json.loads(line)
    if outcome := unchanged(job):
        return outcome
    folder = Path(job["output"]) / FOLDER.format(job["shard"])
    folder.mkdir(parents=True, exist_ok=True)
    here = str(Path(__file__).parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    with (folder / "crawl.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "curate.crawl.round"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    assert child.stdin and child.stdout
    try:
        child.stdin.write(line.encode() + b"\n")
        child.stdin.flush()
        said = child.stdout.read()
    except OSError:
        said = b""
    finally:
        child.kill()
        child.wait()
    if not said.endswith(b"\n"):
        raise RuntimeError(f"shard {job['shard']} ended without an outcome; see {folder}/crawl.log")
    ended: Outcome = json.loads(said)
    return ended


def _rounds(
    run: Callable[[Sequence[Mapping[str, Any]]], list[Outcome]],
    job: Mapping[str, Any],
    max_pages: int | None,
    on_progress: Callable[[str], None],
) -> tuple[dict[int, Outcome], int]:
    """Rounds until nobody has mail and nothing waits; each shard's last outcome, and the pages
    fetched in all."""
    outcomes: dict[int, Outcome] = {}
    stored: Counter[int] = Counter(_stored(job))
    due, number, fetched = set(range(job["shards"])), 1, 0
    while due:
        limits = _limits(sorted(due), stored, max_pages)
        turns = [
            {**job, "shard": shard, "round": number, "pages": limit}
            for shard, limit in limits.items()
        ]
        done = run(turns)
        outcomes.update({outcome["shard"]: outcome for outcome in done})
        stored.update({each["shard"]: each["stored"] - stored[each["shard"]] for each in done})
        fetched += sum(outcome["fetched"] for outcome in done)
        due = {shard for outcome in done for shard in outcome["changed"]}
        waiting = {shard for shard, outcome in outcomes.items() if outcome["waiting"]}
        if max_pages is None or stored.total() < max_pages:
            due |= waiting
        on_progress(
            f"round {number}: {len(done)} shards, {stored.total():,} pages, "
            f"{sum(each['waiting'] for each in outcomes.values()):,} URLs wait, {len(due)} shards go on"
        )
        number += 1
    return outcomes, fetched


def _stored(job: Mapping[str, Any]) -> dict[int, int]:
    """Pages that an earlier run of the job stored, by shard."""
    stored = {}
    for shard in range(job["shards"]):
        folder = Path(job["output"]) / FOLDER.format(shard)
        if folder.is_dir():
            with waited(folder):
                stored[shard] = Archive(folder).pages
    return stored


def _limits(
    due: Sequence[int], stored: Mapping[int, int], max_pages: int | None
) -> dict[int, int | None]:
    """How many pages each shard may have stored at the end of the round: what is left in equal parts.

    >>> _limits([0, 2], {0: 5, 1: 1, 2: 1}, 12)
    {0: 8, 2: 3}
    """
    if max_pages is None:
        return dict.fromkeys(due)
    left = max(0, max_pages - sum(stored.values()))
    each, more = divmod(left, len(due))
    return {shard: stored.get(shard, 0) + each + (at < more) for at, shard in enumerate(due)}


def _report(
    folder: Path,
    seeds: tuple[str, ...],
    options: CrawlOptions,
    outcomes: Mapping[int, Outcome],
    fetched: int,
    seconds: float,
) -> CrawlReport:
    def total(name: str) -> int:
        return sum(outcome[name] for outcome in outcomes.values())

    skipped: Counter[str] = Counter()
    for outcome in outcomes.values():
        skipped.update(outcome["skipped"])
    skipped += Counter({"max_pages": total("waiting")})
    places: Iterable[str] = (place for each in outcomes.values() for place in each["stopped"])
    return CrawlReport(
        seeds=seeds,
        pages=total("pages"),
        revisits=total("revisits"),
        fetched=fetched,
        body_bytes=total("body_bytes"),
        depth=max(outcome["depth"] for outcome in outcomes.values()),
        seconds=round(seconds, 3),
        sitemaps=total("sitemaps"),
        skipped=dict(sorted(skipped.items())),
        stopped=tuple(sorted(places)),
        files=tuple(str(p.relative_to(folder)) for p in sorted(folder.glob(f"shard-*/{PATTERN}"))),
        options=options,
    )
