"""Near-duplicates: MinHash bands propose pairs, the real similarity decides, one document stays.

Enters: `marks` (node, bands), exact duplicates already out, and a way to the shingles of some nodes.
Leaves: (node, root, similarity) for every document to drop. The rule is one sentence: in the order of
the nodes a document is dropped if, and only if, it is similar to an earlier document that is kept (the
lexicographically first maximal independent set of the graph of similar pairs). So there are no chains,
no two kept documents that were compared are similar, and neither partitioning nor the order of rows
has a say.

In a bucket (documents with an equal band key) all members are compared with the first few only. Those
leave it, and with them all that is known to be dropped; the rest meets again in the next round, with
twice as many to be compared with. So a bucket of n copies costs n comparisons and not n².
"""

from __future__ import annotations

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
ONE_TASK_EDGES = 5_000_000


def near_duplicates(
    marks: DataFrame, shingles: Shingles, measure: Measure, threshold: float, most_heads: int
) -> DataFrame:
    """(node, root, similarity) of the documents to drop, and the kept document that stands for each.

    `shingles`: (node) -> (node, shingles). `most_heads`: a document is compared with at most so many
    undecided or kept members of a bucket.
    """
    from pyspark.sql import functions as f

    entries = _shared(marks.select(f.explode("bands").alias("key"), "node"))
    edges = _nothing(marks)
    heads, done = min(HEADS, most_heads), 0
    while True:
        ranked = checkpointed(_ranked(entries))
        alike = compared(_proposed(ranked, heads), shingles, measure)
        edges = checkpointed(edges.unionByName(alike.where(f.col("similarity") >= threshold)))
        entries = ranked.where(f.col("place") > heads).select("key", "node")
        done += heads
        if done >= most_heads or entries.isEmpty():
            return decide(edges)
        dropped = decide(edges, entries.select("node").distinct())
        entries = entries.join(dropped.select("node"), "node", "left_anti")
        heads = min(2 * heads, most_heads - done)


def connected_duplicates(
    marks: DataFrame, shingles: Shingles, measure: Measure, threshold: float
) -> DataFrame:
    """The same for whole connected components of similar pairs, as other tools do: the similarity of
    a document to the one that stays may be anything."""
    from pyspark.sql import functions as f

    entries = _shared(marks.select(f.explode("bands").alias("key"), "node"))
    ranked = checkpointed(_ranked(entries))
    alike = compared(_proposed(ranked, HEADS), shingles, measure)
    edges = checkpointed(alike.where(f.col("similarity") >= threshold).select("node", "root"))
    return compared(components(edges), shingles, measure)


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
    nodes = pairs.select("node").unionByName(pairs.select(f.col("root").alias("node"))).distinct()
    sets = checkpointed(shingles(nodes))
    ours = sets.select("node", f.col("shingles").alias("ours"))
    theirs = sets.select(f.col("node").alias("root"), f.col("shingles").alias("theirs"))
    both = pairs.join(ours, "node").join(theirs, "root")
    shared = f.size(f.array_intersect("ours", "theirs"))
    of = {
        "jaccard": f.size("ours") + f.size("theirs") - shared,
        "containment": f.least(f.size("ours"), f.size("theirs")),
    }
    return both.select("node", "root", (shared / of[measure]).alias("similarity"))


def _shared(entries: DataFrame) -> DataFrame:
    """The entries of buckets of at least two. Most keys are in one document only: counting keys costs
    a third of sorting all the entries."""
    from pyspark.sql import functions as f

    keys = checkpointed(entries.groupBy("key").count().where(f.col("count") > 1).select("key"))
    return entries.join(small(keys), "key", "left_semi")


def _ranked(entries: DataFrame) -> DataFrame:
    """(key, node) -> (key, node, place): the place, from 1, in a bucket of at least two."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    bucket = Window.partitionBy("key").orderBy("node")
    ranked = entries.withColumns(
        {"place": f.row_number().over(bucket), "following": f.lead("node").over(bucket)}
    )
    return ranked.where("place > 1 or following is not null").drop("following")


def _proposed(ranked: DataFrame, heads: int) -> DataFrame:
    """(node, root): every new member of a bucket with those of its first `heads` before it."""
    from pyspark.sql import functions as f

    first = ranked.where(f.col("place") <= heads).select(
        "key", f.col("node").alias("root"), f.col("place").alias("before")
    )
    pairs = ranked.where(f.col("node") >= f.lit(NEW)).join(first, "key").where("before < place")
    return pairs.select("node", "root").distinct()


def _nothing(like: DataFrame) -> DataFrame:
    return like.sparkSession.createDataFrame([], EDGES_SPARK)
