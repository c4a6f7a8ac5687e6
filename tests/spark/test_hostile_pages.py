"""Pages that hang, crash or exhaust the extractor, inside real Spark workers: each costs itself only."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from prose import prose

from curate.document import SPARK_SCHEMA, Document, batches, documents
from curate.extract import Extract
from curate.extract.page import Request
from curate.step import chain

KINDS = ("fine", "HANG", "CRASH", "EXIT", "MEMORY", "RAISE")


def page(kind: str, hopeless: bool) -> bytes:
    mark = f"{kind}{'!' if hopeless else ''}"
    return f"<html><body><article><p>{prose(len(mark))}</p><p>{mark}</p></article></body></html>".encode()


def test_each_costs_itself_only(spark: Any) -> None:
    class Hostile(Extract):
        """Extraction whose first extractor obeys the page, and whose second obeys a hopeless one."""

        def __call__(self, document: Document) -> None:
            import curate.extract.html as html

            def obey(markup: str) -> None:
                import ctypes
                import os
                import time

                if "HANG" in markup:
                    time.sleep(1e6)
                if "CRASH" in markup:
                    ctypes.string_at(0)
                if "EXIT" in markup:
                    os._exit(3)
                if "MEMORY" in markup:
                    bytearray(1 << 40)
                if "RAISE" in markup:
                    raise ValueError("odd markup")

            def first(markup: str, request: Request) -> str:
                obey(markup)
                return "text of the first extractor"

            def second(markup: str, request: Request) -> str:
                obey(markup if "!" in markup else "")
                return "text of the second extractor"

            usual = dict(html.EXTRACTORS)
            html.EXTRACTORS.update(auto=first, resiliparse=second)
            try:
                super().__call__(document)
            finally:
                html.EXTRACTORS.update(usual)  # workers are reused by the tests that follow

    rows = [
        Document(f"{kind}{hopeless:d}", "web", kind, content=page(kind, hopeless))
        for kind in KINDS
        for hopeless in (False, True)
    ]
    frame = spark.createDataFrame(pa.Table.from_batches(batches(rows))).repartition(2)
    steps = [Hostile(timeout_seconds=0.5, memory_bytes=1 << 28)]
    out = frame.mapInArrow(chain(steps), SPARK_SCHEMA).toArrow()
    found = {row.id: row for batch in out.to_batches() for row in documents(batch)}
    assert len(found) == len(rows)
    assert found["fine0"].text == found["fine1"].text == "text of the first extractor"
    reasons = {
        "HANG": "timeout",
        "CRASH": "crash",
        "EXIT": "crash",
        "MEMORY": "memory",
        "RAISE": "error",
    }
    for kind, reason in reasons.items():
        rescued, lost = found[f"{kind}0"], found[f"{kind}1"]
        assert rescued.text == "text of the second extractor"
        assert rescued.labels["extract.fallback"] == f"auto {reason}"
        assert (lost.drop, lost.text) == (f"extract.{reason}", None)
