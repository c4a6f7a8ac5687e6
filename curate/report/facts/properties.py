"""What documents are, as far as a count of values tells it: languages, domains, lengths, groups named …

In: rows with their measurements and labels. Out: for each property how many documents have it, and each
of its values. The decision: a value is shortened before it is counted, so that what a document claims to
be, its licence or its address, cannot be long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.filters.url.address import split_url
from curate.identity_terms import mentions
from curate.report.text import NAME_CHARS, shown
from curate.signals import Numbers, Rows

LENGTHS = (200, 500, 1_000, 2_000, 5_000, 10_000, 50_000)
SCORES = (0.1, 0.25, 0.5, 0.75)
PERSONAL, TOXICITY = "private.", "toxicity.mean"
LICENCE, ADDRESS = "licence", "canonical_url"
# Up to the end of the host, as `split_url` sees it
_START = r"^(?P<start>https?://[/\\\t\r\n]*[^/?#\\]*)"
OPEN = frozenset({"Languages", "Domains", "Licences"})  # any number of values
Pair = tuple[int, int]  # kept, dropped
Value = tuple[str, str]  # property, value
Measured = Mapping[str, tuple[Rows, Numbers]]
Labelled = Mapping[str, tuple[Rows, pa.Array]]
Key = TypeVar("Key")


def properties(
    rows: pa.RecordBatch, measured: Measured, labels: Labelled, is_kept: bool
) -> tuple[dict[str, Pair], dict[Value, Pair]]:
    """(documents that have a property, documents that have a value of it)."""
    having: dict[str, Pair] = {}
    values: dict[Value, Pair] = {}
    for name, documents, found in _counted(rows, measured, labels):
        if documents:
            having[name] = (documents, 0) if is_kept else (0, documents)
            for value, count in found.items():
                values[name, value] = (count, 0) if is_kept else (0, count)
    return having, values


def add_pairs(parts: Sequence[Mapping[Key, Pair]]) -> dict[Key, Pair]:
    """The sums by key."""
    found: dict[Key, Pair] = {}
    for part in parts:
        for key, (kept, dropped) in part.items():
            before = found.get(key, (0, 0))
            found[key] = (before[0] + kept, before[1] + dropped)
    return found


def _counted(
    rows: pa.RecordBatch, measured: Measured, labels: Labelled
) -> Iterator[tuple[str, int, Mapping[str, int]]]:
    """(property, documents that have it, documents by value)."""
    yield "Languages", *_named(rows["language"])
    yield "Domains", *_domains(rows, labels)
    yield "Licences", *_named(labels[LICENCE][1] if LICENCE in labels else pa.array([], "string"))
    if "text" in rows.schema.names:
        texts = rows["text"].drop_null()
        chars = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
        yield "Text lengths", *_binned(chars, LENGTHS, LENGTH_NAMES)
        yield "Identity terms", len(texts), {k: n for k, n in mentions(texts).items() if n}
    if TOXICITY in measured:
        yield "Toxicity", *_binned(measured[TOXICITY][1], SCORES, SCORE_NAMES)
    yield "Personal data", *_personal(measured, len(rows))


def _named(values: pa.Array) -> tuple[int, Counter[str]]:
    found: Counter[str] = Counter()
    for item in pc.value_counts(values.drop_null()).to_pylist():
        if item["values"]:
            found[shown(item["values"])[:NAME_CHARS]] += item["counts"]
    return found.total(), found


def _domains(rows: pa.RecordBatch, labels: Labelled) -> tuple[int, Counter[str]]:
    """Of the URL, or of the address a page gives as its own."""
    urls = rows["url"]
    if ADDRESS in labels:
        at, given = labels[ADDRESS]
        own = np.full(len(rows), None, object)
        own[at] = given.to_numpy(zero_copy_only=False)
        urls = pc.if_else(pc.equal(pc.fill_null(urls, ""), ""), pa.array(own, pa.string()), urls)
    return _named(hosts(urls))


def hosts(urls: pa.Array) -> pa.Array:
    """The hosts of web addresses, null for others; each way to write one is looked at once.

    >>> hosts(pa.array(["https://u@Example.org:80/a", "doc", None, "http://example.org?q"])).to_pylist()
    ['example.org', None, None, 'example.org']
    """
    starts = pc.struct_field(pc.extract_regex(urls, _START), "start").dictionary_encode()
    found = [split_url(start)[0] or None for start in starts.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(starts.indices)


def _binned(
    values: Numbers, edges: Sequence[float], names: Sequence[str]
) -> tuple[int, Counter[str]]:
    bins = np.bincount(np.searchsorted(edges, values, "right"), minlength=len(names)).tolist()
    return len(values), Counter({name: n for name, n in zip(names, bins, strict=True) if n})


def _personal(measured: Measured, count: int) -> tuple[int, Counter[str]]:
    """Kinds of which a document held at least one, before they were masked."""
    looked, holding = np.zeros(count, bool), np.zeros(count, bool)
    found: Counter[str] = Counter()
    for key, (row, values) in measured.items():
        if key.startswith(PERSONAL):
            looked[row] = True
            holding[row[values != 0]] = True
            found[shown(key.removeprefix(PERSONAL))[:NAME_CHARS]] += int((values != 0).sum())
    found["none"] += int((looked & ~holding).sum())
    return int(looked.sum()), +found


def _bin_names(edges: Sequence[float]) -> list[str]:
    """
    >>> _bin_names((200, 1000))
    ['under 200', '200 to 1,000', 'from 1,000']
    """
    said = [f"{edge:,}" for edge in edges]
    middle = [f"{a} to {b}" for a, b in zip(said, said[1:], strict=False)]
    return [f"under {said[0]}", *middle, f"from {said[-1]}"]


LENGTH_NAMES, SCORE_NAMES = _bin_names(LENGTHS), _bin_names(SCORES)
