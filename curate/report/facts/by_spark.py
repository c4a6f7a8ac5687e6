"""The page's reading of large tables, by Spark.

In: files and what to do with each. Out: the facts of tables, or what came of each file. The decision:
tasks read the files themselves (see `curate.report.facts.read`) and send back values of bounded size, which
are merged in groups before they come to the driver. What can grow with the corpus, the values of open
properties such as domains, is summed by Spark, and its most frequent come.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from math import isqrt
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from curate.report.facts.of_table import MERGED_AT_ONCE, TOP_VALUES, Facts, Plan, merge, total
from curate.report.facts.properties import OPEN, Pair, Value
from curate.report.facts.read import file_facts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

GROUP_FILES = 64
MOST_GROUPS = 32
HELD_VALUES = 100_000
ROWS = "table string, property string, value string, kept long, dropped long, facts binary"
T = TypeVar("T")
Item = TypeVar("Item")
Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def facts(spark: SparkSession, work: Sequence[tuple[str, Plan, Sequence[str]]]) -> dict[str, Facts]:
    """The facts of tables: (name, plan, files) of each."""
    from pyspark import StorageLevel

    files = [(name, file) for name, _, files in work for file in files]
    if not files:
        return {name: Facts() for name, _, _ in work}
    made = _spread_out(spark, files)
    made = made.mapInArrow(_gatherer({name: plan for name, plan, _ in work}), ROWS)
    made = made.persist(StorageLevel.DISK_ONLY)
    try:
        parts = made.where("facts is not null").select("table", "facts")
        # a shuffle, so that the tasks before it stay as many as they are
        groups = parts.repartition(min(MOST_GROUPS, isqrt(len(files))))
        found = _by_table(groups.mapInArrow(_merger, "table string, facts binary").collect())
        values = _top_values(made)
    finally:
        made.unpersist()
    return {
        name: replace(told, values={**told.values, **values[name]}).top()
        for name, told in ((name, found.get(name, Facts())) for name, _, _ in work)
    }


def each(
    spark: SparkSession, items: Sequence[Item], work: Callable[[Item], Iterable[T]]
) -> Iterator[T]:
    """What comes of every item; it has to be little."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        made = [pickle.dumps(list(work(item))) for item in _unpacked(incoming)]
        yield pa.RecordBatch.from_pydict({"made": pa.array(made, pa.binary())})

    if items:
        made = _spread_out(spark, items).mapInArrow(run, "made binary")
        for row in made.collect():
            yield from pickle.loads(row["made"])


def _gatherer(plans: Mapping[str, Plan]) -> Pass:
    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: dict[str, Facts] = defaultdict(Facts)
        for name, file in _unpacked(incoming):
            parts = file_facts(file, plans[name])
            while some := list(islice(parts, MERGED_AT_ONCE)):
                held[name] = merge([held[name], *some])
                if len(held[name].values) >= HELD_VALUES:
                    yield _value_rows(name, held[name])
                    held[name] = _closed(held[name])
        for name, told in held.items():
            yield _value_rows(name, told)
            packed = {"table": name, "facts": pickle.dumps(_closed(told))}
            yield pa.RecordBatch.from_pylist([packed], _SCHEMA)

    return run


def _merger(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rows = (row for batch in incoming for row in batch.to_pylist())
    for name, told in _by_table(rows).items():
        yield pa.RecordBatch.from_pydict({"table": [name], "facts": [pickle.dumps(told)]})


def _by_table(rows: Iterable[Any]) -> dict[str, Facts]:
    found: dict[str, Facts] = defaultdict(Facts)
    for row in rows:
        found[row["table"]] = total([found[row["table"]], pickle.loads(row["facts"])])
    return found


def _top_values(made: DataFrame) -> dict[str, dict[Value, Pair]]:
    """The most frequent values of the open properties by table, see `Facts.top`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    counts = f.sum("kept").alias("kept"), f.sum("dropped").alias("dropped")
    sums = made.where("value is not null").groupBy("table", "property", "value").agg(*counts)
    found: dict[str, dict[Value, Pair]] = defaultdict(dict)
    for order in (f.col("kept") + f.col("dropped"), f.col("kept")):
        first = Window.partitionBy("table", "property").orderBy(order.desc(), "value")
        ranked = sums.withColumn("place", f.row_number().over(first))
        for row in ranked.where(f.col("place") <= TOP_VALUES).collect():
            found[row["table"]][row["property"], row["value"]] = (row["kept"], row["dropped"])
    return found


def _closed(told: Facts) -> Facts:
    """Facts of bounded size."""
    return replace(told, values={v: pair for v, pair in told.values.items() if v[0] not in OPEN})


def _value_rows(table: str, told: Facts) -> pa.RecordBatch:
    """The values of the properties that may have any number of them."""
    rows = [
        {"table": table, "property": name, "value": value, "kept": kept, "dropped": dropped}
        for (name, value), (kept, dropped) in told.values.items()
        if name in OPEN
    ]
    return pa.RecordBatch.from_pylist(rows, _SCHEMA)


def _unpacked(incoming: Iterator[pa.RecordBatch]) -> Iterator[Any]:
    groups = (pickle.loads(group) for batch in incoming for group in batch.column(0).to_pylist())
    return (item for group in groups for item in group)


def _spread_out(spark: SparkSession, items: Sequence[Any]) -> DataFrame:
    """A partition for every item, or for a few where there are very many."""
    least = 4 * spark.sparkContext.defaultParallelism
    count = min(len(items), max(least, len(items) // GROUP_FILES))
    rows = [(pickle.dumps(items[at::count]),) for at in range(count)]
    return spark.createDataFrame(rows, "item binary").coalesce(1).repartition(len(rows))


_SCHEMA = pa.schema(
    [("table", pa.string()), ("property", pa.string()), ("value", pa.string()),
     ("kept", pa.int64()), ("dropped", pa.int64()), ("facts", pa.binary())]
)  # fmt: skip
