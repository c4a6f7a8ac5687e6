"""What the rows of a run say about it, in one pass over narrow columns.

Enters: the tables of a run. Leaves: `Facts`: languages and domains before and after, licences, dates,
masks, splits. The decision: every row counts, so the figures are exact and cost the reading of a few
columns; what is held is bounded by `Tally`, whatever the corpus. Documents that an audit planted are
no part of a dataset and are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.audit.plant import HOST
from curate.card.tally import Tally
from curate.document import RECORD, SCHEMA
from curate.errors import InputError
from curate.finished import FinishedRun, FinishedTable
from curate.split import HELDOUT, TRAIN, registered_domain

MASKS = ("email", "iban", "card", "ip", "phone")
NAME_CHARS = 200
NARROW_ROWS, WIDE_ROWS = 32_768, 512
WIDE_BYTES = 32 << 20
_AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:]+)"


@dataclass
class SplitFacts:
    """Documents of a split, and the UTF-8 bytes of their texts (0 where they were not read)."""

    documents: int = 0
    text_bytes: int = 0


@dataclass
class Facts:
    """Of the kept documents of the last table; `*_before`: of all documents of an earlier one.

    `languages_table`: the first table with languages, None if no document has one. `masked`: by
    kind, how much was masked and in how many documents. `cut`: documents out of which passages of
    evaluation sets were taken. `repeated`: documents that the mix asks for more than once.
    """

    documents: int = 0
    languages: Tally = field(default_factory=Tally)
    languages_before: Tally = field(default_factory=Tally)
    languages_documents_before: int = 0
    languages_table: str | None = None
    domains: Tally = field(default_factory=Tally)
    domains_before: Tally = field(default_factory=Tally)
    domains_documents_before: int = 0
    licences: Tally = field(default_factory=Tally)
    backends: Tally = field(default_factory=Tally)
    first_fetched: datetime | None = None
    last_fetched: datetime | None = None
    dated: int = 0
    splits: dict[str, SplitFacts] = field(default_factory=dict)
    planted: int = 0
    masked: dict[str, tuple[int, int]] = field(default_factory=dict)
    cut: int = 0
    repeated: int = 0


def gather(run: FinishedRun, text_bytes: bool = False) -> Facts:
    """All facts. `text_bytes`: also read the texts, for the bytes of every split.

    `InputError`: nothing was kept, or a file of the tables is missing.
    """
    facts, last = Facts(), run.documents[-1]
    if not last.table.total().kept:
        raise InputError(f"{run.path}: {last.name} kept no documents; there is nothing to publish")
    for table in {run.documents[0].name: run.documents[0], last.name: last}.values():
        require_files(table)
    columns = ["url", "language", "fetched", "labels", "signals", *(["text"] if text_bytes else [])]
    for batch in rows(last, columns, True, wide_rows(last) if text_bytes else NARROW_ROWS):
        _add(facts, batch)
    if not facts.documents:
        raise InputError(
            f"{run.path}: {last.name} kept only planted documents; there is nothing to publish"
        )
    facts.planted = last.table.total().kept - facts.documents
    for batch in rows(run.documents[0], ["url"]):
        facts.domains_documents_before += batch.num_rows
        facts.domains_before.add(domains(batch.column("url")))
    _languages_before(facts, run)
    return facts


def require_files(table: FinishedTable) -> None:
    """`InputError` if a committed file is gone."""
    missing = [path for path in table.table.files() if not table.table.fs.exists(path)]
    if missing:
        raise InputError(f"{table.table.path}: {missing[0]} is missing; run its step again")


def rows(
    table: FinishedTable,
    columns: Sequence[str],
    kept: bool | None = None,
    batch_rows: int = NARROW_ROWS,
) -> Iterator[pa.RecordBatch]:
    """The documents of a table, batch by batch and in order: no non-documents, none planted."""
    wanted = list(dict.fromkeys([*columns, "url", "drop"]))
    for batch in _batches(table, wanted, kept, batch_rows):
        record = pc.starts_with(pc.fill_null(batch.column("drop"), ""), RECORD)
        yield batch.filter(pc.invert(pc.or_(record, planted(batch))))


def wide_rows(table: FinishedTable) -> int:
    """How many rows to read at once with their texts: about `WIDE_BYTES` of the average ones."""
    total = table.table.total()
    return max(1, min(WIDE_ROWS, WIDE_BYTES * max(1, total.kept) // max(1, total.kept_bytes)))


def planted(batch: pa.RecordBatch) -> pa.Array:
    """Which rows an audit has put in."""
    return pc.starts_with(pc.fill_null(batch.column("url"), ""), f"{HOST}/")


def is_heldout(batch: pa.RecordBatch) -> pa.Array:
    """Which rows are held out for evaluation."""
    return pc.fill_null(pc.equal(entry(batch, "labels", "split"), HELDOUT), False)


def entry(batch: pa.RecordBatch, column: str, key: str) -> pa.Array:
    """The value under a key of `signals` or `labels`; null where there is none."""
    return pc.map_lookup(batch.column(column), key, "first")


def domains(urls: pa.Array) -> Mapping[str, int]:
    """Registered domains by count; URLs without a host are left out."""
    host = pc.utf8_lower(pc.struct_field(pc.extract_regex(urls, _AUTHORITY), "host"))
    found: dict[str, int] = {}
    for name, number in _names(host).items():
        domain = _domain(name)
        found[domain] = found.get(domain, 0) + number
    return found


def _batches(
    table: FinishedTable, columns: Sequence[str], kept: bool | None, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Row group by row group: over a whole file Arrow reads ahead without a bound in bytes."""
    for fragment in table.table.dataset(kept).get_fragments():
        for group in fragment.split_by_row_group(schema=SCHEMA):
            yield from group.to_batches(
                schema=SCHEMA,
                columns=list(columns),
                batch_size=batch_rows,
                batch_readahead=1,
            )


