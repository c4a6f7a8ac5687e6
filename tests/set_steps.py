"""Documents for the tests of set steps, and what a set step must never do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from curate.document import SCHEMA, SPARK_SCHEMA, Document, batches, document_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession


def document(
    name: str, text: str | None, source: str = "s", split: str = "train", **other: Any
) -> Document:
    """A kept document."""
    labels = {"split": split, "kept": "as it was"}
    return Document(document_id(source, name), source, name, text=text, labels=labels, **other)


def frame(
    spark: SparkSession, rows: Sequence[Document], folder: str, partitions: int = 2
) -> DataFrame:
    """The documents as a table on disk, read in `partitions` partitions."""
    import pyarrow.parquet as pq

    path = f"{folder}/{len(rows)}-{abs(hash(tuple(row.id for row in rows)))}.parquet"
    pq.write_table(pa.Table.from_batches(list(batches(rows)), SCHEMA), path)
    return spark.read.schema(SPARK_SCHEMA).parquet(path).repartition(partitions)


def outcome(before: Sequence[Document], after: DataFrame) -> dict[str, Row]:
    """Rows by origin, after checking that no row came, went, or changed anything but its verdict."""
    assert (
        after.schema.simpleString()
        == after.sparkSession.createDataFrame([], SPARK_SCHEMA).schema.simpleString()
    )
    rows = {row["origin"]: row for row in after.collect()}
    assert after.count() == len(rows) == len(before)
    for document in before:
        row = rows[document.origin]
        assert (row["id"], row["source"], row["text"]) == (
            document.id,
            document.source,
            document.text,
        )
        assert document.labels.items() <= row["labels"].items()
        assert document.signals.items() <= row["signals"].items()
    return rows
