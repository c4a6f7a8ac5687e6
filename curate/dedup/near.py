"""Near-duplicates: MinHash bands propose pairs, real Jaccard similarity decides, one is kept.

Enters: `marks` (node, bands, shingles), exact duplicates already out. Leaves: (node, root,
similarity) for every document to drop. A round:

1. In every bucket (documents with an equal band key) the best document is the root; all others are
   compared with it alone, so a bucket costs as much as it has members. It then leaves the bucket.
2. Pairs at or above the threshold are edges; the best document of a connected component stays.
3. A member is dropped only if it is itself similar to the one that stays: no chains. Those that are
   not stay in their buckets, and form a bucket of their own, for the next round.

Rounds go on until the buckets are empty, or for `rounds` rounds; what is then still undecided is
kept. A document that others were dropped for is not dropped afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.dedup.components import checkpointed, components

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def near_duplicates(marks: DataFrame, threshold: float, rounds: int) -> DataFrame:
    """(node, root, similarity) of the documents to drop, and the kept document that stands for each."""
    from pyspark.sql import functions as f

    found = _nothing(marks)
    entries = marks.select(f.explode("bands").alias("key"), "node")
    for _ in range(rounds):
        rest = checkpointed(followers(entries))
        if rest.isEmpty():
            break
        pairs = rest.select("node", "root").distinct()
        compared = checkpointed(with_jaccard(pairs, marks))
        alike = compared.where(f.col("similarity") >= threshold)
        members = components(alike.select("node", "root"))
        dropped = checkpointed(_similar_members(members, alike, marks, threshold, found))
        found = found.unionByName(dropped)
        apart = members.select(f.xxhash64("root").alias("key"), "node")
        entries = rest.select("key", "node").unionByName(apart)
        entries = entries.join(dropped, "node", "left_anti")
    return found


def followers(entries: DataFrame) -> DataFrame:
    """(key, node) -> (key, node, root): the members of every bucket after its first, the root.

    One sort a bucket, streamed and spilled if need be: a hot bucket is slow, never fatal.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    bucket = Window.partitionBy("key").orderBy("node")
    first = f.first("node").over(bucket.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return entries.withColumn("root", first).where("node != root")


def with_jaccard(pairs: DataFrame, marks: DataFrame) -> DataFrame:
    """(node, root) -> the same with `similarity`, the Jaccard index of their shingle sets."""
    from pyspark.sql import functions as f

    ours = marks.select("node", f.col("shingles").alias("ours"))
    theirs = marks.select(f.col("node").alias("root"), f.col("shingles").alias("theirs"))
    both = pairs.join(ours, "node").join(theirs, "root")
    shared = f.size(f.array_intersect("ours", "theirs"))
    union = f.size("ours") + f.size("theirs") - shared
    return both.select("node", "root", (shared / union).alias("similarity"))


def _similar_members(
    members: DataFrame, alike: DataFrame, marks: DataFrame, threshold: float, found: DataFrame
) -> DataFrame:
    """Members of components that are similar to their root and stand for nobody themselves."""
    from pyspark.sql import functions as f

    known = members.join(alike, ["node", "root"])
    unknown = with_jaccard(members.join(alike, ["node", "root"], "left_anti"), marks)
    similar = known.unionByName(unknown.where(f.col("similarity") >= threshold))
    return similar.join(found.select(f.col("root").alias("node")), "node", "left_anti")


def _nothing(marks: DataFrame) -> DataFrame:
    schema = "node binary, root binary, similarity double"
    return marks.sparkSession.createDataFrame([], schema)
