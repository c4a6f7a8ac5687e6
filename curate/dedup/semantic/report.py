"""What a threshold of `dedup_semantic` does, before one is chosen.

Enters: documents and a step. Leaves: for each threshold how many documents would go, exactly as the
step decides, and pairs of texts that only this threshold and lower ones take for duplicates. The
clusters are found once. A cosine means something else with every model: read the pairs. With vectors by
latent semantic analysis, 34 of 35 pairs of web pages that a person took for near-duplicates are above
.95, and 43 of 48 that were none (pages of one site that share its menus) are too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from curate.columns import coin
from curate.dedup import order
from curate.dedup.checkpoint import checkpointed
from curate.dedup.semantic.step import DedupSemantic
from curate.dedup.semantic.within_clusters import near_duplicates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

THRESHOLDS = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
SHOWN_CHARS = 300


@dataclass(frozen=True)
class Pair:
    """A document that would go and the one that would stay: ids, cosine, how the texts begin."""

    id: str
    duplicate_of: str
    similarity: float
    text: str
    other_text: str


@dataclass(frozen=True)
class Outcome:
    """Of `documents` with a vector, `dropped` would go at this threshold; `pairs` are a sample of those
    whose cosine is below the next threshold."""

    threshold: float
    documents: int
    dropped: int
    pairs: tuple[Pair, ...]


def outcomes(
    df: DataFrame,
    step: DedupSemantic,
    thresholds: Sequence[float] = THRESHOLDS,
    pairs: int = 5,
) -> list[Outcome]:
    """One outcome a threshold, in ascending order. The step's own threshold does not matter."""
    ascending = sorted(thresholds)
    read = step.vectors(df).persist()
    try:
        vectors, rows = step.checked(read)
        if not rows:
            return [Outcome(threshold, 0, 0, ()) for threshold in ascending]
        clustered = step.clustered(vectors, rows)
        found = []
        for threshold, following in zip(ascending, [*ascending[1:], inf], strict=True):
            near = checkpointed(near_duplicates(clustered, threshold, step.max_cluster_rows))
            sampled = _sample(near, following, step, pairs)
            found.append((threshold, near.count(), sampled))
        texts = _beginnings(
            df, {row[name] for _, _, some in found for row in some for name in ("id", "root")}
        )
    finally:
        read.unpersist()
    return [
        Outcome(threshold, rows, dropped, tuple(_pair(row, texts) for row in sampled))
        for threshold, dropped, sampled in found
    ]


def _sample(near: DataFrame, below: float, step: DedupSemantic, pairs: int) -> list[Row]:
    """Pairs with a cosine below `below`, drawn by a hash of the ids."""
    from pyspark.sql import functions as f

    ids = (
        order.id_of(name, step.prefer).alias(alias)
        for name, alias in (("node", "id"), ("root", "root"))
    )
    named = near.where(f.col("similarity") < below).select(*ids, "similarity")
    return named.orderBy(coin("dedup_semantic.pairs", step.seed), "id").limit(pairs).collect()


def _beginnings(df: DataFrame, ids: set[str]) -> dict[str, str]:
    from pyspark.sql import functions as f

    begin = f.substring(f.coalesce("text", f.lit("")), 1, SHOWN_CHARS).alias("begin")
    rows = df.where(f.col("id").isin(sorted(ids))).select("id", begin).collect()
    return {row["id"]: row["begin"] for row in rows}


def _pair(row: Row, texts: dict[str, str]) -> Pair:
    ours, theirs = row["id"], row["root"]
    return Pair(ours, theirs, row["similarity"], texts[ours], texts[theirs])
