"""Row steps: what is done to one document at a time. No Spark in here.

A row step is anything with a `name` that can be called with a `Document` and changes it in place.
Two kinds cover nearly everything:

* `Edit`: a pure function `str -> str`. An empty result drops the document (`<name>.empty`).
* `Filter`: a pure function `text -> signals`, and `Rule`s (data) that judge the signals. Signals
  are stored for kept and dropped documents alike, so another threshold is a query, not a re-run.

`chain(steps)` fuses any run of them into one function over Arrow batches. Two decisions live here
and nowhere else: a dropped document skips the later steps, and a step that raises, takes more than a
minute, or more CPU time than it is given, costs that document only (`<name>.error`, `<name>.timeout`).
A filter is given two seconds of CPU and one more for each million characters (the dearest needs half
of that): a long book is no fault, and a busy machine changes nothing.
"""

from __future__ import annotations

import _signal
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from time import perf_counter
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from curate.document import Document, batches, documents, share
from curate.errors import CurateError, RecipeError
from curate.text import Text

Signals = Mapping[str, float | str]
STEP_SECONDS = 60.0
FILTER_CPU_SECONDS = 2.0
CPU_SECONDS_PER_CHAR = 1e-6
_SIGNALS = (signal.SIGALRM, signal.SIGPROF)  # of the wall clock, of CPU time


@runtime_checkable
class RowStep(Protocol):
    """Anything that changes one document in place."""

    @property
    def name(self) -> str: ...

    def __call__(self, document: Document) -> None: ...


@dataclass(frozen=True)
class Rule:
    """A document stays only if `low <= signal <= high`; a NaN never passes."""

    signal: str
    low: float = -inf
    high: float = inf

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise RecipeError(
                f"{self.signal}: no value is from {self.low} to {self.high}; give low <= high"
            )

    def passes(self, value: float) -> bool:
        """Whether a measured value is within the bounds."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Edit:
    """A change of the text by a pure function; `source` cites where it comes from."""

    name: str
    edit: Callable[[str], str]
    source: str = ""

    def __call__(self, document: Document) -> None:
        """Replace the text; drop the document if nothing is left of it."""
        before = document.text or ""
        after = self.edit(before)
        if after != before:
            document.text = Text(after)
        if not after or after.isspace():
            document.drop = document.drop or f"{self.name}.empty"


@dataclass(frozen=True)
class Filter:
    """What is measured, and the bounds a document must respect.

    `measure` sees the column `column` ("text" or "url") and returns signals by name. Numbers are
    stored in `signals` as `<filter>.<signal>`, strings in `labels` under the same name. Rules are
    judged in order; the first broken one names the drop: `<filter>.<signal>`.
    """

    name: str
    measure: Callable[[Text], Signals]
    rules: tuple[Rule, ...]
    source: str = ""
    column: str = "text"
    cpu_seconds: ClassVar[float] = FILTER_CPU_SECONDS

    def __call__(self, document: Document) -> None:
        """Measure, store, judge."""
        value = getattr(document, self.column) or ""
        text = value if isinstance(value, Text) else Text(value)
        if self.column == "text":
            document.text = text
        measured = self.measure(text)
        for key, number in measured.items():
            if isinstance(number, str):
                document.labels[f"{self.name}.{key}"] = number
            else:
                document.signals[f"{self.name}.{key}"] = float(number)
        broken = (rule for rule in self.rules if not rule.passes(float(measured[rule.signal])))
        if document.drop is None and (first := next(broken, None)):
            document.drop = f"{self.name}.{first.signal}"

    def with_rules(self, bounds: Mapping[str, Rule | None]) -> Filter:
        """The same filter with some rules replaced, or switched off with None."""
        rules = tuple(bounds.get(rule.signal, rule) for rule in self.rules)
        return replace(self, rules=tuple(rule for rule in rules if rule is not None))


@dataclass(frozen=True)
class Only:
    """A step that touches the documents of some sources and lets the others pass."""

    step: RowStep
    sources: frozenset[str]

    @property
    def name(self) -> str:
        """The name of the step inside: drops read the same."""
        return self.step.name

    def __call__(self, document: Document) -> None:
        """Run the step on a document of the named sources."""
        if document.source in self.sources:
            self.step(document)


@dataclass
class Work:
    """What some steps did, by name: `seconds` of work, and the `documents` that met them."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    documents: Counter[str] = field(default_factory=Counter)


