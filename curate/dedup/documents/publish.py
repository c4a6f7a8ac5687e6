"""The command `curate index`: the kept documents of a table join an index for later crawls.

Enters: a finished table of the step `dedup`. Leaves: one more generation of the index, or the news
that it has it already. The parameters are those the table was made with, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable

from curate.document import SPARK_SCHEMA
from curate.errors import InputError
from curate.store import absolute
from curate.table import Table


def publish(table_dir: str, index: str, master: str | None, say: Callable[[str], None]) -> None:
    """Add the kept documents of a table. `InputError`: no such table, or other parameters."""
    from curate.registry import build_step
    from curate.run import telling, workshop

    table = Table(absolute(table_dir))
    manifest = table.require()
    found = [step["dedup"] for step in manifest["steps"] if "dedup" in step]
    if not found:
        raise InputError(f"{table_dir} is no table of the step dedup; give the one that is")
    files, index = table.files(kept=True), absolute(index)
    if not files:
        raise InputError(f"{table_dir} kept no document; there is nothing to add to an index")
    if index == table.path:
        raise InputError(f"{index} is the table itself; give the index a folder of its own")
    with workshop(index, master, say) as shop, telling("index", table, shop.log):
        documents = shop.spark.read.schema(SPARK_SCHEMA).parquet(*files)
        step = build_step("dedup", found[0])
        is_new = step.publish(documents, index, manifest["fingerprint"])
    kept = table.total().kept
    say(f"{index}: {kept:,} documents {'added' if is_new else 'were there already'}")
