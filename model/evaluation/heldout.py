"""Held-out sets: read from files, scored whole and by domain, told as a table.

In: paths of documents, a model, and what a domain is. Out: bits per byte with an interval, perplexity
and accuracy, for a set and each of its domains. The decision: every record counts: an empty text is a
document of 0 bytes, and what has no text at all is told. Sets with domains have a macro-average, in
which a small domain counts as much as a large one (Paloma, arXiv 2312.10523, §3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curate.document import Document, encodable
from curate.errors import InputError
from curate.source import FORMATS, detect_format, list_files, read
from curate.split import registered_domain
from model.ablation.statistics import document_bootstrap
from model.checkpoints.loading import Opened
from model.evaluation.evaluate import Evaluation, evaluate

DRAWS, DRAW_NUMBERS = 2000, 1 << 22
SHOWN_DOMAINS = 20
NO_DOMAIN = "(none)"


@dataclass(frozen=True)
class Heldout:
    """A set's documents. domains: of each, () if none were asked for. replaced: documents with
    unpaired surrogates, which are read as U+FFFD. unreadable: records without a text."""

    name: str
    texts: Sequence[str]
    domains: Sequence[str] = ()
    replaced: int = 0
    unreadable: int = 0


@dataclass(frozen=True)
class Figures:
    """What a model does on some documents. low, high: the 95 % interval of bits per byte over
    resamples of the documents; nan for fewer than two documents with text."""

    documents: int
    empty: int
    bytes: int
    tokens: int
    bits_per_byte: float
    low: float
    high: float
    perplexity: float
    accuracy: float

    @classmethod
    def of(cls, found: Evaluation) -> Figures:
        """The figures of all documents of an evaluation."""
        low, high = interval(found)
        return cls(
            len(found.bytes),
            int((found.bytes == 0).sum()),
            int(found.bytes.sum()),
            int(found.tokens.sum()),
            found.bits_per_byte,
            low,
            high,
            found.perplexity,
            found.accuracy,
        )

    def to_json(self) -> dict[str, object]:
        """Plain JSON values; null for what has no value."""
        return {
            "documents": self.documents,
            "empty_documents": self.empty,
            "bytes": self.bytes,
            "tokens": self.tokens,
            "bits_per_byte": number(self.bits_per_byte),
            "bits_per_byte_95": [number(self.low), number(self.high)],
            "perplexity": number(self.perplexity),
            "next_token_accuracy": number(self.accuracy),
        }


@dataclass(frozen=True)
class Result:
    """A set's figures, and those of its domains, the largest first."""

    heldout: Heldout
    whole: Figures
    domains: dict[str, Figures]

    @property
    def macro_bits_per_byte(self) -> float:
        """The mean over domains that have any text; nan if there are no domains."""
        bits = [found.bits_per_byte for found in self.domains.values() if found.bytes]
        return float(np.mean(bits)) if bits else math.nan

    @property
    def macro_accuracy(self) -> float:
        """The mean over domains that have any token; nan if there are no domains."""
        shares = [found.accuracy for found in self.domains.values() if found.tokens]
        return float(np.mean(shares)) if shares else math.nan

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        told: dict[str, object] = {
            **self.whole.to_json(),
            "records_without_text": self.heldout.unreadable,
            "documents_with_replaced_surrogates": self.heldout.replaced,
        }
        if self.domains:
            told["macro_average"] = {
                "domains": len(self.domains),
                "bits_per_byte": number(self.macro_bits_per_byte),
                "next_token_accuracy": number(self.macro_accuracy),
            }
            told["domains"] = {name: found.to_json() for name, found in self.domains.items()}
        return told


