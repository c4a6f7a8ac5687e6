"""What became of the planted defects: recall of every step, and what it cost clean documents.

In: a finished run whose sources held planted documents. Out: `Audit`, also as `audit.json` beside
the run. The decision: a defect counts by where its document ended and what its last text says, so
a step cannot claim a repair that is not there.

Outcomes of a planted document:
    caught      the step meant for it dropped, repaired or masked it
    elsewhere   another step dropped it before or after; it did no harm, but not by that step's merit
    missed      the defect is in the text that left the pipeline
`reached` leaves out what an earlier step dropped: recall is caught / reached.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from curate.audit.curves import curves_svg
from curate.audit.defects import DEFECTS, Defect, Kind
from curate.audit.graded import GRADED, GradedDefect
from curate.audit.plant import CONTEXT, EVIDENCE, GRADE, HOST, LABEL
from curate.errors import InputError
from curate.finished import FinishedRun, FinishedTable, open_run, rows_where
from curate.store import read_json, write_bytes, write_json
from curate.table import by_count

FILE, CURVES = "audit.json", "audit-curves.svg"
EXAMPLES = 5
SAMPLING = ("mix", "tokenize")
CUT = "passage cut"
COLUMNS = ["id", "url", "text", "language", "labels", "drop"]
_FOLDS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "..."})


@dataclass(frozen=True)
class Interval:
    """A share with its 95 % Wilson score interval; all None where there is nothing to count."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """hits / of."""
        return self.hits / self.of if self.of else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Lower and upper bound (Wilson 1927)."""
        return wilson(self.hits, self.of) if self.of else None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"hits": self.hits, "of": self.of, "share": self.share, "interval": self.bounds}


@dataclass(frozen=True)
class Found:
    """One kind of defect: how many were planted and what became of them."""

    kind: str
    step: str | None
    planted: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    recall: Interval
    missed: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Found:
        """As `Audit.to_json` wrote it."""
        recall = Interval(data["recall"]["hits"], data["recall"]["of"])
        return cls(**{**data, "recall": recall, "missed": tuple(data["missed"])})


