"""The step `decontaminate`: documents that contain text of an evaluation set are dropped or cut.

Enters: kept documents, and evaluation files. Leaves: the same rows. Of a document that shares n-grams
with an item, the item is in `labels["decontaminate.match"]` (file:number), the shared words in
`labels["decontaminate.text"]`; in `signals`, the number of places (`decontaminate.matches`) and items
(`.items`), the share of that item's n-grams (`.item_ratio`) and of the document's characters
(`.document_ratio`). `drop` is `decontaminate.<method>`, or, where passages are cut out,
`decontaminate.pieces` (too many are left) or `.short` (nothing long enough is).

The decision: texts never move. An index that fits is broadcast, and one pass over the documents does
it. One that does not, or n-grams that have to be counted over the corpus first, take a pass before
that, which sends hashes only: those that pass the index's filter are counted and joined with the
index, and of the index only the n-grams the corpus really holds are broadcast.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from curate.code_points import Hashes
from curate.decontaminate.evaluation_sets import input_files, read_items
from curate.decontaminate.evidence import Action, Cut, Judge, Method
from curate.decontaminate.index import Index, Sieve
from curate.decontaminate.indexing import Runs, build_index
from curate.decontaminate.units import blocks
from curate.document import COLUMNS, SPARK_SCHEMA, batches, documents
from curate.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Join = Literal["auto", "broadcast", "shuffle"]
Batches = Iterator[pa.RecordBatch]
BROADCAST_BYTES = 128 << 20
"""Of an index that every Python worker may hold: about 8 million n-grams."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decontaminate:
    """Drop documents that share a run of 13 words with an evaluation set (GPT-3: Brown et al. 2020,
    arXiv:2005.14165, appendix C), or cut the passage out.

    `method`: `ngram`, any run of `ngram_words` words (13 as GPT-3 and lm-evaluation-harness; 8 is
    GPT-3's shortest and PaLM's); `chars`, any run of `run_chars` letters and digits (GPT-4 technical
    report, arXiv:2303.08774, appendix C: 50; it samples three runs of an item, here all count);
    `containment`, `threshold` of an item's n-grams in one document (PaLM, Chowdhery et al. 2022,
    arXiv:2204.02311, section 8: 70 % of 8-grams). An item's text of fewer words counts as a whole
    from `shortest_words` on (GPT-3's 8); shorter ones say nothing.

    `action` `cut` takes the passages out with `margin_chars` on each side and keeps the pieces of at
    least `least_chars` as one text; a document in more than `most_pieces` pieces is dropped (all
    GPT-3's). `ignore_above`: n-grams in more documents than that are no evidence. GPT-3 took 10;
    off by default, because a popular benchmark is itself copied to more than ten pages.

    `fields`: where an item's text is, by default every well-known field it has, in a task file of
    lm-evaluation-harness what its templates show. `join`: `broadcast` the index or `shuffle` hashes;
    `auto` by size. The result is the same.
    """

    name: ClassVar[str] = "decontaminate"
    against: tuple[str, ...]
    ngram_words: int = 13
    shortest_words: int = 8
    fields: tuple[str, ...] | None = None
    method: Method = "ngram"
    run_chars: int = 50
    threshold: float = 0.7
    action: Action = "drop"
    margin_chars: int = 200
    most_pieces: int = 10
    least_chars: int = 200
    ignore_above: int | None = None
    join: Join = "auto"

    def __post_init__(self) -> None:
        if not self.against:
            raise ValueError("against names no evaluation file")
        if not 1 <= self.shortest_words <= self.ngram_words:
            raise ValueError(
                f"shortest_words must be from 1 to ngram_words ({self.ngram_words}), "
                f"got {self.shortest_words}"
            )
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, got {self.threshold}")
        for key, least in (
            ("run_chars", 1), ("margin_chars", 0), ("most_pieces", 1), ("least_chars", 0), ("ignore_above", 1)
        ):  # fmt: skip
            value = getattr(self, key)
            if value is not None and value < least:
                raise ValueError(f"{key} must be at least {least}, got {value}")

    def inputs(self) -> tuple[str, ...]:
        """The evaluation files; of task files and folders, those they lead to."""
        return input_files(self.against, bool(self.fields))

    def index(self) -> Index:
        """Read the evaluation files. Raises `InputError` if one is missing or nothing can be used."""
        by_chars = self.method == "chars"
        length = self.run_chars if by_chars else self.ngram_words
        runs = Runs(length, self.shortest_words, by_chars)
        index = build_index(read_items(self.against, self.fields), runs)
        items, matched = len(index.item_runs), int(np.count_nonzero(index.item_runs))
        if not matched:
            raise InputError(
                f"evaluation sets {', '.join(self.against)}: none of the {items} items has "
                f"{self.shortest_words} words; lower shortest_words"
            )
        _log.info("%d evaluation items, %d too short to match", items, items - matched)
        return index

    def judge(self) -> Judge:
        """The rule, as the documents are judged by it."""
        cut = Cut(self.margin_chars, self.most_pieces, self.least_chars)
        return Judge(self.method, self.threshold, cut if self.action == "cut" else None)

    def __call__(self, df: DataFrame) -> DataFrame:
        """Mark the documents that overlap with an evaluation item."""
        index = self.evidential(df, self.index())
        shared = df.sparkSession.sparkContext.broadcast((index, self.judge()))
        return df.select(*COLUMNS).mapInArrow(_marker(shared), SPARK_SCHEMA)

    def evidential(self, df: DataFrame, index: Index) -> Index:
        """The index as it is broadcast: whole, or what of it the corpus holds and holds rarely."""
        fits = index.size_bytes <= BROADCAST_BYTES
        joined = self.join == "shuffle" or (self.join == "auto" and not fits)
        if not joined and self.ignore_above is None:
            return index
        return index.only(_found(df, index, joined, self.ignore_above))