def apply(
    steps: Sequence[RowStep],
    rows: Iterable[Document],
    measure_dropped: float = 0.0,
    work: Work | None = None,
) -> Iterator[Document]:
    """Each document through all steps. Of `measure_dropped` (a share, chosen by id) of the
    documents that a filter dropped, the later filters still measure, so overlaps can be studied.
    What the steps did is added to `work`."""
    work = work or Work()
    for row in rows:
        for step in steps:
            if row.drop is None or measures(step) and _still_measured(row, measure_dropped):
                started = perf_counter()
                _guard(step, row)
                work.seconds[step.name] += perf_counter() - started
                work.documents[step.name] += 1
        yield row


def chain(
    steps: Sequence[RowStep], measure_dropped: float = 0.0, work: Work | None = None
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """One pass over Arrow batches, as `mapInArrow` wants it: rows in = rows out."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = (row for batch in incoming for row in documents(batch))
        yield from batches(apply(steps, rows, measure_dropped, work))

    return run


class _TimeoutError(BaseException):
    """A step took too long on one document. No `Exception`: a library that catches those may not
    swallow it."""


def _limited(step: RowStep, row: Document) -> None:
    """Interrupts Python code (not one long C call; extraction has its sandbox for that) after
    STEP_SECONDS, or after the CPU time a step is given (0: no such limit). Only in a main thread,
    which is where a Spark worker runs its function.

    Signals are set by the C functions beneath `signal.signal` and `getsignal`: those turn numbers
    into enums and back, 27 of the 33 microseconds that a step cost a document."""
    if threading.current_thread() is not threading.main_thread():
        step(row)
        return
    cpu_seconds = _cpu_seconds(step, row)
    before = [(number, _signal.signal(number, _interrupt)) for number in _SIGNALS]
    # again and again: Python ignores what is raised in a finaliser or a callback of C
    signal.setitimer(signal.ITIMER_REAL, STEP_SECONDS, STEP_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds, cpu_seconds)
    try:
        step(row)
    finally:
        while _signal.getsignal(signal.SIGALRM) is _interrupt:
            _lift(before)


def _lift(before: Sequence[tuple[signal.Signals, Any]]) -> None:
    """Stop the clocks, then give the signals back. An alarm on the way out is too late to matter, but
    a clock that went on would ring in another document, or end the process."""
    with suppress(_TimeoutError):
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in reversed(before):
            _signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    raise _TimeoutError


def measures(step: RowStep) -> bool:
    """Whether a step only measures and judges, so that it may look at dropped documents too."""
    return isinstance(_inner(step), Filter)


def _inner(step: RowStep) -> RowStep:
    return step.step if isinstance(step, Only) else step


def _cpu_seconds(step: RowStep, row: Document) -> float:
    """How much a step may use for a document; 0: no limit."""
    seconds = float(getattr(_inner(step), "cpu_seconds", 0.0))
    return seconds and seconds + CPU_SECONDS_PER_CHAR * len(row.text or "")


def _still_measured(row: Document, measure_dropped: float) -> bool:
    return (
        row.text is not None and measure_dropped > 0 and share(row.id, "measure") < measure_dropped
    )


def _guard(step: RowStep, row: Document) -> None:
    """A bad document costs itself only; a mistake of the user (no model, no word list) stops the job."""
    try:
        _limited(step, row)
    except CurateError:
        raise
    except _TimeoutError:
        row.drop = row.drop or f"{step.name}.timeout"
    except Exception as error:
        row.drop = row.drop or f"{step.name}.error"
        row.labels["error"] = f"{type(error).__name__}: {error}"[:500]
