"""The command `curate contamination`: the report of a table, or of any documents.

Enters: one finished table (its kept documents are compared), or source files that hold text. Leaves:
the files of `curate.decontaminate.report` in a folder of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace

from curate.decontaminate.report import Contamination, contamination_report
from curate.decontaminate.step import Decontaminate
from curate.document import SPARK_SCHEMA
from curate.errors import InputError
from curate.inputs import plan_scan
from curate.recipe import Source
from curate.run import Say, workshop
from curate.spark import scan
from curate.store import absolute
from curate.table import committed


def contamination(
    inputs: Sequence[str],
    step: Decontaminate,
    output: str,
    master: str | None = None,
    say: Say = print,
) -> Contamination:
    """Write the report of `inputs` (one finished table, or source files) into `output`.

    Raises `UserError` for what the user can mend, before any work starts.
    """
    output = absolute(output)
    step = replace(step, against=tuple(map(absolute, step.against)))
    step.inputs()
    table = committed(inputs)
    if table is not None and output == absolute(table.path):
        raise InputError(f"{output} is the table itself; choose another --output")
    entries = () if table else plan_scan((Source("input", tuple(inputs)),), output)[0]
    with workshop(output, master, say) as shop:
        tally = f"{output}/tally"
        if table is None:
            df = scan(shop.spark, entries, [], tally)
        else:
            files = table.files(kept=True)
            if not files:
                raise InputError(f"{table.path} has no kept documents")
            df = shop.spark.read.schema(SPARK_SCHEMA).parquet(*files)
        try:
            return contamination_report(df, step, output)
        finally:
            shutil.rmtree(tally, ignore_errors=True)
