"""What a person should look at before believing a deduplication.

Enters: the rows a step has written, and its ledger. Leaves: alarms, with ids to look at by `curate
explain`: a source that lost more than a set share of its documents, and a kept document that stands
for more than a set number. Templates, parked domains and wrong parameters show up here first: peers'
users found whole sources gone weeks later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.table import Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SHOWN = 5
MOST_CLUSTERS = 10


@dataclass(frozen=True)
class Alarm:
    """`what` is "source" or "cluster", `name` the source or the kept id; `documents` were dropped of
    `of` (None for a cluster); `examples`: ids of some of them."""

    what: str
    name: str
    documents: int
    of: int | None
    examples: tuple[str, ...]

    def sentence(self) -> str:
        """One line for the terminal."""
        first, *others = self.examples
        look = f"look at some: curate explain RUN {first}; {', '.join(others)}".rstrip("; ")
        if self.what == "source":
            return f"ALARM: source {self.name} lost {self.documents:,} of {self.of:,} documents; {look}"
        return f"ALARM: {self.documents:,} documents were dropped for {self.name}; {look}"


def find_alarms(
    written: DataFrame, counts: Mapping[str, Counts], step: str, share: float, cluster: int
) -> list[Alarm]:
    """`share`: of a source's documents dropped by the step; `cluster`: documents dropped for one."""
    lost = {
        source: sum(n for reason, n in count.dropped.items() if reason.startswith(f"{step}."))
        for source, count in counts.items()
    }
    sources = [
        Alarm("source", name, dropped, counts[name].read, _examples(written, step, "source", name))
        for name, dropped in sorted(lost.items())
        if dropped > share * counts[name].read
    ]
    largest = [
        Alarm("cluster", kept, dropped, None, _examples(written, step, "kept", kept))
        for kept, dropped in _largest(written, step, cluster)
    ]
    return sources + largest


def _largest(written: DataFrame, step: str, cluster: int) -> list[tuple[str, int]]:
    """(kept id, documents dropped for it) of the largest groups above `cluster`."""
    from pyspark.sql import functions as f

    groups = _dropped(written, step).groupBy("kept").count().where(f.col("count") > cluster)
    rows = groups.orderBy(f.desc("count"), "kept").limit(MOST_CLUSTERS).collect()
    return [(row["kept"], row["count"]) for row in rows if row["kept"] is not None]


def _examples(written: DataFrame, step: str, column: str, value: str) -> tuple[str, ...]:
    """The smallest ids, so that the sample is the same in every run."""
    from pyspark.sql import functions as f

    chosen = _dropped(written, step).where(f.col(column) == value)
    return tuple(row["id"] for row in chosen.select("id").orderBy("id").limit(SHOWN).collect())


def _dropped(written: DataFrame, step: str) -> DataFrame:
    from pyspark.sql import functions as f

    kept = f.element_at("labels", f.lit(f"{step}.duplicate_of"))
    return written.where(f.col("drop").startswith(f"{step}.")).select(
        "id", "source", kept.alias("kept")
    )
