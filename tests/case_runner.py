"""Cases: a document, a step, and what has to become of it, as data.

In: the JSON files of `tests/cases`, lists of

    {"step": name, "params": {…}?, "label": what it shows, "text": …, "url": …?,
     "signals": {name: about}?, "labels": {name: exactly}?, "drop": reason?, "result": text after?}

Out: the document after the step, and `check_case`, which compares it. A case without "drop" is kept, one
without "result" keeps its text. The same cases run in plain Python and through Spark.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.document import Document, document_id
from curate.recipe import build_step
from curate.step import apply
from curate.text import Text

CASES = Path(__file__).parent / "cases"
Case = dict[str, Any]


def load_cases() -> list[Case]:
    """All cases of all files, each with the name of its file."""
    return [
        {**case, "file": path.stem}
        for path in sorted(CASES.glob("*.json"))
        for case in json.loads(path.read_text("utf-8"))
    ]


def case_id(case: Case) -> str:
    """How pytest names a case."""
    return f"{case['file']}-{case['label']}"


def case_document(case: Case) -> Document:
    """The document a case begins with."""
    origin = case_id(case)
    return Document(
        document_id("cases", origin), "cases", origin, url=case.get("url"), text=Text(case["text"])
    )


def step_of(case: Case) -> Any:
    """The step a case is about, built as a recipe builds it."""
    return build_step(case["step"], case.get("params"))


def run_case(case: Case) -> Document:
    """The document after the step."""
    (document,) = apply([step_of(case)], [case_document(case)])
    return document


def check_case(case: Case, document: Document) -> None:
    """Compare a document with what its case expects."""
    assert document.drop == case.get("drop"), document.labels.get("error", document.signals)
    assert document.text == case.get("result", case["text"])
    for name, value in case.get("signals", {}).items():
        assert document.signals[name] == pytest.approx(value, abs=1e-3), name
    for name, label in case.get("labels", {}).items():
        assert document.labels[name] == label, name