def read_heldout(path: str, by: str | None = None) -> Heldout:
    """The documents of a file, folder or glob. `by`: what a domain is: "source" (the field, or else
    the file), "language", "site" (the registered domain of the URL), or the name of a label or field.

    InputError: there is no text at all.
    """
    root, files = list_files(path, None)
    rows = [row for file in files for row in _rows(root, file.path, by)]
    texts = [row for row in rows if row.text is not None or row.drop == "record.empty"]
    if not any(row.text for row in texts):
        raise InputError(f"{path}: no document with text to evaluate on")
    plain = [str(row.text or "") for row in texts]
    clean = [encodable(text) for text in plain]
    replaced = sum(before != after for before, after in zip(plain, clean, strict=True))
    domains = [domain_of(row, by) for row in texts] if by else ()
    if by and set(domains) == {NO_DOMAIN}:
        raise InputError(f"{path}: no document has a {by}; use source, language, site or a field")
    return Heldout(path, clean, domains, replaced, len(rows) - len(texts))


def _rows(root: str, path: str, by: str | None) -> list[Document]:
    format = detect_format(path)
    named = (
        by is not None and by not in ("language", "site") and "labels" in FORMATS[format].options
    )
    options = {"labels": f"{by}={by},"} if named else {}  # parted by commas: a name may have spaces
    return list(read("heldout", format, root, path, options))


def domain_of(row: Document, by: str) -> str:
    """The domain of a document (see `read_heldout`), "(none)" if it has none."""
    if by == "site":
        return registered_domain(row.url) if row.url else NO_DOMAIN
    found = row.language if by == "language" else None
    if not found and by == "source":
        found = row.labels.get(by) or row.origin.partition("#")[0]
    return encodable(found or row.labels.get(by) or NO_DOMAIN)


def measure(opened: Opened, heldout: Heldout) -> Result:
    """Score a set once; its domains are parts of the same scores."""
    found = evaluate(opened.model, opened.tokenizer, heldout.texts)
    names, places = np.unique(
        np.array(heldout.domains, dtype=object).astype(str), return_inverse=True
    )
    parts = {str(name): found.of(places == place) for place, name in enumerate(names)}
    largest = sorted(parts, key=lambda name: (-int(parts[name].bytes.sum()), name))
    return Result(heldout, Figures.of(found), {name: Figures.of(parts[name]) for name in largest})


def interval(found: Evaluation) -> tuple[float, float]:
    """The central 95 % of bits per byte over resamples of the documents that have text."""
    having = found.of(found.bytes > 0)
    count = len(having.bytes)
    if count < 2:
        return math.nan, math.nan
    nats = having.nats[None]
    each = min(DRAWS, max(1, DRAW_NUMBERS // count))  # a draw holds a number for each document
    seeds = range(-(-DRAWS // each))
    draws = [document_bootstrap(0 * nats, nats, having.bytes, each, seed) for seed in seeds]
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))
    return float(low), float(high)


def table(results: Sequence[Result]) -> list[str]:
    """One line a set, below it its largest domains and their macro-average."""
    head = f"{'documents':>9} {'bits/byte':>9}  {'95 % interval':<17} {'perplexity':>10} {'accuracy':>8}"
    width = max(20, *(len(result.heldout.name) for result in results))
    lines = [f"{'held-out set':<{width}} {head}"]
    for result in results:
        lines.append(_line(result.heldout.name, result.whole, width))
        shown = list(result.domains.items())[:SHOWN_DOMAINS]
        lines += [_line(f"  {name}", found, width) for name, found in shown]
        if more := len(result.domains) - len(shown):
            lines.append(f"  and {more} smaller domains (--json has them all)")
        if result.domains:
            average = f"  macro-average of {len(result.domains)}"
            lines.append(
                f"{average:<{width}} {'':>9} {result.macro_bits_per_byte:>9.4f}  {'':<17} {'':>10} "
                f"{result.macro_accuracy:>8.3f}"
            )
        if result.heldout.unreadable:
            lines.append(f"  not counted: {result.heldout.unreadable} records without text")
    return lines


def _line(name: str, found: Figures, width: int) -> str:
    known = not math.isnan(found.low)
    between = f"{found.low:.4f} to {found.high:.4f}" if known else ""
    return (
        f"{name[:width]:<{width}} {found.documents:>9,} {found.bits_per_byte:>9.4f}  {between:<17} "
        f"{found.perplexity:>10.2f} {found.accuracy:>8.3f}"
    )


def number(value: float) -> float | None:
    """A number as JSON has it: None for nan and infinity."""
    return value if math.isfinite(value) else None
