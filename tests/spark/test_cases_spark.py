"""The case files once more, through Spark: the same documents get the same answers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from case_runner import case_document, check_case, load_cases, step_of

from curate.document import SPARK_SCHEMA, Document, batches, documents
from curate.step import RowStep, chain

CASES = load_cases()


@pytest.fixture(scope="module")
def answers(spark: Any) -> dict[str, Document]:
    class Dispatch:
        """Sends every document through the step its case is about."""

        name = "dispatch"

        def __call__(self, document: Document) -> None:
            steps[document.id](document)

    steps: dict[str, RowStep] = {}
    rows = []
    for number, case in enumerate(CASES):
        row = case_document(case)
        row.id = str(number)
        steps[row.id] = step_of(case)
        rows.append(row)
    frame = spark.createDataFrame(pa.Table.from_batches(batches(rows))).repartition(3)
    out = frame.mapInArrow(chain([Dispatch()]), SPARK_SCHEMA).toArrow()
    return {row.id: row for batch in out.to_batches() for row in documents(batch)}


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{CASES[n]['step']}-{n}")
def test_case(answers: dict[str, Document], number: int) -> None:
    check_case(CASES[number], answers[str(number)])
