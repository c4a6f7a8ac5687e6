"""Connected components of a graph of any size, by large-star and small-star.

Enters: distinct edges (node, root) with node > root. Leaves: for every node that is not the
smallest of its component, (node, root) with that smallest one. Kiveris et al. 2014, "Connected
Components in MapReduce and Beyond" (SoCC), §3; both operations are one shuffle, nothing is
collected, and a hub with millions of neighbours is a sort that can spill.

The decision is when to stop: once the edges are stars (every node has one root and no root is a
node), which is exact. Comparing sums or counts of changes between rounds is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.dedup.checkpoint import checkpointed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def components(edges: DataFrame) -> DataFrame:
    """(node, root): the smallest node of each component as the root of all its others.

    Any orderable type will do. O(log² n) rounds at worst; near-duplicates take one to three.
    """
    while not is_stars(edges):
        edges = checkpointed(small_star(large_star(edges)))
    return edges


def is_stars(edges: DataFrame) -> bool:
    """Whether every node has one root and no root is a node itself; the edges must be distinct."""
    from pyspark.sql import functions as f

    ends = edges.select(
        f.col("node").alias("end"), f.lit(1).alias("roots"), f.lit(0).alias("is_root")
    )
    ends = ends.unionByName(
        edges.select(f.col("root").alias("end"), f.lit(0).alias("roots"), f.lit(1).alias("is_root"))
    )
    counts = ends.groupBy("end").agg(
        f.sum("roots").alias("roots"), f.max("is_root").alias("is_root")
    )
    return counts.where("roots > 1 or (roots = 1 and is_root = 1)").isEmpty()


def large_star(edges: DataFrame) -> DataFrame:
    """Every node's larger neighbours become children of the smallest in its neighbourhood."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    both = edges.unionByName(edges.select(f.col("root").alias("node"), f.col("node").alias("root")))
    least = f.least("node", f.min("root").over(Window.partitionBy("node")))
    larger = both.withColumn("least", least).where("root > node")
    return larger.select(f.col("root").alias("node"), f.col("least").alias("root"))


def small_star(edges: DataFrame) -> DataFrame:
    """Every node and its smaller neighbours become children of the smallest of them."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    least = f.min("root").over(Window.partitionBy("node"))
    members = edges.withColumn("least", least).select(
        f.explode(f.array("node", "root")).alias("node"), f.col("least").alias("root")
    )
    return members.where("node != root").distinct()