def _add(facts: Facts, batch: pa.RecordBatch) -> None:
    facts.documents += batch.num_rows
    facts.languages.add(_names(batch.column("language")))
    facts.domains.add(domains(batch.column("url")))
    facts.licences.add(_names(entry(batch, "labels", "licence")))
    facts.backends.add(_names(entry(batch, "labels", "toxicity.backend")))
    facts.cut += _present(entry(batch, "signals", "decontaminate.cut_chars"))
    copies = pc.greater(entry(batch, "signals", "mix.copies"), 1.0)
    facts.repeated += pc.sum(copies).as_py() or 0
    for kind in MASKS:
        found = entry(batch, "signals", f"private.{kind}")
        if _present(found):
            documents, total = facts.masked.get(kind, (0, 0))
            documents += pc.sum(pc.greater(found, 0.0)).as_py() or 0
            facts.masked[kind] = (documents, total + round(pc.sum(found).as_py() or 0))
    _add_dates(facts, batch.column("fetched"))
    _add_splits(facts, batch)


def _add_dates(facts: Facts, fetched: pa.Array) -> None:
    ends = pc.min_max(fetched).as_py()
    if ends["min"] is None:
        return
    facts.dated += _present(fetched)
    facts.first_fetched = min(filter(None, (facts.first_fetched, ends["min"])))
    facts.last_fetched = max(filter(None, (facts.last_fetched, ends["max"])))


def _add_splits(facts: Facts, batch: pa.RecordBatch) -> None:
    heldout = is_heldout(batch)
    for name, mask in ((TRAIN, pc.invert(heldout)), (HELDOUT, heldout)):
        documents = pc.sum(mask).as_py() or 0
        if not documents:
            continue
        split = facts.splits.setdefault(name, SplitFacts())
        split.documents += documents
        if "text" in batch.schema.names:
            lengths = pc.binary_length(batch.column("text").filter(mask))
            split.text_bytes += pc.sum(lengths).as_py() or 0


def _languages_before(facts: Facts, run: FinishedRun) -> None:
    """Of the first table that knows any: of all documents that came into it."""
    for table in run.documents:
        tally, documents = Tally(), 0
        for batch in rows(table, ["language"]):
            documents += batch.num_rows
            tally.add(_names(batch.column("language")))
        if tally.total:
            facts.languages_before, facts.languages_table = tally, table.name
            facts.languages_documents_before = documents
            return


def _names(values: pa.Array) -> dict[str, int]:
    """Values by count, without nulls."""
    short = pc.utf8_slice_codeunits(values.drop_null(), 0, NAME_CHARS)
    counts: Any = pc.value_counts(short)
    return dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True))


def _present(values: pa.Array) -> int:
    return len(values) - int(values.null_count)


@lru_cache(maxsize=100_000)
def _domain(host: str) -> str:
    return registered_domain(host)
