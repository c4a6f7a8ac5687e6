"""An order by a signal: easy documents first, or good ones last.

Enters: documents and the name of a signal. Leaves: for each document the stretch of the order it
stands in, `start` and `width` as shares of the whole, in which its hash gives it a place. The
decision: values are taken to three digits and weighed by exact sums of characters, so the order is
the same however the documents are partitioned, and equal values are shuffled among each other.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

DIGITS = 3


def stretches(df: DataFrame, signal: str, descending: bool) -> DataFrame:
    """`df` (columns `signals`, `split`, `text`) with `start` and `width`, for each split apart.
    Documents without the signal stand at the end."""
    from pyspark.sql import functions as f

    value = f.element_at("signals", f.lit(signal))
    value = f.when(f.isnan(value), None).otherwise(value)
    valued = df.withColumn("value", _rounded(-value if descending else value))
    chars = f.sum(f.length("text") + 1).cast("double").alias("chars")
    sums = valued.groupBy("split", "value").agg(chars)
    rows = sums.orderBy("split", f.asc_nulls_last("value")).collect()
    known = []
    for split in sorted({row["split"] for row in rows}):
        part = [row for row in rows if row["split"] == split]
        whole = sum(row["chars"] for row in part)
        starts = accumulate((row["chars"] for row in part), initial=0.0)
        known += [
            (split, row["value"], start / whole, row["chars"] / whole)
            for row, start in zip(part, starts, strict=False)
        ]
    schema = "split string, value double, start double, width double"
    found = df.sparkSession.createDataFrame(known, schema).withColumnsRenamed(
        {"split": "known_split", "value": "known_value"}
    )
    same = (f.col("split") == f.col("known_split")) & f.equal_null("value", "known_value")
    return valued.join(f.broadcast(found), same).drop("value", "known_split", "known_value")


def _rounded(value: Column) -> Column:
    """Down to three significant digits."""
    from pyspark.sql import functions as f

    scale = f.pow(f.lit(10.0), f.floor(f.log10(f.abs(value))) - (DIGITS - 1))
    return f.when(value == 0, f.lit(0.0)).otherwise(f.floor(value / scale) * scale)
