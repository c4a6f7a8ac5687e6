"""What the manifests of a run say: sources, steps, reasons, what was not done.

Enters: a finished run. Leaves: plain rows for the card. The decision: nothing here reads documents,
so every count is the ledger's own; what a manifest does not hold is None, and the card says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from math import isinf
from typing import Any

from curate.card.markdown import publishable
from curate.errors import CurateError
from curate.finished import FinishedRun, FinishedTable
from curate.registry import GROUP_OF, build_step, catalogue
from curate.step import Edit, Filter
from curate.store import read_json
from curate.table import LIBRARIES, by_count, code_version, installed

CRAWL = "crawl.json"  # beside the files of `curate crawl`; its module would load the crawler
MOST_ROOTS = 20


@dataclass(frozen=True)
class SourceRow:
    """A source: what the recipe says of it, and what the first and the last ledger count."""

    name: str
    paths: Sequence[str]
    format: str | None
    read: int
    documents: int
    kept: int


@dataclass(frozen=True)
class StepRow:
    """A step with the parameters that were in force, and what its module cites."""

    name: str
    table: str
    parameters: Mapping[str, str]
    about: str


@dataclass(frozen=True)
class TableRow:
    """A table's ledger; reasons and kinds with the most frequent first."""

    name: str
    read: int
    kept: int
    dropped: Sequence[tuple[str, int]]
    non_documents: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Crawl:
    """A crawl by this package that a source was read from."""

    source: str
    obeyed: Sequence[str]
    user_agent: str


def sources(run: FinishedRun) -> list[SourceRow]:
    """In the order of the recipe; those that only a ledger knows behind."""
    first, last = run.documents[0].table.counts(), run.documents[-1].table.counts()
    listed = {str(item.get("name")): item for item in run.recipe.get("sources", ())}
    rows = []
    for name in [*listed, *(name for name in first if name not in listed)]:
        item, counts = listed.get(name, {}), first.get(name)
        read = counts.read if counts else 0
        documents = read - sum(counts.non_documents.values()) if counts else 0
        kept = last[name].kept if name in last else 0
        paths = [str(path) for path in publishable(item.get("path") or ())]
        rows.append(SourceRow(name, paths, item.get("format"), read, documents, kept))
    return rows


def steps(run: FinishedRun) -> list[StepRow]:
    """All steps in the order in which a document meets them."""
    about = {entry["name"]: entry["about"] for entry in catalogue()}
    return [
        StepRow(name, table.name, in_force(name, params), about.get(name, ""))
        for table in run.tables
        for name, params in table.steps
    ]


def in_force(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a step, defaults included, as JSON; as given if the step cannot be built."""
    values = dict(given)
    try:
        built = build_step(name, {key: value for key, value in given.items() if key != "only"})
    except CurateError:
        built = None
    if isinstance(built, Filter):
        bounds = {rule.signal: {"low": rule.low, "high": rule.high} for rule in built.rules}
        off = {key: None for key in given if key not in ("only", "variant") and key not in bounds}
        kept = {key: given[key] for key in ("only", "variant") if key in given}
        values = {**kept, **{key: _finite(value) for key, value in bounds.items()}, **off}
    elif is_dataclass(built) and not isinstance(built, type | Edit):
        values |= {field.name: getattr(built, field.name) for field in fields(built)}
    values = publishable(values)
    return {
        key: json.dumps(value, default=str, ensure_ascii=False) for key, value in values.items()
    }


def tables(run: FinishedRun) -> list[TableRow]:
    """The ledgers of the tables that hold documents."""
    return [_table_row(table) for table in run.documents]


def dropped_by(run: FinishedRun, group: str) -> list[tuple[str, int]]:
    """Reasons of the steps of one group of the flow, over all tables."""
    found: dict[str, int] = {}
    for table in run.documents:
        for reason, count in table.table.total().dropped.items():
            if GROUP_OF.get(reason.partition(".")[0]) == group:
                found[reason] = found.get(reason, 0) + count
    return list(by_count(found).items())


def params_of(run: FinishedRun, name: str) -> list[dict[str, Any]]:
    """The parameters of every step of that name."""
    return [params for table in run.tables for step, params in table.steps if step == name]


def alarms(run: FinishedRun) -> list[str]:
    """What a deduplication found that a person should look at."""
    found = []
    for table in run.tables:
        for alarm in (
            alarm for part in table.manifest["slices"] for alarm in part.get("alarms", ())
        ):
            if alarm["what"] == "source":
                found.append(
                    f"The source {alarm['name']} lost {alarm['documents']:,} of {alarm['of']:,} documents."
                )
            else:
                found.append(f"{alarm['documents']:,} documents were dropped for {alarm['name']}.")
    return found


def evaluation_sets(run: FinishedRun) -> list[str]:
    """What the run was decontaminated against, as its recipe names it."""
    given = [params.get("against") or () for params in params_of(run, "decontaminate")]
    listed = [path for one in given for path in ([one] if isinstance(one, str) else one)]
    return [str(path) for path in publishable(listed)]


def in_group(run: FinishedRun, group: str) -> list[str]:
    """The steps of one group of the flow that the run has."""
    return [name for name in run.step_order if GROUP_OF.get(name) == group]


def crawls(run: FinishedRun) -> list[Crawl]:
    """Of the sources whose files lie beside the report of a crawl by this package."""
    found = {}
    for source, root in _roots(run.documents[0]):
        options = (read_json(f"{root}/{CRAWL}") or {}).get("options")
        if isinstance(options, dict) and isinstance(options.get("obey"), list):
            obeyed = [str(word) for word in options["obey"]]
            found[source] = Crawl(source, obeyed, str(options.get("user_agent")))
    return list(found.values())


def versions(run: FinishedRun) -> tuple[list[str], dict[str, str] | None]:
    """The code that made the tables, and the libraries its digest covers: known only while the same
    code and libraries are installed."""
    made = sorted({str(table.manifest.get("code")) for table in run.tables})
    if made != [code_version()]:
        return made, None
    return made, {name: installed(name) for name in LIBRARIES}


def _table_row(table: FinishedTable) -> TableRow:
    total = table.table.total()
    return TableRow(
        table.name,
        total.read,
        total.kept,
        list(by_count(total.dropped).items()),
        list(by_count(total.non_documents).items()),
    )


def _roots(table: FinishedTable) -> Iterator[tuple[str, str]]:
    """(source, folder) of local input files; a manifest lists a file as [source, path, size, time,
    folder, …]."""
    stamps = table.manifest.get("input")
    if not isinstance(stamps, list):
        return
    places = {
        (str(stamp[0]), str(stamp[4]))
        for stamp in stamps
        if isinstance(stamp, list) and len(stamp) > 4 and "://" not in str(stamp[4])
    }
    yield from sorted(places)[:MOST_ROOTS]


def _finite(bounds: Mapping[str, float]) -> dict[str, float]:
    return {key: value for key, value in bounds.items() if not isinf(value)}
