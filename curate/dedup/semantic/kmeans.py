"""Spherical k-means over vectors of whole numbers: clusters that are the same in every run.

Enters: (id, vector) as `curate.dedup.semantic.embeddings` rounds them. Leaves: centroids, one row each, and the
nearest one of every vector. Lloyd's iterations (Dhillon & Modha 2001, doi:10.1023/A:1007612920971) on
a sample of `sample_per_cluster` vectors a cluster (256, as faiss takes), from the first distinct
vectors in the order of a hash of their ids. A pass is one map with partial sums, merged on Spark;
only k rows come to the driver.

The decision: vectors and centroids at length 4,000, so that every product and every partial sum of a
cosine is a whole number below 2**24 (Cauchy-Schwarz), where float32 is exact. BLAS may then add in any
order, on any processor, and ties go to the lowest centroid. Spark ML's `KMeans` starts and sums by
partition, so its clusters depend on the partitioning, and holds vectors as float64 in the JVM.

What clusters cost, on 3,146 texts in 56 clusters (latent semantic analysis): 1 of 384 pairs above .95
lies in two of them, 54 of 1,349 above .8; 274 instead of 275 documents go, and 616 instead of 641.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.dedup.semantic.embeddings import SCALE, Matrix, Pass, matrix, rounded

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COARSE_SCALE = 4_000
GAIN_RATIO = 1e-3
_SCORES = 1 << 22
_MERGED_ROWS = 500
Floats = NDArray[np.float32]
_PARTS = pa.schema([("cluster", pa.int32()), ("score", pa.int64()), ("sums", pa.binary())])
_SPARK_PARTS = "cluster int, score long, sums binary"


@dataclass(frozen=True)
class KMeans:
    """How clusters are found. `clusters`: None is the square root of the number of documents, as
    D4 has (Tirumala et al. 2023, arXiv:2308.12284: 11,000)."""

    clusters: int | None = None
    iterations: int = 10
    sample_per_cluster: int = 256
    seed: int = 0

    def wanted(self, rows: int) -> int:
        """How many clusters so many rows are to have.

        >>> KMeans().wanted(100_000), KMeans(7).wanted(5)
        (316, 5)
        """
        return max(1, min(rows, self.clusters or isqrt(rows)))

    def fit(self, vectors: DataFrame, rows: int) -> Matrix:
        """Centroids of (id, vector): at most as many as wanted, none of them empty in the sample."""
        from pyspark.sql import functions as f

        from curate.columns import coin

        wanted = self.wanted(rows)
        drawn = vectors.withColumn("draw", coin("dedup_semantic", self.seed))
        first = (
            drawn.orderBy("draw", "id").limit(2 * wanted).select("draw", "id", "vector").collect()
        )
        ordered = [row["vector"] for row in sorted(first, key=lambda row: (row["draw"], row["id"]))]
        distinct = list(dict.fromkeys(ordered))[:wanted]
        centroids = coarse(matrix(pa.array(distinct, pa.binary()))).astype(np.int16)
        share = wanted * self.sample_per_cluster / rows
        sample = drawn.where(f.col("draw") < share).select("vector")
        if share < 1:
            sample = sample.persist()
        try:
            return self._iterate(sample, centroids)
        finally:
            if share < 1:
                sample.unpersist()

    def _iterate(self, sample: DataFrame, centroids: Matrix) -> Matrix:
        """Lloyd's iterations, until they gain little. A centroid that is nearest to nothing is given up."""
        before = 0
        for _ in range(self.iterations):
            parts = sample.mapInArrow(summing(centroids), _SPARK_PARTS)
            merged = parts.repartition("cluster").mapInArrow(merge, _SPARK_PARTS).collect()
            merged.sort(key=lambda row: row["cluster"])
            if not merged:
                return centroids
            score = sum(row["score"] for row in merged)
            centroids = matrix(pa.array([row["sums"] for row in merged], pa.binary()))
            if score - before <= GAIN_RATIO * score:
                break
            before = score
        return centroids


def coarse(rows: Matrix) -> Floats:
    """Rounded vectors at `COARSE_SCALE`: whole numbers whose dot products float32 holds exactly."""
    scaled: Floats = np.rint(rows * np.float32(COARSE_SCALE / SCALE))
    return scaled


def nearest(rows: Matrix, centroids: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(which centroid, dot product) of the nearest centroid of each row; the lowest of equals."""
    ours, theirs = coarse(rows), centroids.astype(np.float32).T
    block = max(1, _SCORES // max(1, theirs.shape[1]))
    best, score = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for start in range(0, len(rows), block):
        dots = ours[start : start + block] @ theirs
        found = dots.argmax(axis=1)
        best[start : start + block] = found
        score[start : start + block] = dots[np.arange(len(found)), found]
    return best, score


def summing(centroids: Matrix) -> Pass:
    """(vector) -> (cluster, score, sums) of the rows a task sees; sums of float64, exact."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = np.zeros(centroids.shape)
        scores = np.zeros(len(centroids), np.int64)
        counts = np.zeros(len(centroids), np.int64)
        for batch in incoming:
            rows = matrix(batch.column("vector"))
            if not len(rows):
                continue
            best, score = nearest(rows, centroids)
            order = np.argsort(best, kind="stable")
            present, starts = np.unique(best[order], return_index=True)
            sums[present] += np.add.reduceat(coarse(rows)[order].astype(np.float64), starts)
            scores[present] += np.add.reduceat(score[order], starts)
            counts[present] += np.diff(starts, append=len(order))
        yield from _parts(np.flatnonzero(counts), scores, lambda place: sums[place].tobytes())

    return run


def merge(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Partial sums -> the new centroid of each cluster; one without direction is left out."""
    sums: dict[int, NDArray[np.float64]] = {}
    scores: dict[int, int] = {}
    for batch in incoming:
        for row in batch.to_pylist():
            part = np.frombuffer(row["sums"])
            known = sums.get(row["cluster"])
            sums[row["cluster"]] = part if known is None else known + part
            scores[row["cluster"]] = scores.get(row["cluster"], 0) + row["score"]
    if sums:
        centroids = dict(
            zip(sums, rounded(np.stack(list(sums.values())), COARSE_SCALE), strict=True)
        )
        directed = [cluster for cluster, row in centroids.items() if row.any()]
        yield from _parts(directed, scores, lambda cluster: centroids[cluster].tobytes())


def assigning(centroids: Matrix) -> Pass:
    """(key, vector) -> (cluster, key, vector)."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            vectors = batch.column("vector")
            best, _ = nearest(matrix(vectors, centroids.shape[1]), centroids)
            yield pa.RecordBatch.from_arrays(
                [pa.array(best, pa.int64()), batch.column("key"), vectors],
                names=["cluster", "key", "vector"],
            )

    return run


def _parts(clusters: Any, scores: Any, sums: Callable[[Any], bytes]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(clusters), _MERGED_ROWS):
        some = clusters[start : start + _MERGED_ROWS]
        columns = [
            pa.array([int(cluster) for cluster in some], pa.int32()),
            pa.array([int(scores[cluster]) for cluster in some], pa.int64()),
            pa.array([sums(cluster) for cluster in some], pa.binary()),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=_PARTS)
