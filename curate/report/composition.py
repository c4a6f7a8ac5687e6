"""What a run is made of, before and after: languages, domains, lengths, licences, toxicity, bias …

In: the facts of a run's tables. Out: shares in the first table that knows a property, and in the last
table. The decision: "before" is all documents of that first table, kept and dropped; of values beyond
the 1,000 most frequent of a table only their sum is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curate.finished import FinishedRun
from curate.identity_terms import NOBODY, TERMS
from curate.report.facts.of_table import Facts
from curate.report.facts.properties import LENGTH_NAMES, OPEN, SCORE_NAMES

VALUES = 8
OTHER = "others"
PROPERTIES: tuple[tuple[str, str, Sequence[str]], ...] = (
    ("Languages", "documents with a language", ()),
    ("Domains", "documents with an address", ()),
    ("Text lengths", "characters a document", LENGTH_NAMES),
    ("Licences", "documents with a licence", ()),
    ("Toxicity", "mean score of the lines", SCORE_NAMES),
    ("Personal data", "documents with at least one, since masked", ()),
    ("Identity terms", "texts that mention a group, by English words", (*TERMS, NOBODY)),
)


@dataclass(frozen=True)
class Property:
    """`before` and `after`: names of the tables; `rows_*`: documents that have the property. `lines`:
    (value, share before, share after)."""

    name: str
    note: str
    before: str
    rows_before: int
    after: str
    rows_after: int
    lines: Sequence[tuple[str, float, float]]


def composition(run: FinishedRun, facts: Mapping[str, Facts]) -> list[Property]:
    """The properties that some table of the run knows."""
    last = run.documents[-1].name
    found = []
    for name, note, ordered in PROPERTIES:
        knowing = (t.name for t in run.documents if sum(facts[t.name].having.get(name, ())))
        if (first := next(knowing, None)) is not None:
            count, before = _shares(facts[first], name, True)
            count_after, after = _shares(facts[last], name, False)
            lines = _lines(before, after, ordered, name in OPEN)
            found.append(Property(name, note, first, count, last, count_after, lines))
    return found


def _shares(facts: Facts, name: str, with_dropped: bool) -> tuple[int, dict[str, float]]:
    """(documents that have the property, shares of them by value)."""
    kept, dropped = facts.having.get(name, (0, 0))
    whole = kept + dropped * with_dropped
    pairs = {value: pair for (about, value), pair in facts.values.items() if about == name}
    counts = {value: kept + dropped * with_dropped for value, (kept, dropped) in pairs.items()}
    return whole, {value: count / whole for value, count in counts.items() if count}


def _lines(
    before: Mapping[str, float], after: Mapping[str, float], ordered: Sequence[str], is_open: bool
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
        sides = [_rest(shares, names[:VALUES], rest, is_open) for shares in (before, after)]
        lines.append((OTHER, sides[0], sides[1]))
    return lines


def _rest(
    shares: Mapping[str, float], listed: Sequence[str], rest: Sequence[str], is_open: bool
) -> float:
    """The share of the values that are not listed; a document has one value of an open property."""
    if is_open and shares:
        return max(0.0, 1 - sum(shares.get(name, 0) for name in listed))
    return sum(shares.get(name, 0) for name in rest)
