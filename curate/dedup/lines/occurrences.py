"""Which occurrences of a unit go: counted, ranked and matched without a task that holds them all.

Enters: (unit, node, place), one row an occurrence; `node` sorts the better document first. Leaves:
(node, place, root) of those that go, with the node that keeps the unit, or null. The decision: units
are counted alone (a partial count in every task, eight bytes a row), and only those that occur again are
joined back. Units that occur more often than all occurrences / BROADCAST_ROWS are fewer than
BROADCAST_ROWS: they are broadcast, so no task of a join is hot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from curate.dedup.checkpoint import checkpointed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BROADCAST_ROWS = 500_000


@dataclass(frozen=True)
class Units:
    """`table`: (unit, number, …), one row a unit, with the `number` of its occurrences; how many rows
    those are, and their occurrences in all."""

    table: DataFrame
    rows: int
    total: int | None


def exploded(lists: DataFrame, column: str) -> DataFrame:
    """(node, an array of hashes) -> (unit, node, place), zeros left out."""
    from pyspark.sql import functions as f

    rows = lists.select("node", f.posexplode(column).alias("place", "unit"))
    return rows.where("unit != 0").select("unit", "node", "place")


def counted(occurrences: DataFrame) -> DataFrame:
    """(unit, number)."""
    from pyspark.sql import functions as f

    return occurrences.groupBy("unit").agg(f.count("*").alias("number"))


def repeated(counts: DataFrame, count: int, known: DataFrame | None) -> DataFrame:
    """(unit, number, known): units that occur `count` times, or are among the units of `known`."""
    from pyspark.sql import functions as f

    if known is None:
        return counts.where(f.col("number") >= count).withColumn("known", f.lit(False))
    marked = known.select("unit").distinct().withColumn("known", f.lit(True))
    marked = counts.join(marked, "unit", "left").withColumn("known", f.expr("known is not null"))
    return marked.where((f.col("number") >= count) | f.col("known"))


def measured(units: DataFrame) -> Units:
    """The units, computed now."""
    from pyspark.sql import functions as f

    units = checkpointed(units)
    facts = units.agg(f.count("*").alias("rows"), f.sum("number").alias("total")).first()
    return Units(units, *(facts or (0, 0)))


def going(occurrences: DataFrame, units: Units, keep_first: bool) -> DataFrame:
    """(node, place, root) of the occurrences of `units` (unit, number, known) that go: all but the
    first if `keep_first`, and all of a unit that is `known` from elsewhere."""
    from pyspark.sql import functions as f

    again = matching(occurrences, units)
    if not keep_first:
        return again.select("node", "place", f.lit(None).cast("binary").alias("root"))
    again = checkpointed(again)
    firsts = again.groupBy("unit").agg(
        f.min(f.struct("node", "place")).alias("first"), f.first("number").alias("number")
    )
    joined = matching(again.drop("number"), replace(units, table=firsts))
    goes = f.expr("known or node != first.node or place != first.place")
    root = f.when(~f.col("known"), f.col("first.node"))
    return joined.where(goes).select("node", "place", root.alias("root"))


def matching(occurrences: DataFrame, units: Units) -> DataFrame:
    """The inner join on `unit`, with the units that occur most often broadcast."""
    from pyspark.sql import functions as f

    table = units.table
    if units.rows < BROADCAST_ROWS:
        return occurrences.join(f.broadcast(table), "unit")
    frequent = f.col("number") > (units.total or 0) // BROADCAST_ROWS + 1
    hot = f.broadcast(table.where(frequent))
    rest = occurrences.join(f.broadcast(hot.select("unit")), "unit", "left_anti")
    return occurrences.join(hot, "unit").unionByName(rest.join(table.where(~frequent), "unit"))
