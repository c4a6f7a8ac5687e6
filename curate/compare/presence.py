"""What the kept documents are made of: domains, languages, sources, in both runs.

In: two finished runs. Out: a `Presence` for each. The decision: shares of the documents kept to the
end, because those are what a model would read. Sources are counted by the manifests, exactly; domains
and languages in all rows up to a million, in a coin's share of about a million beyond (`look_a`,
`look_b`): of a sample, "appeared" means "not drawn in A".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from curate.finished import FinishedRun
from curate.reading import MOST_ROWS, Look, narrow
from curate.split import registered_domain

LISTED = 1_000
NONE = "(none)"
NO_HOST = "(no host)"
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?(?P<host>\[[0-9A-Fa-f:.]*\]|[^/:?#\[\]\s]*)"


@dataclass(frozen=True)
class Part:
    """Documents of one domain, language or source: counts and shares in both."""

    name: str
    a: int
    b: int
    share_a: float
    share_b: float

    @property
    def change(self) -> float:
        """B's share less A's."""
        return self.share_b - self.share_a


@dataclass(frozen=True)
class Presence:
    """`gains` and `losses` are at most `LISTED`, the largest first; so are `appeared` and `vanished`,
    those that one run has none of (`*_parts`: how many there are). `total_variation`: the share of
    documents that would have to move from one part to another; None if a run kept nothing."""

    of: str
    parts_a: int
    parts_b: int
    appeared_parts: int
    vanished_parts: int
    total_variation: float | None
    gains: tuple[Part, ...]
    losses: tuple[Part, ...]
    appeared: tuple[Part, ...]
    vanished: tuple[Part, ...]
    look_a: Look
    look_b: Look

    @property
    def differs(self) -> bool:
        """Whether any share is another."""
        return bool(self.gains or self.losses)


def presence(a: FinishedRun, b: FinishedRun, most: int = MOST_ROWS) -> tuple[Presence, ...]:
    """Compare domains, languages and sources; what no document of either run has is left out."""
    found = []
    first, second = _count(a, most), _count(b, most)
    for of in first:
        counts = first[of], second[of]
        if any(set(part) - {NONE} for part in counts):
            looks = (
                Look(sum(part.values()), _kept(run))
                for part, run in zip(counts, (a, b), strict=True)
            )
            found.append(_presence(of, *counts, *looks))
    return tuple(found)


def domains(urls: pa.Array) -> Counter[str]:
    """How many URLs are of each registered domain. Arrow cuts the hosts out, and the suffix list is
    asked once for each: a third of the time that one URL after the other takes.

    >>> urls = ["https://u@News.example.co.uk:80/a", "https://example.co.uk", None, "http://[x", "doc"]
    >>> sorted(domains(pa.array(urls)).items())
    [('(no host)', 2), ('(none)', 1), ('example.co.uk', 2)]
    """
    hosts = pc.struct_field(pc.extract_regex(urls, _HOST), "host")
    found: Counter[str] = Counter({NONE: urls.null_count} if urls.null_count else {})
    for entry in pc.value_counts(hosts.filter(pc.is_valid(urls))).to_pylist():
        found[_registered(entry["values"].lower()) if entry["values"] else NO_HOST] += entry[
            "counts"
        ]
    return found


@lru_cache(maxsize=1 << 16)
def _registered(host: str) -> str:
    return registered_domain(host) or host


def _kept(run: FinishedRun) -> int:
    return run.documents[-1].table.total().kept


def _count(run: FinishedRun, most: int) -> dict[str, Counter[str]]:
    last = run.documents[-1]
    found: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for batch in narrow(last, ["url", "language"], True, most):
        found.update(domains(batch["url"]))
        languages.update(language or NONE for language in batch["language"].to_pylist())
    sources = Counter(
        {name: counts.kept for name, counts in last.table.counts().items() if counts.kept}
    )
    return {"domain": found, "language": languages, "source": sources}


def _presence(
    of: str, a: Mapping[str, int], b: Mapping[str, int], look_a: Look, look_b: Look
) -> Presence:
    parts = _parts(a, b)
    gains = sorted((p for p in parts if p.change > 0), key=lambda p: (-p.change, p.name))
    losses = sorted((p for p in parts if p.change < 0), key=lambda p: (p.change, p.name))
    appeared, vanished = [p for p in gains if not p.a], [p for p in losses if not p.b]
    distance = sum(abs(part.change) for part in parts) / 2 if a and b else None
    return Presence(
        of, len(a), len(b), len(appeared), len(vanished), distance, tuple(gains[:LISTED]),
        tuple(losses[:LISTED]), tuple(appeared[:LISTED]), tuple(vanished[:LISTED]), look_a, look_b,
    )  # fmt: skip


def _parts(a: Mapping[str, int], b: Mapping[str, int]) -> list[Part]:
    all_a, all_b = max(1, sum(a.values())), max(1, sum(b.values()))
    names = {*a, *b}
    return [
        Part(name, a.get(name, 0), b.get(name, 0), a.get(name, 0) / all_a, b.get(name, 0) / all_b)
        for name in names
    ]
