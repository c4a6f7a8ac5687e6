"""The step `decontaminate`: documents that contain text of an evaluation set are dropped.

Enters: kept documents, and evaluation files. Leaves: the same rows; a document that shares a run of
`ngram_words` words with an item has `drop` = `decontaminate.ngram`, the item in
`labels["decontaminate.match"]` (file:number), the shared words in `labels["decontaminate.text"]`,
and in `signals["decontaminate.matches"]` how many of its runs are shared. Most hits of such a rule
are not contamination, so the words are kept for a person to see.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from curate.dedup.shingles import words
from curate.document import SPARK_SCHEMA, Document
from curate.errors import InputError
from curate.evaluation_sets import Item, read_items
from curate.step import chain

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Hashes = NDArray[np.uint64]
SHOWN_WORDS = 60
_BASE = np.uint64(0x9E3779B97F4A7C15)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decontaminate:
    """Drop documents that share a run of 13 words with an evaluation set.

    Brown et al. 2020 (GPT-3, arXiv 2005.14165, appendix C) and lm-evaluation-harness: 13-grams of
    lower-cased words without punctuation. An item text of `shortest_words` to 12 words is matched
    as a whole (GPT-3's shortest n is 8); shorter ones say nothing and are skipped. `fields`: where
    an item's text is, by default every well-known field it has.
    """

    name: ClassVar[str] = "decontaminate"
    against: tuple[str, ...]
    ngram_words: int = 13
    shortest_words: int = 8
    fields: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.against:
            raise ValueError("against names no evaluation file")
        if not 1 <= self.shortest_words <= self.ngram_words:
            raise ValueError(
                f"shortest_words must be from 1 to ngram_words ({self.ngram_words}), "
                f"got {self.shortest_words}"
            )

    def inputs(self) -> tuple[str, ...]:
        """The evaluation files, as given."""
        return self.against

    def index(self) -> Index:
        """Read the evaluation files. Raises `InputError` if one is missing or nothing can be used."""
        items = read_items(self.against, self.fields)
        index = build_index(items, self.ngram_words, self.shortest_words)
        if not index.runs:
            raise InputError(
                f"evaluation sets {', '.join(self.against)}: none of the {index.items} items has "
                f"{self.shortest_words} words; lower shortest_words"
            )
        _log.info("%d evaluation items, %d too short to match", index.items, index.skipped)
        return index

    def __call__(self, df: DataFrame) -> DataFrame:
        """Mark the documents that overlap with an evaluation item."""
        return df.mapInArrow(chain([Overlap(self.index())]), SPARK_SCHEMA)


@dataclass(frozen=True)
class Index:
    """Hashes of the evaluation sets' word runs: `runs[length]` = (sorted hashes, item of each).

    `items` were read, `skipped` of them had no text long enough; `names` are the items' places.
    """

    runs: dict[int, tuple[Hashes, NDArray[np.int32]]]
    names: tuple[str, ...]
    items: int
    skipped: int


@dataclass(frozen=True)
class Overlap:
    """The row step: compares one document with an index."""

    index: Index
    name: ClassVar[str] = "decontaminate"

    def __call__(self, document: Document) -> None:
        """Drop the document if it contains a run of an item's words."""
        tokens = words(document.text or "")
        hashes = word_hashes(tokens)
        found = [
            (start, length, item)
            for length, (known, items) in self.index.runs.items()
            for start, item in _hits(run_hashes(hashes, length), known, items)
        ]
        if not found:
            return
        item = _most_common([item for _, _, item in found])
        document.drop = "decontaminate.ngram"
        document.signals["decontaminate.matches"] = float(len(found))
        document.labels["decontaminate.match"] = self.index.names[item]
        runs = sorted((start, start + length) for start, length, owner in found if owner == item)
        start, stop = _first_stretch(runs)
        document.labels["decontaminate.text"] = " ".join(tokens[start:stop][:SHOWN_WORDS])


def build_index(items: Iterable[Item], ngram_words: int, shortest_words: int) -> Index:
    """Every run of `ngram_words` words of every text; shorter texts as one run of their length."""
    found: dict[int, list[tuple[Hashes, int]]] = {}
    names: list[str] = []
    read = 0
    for item in items:
        read += 1
        texts = [tokens for tokens in map(words, item.texts) if len(tokens) >= shortest_words]
        for tokens in texts:
            length = min(len(tokens), ngram_words)
            runs = run_hashes(word_hashes(tokens), length)
            found.setdefault(length, []).append((runs, len(names)))
        if texts:
            names.append(f"{item.file}:{item.number}")
    lengths = sorted(found, reverse=True)
    return Index({n: _sorted(found[n]) for n in lengths}, tuple(names), read, read - len(names))


def word_hashes(tokens: Iterable[str]) -> Hashes:
    """A 64-bit hash of each word."""
    return np.array(
        [xxhash.xxh3_64_intdigest(token.encode("utf-8", "surrogatepass")) for token in tokens],
        np.uint64,
    )


def run_hashes(hashes: Hashes, length: int) -> Hashes:
    """The hash of every run of `length` words: a polynomial in their hashes, modulo 2**64."""
    count = max(0, len(hashes) - length + 1)
    runs = np.zeros(count, np.uint64)
    for offset in range(length):
        runs = runs * _BASE + hashes[offset : offset + count]
    return runs


def _sorted(found: list[tuple[Hashes, int]]) -> tuple[Hashes, NDArray[np.int32]]:
    owners = np.repeat(
        np.array([item for _, item in found], np.int32), [len(runs) for runs, _ in found]
    )
    distinct, first = np.unique(np.concatenate([runs for runs, _ in found]), return_index=True)
    return distinct, owners[first]


def _hits(runs: Hashes, known: Hashes, items: NDArray[np.int32]) -> Iterable[tuple[int, int]]:
    """(where the run starts, which item it is in) for the runs that are known."""
    places = np.minimum(np.searchsorted(known, runs), len(known) - 1)
    starts = np.flatnonzero(known[places] == runs)
    return zip(starts.tolist(), items[places[starts]].tolist(), strict=True)


def _most_common(items: list[int]) -> int:
    values, counts = np.unique(items, return_counts=True)
    return int(values[np.argmax(counts)])


def _first_stretch(runs: list[tuple[int, int]]) -> tuple[int, int]:
    """The first unbroken stretch of words that overlapping runs cover."""
    start, stop = runs[0]
    for following, end in runs[1:]:
        if following > stop:
            break
        stop = max(stop, end)
    return start, stop
