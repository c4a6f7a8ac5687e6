"""Two funnels side by side: what was read, kept, dropped for which reason, and how many bytes.

In: two finished runs. Out: `Flow`s, of the whole run and of each table both have. The decision: every
number comes from a manifest, so it is exact and no row is read. Tables are matched by name without
its number (`03-dedup` and `04-dedup` are the same), the n-th of a name with the n-th.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from curate.finished import FinishedRun, FinishedTable
from curate.table import Counts

ALL = "all sources"
_NUMBER = re.compile(r"^\d+-")


@dataclass(frozen=True)
class Difference:
    """A count in both runs, and its share there (None: of nothing)."""

    name: str
    a: int
    b: int
    share_a: float | None
    share_b: float | None

    @property
    def share_change(self) -> float | None:
        """B's share less A's."""
        if self.share_a is None or self.share_b is None:
            return None
        return self.share_b - self.share_a

    @property
    def differs(self) -> bool:
        """Whether count or share is another."""
        return (self.a, self.share_a) != (self.b, self.share_b)


@dataclass(frozen=True)
class Ledgers:
    """Two ledgers. Shares: kept and dropped of the documents, non-documents of the records, bytes of
    the text that was kept or dropped (in one table; over tables, text before and after extraction
    would be added up)."""

    name: str
    records: Difference
    documents: Difference
    kept: Difference
    dropped: tuple[Difference, ...]
    non_documents: tuple[Difference, ...]
    kept_bytes: Difference

    @property
    def differs(self) -> bool:
        """Whether any count is another."""
        parts = (self.records, self.kept, self.kept_bytes, *self.dropped, *self.non_documents)
        return any(part.differs for part in parts)


@dataclass(frozen=True)
class Flow:
    """The ledgers of one table, or of the whole run: over all sources, and by source."""

    name: str
    total: Ledgers
    by_source: tuple[Ledgers, ...]


@dataclass(frozen=True)
class Funnel:
    """The whole runs, the tables both have in the order of A, and the names of the others."""

    whole: Flow
    tables: tuple[Flow, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    tokens: Difference | None


def funnel(a: FinishedRun, b: FinishedRun) -> Funnel:
    """Compare the ledgers of two runs."""
    first, second = _by_name(a.tables), _by_name(b.tables)
    tokens_a, tokens_b = (sum(map(_tokens, run.tables)) for run in (a, b))
    return Funnel(
        _flow("whole run", _whole(a), _whole(b), True),
        tuple(
            _flow(name, first[name].table.counts(), second[name].table.counts(), False)
            for name in first
            if name in second
        ),
        tuple(first[name].name for name in first if name not in second),
        tuple(second[name].name for name in second if name not in first),
        _difference("tokens", (tokens_a, tokens_b), (0, 0)) if tokens_a or tokens_b else None,
    )


def plain_name(name: str) -> str:
    """
    >>> plain_name("03-clean-filter"), plain_name("dedup")
    ('clean-filter', 'dedup')
    """
    return _NUMBER.sub("", name)


def _by_name(tables: Iterable[FinishedTable]) -> dict[str, FinishedTable]:
    """Tables by plain name; the second `filter` is `filter 2`."""
    found: dict[str, FinishedTable] = {}
    seen: Counter[str] = Counter()
    for table in tables:
        name = plain_name(table.name)
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} {seen[name]}"] = table
    return found


def _whole(run: FinishedRun) -> dict[str, Counts]:
    """By source: what the first table read, what the last one kept, and all losses between."""
    ledgers = [table.table.counts() for table in run.documents]
    return {
        source: _over_tables([ledger.get(source, Counts()) for ledger in ledgers])
        for source in sorted({source for ledger in ledgers for source in ledger})
    }


def _over_tables(ledgers: list[Counts]) -> Counts:
    total = _sum(ledgers)
    total.read = ledgers[0].read
    total.kept, total.kept_bytes = ledgers[-1].kept, ledgers[-1].kept_bytes
    return total


def _flow(name: str, a: Mapping[str, Counts], b: Mapping[str, Counts], is_run: bool) -> Flow:
    sources = sorted({*a, *b}, key=lambda source: (-_read(a, source) - _read(b, source), source))
    return Flow(
        name,
        _ledgers(ALL, _sum(a.values()), _sum(b.values()), is_run),
        tuple(_ledgers(s, a.get(s, Counts()), b.get(s, Counts()), is_run) for s in sources),
    )


def _read(ledger: Mapping[str, Counts], source: str) -> int:
    return ledger[source].read if source in ledger else 0


def _sum(ledgers: Iterable[Counts]) -> Counts:
    total = Counts()
    for ledger in ledgers:
        total = total.merge(ledger)
    return total


def _ledgers(name: str, a: Counts, b: Counts, is_run: bool) -> Ledgers:
    documents = tuple(c.read - sum(c.non_documents.values()) for c in (a, b))
    text_bytes = (0, 0) if is_run else tuple(c.kept_bytes + c.dropped_bytes for c in (a, b))
    return Ledgers(
        name,
        Difference("records", a.read, b.read, None, None),
        _difference("documents", documents, (a.read, b.read)),
        _difference("kept", (a.kept, b.kept), documents),
        _reasons(a.dropped, b.dropped, documents),
        _reasons(a.non_documents, b.non_documents, (a.read, b.read)),
        _difference("bytes kept", (a.kept_bytes, b.kept_bytes), text_bytes),
    )


def _reasons(
    a: Mapping[str, int], b: Mapping[str, int], of: tuple[int, ...]
) -> tuple[Difference, ...]:
    """Those whose share changed most first."""
    found = [_difference(name, (a.get(name, 0), b.get(name, 0)), of) for name in {*a, *b}]
    return tuple(sorted(found, key=lambda d: (-abs(d.share_change or 0), -d.a - d.b, d.name)))


def _difference(name: str, counts: tuple[int, ...], of: tuple[int, ...]) -> Difference:
    share_a, share_b = (n / whole if whole else None for n, whole in zip(counts, of, strict=True))
    return Difference(name, counts[0], counts[1], share_a, share_b)


def _tokens(table: FinishedTable) -> int:
    facts = (part.get("tokens") or {} for part in table.manifest["slices"])
    return sum(int(shard["tokens"]) for fact in facts for shard in fact.get("shards", ()))
