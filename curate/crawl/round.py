"""One round of one shard: `python -m curate.crawl.round`, a process of its own.

In: a job as one line of JSON on stdin, which stays open as long as the owner lives; the shard's
folder with its archive; the files `for-K` that other shards left for this one. Out: WARC files, a
file `for-K` for each other shard, and the outcome as JSON on stdout. The decision that matters: a
round plays the whole shard again from its archive and goes on where that ends, so the only state
besides the archive is which URLs came from elsewhere, and a killed round costs nothing but time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from curate.crawl.archive import Archive, Note
from curate.crawl.frontier import Arrival, Frontier, Share, shard_of
from curate.crawl.options import CrawlOptions
from curate.crawl.run import left_out, visit
from curate.crawl.spider import Budget, Pages
from curate.crawl.urls import host
from curate.errors import CurateError, OutputError
from curate.store import locked, read_json

FOLDER = "shard-{:05d}"
STATE = ".round"  # readers of a folder do not enter one that begins with a dot
FAILED, OUTCOME, KNOWN = "failed.json", "outcome.json", "known.txt"
TOLD = "told.json"
LOCK_SECONDS = 30.0


def unchanged(job: Mapping[str, Any]) -> dict[str, Any] | None:
    """The outcome of the shard's last round, if another one would find the same: nothing waits, and
    what other shards sent is known. Where depth is limited a known URL may have come nearer."""
    share, output = Share(job["shard"], job["shards"]), Path(job["output"])
    folder = output / FOLDER.format(share.number) / STATE
    if job["round"] == 1 or job["options"]["depth"] is not None:
        return None
    outcome: dict[str, Any] = json.loads((folder / OUTCOME).read_text())
    known = set((folder / KNOWN).read_text(encoding="utf-8").split("\n"))
    if outcome["waiting"] or any(each.url not in known for each in _arrivals(output, share)):
        return None
    return {**outcome, "changed": [], "fetched": 0}


def play(job: Mapping[str, Any]) -> dict[str, Any]:
    """A round of the shard `job["shard"]`; the outcome, with `changed`: the shards that have mail."""
    given: dict[str, Any] = dict(job["options"])
    given.update({name: tuple(value) for name, value in given.items() if isinstance(value, list)})
    options = CrawlOptions(**given)
    output, share = Path(job["output"]), Share(job["shard"], job["shards"])
    seeds = tuple(job["seeds"])
    own = [seed for seed in seeds if share.owns(seed)]
    with waited(output / FOLDER.format(share.number)) as folder:
        archive, state = Archive(folder), folder / STATE
        state.mkdir(exist_ok=True)
        failed = {} if job["round"] == 1 else read_json(str(state / FAILED)) or {}
        for url, reason in failed.items():
            archive.remember(url, Note(reason))
        frontier = Frontier(seeds, options, share, _arrivals(output, share))
        budget = Budget(job["pages"], job["seconds"])
        spider = visit(folder, archive, frontier, own, options, _say, budget)
        _put(state / FAILED, json.dumps(failed | spider.to_retry))
        _put(state / KNOWN, "\n".join(frontier.seen))
        changed = send(job, state, frontier.sent)
        outcome = _outcome(share.number, spider, changed, archive)
        _put(state / OUTCOME, json.dumps(outcome))
    return outcome


def _outcome(shard: int, spider: Pages, changed: list[int], archive: Archive) -> dict[str, Any]:
    skipped = left_out(spider)
    return {
        "shard": shard,
        "changed": changed,
        "waiting": skipped.pop("waiting", 0),
        "stored": archive.pages + spider.fetched,
        "pages": spider.pages,
        "revisits": spider.revisits,
        "fetched": spider.fetched,
        "body_bytes": spider.body_bytes,
        "depth": spider.depth,
        "sitemaps": spider.sitemaps.read,
        "skipped": skipped,
        "stopped": list(spider.frontier.repeats.stopped),
        "first_reason": spider.first_reason,
    }


def _arrivals(output: Path, share: Share) -> list[Arrival]:
    """What the other shards found for this one: of each URL the nearest to a seed."""
    nearest: dict[str, Arrival] = {}
    for path in sorted(output.glob(f"shard-*/{STATE}/for-{share.number:05d}.jsonl")):
        for url, arrival in _read_mail(path).items():
            known = nearest.get(url, arrival)
            nearest[url] = min(known, arrival, key=lambda each: (each.depth, each.hops))
    return list(nearest.values())


def _read_mail(path: Path) -> dict[str, Arrival]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as lines:
        arrivals = [Arrival(**json.loads(line)) for line in lines]
    return {arrival.url: arrival for arrival in arrivals}


def send(job: Mapping[str, Any], state: Path, sent: Mapping[str, Arrival]) -> list[int]:
    """Leaves the URLs of other shards in this shard's folder; the shards that have to look.

    Mail only grows: what an earlier round found and this one did not reach stays. Who has to look
    is written first, so that a round that is killed here and played again still says so.
    """
    mail: dict[Path, dict[str, Arrival]] = {}
    changed = _told(state, job["round"])
    for url, arrival in sent.items():
        number = shard_of(host(url), job["shards"])
        path = state / f"for-{number:05d}.jsonl"
        known = mail[path] if path in mail else mail.setdefault(path, _read_mail(path))
        nearer = url in known and arrival.depth < known[url].depth
        if url not in known or nearer:
            known[url] = arrival
            changed |= {number} if not nearer or job["options"]["depth"] is not None else set()
    _put(state / TOLD, json.dumps({"round": job["round"], "changed": sorted(changed)}))
    for path, found in mail.items():
        _put(path, "".join(json.dumps(asdict(arrival)) + "\n" for arrival in found.values()))
    return sorted(changed)


def _told(state: Path, number: int) -> set[int]:
    told = read_json(str(state / TOLD)) or {}
    return set(told["changed"]) if told.get("round") == number else set()


def _put(path: Path, text: str) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


@contextmanager
def waited(folder: Path) -> Iterator[Path]:
    """The folder for this process alone; one whose owner died gives it up within a moment."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            lock = locked(str(folder))
            path = lock.__enter__()
            break
        except OutputError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    try:
        yield path
    finally:
        lock.__exit__(None, None, None)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _end_with_owner() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    """The process. What the user can mend is an outcome too: `error`, its kind and its line."""
    job = json.loads(sys.stdin.buffer.readline())
    Thread(target=_end_with_owner, daemon=True).start()
    try:
        outcome = play(job)
    except CurateError as error:
        outcome = {"error": str(error), "kind": type(error).__name__}
    print(json.dumps(outcome), flush=True)
    os._exit(0)  # the thread that watches stdin holds its lock


if __name__ == "__main__":
    main()