@dataclass(frozen=True)
class Curve:
    """How much of a graded defect was stopped, by any step: a share for each grade."""

    kind: str
    unit: str
    points: tuple[tuple[float, Interval], ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Curve:
        """As `Audit.to_json` wrote it."""
        points = ((float(p["grade"]), Interval(p["hits"], p["of"])) for p in data["points"])
        return cls(data["kind"], data["unit"], tuple(points))

    def line(self) -> str:
        """
        >>> Curve("toxic_among", "lines", ((3, Interval(9, 10)), (10, Interval(1, 4)))).line()
        'toxic_among, stopped by lines: 3: 9/10, 10: 1/4'
        """
        told = ", ".join(f"{grade:g}: {found.hits}/{found.of}" for grade, found in self.points)
        return f"{self.kind}, stopped by {self.unit}: {told}"


@dataclass(frozen=True)
class Audit:
    """Recall by kind, the curves of graded kinds, what was restored to the very characters it had, and
    the collateral: undamaged documents that were dropped, by reason."""

    found: tuple[Found, ...]
    curves: tuple[Curve, ...]
    restored: Interval
    controls: int
    collateral: Interval
    collateral_reasons: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as written to `audit.json`."""
        return {
            "defects": [{**asdict(f), "recall": f.recall.to_json()} for f in self.found],
            "curves": [
                {
                    "kind": curve.kind,
                    "unit": curve.unit,
                    "points": [{"grade": g, **found.to_json()} for g, found in curve.points],
                }
                for curve in self.curves
            ],
            "restored": self.restored.to_json(),
            "controls": self.controls,
            "collateral": {**self.collateral.to_json(), "reasons": dict(self.collateral_reasons)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Audit:
        """As `to_json` wrote it."""
        restored, collateral = (
            Interval(data[key]["hits"], data[key]["of"]) for key in ("restored", "collateral")
        )
        return cls(
            tuple(map(Found.from_json, data["defects"])),
            tuple(map(Curve.from_json, data["curves"])),
            restored, data["controls"], collateral, data["collateral"]["reasons"],
        )  # fmt: skip

    def lines(self) -> list[str]:
        """An aligned table for the terminal."""
        head = (
            "defect",
            "step",
            "planted",
            "reached",
            "caught",
            "recall",
            "95 % interval",
            "elsewhere",
            "missed",
        )
        rows = [head, *(_cells(found) for found in self.found)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        table = [
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return [*table, "", *self._curve_lines(), *self._collateral_lines()]

    def _curve_lines(self) -> Iterator[str]:
        if self.restored.share is not None:
            yield (
                f"mojibake restored to the very characters: {self.restored.hits} of "
                f"{self.restored.of} = {self.restored.share:.1%}"
            )
        yield from (curve.line() for curve in self.curves)

    def _collateral_lines(self) -> Iterator[str]:
        if not self.controls:
            return
        share, (low, high) = self.collateral.share or 0.0, self.collateral.bounds or (0.0, 0.0)
        yield (
            f"undamaged documents dropped: {self.collateral.hits} of {self.controls}"
            f" = {share:.1%} (95 % interval {low:.1%} to {high:.1%})"
        )
        for reason, count in self.collateral_reasons.items():
            yield f"  {reason}: {count}"


def recall(run_dir: str) -> Audit:
    """Judge the planted documents of a run, and write `audit.json` into it."""
    run = open_run(run_dir)
    ends = last_rows(run)
    if not ends:
        raise InputError(
            f"{run.path} holds no planted documents; run `curate audit RECIPE --output DIR`"
        )
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in ends.values():
        by_kind.setdefault(row["labels"][LABEL], []).append(row)
    found = tuple(
        _judge(defect, by_kind[kind], run.step_order)
        for kind, defect in DEFECTS.items()
        if kind in by_kind and kind != "control"
    )
    controls = by_kind.get("control", [])
    reasons = by_count(Counter(row["drop"] for row in controls if _dropped(row)))
    hits = sum(reasons.values())
    curves = tuple(_curve(GRADED[kind], rows) for kind, rows in by_kind.items() if kind in GRADED)
    restored = _restored(by_kind.get("mojibake", []))
    audit = Audit(found, curves, restored, len(controls), Interval(hits, len(controls)), reasons)
    write_json(f"{run.path}/{FILE}", audit.to_json())
    if curves:
        write_bytes(f"{run.path}/{CURVES}", curves_svg(curves).encode())
    return audit


def read_audit(run: FinishedRun) -> Audit | None:
    """What `recall` wrote into a run; None if there is nothing, or of a form this version does not know."""
    found = read_json(f"{run.path}/{FILE}")
    try:
        return Audit.from_json(found) if found else None
    except (KeyError, TypeError):
        return None


def last_rows(run: FinishedRun) -> dict[str, dict[str, Any]]:
    """Every planted document by URL, as it stands in the last table that holds it."""
    rows: dict[str, dict[str, Any]] = {}
    for table in run.documents:
        rows |= {row["url"]: row for row in _planted_rows(table)}
    return rows


def wilson(hits: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927, JASA 22:209).

    >>> [round(bound, 3) for bound in wilson(9, 10)]
    [0.596, 0.982]
    """
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return (0.0 if hits == 0 else middle - half, 1.0 if hits == of else middle + half)


def _planted_rows(table: FinishedTable) -> Iterator[dict[str, Any]]:
    rows = rows_where(table, ["url"], lambda part: pc.starts_with(part["url"], f"{HOST}/"), COLUMNS)
    return (row for row in rows if LABEL in row["labels"])


def _judge(defect: Defect, rows: list[dict[str, Any]], order: Sequence[str]) -> Found:
    """Outcomes of one kind; the two documents of a duplicate pair are judged as one."""
    step = next((name for name in defect.steps if name in order), None)
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    missed: list[dict[str, Any]] = []
    reached = 0
    units: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: str(row["url"])):
        units.setdefault(row["url"].removesuffix("-copy"), []).append(row)
    for url, unit in units.items():
        outcome, reason, left = _outcome(defect, unit)
        outcomes[outcome] += 1
        reached += outcome != "elsewhere" or not _earlier(reason, step, order)
        if reason:
            reasons[reason] += 1
        if outcome == "missed" and len(missed) < EXAMPLES:
            missed.append({"url": url, "id": unit[0]["id"], "left": left})
    hits = Interval(outcomes["caught"], reached if step else 0)
    return Found(
        defect.kind, step, len(units), dict(outcomes), by_count(reasons), hits, tuple(missed)
    )


