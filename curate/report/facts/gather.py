"""Facts and documents of a run's tables, gathered by this process or by Spark.

In: tables, whose manifests name their files. Out: `Facts` of all their rows, documents at places, places
of ids. The decision: by size alone. A file is read by the same functions here and there
(`curate.report.facts.read`), so both ways give the same; a small run is read before Spark would have started,
and beyond that this process would have to hold what grows with the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from curate.audit.rules import Bound
from curate.finished import FinishedRun, FinishedTable
from curate.progress import spark_progress
from curate.report.facts import by_spark
from curate.report.facts.draw import Place
from curate.report.facts.of_table import Facts, Plan, plans, total
from curate.report.facts.read import Row, file_documents, file_facts, file_places
from curate.store import absolute

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE_ROWS = 1_000_000
HERE_BYTES = 4 << 30
T = TypeVar("T")
Item = TypeVar("Item")


def is_small(run: FinishedRun) -> bool:
    """Whether this process reads all rows of a run's tables in about the time that Spark needs to
    start: `HERE_ROWS` rows and `HERE_BYTES` bytes of text."""
    totals = [table.table.total() for table in run.documents]
    return (
        sum(total.accounted for total in totals) <= HERE_ROWS
        and sum(total.kept_bytes + total.dropped_bytes for total in totals) <= HERE_BYTES
    )


def gather(
    run: FinishedRun, limits: Mapping[str, Bound], spark: SparkSession | None = None
) -> dict[str, Facts]:
    """The facts of each table of documents, by its name."""
    made = plans(run, limits)
    work: list[tuple[str, Plan, Sequence[str]]] = [
        (table.name, made[table.name], _files(table)) for table in run.documents
    ]
    if spark is not None:
        with spark_progress(spark, "report"):
            return by_spark.facts(spark, work)
    return {
        name: total(part for file in files for part in file_facts(file, plan)).top()
        for name, plan, files in work
    }


@dataclass(frozen=True)
class Archive:
    """Finds documents again, with Spark or (None) without."""

    spark: SparkSession | None = None

    def documents(
        self, places: Iterable[Place], columns: Sequence[str], make: Callable[[Row], T]
    ) -> dict[str, T]:
        """What `make` makes of the documents at some places, by id; that has to be little."""
        by_file: dict[str, set[int]] = {}
        for place in places:
            by_file.setdefault(place.file, set()).add(place.row)
        items = sorted(by_file.items())
        return dict(self._each(items, partial(_made, columns=columns, make=make)))

    def find(self, table: FinishedTable, ids: set[str]) -> dict[str, Place]:
        """Where documents of a table stand; those that are not there are left out."""
        if not ids:
            return {}
        found = self._each(_files(table), partial(file_places, ids=sorted(ids)))
        return {place.id: place for place in found}

    def _each(self, items: Sequence[Item], work: Callable[[Item], Iterable[T]]) -> Iterable[T]:
        if self.spark is not None:
            return by_spark.each(self.spark, items, work)
        return (made for item in items for made in work(item))


def _made(
    item: tuple[str, set[int]], columns: Sequence[str], make: Callable[[Row], T]
) -> Iterable[tuple[str, T]]:
    return file_documents(*item, columns, make)


def _files(table: FinishedTable) -> list[str]:
    return [absolute(file) for file in table.table.files()]
