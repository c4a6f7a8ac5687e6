"""Near-duplicates among the vectors of a cluster, however large it is.

Enters: (cluster, key, vector), the best document with the smallest key. Leaves: (node, root,
similarity) of every document to drop, `root` being kept. A cluster is a sorted stream through one
task that holds the vectors kept so far (`curate.dedup.semantic.cosine`).

The decision is what happens to a cluster of more than `max_rows`, for its work is quadratic: its best
`HEAD` documents are decided first and alone, which is exact because nothing comes before them. All
others are then compared with those kept, in as many tasks as they lie in. What is similar goes, so a
cluster of near-copies is done; what is left joins the nearest of those kept in a smaller cluster,
until none is too large. Only a pair that this parts can be missed, as by any clustering.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curate.dedup.checkpoint import checkpointed
from curate.dedup.semantic.cosine import Greedy, Rows
from curate.dedup.semantic.embeddings import Matrix, Pass, matrix
from curate.dedup.semantic.kmeans import coarse, nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

HEAD = 1000  # no more than spark.sql.optimizer.windowGroupLimitThreshold: then no task sorts more
SPLIT_AT_ONCE = 16
Found = tuple[bytes, bytes, float]
_FOUND = pa.schema([("node", pa.binary()), ("root", pa.binary()), ("similarity", pa.float64())])
_SPARK_FOUND = "node binary, root binary, similarity double"
_SPARK_SPLIT = f"cluster long, key binary, vector binary, {_SPARK_FOUND}"


@dataclass(frozen=True)
class Head:
    """The best documents of a large cluster, decided: `last` is the key of the last one, `kept` are
    those that stay, `dropped` the others; what is left of the cluster gets the numbers from `base` on."""

    last: bytes
    base: int
    kept: Greedy
    whole: Matrix
    dropped: Mapping[bytes, Found]


def near_duplicates(clustered: DataFrame, threshold: float, max_rows: int) -> DataFrame:
    """(node, root, similarity) of the documents to drop."""
    spark = clustered.sparkSession
    found = spark.createDataFrame([], _SPARK_FOUND)
    level = 1
    while sizes := _large(clustered, max_rows):
        heads = _heads(clustered, sizes, threshold, min(HEAD, max_rows), level << 32)
        split = checkpointed(clustered.mapInArrow(splitting(heads), _SPARK_SPLIT))
        dropped = split.where("root is not null")
        found = found.unionByName(dropped.select("node", "root", "similarity"))
        clustered = split.where("root is null").select("cluster", "key", "vector")
        level += 1
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    ordered = clustered.repartition(tasks, "cluster").sortWithinPartitions("cluster", "key")
    return found.unionByName(ordered.mapInArrow(deciding(threshold), _SPARK_FOUND))


def _large(clustered: DataFrame, max_rows: int) -> list[int]:
    """The largest clusters of more than `max_rows`."""
    from pyspark.sql import functions as f

    sizes = clustered.groupBy("cluster").count().where(f.col("count") > max_rows)
    rows = sizes.orderBy(f.desc("count"), "cluster").limit(SPLIT_AT_ONCE).collect()
    return [row["cluster"] for row in rows]


def _heads(
    clustered: DataFrame, clusters: list[int], threshold: float, rows: int, base: int
) -> dict[int, Head]:
    """The best `rows` documents of each of the clusters, decided on the driver."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    best = Window.partitionBy("cluster").orderBy("key")
    large = clustered.where(f.col("cluster").isin(clusters))
    first = large.withColumn("place", f.row_number().over(best)).where(f.col("place") <= rows)
    found = sorted(
        (row["cluster"], bytes(row["key"]), bytes(row["vector"])) for row in first.collect()
    )
    heads = {}
    for cluster, members in groupby(found, key=lambda row: row[0]):
        _, keys, vectors = zip(*members, strict=True)
        heads[cluster] = head(list(keys), matrix(pa.array(vectors)), threshold, base)
        base += len(heads[cluster].whole)
    return heads


def head(keys: list[bytes], vectors: Matrix, threshold: float, base: int) -> Head:
    """The first documents of a cluster, decided."""
    greedy = Greedy(threshold)
    taken = list(greedy.take(keys, vectors))
    dropped = {keys[place]: (keys[place], root, cosine) for place, root, cosine in taken}
    whole = np.concatenate([block.whole for block in greedy.blocks])
    return Head(keys[-1], base, greedy, whole, dropped)


def deciding(threshold: float) -> Pass:
    """(cluster, key, vector), sorted by cluster and key -> (node, root, similarity) of what goes."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        current, greedy = None, Greedy(threshold)
        for batch in incoming:
            found: list[Found] = []
            for cluster, part in _runs(batch):
                if cluster != current:
                    current, greedy = cluster, Greedy(threshold)
                keys = part.column("key").to_pylist()
                taken = greedy.take(keys, matrix(part.column("vector")))
                found += [(keys[place], root, cosine) for place, root, cosine in taken]
            yield _batch(found)

    return run


def splitting(heads: Mapping[int, Head]) -> Pass:
    """(cluster, key, vector) -> the same, in smaller clusters where there is a head, with (node, root,
    similarity) where it goes; without the documents of a head that stay."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            order = np.argsort(np.asarray(batch.column("cluster")), kind="stable")
            for cluster, part in _runs(batch.take(pa.array(order))):
                yield _split(part, heads[cluster]) if cluster in heads else _with(part, {})

    return run


def _split(part: pa.RecordBatch, head: Head) -> pa.RecordBatch:
    keys = part.column("key").to_pylist()
    known = {key: head.dropped[key] for key in keys if key in head.dropped}
    after = np.array([key > head.last or key in known for key in keys], bool)
    part, keys = (
        part.filter(pa.array(after)),
        [key for key, stays in zip(keys, after, strict=True) if stays],
    )
    if not keys:
        return _with(part, {})
    vectors = matrix(part.column("vector"))
    first = head.kept.first_kept(Rows.of(vectors))
    found = {
        keys[place]: (keys[place], root, cosine)
        for place, root, cosine in head.kept.pairs(first, vectors)
    }
    place, _ = nearest(vectors, coarse(head.whole).astype(np.int16))
    clusters = pa.array(place + head.base, pa.int64())
    return _with(part.set_column(0, "cluster", clusters), {**found, **known})


def _with(part: pa.RecordBatch, found: Mapping[bytes, Found]) -> pa.RecordBatch:
    """The rows with what was found out about them."""
    nothing = (None, None, None)
    keys = part.column("key").to_pylist() if found else []
    rows: list[Any] = [found.get(key, nothing) for key in keys] or [nothing] * len(part)
    columns = [pa.array([row[i] for row in rows], _FOUND.field(i).type) for i in range(3)]
    return pa.RecordBatch.from_arrays(
        [*part.columns, *columns], names=[*part.schema.names, *_FOUND.names]
    )


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Runs of rows of one cluster."""
    clusters = np.asarray(batch.column("cluster"))
    borders = np.flatnonzero(np.diff(clusters)) + 1
    for start, stop in zip([0, *borders], [*borders, len(clusters)], strict=True):
        if start < stop:
            yield int(clusters[start]), batch.slice(start, stop - start)


def _batch(found: list[Found]) -> pa.RecordBatch:
    columns = [pa.array([row[i] for row in found], field.type) for i, field in enumerate(_FOUND)]
    return pa.RecordBatch.from_arrays(columns, schema=_FOUND)
