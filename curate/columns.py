"""Spark expressions over the columns of a document.

Enters: names and values. Leaves: expressions. The set steps write into `signals` and `labels` with
`put`, so that a row they drop says why where a row that a filter dropped says it, and draw samples
with `coin`, so that a draw depends on a document's id and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from curate.split import HELDOUT

if TYPE_CHECKING:
    from pyspark.sql import Column

TYPES = {"signals": "map<string,double>", "labels": "map<string,string>"}


def put(column: str, entries: Mapping[str, Column]) -> Column:
    """The map `column` with `entries` set; an entry it had under the same key is replaced."""
    from pyspark.sql import functions as f

    pairs = [part for key, value in entries.items() for part in (f.lit(key), value)]
    before = f.coalesce(f.col(column), f.expr(f"cast(map() as {TYPES[column]})"))
    others = f.map_filter(before, lambda key, _: ~key.isin(*entries))
    return f.map_concat(others, f.create_map(*pairs).cast(TYPES[column]))


def is_heldout() -> Column:
    """Whether the document is held out for evaluation."""
    from pyspark.sql import functions as f

    return f.coalesce(f.element_at("labels", f.lit("split")) == HELDOUT, f.lit(False))


def coin(purpose: str, seed: int) -> Column:
    """A number in [0, 1) fixed by the document's id, what is drawn for, and the seed."""
    from pyspark.sql import functions as f

    return f.shiftrightunsigned(f.xxhash64("id", f.lit(f"{purpose} {seed}")), 11) / f.lit(2.0**53)
