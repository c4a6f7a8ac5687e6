"""Training data for language models on Apache Spark, with a ledger, an audit and a verdict.

What a notebook or a script uses; everything is imported when it is first asked for:

    open_run      a finished run: `.table("dedup").frame(…)`, `.ledger()`, `.bounds()`, `.audit()`,
                  `.verdict()`
    explain       the story of one document of a run
    load          a recipe, checked; `curate.run.run` runs it
    build_step    one step by name with other parameters: `build_step("dedup", {"threshold": 0.9})`
    apply         row steps over documents, as `table.rows()` gives them
    session       the Spark session that set steps need: `build_step("dedup")(table.spark(session()))`
    wilson        the 95 % interval of a share

Beside these: `curate.compare.compare`, `curate.report.report`, `curate.card.card`,
`curate.export.export`, `curate.audit.audit`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.audit.explain import explain
    from curate.audit.recall import wilson
    from curate.finished import open_run
    from curate.recipe import load
    from curate.registry import build_step
    from curate.spark import session
    from curate.step import apply

__all__ = ["apply", "build_step", "explain", "load", "open_run", "session", "wilson"]
__version__ = "0.1.0"

_MODULES = {
    "apply": "curate.step",
    "build_step": "curate.registry",
    "explain": "curate.audit.explain",
    "load": "curate.recipe",
    "open_run": "curate.finished",
    "session": "curate.spark",
    "wilson": "curate.audit.recall",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
