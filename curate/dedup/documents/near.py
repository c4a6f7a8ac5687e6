"""Near-duplicates: MinHash bands propose pairs, the real similarity decides, one document stays.

Enters: `marks` (node, bands), exact duplicates already out, and a way to the shingles of some nodes.
Leaves: (node, root, similarity) for every document to drop. The rule is one sentence: in the order of
the nodes a document is dropped if, and only if, it is similar to an earlier document that is kept (the
lexicographically first maximal independent set of the graph of similar pairs). So there are no chains,
no two kept documents that were compared are similar, and neither partitioning nor the order of rows
has a say.

In a bucket (documents with an equal band key) all members are compared with the first few only. Those
leave it, and with them all that is known to be dropped; the rest meets again in the next round, with
twice as many to be compared with. So a bucket of n copies costs n comparisons and not n². In a hot
bucket the first round is with one member only: copies of a page mostly go by that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from curate.dedup.checkpoint import checkpointed, small
from curate.dedup.documents.components import components
from curate.dedup.documents.greedy import EDGES_SPARK, greedy
from curate.dedup.documents.marks import NEW

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Measure = Literal["jaccard", "containment"]
Shingles = Callable[["DataFrame"], "DataFrame"]
HEADS = 8
HOT_MEMBERS = 1000
BROADCAST_SHINGLES = 4 << 20  # 32 MB
ONE_TASK_EDGES = 5_000_000
_log = logging.getLogger(__name__)


def near_duplicates(
    marks: DataFrame, shingles: Shingles, measure: Measure, threshold: float, most_heads: int
) -> DataFrame:
    """(node, root, similarity) of the documents to drop, and the kept document that stands for each.

    `shingles`: (node) -> (node, shingles). `most_heads`: a document is compared with at most so many
    undecided or kept members of a bucket.
    """
    edges = _edges(marks, shingles, measure, threshold, most_heads, decide)
    return decide(edges)


def connected_duplicates(
    marks: DataFrame, shingles: Shingles, measure: Measure, threshold: float, most_heads: int
) -> DataFrame:
    """The same for the connected components of the similar pairs, as other tools do: the similarity of
    a document to the one that stays may be anything. In a bucket, a document that is similar to one is
    not compared with others."""
    from pyspark.sql import functions as f

    edges = _edges(marks, shingles, measure, threshold, most_heads, lambda edges, _: edges)
    members = components(edges.select("node", "root")).where(f.col("node") >= f.lit(NEW))
    return compared(members, shingles, measure)


def _edges(
    marks: DataFrame,
    shingles: Shingles,
    measure: Measure,
    threshold: float,
    most_heads: int,
    settled: Callable[[DataFrame, DataFrame], DataFrame],
) -> DataFrame:
    """(node, root, similarity) of the similar pairs. What is `settled`, by the edges so far and the
    nodes that may get more, leaves its buckets."""
    from pyspark.sql import functions as f

    entries, hot = _shared(marks.select(f.explode("bands").alias("key"), "node"))
    edges = _nothing(marks)
    heads, done = min(HEADS, most_heads), 0
    while True:
        ranked = _ranked(entries).withColumn("heads", f.lit(heads))
        if not done:
            ranked = ranked.join(small(hot.withColumn("hot", f.lit(1))), "key", "left")
            ranked = ranked.withColumn("heads", f.coalesce("hot", "heads")).drop("hot")
        ranked = checkpointed(ranked)
        alike = compared(_proposed(ranked), shingles, measure)
        edges = checkpointed(edges.unionByName(alike.where(f.col("similarity") >= threshold)))
        entries = ranked.where("place > heads").select("key", "node")
        done += heads
        if entries.isEmpty():
            return edges
        if done >= most_heads:
            _log.warning(
                "dedup: some documents share a band with more than %d others that are not like them "
                "and were compared with those only; raise most_heads to compare them with all",
                most_heads,
            )
            return edges
        gone = settled(edges, entries.select("node").distinct())
        entries = entries.join(gone.select("node"), "node", "left_anti")
        heads = min(2 * heads, most_heads - done)


def decide(edges: DataFrame, pending: DataFrame | None = None) -> DataFrame:
    """Of the edges (node, root, similarity) those that drop their node: one each, to a kept root.

    `pending`: (node) that may get more edges, so that not everything can be decided yet. A component
    is decided in one task; components are looked for only if there are too many edges for one.
    """
    from pyspark.sql import functions as f

    rows = edges
    if pending is not None:
        waiting = pending.join(edges.select(f.col("root").alias("node")), "node", "left_semi")
        rows = rows.unionByName(waiting, allowMissingColumns=True)
    rows = checkpointed(rows)
    if rows.limit(ONE_TASK_EDGES).count() < ONE_TASK_EDGES:
        tasks = rows.repartition(1)
    else:
        members = components(edges.select("node", "root"))
        members = members.withColumnRenamed("root", "component")
        found = rows.join(members, "node", "left")
        tasks = found.repartition(f.coalesce("component", "node")).drop("component")
    tasks = tasks.sortWithinPartitions("node", "root")
    return checkpointed(tasks.mapInArrow(greedy, EDGES_SPARK))


def followers(entries: DataFrame) -> DataFrame:
    """(key, node) -> (key, node, root): the members of every bucket after its first, the root.

    One sort a bucket, streamed and spilled if need be: a hot bucket is slow, never fatal.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    bucket = Window.partitionBy("key").orderBy("node")
    first = f.first("node").over(bucket.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return entries.withColumn("root", first).where("node != root")


def compared(pairs: DataFrame, shingles: Shingles, measure: Measure) -> DataFrame:
    """(node, root) -> the same with `similarity`, of their sets of shingles A and B: the Jaccard
    index |A n B| / |A u B|, or containment, |A n B| / min(|A|, |B|)."""
    from pyspark.sql import functions as f

    pairs = checkpointed(pairs)
    roots = pairs.select(f.col("root").alias("node")).distinct()
    sets = checkpointed(shingles(pairs.select("node").unionByName(roots).distinct()))
    ours = sets.select("node", f.col("shingles").alias("ours"))
    theirs = sets.join(roots, "node", "left_semi")
    theirs = theirs.select(f.col("node").alias("root"), f.col("shingles").alias("theirs"))
    total = theirs.agg(f.sum(f.size("theirs")).alias("shingles")).first()
    if total is not None and (total["shingles"] or 0) < BROADCAST_SHINGLES:
        # or else the copies of one page, which all have one root, would be compared in one task
        theirs = f.broadcast(theirs)
    both = pairs.join(ours, "node").join(theirs, "root")
    shared = f.size(f.array_intersect("ours", "theirs"))
    of = {
        "jaccard": f.size("ours") + f.size("theirs") - shared,
        "containment": f.least(f.size("ours"), f.size("theirs")),
    }
    return both.select("node", "root", (shared / of[measure]).alias("similarity"))


def _shared(entries: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The entries of buckets of at least two, one of them new, and the keys of the hot ones. Most keys
    are in one document only: counting keys costs a third of sorting all the entries."""
    from pyspark.sql import functions as f

    counted = entries.groupBy("key").agg(
        f.count("*").alias("members"), f.max(f.col("node") >= f.lit(NEW)).alias("has_new")
    )
    keys = checkpointed(counted.where("members > 1 and has_new").select("key", "members"))
    shared = entries.join(small(keys.select("key")), "key", "left_semi")
    return shared, keys.where(f.col("members") > HOT_MEMBERS).select("key")


def _ranked(entries: DataFrame) -> DataFrame:
    """(key, node) -> (key, node, place): the place, from 1, in a bucket of at least two."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    bucket = Window.partitionBy("key").orderBy("node")
    ranked = entries.withColumns(
        {"place": f.row_number().over(bucket), "following": f.lead("node").over(bucket)}
    )
    return ranked.where("place > 1 or following is not null").drop("following")


def _proposed(ranked: DataFrame) -> DataFrame:
    """(node, root): every new member of a bucket with those of its first `heads` before it."""
    from pyspark.sql import functions as f

    first = ranked.where("place <= heads").select(
        "key", f.col("node").alias("root"), f.col("place").alias("before")
    )
    pairs = ranked.where(f.col("node") >= f.lit(NEW)).join(first, "key").where("before < place")
    return pairs.select("node", "root").distinct()


def _nothing(like: DataFrame) -> DataFrame:
    return like.sparkSession.createDataFrame([], EDGES_SPARK)
