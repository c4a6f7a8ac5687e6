"""The step `dedup`: of every group of duplicates the best document stays.

Enters: kept documents. Leaves: the same rows; a duplicate has `drop` = `dedup.payload`,
`dedup.exact` or `dedup.near`, the id of the kept document that stands for it in
`labels["dedup.duplicate_of"]`, and their similarity in `signals["dedup.similarity"]`. The text, or
the payload, is read once, for hashes; everything after that moves hashes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from curate.columns import put
from curate.dedup import marks as marking
from curate.dedup.components import checkpointed
from curate.dedup.marks import Banding, Preference
from curate.dedup.minhash import optimal_bands
from curate.dedup.near import followers, near_duplicates
from curate.document import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BROADCAST_ROWS = 500_000


@dataclass(frozen=True)
class Dedup:
    """Drop duplicate documents: equal ones, and with `near` those at or above a Jaccard similarity.

    MinHash-LSH (Broder 1997; Leskovec et al., "Mining of Massive Datasets", ch. 3) proposes pairs,
    the real Jaccard similarity of their word n-grams decides (Lee et al. 2021, arXiv 2107.06499,
    §4.2: n-grams of 5, threshold .8). Texts with fewer than `ngram_words` distinct n-grams are
    compared exactly only. `payload` compares the bytes before extraction: placed before the step
    `extract`, it spares that step every copy. `bands` x `rows` default to datasketch's optimum for
    the threshold with `false_negative_weight`: a false positive costs one comparison, a false
    negative a duplicate. `prefer` orders who stays, ties broken by the smallest id.
    """

    name: ClassVar[str] = "dedup"
    method: Literal["payload", "exact", "near"] = "near"
    threshold: float = 0.8
    ngram_words: int = 5
    permutations: int = 128
    bands: int | None = None
    rows: int | None = None
    false_negative_weight: float = 0.9
    seed: int = 1
    prefer: tuple[Preference, ...] = ("heldout", "longest")
    rounds: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")
        if min(self.ngram_words, self.permutations, self.rounds) < 1:
            raise ValueError("ngram_words, permutations and rounds must be at least 1")
        if (self.bands is None) != (self.rows is None):
            raise ValueError("give both bands and rows, or neither")
        if self.bands is not None and self.rows is not None:
            needed = self.bands * self.rows
            if min(self.bands, self.rows) < 1 or needed > self.permutations:
                raise ValueError(
                    f"bands x rows is {needed}, but permutations is {self.permutations}"
                )

    def banding(self) -> Banding:
        """The shingles and bands in use."""
        if self.bands is not None and self.rows is not None:
            bands, rows = self.bands, self.rows
        else:
            weight = self.false_negative_weight
            bands, rows = optimal_bands(self.threshold, self.permutations, weight)
        return Banding(self.ngram_words, self.permutations, bands, rows, self.seed)

    def inputs(self) -> tuple[str, ...]:
        """No other files."""
        return ()

    def __call__(self, df: DataFrame) -> DataFrame:
        """Mark the duplicates among all rows of `df`."""
        payload = self.method == "payload"
        banding = self.banding() if self.method == "near" else None
        run = marking.marker(self.prefer, banding, payload)
        columns = marking.PAYLOAD_COLUMNS if payload else marking.COLUMNS
        marks = df.select(*columns).mapInArrow(run, marking.SPARK_SCHEMA).persist()
        try:
            return _mark(df, checkpointed(self._duplicates(marks)), 8 * len(self.prefer))
        finally:
            marks.unpersist()

    def _duplicates(self, marks: DataFrame) -> DataFrame:
        """(node, root, similarity, reason) of the rows to drop."""
        from pyspark.sql import functions as f

        exact = followers(marks.where("key is not null").select("key", "node"))
        exact = exact.select("node", "root", f.lit(1.0).alias("similarity"))
        exact = exact.withColumn(
            "reason", f.lit("dedup.payload" if self.method == "payload" else "dedup.exact")
        )
        if self.method != "near":
            return exact
        exact = checkpointed(exact)
        distinct = marks.where("bands is not null").join(exact, "node", "left_anti")
        near = near_duplicates(distinct, self.threshold, self.rounds)
        near = near.withColumn("reason", f.lit("dedup.near"))
        return _resolve(exact, near).unionByName(near)


def _resolve(exact: DataFrame, near: DataFrame) -> DataFrame:
    """An exact copy of a document that is a near-duplicate is one too: of the same kept document."""
    from pyspark.sql import functions as f

    names = ("root", "similarity", "reason")
    farther = near.select(
        f.col("node").alias("root"), *(f.col(name).alias(f"near_{name}") for name in names)
    )
    joined = exact.join(farther, "root", "left")
    return joined.select("node", *(f.coalesce(f"near_{name}", name).alias(name) for name in names))


def _mark(df: DataFrame, duplicates: DataFrame, prefix_bytes: int) -> DataFrame:
    """Write the verdicts into the rows. A short list is broadcast, so that no text is shuffled."""
    from pyspark.sql import functions as f

    def document_id(node: str) -> Column:
        return f.expr(f"cast(substring({node}, {prefix_bytes + 1}) as string)")

    verdicts = duplicates.select(
        document_id("node").alias("id"), document_id("root").alias("root"), "similarity", "reason"
    )
    if verdicts.limit(BROADCAST_ROWS).count() < BROADCAST_ROWS:
        verdicts = f.broadcast(verdicts)
    labels = put("labels", {"dedup.duplicate_of": f.col("root")})
    signals = put("signals", {"dedup.similarity": f.col("similarity")})
    marked = df.join(verdicts, "id", "left").withColumns(
        {
            "labels": f.when(f.col("reason").isNull(), f.col("labels")).otherwise(labels),
            "signals": f.when(f.col("reason").isNull(), f.col("signals")).otherwise(signals),
            "drop": f.coalesce("drop", "reason"),
        }
    )
    return marked.select(*COLUMNS)