def _curve(defect: GradedDefect, rows: list[dict[str, Any]]) -> Curve:
    units: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: str(row["url"])):
        key = (float(row["labels"][GRADE]), row["url"].removesuffix("-copy"))
        units.setdefault(key, []).append(row)
    planted, stopped = Counter[float](), Counter[float]()
    for (grade, _), unit in units.items():
        planted[grade] += 1
        stopped[grade] += _outcome(defect, unit)[0] != "missed"
    points = tuple((grade, Interval(stopped[grade], planted[grade])) for grade in sorted(planted))
    return Curve(defect.kind, defect.unit, points)


def _restored(rows: list[dict[str, Any]]) -> Interval:
    """Of the documents with mojibake that were kept: how many have every passage as it was meant."""
    kept = [row for row in rows if not _dropped(row)]
    whole = sum(
        all(passage in (row["text"] or "") for passage in json.loads(row["labels"][EVIDENCE]))
        for row in kept
    )
    return Interval(whole, len(kept))


def _outcome(defect: Kind, unit: list[dict[str, Any]]) -> tuple[str, str | None, list[str]]:
    """(outcome, drop reason or what was done, evidence that is left) of one planted defect."""
    drops = [row["drop"] for row in unit if _dropped(row)]
    own = [drop for drop in drops if drop.partition(".")[0] in defect.steps]
    if own:
        return "caught", own[0], []
    wrong = _evidence_left(defect, unit[0])
    if defect.outcome in ("repaired", "masked") and not wrong:
        return ("elsewhere", CUT, []) if _was_cut(unit[0]) else ("caught", defect.outcome, [])
    if not wrong and "decontaminate.match" in unit[0]["labels"]:
        return "caught", "cut", []
    if drops:
        return "elsewhere", drops[0], []
    return "missed", None, wrong


def _evidence_left(defect: Kind, row: Mapping[str, Any]) -> list[str]:
    """Evidence that speaks against a repair: still there, or (mojibake) not back."""
    text = _fold(row["text"] or "")
    evidence: list[str] = json.loads(row["labels"][EVIDENCE])
    wanted = defect.kind == "mojibake"
    return [item for item in evidence if (_fold(item) in text) != wanted]


def _was_cut(row: Mapping[str, Any]) -> bool:
    """Whether nothing of the passages is left around the evidence: then nobody mended them."""
    context: list[str] = json.loads(row["labels"].get(CONTEXT, "[]"))
    text = _fold(row["text"] or "")
    return bool(context) and not any(_fold(words) in text for words in context)


def _fold(text: str) -> str:
    """Without what extraction and cleaning may change rightfully: quotes, dashes, spaces, case."""
    folded = unicodedata.normalize("NFKC", text.translate(_FOLDS)).casefold()
    return re.sub(r"\s+", " ", folded)


def _dropped(row: Mapping[str, Any]) -> bool:
    """Whether a step judged the document unfit; sampling by the mix is no judgement."""
    drop = row["drop"]
    return drop is not None and drop.partition(".")[0] not in SAMPLING


def _earlier(reason: str | None, step: str | None, order: Sequence[str]) -> bool:
    """Whether the step that dropped the document comes before the one meant for the defect."""
    if reason == CUT:
        return True
    name = (reason or "").partition(".")[0]
    return step in order and name in order and order.index(name) < order.index(step)


def _cells(found: Found) -> tuple[str, ...]:
    share, bounds = found.recall.share, found.recall.bounds
    return (
        found.kind,
        found.step or "(none in recipe)",
        str(found.planted),
        str(found.recall.of) if found.step else "-",
        str(found.outcomes.get("caught", 0)),
        "-" if share is None else f"{share:.1%}",
        "-" if bounds is None else f"{bounds[0]:.1%} - {bounds[1]:.1%}",
        str(found.outcomes.get("elsewhere", 0)),
        str(found.outcomes.get("missed", 0)),
    )
