"""The flow through a run, drawn: what goes on to the right, what falls out downwards.

In: the counts of the manifests. Out: rectangles, paths and labels in units of the drawing. The
decision: our own forty lines of geometry instead of a library: the kept flow is a straight band at the
top, so its thinning is read at once, and reasons beyond the six largest of the run are put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from curate.finished import FinishedRun
from curate.table import Counts

REASONS = 6
GAP, NODE, TALL, LINE = 180.0, 10.0, 150.0, 30.0
TOP, SPACE = 44.0, 34.0
LABEL_CHARS = 23


@dataclass(frozen=True)
class Node:
    """What is there after a table; `name` is shortened, `title` whole."""

    x: float
    height: float
    name: str
    title: str
    value: float


@dataclass(frozen=True)
class Flow:
    """A band: kept, dropped, not a document, or (bytes only) cut from texts. `label` is empty for
    the kept flow."""

    kind: str
    path: str
    label: str
    title: str
    value: float
    x: float
    y: float


@dataclass(frozen=True)
class Sankey:
    """A drawing of `width` by `height`; `unit` is "records" or "bytes"."""

    unit: str
    width: float
    height: float
    nodes: Sequence[Node]
    flows: Sequence[Flow]


@dataclass(frozen=True)
class _Stage:
    """A table: what goes on, and what falls out, by (kind, name)."""

    name: str
    on: float
    out: Sequence[tuple[str, str, float]]


def sankeys(run: FinishedRun) -> list[Sankey]:
    """The drawing in records, and in bytes of text."""
    totals = [(table.name, table.table.total()) for table in run.documents]
    named = {reason for reason, _ in _reasons(total for _, total in totals).most_common(REASONS)}
    by_records = [_Stage(name, total.kept, _falling(total, named)) for name, total in totals]
    first = totals[0][1]
    size_read = float(first.kept_bytes + first.dropped_bytes)
    by_bytes, before = [], size_read
    for name, total in totals:
        by_bytes.append(_Stage(name, total.kept_bytes, _cut(total, named, before)))
        before = total.kept_bytes
    return [
        _draw("records", "records read", first.read, by_records),
        _draw("bytes", "text read", size_read, by_bytes),
    ]


def _reasons(totals: Iterator[Counts]) -> Counter[str]:
    found: Counter[str] = Counter()
    for total in totals:
        found.update(total.dropped)
    return found


def _falling(total: Counts, named: set[str]) -> list[tuple[str, str, float]]:
    """Dropped documents, and records that are none."""
    shown = _dropped(total.dropped, named)
    if none := sum(total.non_documents.values()):
        shown.append(("none", "not documents", float(none)))
    return sorted(shown, key=lambda item: -item[2])


def _cut(total: Counts, named: set[str], before: float) -> list[tuple[str, str, float]]:
    """Texts of dropped documents, and what was cut out of others."""
    by_reason = total.bytes_by_reason or {"dropped documents": total.dropped_bytes}
    out = sorted(_dropped(by_reason, {*named, "dropped documents"}), key=lambda item: -item[2])
    edited = before - total.kept_bytes - total.dropped_bytes
    return [*out, ("none", "cut from texts", edited)] if edited > 0 else out


def _dropped(counts: Mapping[str, int], named: set[str]) -> list[tuple[str, str, float]]:
    """Reasons that are named in the drawing, and the others together."""
    shown = [("dropped", name, float(n)) for name, n in counts.items() if name in named]
    rest = {name: n for name, n in counts.items() if name not in named}
    if rest:
        many = f"{len(rest)} other reasons" if len(rest) > 1 else next(iter(rest))
        shown.append(("dropped", many, float(sum(rest.values()))))
    return shown


def _draw(unit: str, first: str, read: float, stages: Sequence[_Stage]) -> Sankey:
    most = max(read, *(stage.on for stage in stages)) or 1.0

    def tall(value: float) -> float:
        return TALL * value / most

    nodes = [Node(0.0, tall(read), first, first, read)]
    flows: list[Flow] = []
    lowest = TOP + TALL
    for i, stage in enumerate(stages):
        x = i * GAP
        nodes.append(Node(x + GAP, tall(stage.on), _short(stage.name), stage.name, stage.on))
        goes_on = min(stage.on, nodes[i].value)
        flows.append(_kept(x + NODE, tall(goes_on), tall(stage.on), stage))
        fallen = [*_fallen(x + NODE, tall(goes_on), stage.out, tall)]
        lowest = max([lowest, *(flow.y + tall(flow.value) / 2 for flow in fallen)])
        flows += fallen
    return Sankey(unit, len(stages) * GAP + NODE + 110, lowest + LINE / 2, nodes, flows)


def _kept(x: float, start: float, end: float, stage: _Stage) -> Flow:
    path = _band(x, x + GAP - NODE, TOP, TOP, start, end)
    return Flow("kept", path, "", stage.name, stage.on, x, TOP)


def _fallen(
    x: float,
    y: float,
    falling: Sequence[tuple[str, str, float]],
    tall: Callable[[float], float],
) -> Iterator[Flow]:
    """Bands from below the kept flow down to their labels, one under the other."""
    at, end = TOP + y, TOP + TALL + SPACE
    for kind, name, value in falling:
        if value:
            height = max(1.0, tall(value))
            path = _band(x, x + 30, at, end, height, height)
            yield Flow(kind, path, _short(name), name, value, x + 35, end + height / 2)
            at += tall(value)
            end += max(LINE, height + LINE / 3)


def _band(x: float, to: float, y: float, to_y: float, start: float, end: float) -> str:
    """A band whose upper edge leads from (x, y) to (to, to_y)."""
    middle = (x + to) / 2
    return (
        f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to:.1f} {to_y:.1f}"
        f"V{to_y + end:.1f}C{middle:.1f} {to_y + end:.1f} {middle:.1f} {y + start:.1f} "
        f"{x:.1f} {y + start:.1f}Z"
    )


def _short(name: str) -> str:
    return name if len(name) <= LABEL_CHARS else f"{name[: LABEL_CHARS - 1]}…"