def mark(batch: pa.RecordBatch, index: Index, judge: Judge) -> Iterator[pa.RecordBatch]:
    """A batch of documents judged; one without a hit goes through as it is."""
    found = {
        number: evidence
        for number, hits in index.find(batch.column("text").to_pylist()).by_text()
        if (evidence := judge.evidence(index, hits))
    }
    if not found:
        yield batch
        return
    rows = list(documents(batch))
    for number, evidence in found.items():
        judge.apply(rows[number], evidence, index)
    for marked in batches(rows):
        yield marked.cast(batch.schema)


def _marker(shared: Any) -> Callable[[Batches], Batches]:
    def run(incoming: Batches) -> Batches:
        index, judge = shared.value
        for batch in incoming:
            yield from mark(batch, index, judge)

    return run


def _found(df: DataFrame, index: Index, joined: bool, ignore_above: int | None) -> Hashes:
    """The n-grams of the index that are in the corpus, in no more documents than that. What is
    collected is a part of the index, whatever the size of the corpus."""
    from pyspark.sql import functions as f

    spark = df.sparkSession
    sieve = spark.sparkContext.broadcast(index.sieve if joined else index)
    hashes = df.select("text").mapInArrow(_hasher(sieve), "hash long")
    counts = hashes.groupBy("hash").agg(f.count("*").alias("documents"))
    if joined:
        known = spark.createDataFrame(pa.table({"hash": index.hashes.view(np.int64)}))
        counts = counts.join(known, "hash", "left_semi")
    if ignore_above is not None:
        counts = counts.where(f.col("documents") <= ignore_above)
    found: Hashes = counts.select("hash").toArrow().column("hash").to_numpy().view(np.uint64)
    return found


def _hasher(shared: Any) -> Callable[[Batches], Batches]:
    """text -> the distinct n-grams of each document: those an index holds, or may hold by its sieve."""

    def run(incoming: Batches) -> Batches:
        finder: Index | Sieve = shared.value
        for batch in incoming:
            hashes = distinct_hashes(batch.column("text").to_pylist(), finder)
            yield pa.RecordBatch.from_arrays([pa.array(hashes.view(np.int64))], names=["hash"])

    return run


def distinct_hashes(texts: list[str | None], finder: Index | Sieve) -> Hashes:
    """The hashes of every text's n-grams that an index holds, or may hold; once for each text."""
    if isinstance(finder, Index):
        hits = finder.find(texts)
        found = [(hits.texts, finder.hashes[hits.runs])]
    else:
        found = [
            (units.texts[at], hashes)
            for units in blocks(texts, finder.by_chars, overlap=max(finder.lengths) - 1)
            for at, _, hashes in finder.passing(units)
        ]
    pairs = [np.stack((owners.view(np.uint64), hashes)) for owners, hashes in found]
    table = np.concatenate([np.empty((2, 0), np.uint64), *pairs], axis=1)
    once: Hashes = np.unique(table, axis=1)[1]
    return once
