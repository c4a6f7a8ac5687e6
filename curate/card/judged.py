"""What the audit and the verdict of a run found, as rows and sentences.

Enters: a finished run. Leaves: `AuditFacts`, `VerdictFacts`, or None where nothing was measured. The
decision: a file of a form this version does not know counts as not measured; no figure is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.audit.recall import FILE
from curate.finished import FinishedRun
from curate.report.forest import forest
from curate.report.formats import signed
from curate.store import read_json

OUTCOMES = {
    "better": "made the model better",
    "worse": "made the model worse",
    "inconclusive": "is undecided",
}


@dataclass(frozen=True)
class Recall:
    """Of a kind of defect: caught of those that reached the step; `share` None: none reached it."""

    kind: str
    step: str | None
    planted: int
    caught: int
    reached: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True)
class AuditFacts:
    """Recall by kind, and how many undamaged documents were dropped."""

    recalls: Sequence[Recall]
    controls: int
    lost: int


@dataclass(frozen=True)
class VerdictFacts:
    """How it was measured, a sentence for each contrast, and the cautions."""

    method: str
    sentences: Sequence[str]
    notes: Sequence[str]


def audit(run: FinishedRun) -> AuditFacts | None:
    """The recall of `curate audit`, if it is in the run."""
    found = read_json(f"{run.path}/{FILE}")
    try:
        return _audit(found) if found else None
    except (KeyError, TypeError, ValueError):
        return None


def verdict(run: FinishedRun) -> VerdictFacts | None:
    """The bits-per-byte verdict beside the run, if there is one."""
    found = forest(run.path)
    try:
        return _verdict(found.verdict) if found else None
    except (KeyError, TypeError, ValueError):
        return None


def _audit(found: Mapping[str, Any]) -> AuditFacts:
    recalls = [
        Recall(
            str(defect["kind"]),
            defect["step"],
            int(defect["planted"]),
            int(defect["recall"]["hits"]),
            int(defect["recall"]["of"]),
            defect["recall"]["share"],
            *(float(end) for end in defect["recall"]["interval"] or (0.0, 1.0)),
        )
        for defect in found["defects"]
    ]
    return AuditFacts(recalls, int(found["controls"]), int(found["collateral"]["hits"]))


def _verdict(found: Mapping[str, Any]) -> VerdictFacts:
    method = (
        f"The same small model was trained on the output of each stage, {len(found['arms'])} stages "
        f"with {found['seeds']} seeds of {found['tokens_per_run']:,} tokens each, and judged on "
        "held-out text in bits per byte, where less is better. A difference of "
        f"{found['detectable_effect']:.3f} would have been found with 80 % chance."
    )
    sentences = found.get("sentences") or _sentences(found["contrasts"])
    return VerdictFacts(method, [str(s) for s in sentences], [str(n) for n in found["notes"]])


def _sentences(contrasts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """For verdicts from before they carried sentences of their own."""
    for one in contrasts:
        outcome = OUTCOMES.get(one["outcome"], f"was judged {one['outcome']}")
        why = f" ({one['reason']})" if one["reason"] else ""
        yield (
            f"{one['name']} (from {one['first']} to {one['second']}) {outcome}{why}: "
            f"{signed(one['difference'])} bits per byte, interval over seeds "
            f"{signed(one['low'])} to {signed(one['high'])}."
        )
