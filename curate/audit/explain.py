"""The story of one record: where it came from, what was measured, who decided what.

In: a finished run, and an id, the beginning of one, a URL, or a token of a shard. Out: `Explanation`. The decision: ids
are searched in narrow columns first, so that a story costs one row group a table, not the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from math import nan
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.audit.diff import unified_diff
from curate.audit.replay import Deed, replay
from curate.audit.rules import Bound, bounds
from curate.audit.shards import document_of, places
from curate.audit.telling import chapter_lines
from curate.document import RECORD
from curate.errors import InputError
from curate.finished import FinishedRun, FinishedTable, open_run, rows_where
from curate.split import HELDOUT, TRAIN
from curate.tokens.places import Place

LEAST_PREFIX = 6
STEP_DIFF_LINES = 24
_HEX = re.compile(r"[0-9a-f]+")
_TOKEN = re.compile(rf"({TRAIN}|{HELDOUT})-\d{{5,}}\.bin:\d+")


@dataclass(frozen=True)
class Chapter:
    """What one table says: `state` is "kept", "dropped" or "not a document". `signals` and `labels`
    are those that are new or changed since the table before; `broken` says which bounds; `deeds` what
    each step did, where that can be repeated."""

    table: str
    steps: tuple[str, ...]
    state: str
    drop: str | None
    text_chars: int | None
    content_bytes: int | None
    language: str | None
    signals: Mapping[str, float]
    labels: Mapping[str, str]
    broken: tuple[str, ...]
    deeds: tuple[StepDeed, ...] = ()


@dataclass(frozen=True)
class StepDeed:
    """What a step did to the text: `state` is "kept" or the reason of the drop; `diff` is empty where
    nothing was changed; `made_chars`: of a text that the step made of content."""

    step: str
    state: str
    made_chars: int | None
    diff: tuple[str, ...]
    signals: Mapping[str, float]


@dataclass(frozen=True)
class Duplicate:
    """The kept document a dropped one is a duplicate of, and how the texts differ. `is_here`: False
    if it is a document of an earlier crawl, known from an index."""

    id: str
    url: str | None
    similarity: float
    is_here: bool
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """A record's identity, its chapters in order, and the document it duplicates, if any."""

    id: str
    source: str
    origin: str
    url: str | None
    fetched: str | None
    media_type: str | None
    chapters: tuple[Chapter, ...]
    duplicate: Duplicate | None
    end: str
    places: tuple[Place, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def lines(self) -> list[str]:
        """What a terminal shows."""
        facts = {
            "id": self.id, "url": self.url, "source": self.source, "origin": self.origin,
            "fetched": self.fetched, "media type": self.media_type,
        }  # fmt: skip
        lines = [f"{name + ':':<12}{value}" for name, value in facts.items() if value is not None]
        for chapter in self.chapters:
            lines += ["", *chapter_lines(chapter)]
        if self.duplicate is not None:
            where = f" ({self.duplicate.url})" if self.duplicate.url else ""
            where = where if self.duplicate.is_here else " (of an earlier crawl, in the index)"
            lines += [
                "",
                f"duplicate of {self.duplicate.id}{where}, similarity {self.duplicate.similarity:.3f}",
            ]
            lines += [f"  {line}" for line in self.duplicate.diff]
        stands = [
            f"stands in {place.shard} at token {place.first_token:,}, {place.tokens:,} tokens long"
            for place in self.places
        ]
        return [*lines, "", self.end, *stands]


def explain(run_dir: str, key: str) -> Explanation:
    """Tell what happened to the record `key`: an id, at least six characters of one, a URL, or a
    token of a shard, such as train-00003.bin:1204.

    InputError: no such record, or more than one.
    """
    run = open_run(run_dir)
    limits = bounds(run)
    rows = _history(run, document_of(run, key) if _TOKEN.fullmatch(key) else key)
    chapters = []
    before: dict[str, Any] | None = None
    for table, row in rows:
        chapter = _chapter(table, row, before or {"signals": {}, "labels": {}}, limits)
        deeds = tuple(map(_told, replay(run, table, row, before)))
        chapters.append(replace(chapter, deeds=deeds))
        before = row
    first, last = rows[0][1], rows[-1][1]
    media_type = last["media_type"] or first["media_type"]
    fetched = first["fetched"].isoformat() if first["fetched"] else None
    return Explanation(
        last["id"], last["source"], last["origin"], last["url"], fetched, media_type,
        tuple(chapters), _duplicate(rows[-1][0], last), _end(run, rows), places(run, last["id"]),
    )  # fmt: skip


def _history(run: FinishedRun, key: str) -> list[tuple[FinishedTable, dict[str, Any]]]:
    """The record's row in every table that holds it."""
    found: list[tuple[FinishedTable, dict[str, Any]]] = []
    column, matches = _search(key)
    for table in run.documents:
        rows = list(rows_where(table, [column], matches))
        if len(rows) > 1:
            ids = ", ".join(f"{row['id']} ({row['origin']})" for row in rows[:3])
            raise InputError(
                f"{key} fits {len(rows)} records of {table.name}; give the whole id: {ids} …"
            )
        if not rows:
            break
        found.append((table, rows[0]))
        column, matches = "id", _equals("id", rows[0]["id"])
    if not found:
        raise InputError(
            f"no record in {run.path} has the id or URL {key}; ids are in `curate export TABLE_DIR`"
        )
    return found


def _search(key: str) -> tuple[str, Callable[[pa.Table], pa.ChunkedArray]]:
    if not _HEX.fullmatch(key):
        return "url", _equals("url", key)
    if len(key) < LEAST_PREFIX:
        raise InputError(
            f"{key} is too short for an id; give at least {LEAST_PREFIX} characters of it"
        )
    return "id", lambda part: pc.starts_with(part["id"], key)


def _equals(column: str, value: str) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda part: pc.equal(part[column], value)


def _chapter(
    table: FinishedTable,
    row: Mapping[str, Any],
    before: Mapping[str, Any],
    limits: Mapping[str, Bound],
) -> Chapter:
    drop = row["drop"]
    broken = [limits[drop]] if drop in limits else []
    said = tuple(
        f"{b.key} = {row['signals'].get(b.key, nan):g}, allowed {b.describe()}" for b in broken
    )
    return Chapter(
        table.name,
        tuple(name for name, _ in table.steps),
        "kept" if drop is None else "not a document" if drop.startswith(RECORD) else "dropped",
        drop,
        None if row["text"] is None else len(row["text"]),
        None if row["content"] is None else len(row["content"]),
        row["language"],
        _news(row["signals"], before["signals"]),
        _news(row["labels"], before["labels"]),
        said,
    )


def _told(deed: Deed) -> StepDeed:
    made = len(deed.after) if deed.before is None and deed.after is not None else None
    diff: tuple[str, ...] = ()
    if deed.changed and deed.before is not None:
        diff = tuple(
            unified_diff(deed.before, deed.after or "", STEP_DIFF_LINES, ("before", "after"))
        )
    return StepDeed(deed.step, deed.drop or "kept", made, diff, deed.signals)


def _news(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in now.items() if before.get(name) != value}


def _duplicate(table: FinishedTable, row: Mapping[str, Any]) -> Duplicate | None:
    step = (row["drop"] or "").partition(".")[0]
    kept_id = row["labels"].get(f"{step}.duplicate_of")
    if kept_id is None:
        return None
    columns = ["id", "url", "text"]
    kept = next(rows_where(table, ["id"], _equals("id", kept_id), columns), None)
    diff = () if kept is None else tuple(unified_diff(kept["text"] or "", row["text"] or ""))
    similarity = row["signals"].get(f"{step}.similarity", 1.0)
    return Duplicate(kept_id, kept["url"] if kept else None, similarity, kept is not None, diff)


def _end(run: FinishedRun, rows: list[tuple[FinishedTable, dict[str, Any]]]) -> str:
    """One sentence: how the story ended."""
    table, row = rows[-1]
    drop = row["drop"]
    if drop is None:
        later = run.documents[len(rows) :]
        if later:
            return f"kept by {table.name}, yet not in {later[0].name}: the run folder was changed"
        return "kept to the end"
    if drop.startswith(RECORD):
        return f"not a document: {drop.removeprefix(RECORD)} (counted, and not passed on)"
    return f"dropped in {table.name}: {drop}"
