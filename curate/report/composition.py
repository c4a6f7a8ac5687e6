"""What a run is made of, before and after: languages, domains, lengths, licences, toxicity, personal data.

In: a finished run. Out: shares in the first table that knows a property, and in the last table. The
decision: "before" is all documents of that first table, kept and dropped ones weighted by the exact
counts of its manifest, because as many rows of each are looked at, whatever their numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curate.document import RECORD
from curate.filters.url.address import split_url
from curate.finished import FinishedRun, FinishedTable
from curate.report.glance import READ_FILES, READ_ROWS, head
from curate.report.samples import NAME_CHARS, shown

VALUES = 8
OTHER = "others"
LENGTHS = (200, 500, 1_000, 2_000, 5_000, 10_000, 50_000)
SCORES = (0.1, 0.25, 0.5, 0.75)
PERSONAL = "private."
Reader = Callable[[pa.Table], Iterator[Sequence[str] | None]]


@dataclass(frozen=True)
class Property:
    """`before` and `after`: names of the tables; `rows_*`: documents looked at that have the property.
    `lines`: (value, share before, share after)."""

    name: str
    note: str
    before: str
    rows_before: int
    after: str
    rows_after: int
    lines: Sequence[tuple[str, float, float]]


@dataclass(frozen=True)
class _Looked:
    """Rows of a table with one outcome; each stands for `weight` documents."""

    rows: pa.Table
    weight: float


def composition(run: FinishedRun) -> list[Property]:
    """The properties that some table of the run knows."""
    looked = {table.name: _look(table) for table in run.documents}
    last = run.documents[-1]
    found = []
    for name, note, ordered, read in _PROPERTIES:
        for table in run.documents:
            before, count = _shares(looked[table.name], read)
            if count:
                after, count_after = _shares(looked[last.name][:1], read)
                lines = _lines(before, after, ordered)
                found.append(Property(name, note, table.name, count, last.name, count_after, lines))
                break
    return found


def _look(table: FinishedTable) -> list[_Looked]:
    """Kept rows, then dropped documents; only what the properties need is held."""
    total = table.table.total()
    parts = []
    for kept, documents in ((True, total.kept), (False, sum(total.dropped.values()))):
        columns = ["url", "language", "text", "signals", "labels", "drop"]
        rows = head(table, kept, columns, READ_ROWS, READ_FILES)
        rows = rows.append_column("chars", pc.utf8_length(rows["text"])).drop_columns(["text"])
        records = pc.fill_null(pc.starts_with(rows["drop"], RECORD), False)
        rows = rows.filter(pc.invert(records))
        parts.append(_Looked(rows, documents / len(rows) if len(rows) else 0.0))
    return parts


def _shares(parts: Sequence[_Looked], read: Reader) -> tuple[dict[str, float], int]:
    """Shares by value, and how many rows have the property (None: a row that has not)."""
    weights: dict[str, float] = defaultdict(float)
    whole, count = 0.0, 0
    for part in parts:
        for values in read(part.rows):
            if values is not None:
                count += 1
                whole += part.weight
                for value in values:
                    weights[value] += part.weight
    return {value: weight / whole for value, weight in weights.items() if whole}, count


def _lines(
    before: Mapping[str, float], after: Mapping[str, float], ordered: Sequence[str]
) -> list[tuple[str, float, float]]:
    """Values in their own order, or the largest first and the rest together."""
    if ordered:
        return [(name, before.get(name, 0.0), after.get(name, 0.0)) for name in ordered]
    names = sorted(
        before.keys() | after.keys(),
        key=lambda name: (-max(before.get(name, 0), after.get(name, 0)), name),
    )
    lines = [(name, before.get(name, 0.0), after.get(name, 0.0)) for name in names[:VALUES]]
    if rest := names[VALUES:]:
        lines.append(
            (OTHER, sum(before.get(n, 0) for n in rest), sum(after.get(n, 0) for n in rest))
        )
    return lines


def _languages(rows: pa.Table) -> Iterator[Sequence[str] | None]:
    return ([_name(value)] if value else None for value in rows["language"].to_pylist())


def _hosts(rows: pa.Table) -> Iterator[Sequence[str] | None]:
    """Of the URL, or of the address a page gives as its own."""
    for url, labels in zip(rows["url"].to_pylist(), rows["labels"].to_pylist(), strict=True):
        address = url or dict(labels or ()).get("canonical_url") or ""
        host = split_url(address)[0] if address.startswith(("http://", "https://")) else ""
        yield [_name(host)] if host else None


def _lengths(rows: pa.Table) -> Iterator[Sequence[str] | None]:
    return (_binned(value, LENGTHS, LENGTH_NAMES) for value in rows["chars"].to_pylist())


def _licences(rows: pa.Table) -> Iterator[Sequence[str] | None]:
    found = (dict(labels or ()).get("licence") for labels in rows["labels"].to_pylist())
    return ([_name(value)] if value else None for value in found)


def _toxicity(rows: pa.Table) -> Iterator[Sequence[str] | None]:
    found = (dict(signals or ()).get("toxicity.mean") for signals in rows["signals"].to_pylist())
    return (_binned(value, SCORES, SCORE_NAMES) for value in found)


def _personal(rows: pa.Table) -> Iterator[Sequence[str] | None]:
    """Kinds of which a document held at least one, before they were masked."""
    for signals in rows["signals"].to_pylist():
        kinds = {
            key.removeprefix(PERSONAL): value
            for key, value in signals or ()
            if key.startswith(PERSONAL)
        }
        yield [_name(kind) for kind, n in kinds.items() if n] or ["none"] if kinds else None


def _binned(value: float | None, edges: Sequence[float], names: Sequence[str]) -> list[str] | None:
    if value is None:
        return None
    return [names[sum(value >= edge for edge in edges)]]


def _bin_names(edges: Sequence[float]) -> list[str]:
    """
    >>> _bin_names((200, 1000))
    ['under 200', '200 to 1,000', 'from 1,000']
    """
    said = [f"{edge:,}" for edge in edges]
    middle = [f"{a} to {b}" for a, b in zip(said, said[1:], strict=False)]
    return [f"under {said[0]}", *middle, f"from {said[-1]}"]


def _name(value: str) -> str:
    return shown(value)[:NAME_CHARS]


LENGTH_NAMES, SCORE_NAMES = _bin_names(LENGTHS), _bin_names(SCORES)
_PROPERTIES: tuple[tuple[str, str, Sequence[str], Reader], ...] = (
    ("Languages", "documents with a language", (), _languages),
    ("Domains", "documents with an address", (), _hosts),
    ("Text lengths", "characters a document", LENGTH_NAMES, _lengths),
    ("Licences", "documents with a licence", (), _licences),
    ("Toxicity", "mean score of the lines", SCORE_NAMES, _toxicity),
    ("Personal data", "documents with at least one, since masked", (), _personal),
)
