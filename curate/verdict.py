"""What each stage of a run is worth: its tables as the arms of one ablation.

Enters: one run (an arm a table), or several (an arm a run). Leaves: the arms and held-out sets that
`model.ablation.ablate` trains and judges on. The decision: documents are drawn by a coin on their id, so the
arms hold the same documents where both kept them, and differ only by what the steps did.

H1 is clean text that never was in the crawl (held-out documents of the reference sources, or a file
given); H2 is the crawl's own held-out documents after the whole pipeline. Held-out documents are in
no arm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from curate.document import Document, documents, share
from curate.errors import InputError
from curate.extract.charset import decode
from curate.finished import open_run
from curate.registry import unknown
from curate.split import HELDOUT
from curate.table import Table

if TYPE_CHECKING:
    from model.ablation.verdict import Verdict

ARM_BYTES = 32 << 20
HELDOUT_BYTES = 1 << 20
COLUMNS = ["id", "source", "origin", "text", "content", "media_type", "labels", "drop"]


def ablate_runs(
    run_dirs: Sequence[str],
    output: str,
    *,
    arms: Sequence[str] = (),
    sources: Sequence[str] = (),
    reference: Sequence[str] = (),
    profile: str = "cpu",
    seeds: int = 3,
    seconds: float | None = None,
) -> Verdict:
    """Train on every arm with paired seeds and compare in held-out bits per byte.

    `arms`: names of tables (as `extract`, `dedup`), default all; `sources`: the sources compared,
    default all but the `reference` ones, whose held-out documents are H1.
    """
    from model.ablation.ablate import ablate
    from model.ablation.profiles import choose_profile

    tables = _arms(run_dirs, arms)
    last = open_run(run_dirs[-1]).documents[-1].table
    chosen = _sources(last, sources, reference)
    texts = {name: list(_texts(table, chosen, ARM_BYTES)) for name, table in tables.items()}
    held = {"H2 curated": list(_texts(last, chosen, HELDOUT_BYTES, heldout=True))}
    if reference:
        held = {
            "H1 reference": list(_texts(last, set(reference), HELDOUT_BYTES, heldout=True)),
            **held,
        }
    empty = [name for name, found in {**texts, **held}.items() if not found]
    if empty:
        raise InputError(
            f"no documents for {', '.join(empty)}: hold out more (split.heldout_share) or give other --sources"
        )
    size = choose_profile(profile)
    if seconds is not None:
        size = replace(size, seconds=seconds)
    return ablate(texts, held, profile=size, output=output, seeds=seeds)


def _arms(run_dirs: Sequence[str], wanted: Sequence[str]) -> dict[str, Table]:
    if len(run_dirs) > 1:
        return {Path(run_dir).name: open_run(run_dir).documents[-1].table for run_dir in run_dirs}
    tables: dict[str, Table] = {}
    for finished in open_run(run_dirs[0]).documents:
        name = finished.name.partition("-")[2]
        tables[name if name not in tables else finished.name] = finished.table
    for name in wanted:
        if name not in tables:
            raise InputError(unknown("arm", name, tables))
    return {name: tables[name] for name in wanted or tables}


def _sources(table: Table, wanted: Sequence[str], reference: Sequence[str]) -> set[str]:
    known = set(table.counts())
    for name in [*wanted, *reference]:
        if name not in known:
            raise InputError(unknown("source", name, known))
    return set(wanted) or known - set(reference)


def _texts(
    table: Table, sources: set[str], limit_bytes: int, heldout: bool = False
) -> Iterator[tuple[str, str]]:
    """(id, text) of a table's kept documents in the order of a coin on their id, up to a size."""
    wanted = pc.field("source").isin(sorted(sources))
    ids = table.dataset(kept=True).to_table(columns=["id", "labels"], filter=wanted)
    drawn = [
        row["id"]
        for row in ids.to_pylist()
        if (dict(row["labels"] or ()).get("split") == HELDOUT) == heldout
    ]
    drawn.sort(key=lambda id: share(id, "ablate"))
    size = 0
    for start in range(0, len(drawn), 256):
        group = drawn[start : start + 256]
        found = table.dataset(kept=True).to_table(
            columns=COLUMNS, filter=pc.field("id").isin(group)
        )
        rows = {row.id: row for batch in found.to_batches() for row in documents(batch)}
        for id in group:
            text = _text(rows[id])
            size += len(text.encode("utf-8", "replace"))
            if text:
                yield id, text
            if size >= limit_bytes:
                return


def _text(row: Document) -> str:
    """The text of a document; before extraction, its content decoded with the markup left in."""
    if row.text is not None:
        return str(row.text)
    return decode(row.content or b"", row.labels.get("charset")).text
