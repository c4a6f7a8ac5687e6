"""The outcome of an ablation, as data and as words.

In: arms, contrasts and tables that `ablate` made. Out: `verdict.json` and the lines of a terminal.
The decision that matters: what could have been found stands before what was found, and every step
gets one plain sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from model.ablation.contrasts import Contrast
from model.ablation.ladder import Trend
from model.ablation.runs import ArmResult
from model.ablation.tables import EqualSource, Yield


@dataclass(frozen=True)
class Verdict:
    """The outcome of an ablation. Scores are bits per byte, lower is better.

    arms, contrasts: table A, equal tokens. equal_source: table B, where it was asked for. yields:
    table C. ladder: each contrast over model sizes. heldout: documents, clean ones and bytes of each
    set, and whether the verdict rests on it.
    """

    profile: str
    seeds: int
    tokens_per_run: int
    detectable_effect: float
    noise_sigma: float
    degrees_of_freedom: int
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]
    rate_order: dict[str, float | None]
    guard: dict[str, Any]
    heldout: dict[str, dict[str, Any]]
    yields: tuple[Yield, ...]
    equal_source: EqualSource | None
    ladder: tuple[Trend, ...]
    plan: dict[str, Any]
    versions: dict[str, str]
    notes: tuple[str, ...]
    runs: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, and the sentences."""
        told = [*(one.plain() for one in self.contrasts), *(one.sentence() for one in self.ladder)]
        return {**asdict(self), "sentences": told}

    def lines(self) -> list[str]:
        """What a terminal shows: what could be found, the tables, a sentence a step, cautions."""
        return [
            f"Smallest difference found with 80 % chance: {self.detectable_effect:.4f} bits per byte "
            f"({len(self.arms)} arms x {self.seeds} seeds of {self.tokens_per_run:,} tokens; "
            f"noise {self.noise_sigma:.4f}).",
            "",
            "Equal tokens, bits per byte (lower is better):",
            *_arm_table(self.arms),
            *_others_table(self.arms),
            "",
            *(contrast.sentence() for contrast in self.contrasts),
            *self._rates(),
            "",
            "What each arm is made of (not a statement about quality):",
            *_yield_table(self.yields),
            *(self.equal_source.lines() if self.equal_source else ()),
            *self._ladder(),
            "",
            *(contrast.plain() for contrast in self.contrasts),
            *(f"Note: {note}" for note in self.notes),
        ]

    def _rates(self) -> Iterator[str]:
        for factor, tau in self.rate_order.items():
            same = (
                "none, all arms score the same or one diverged"
                if tau is None
                else f"Kendall's tau {tau:+.2f}"
            )
            yield f"Order of the arms at {factor} times the learning rate: {same}."

    def _ladder(self) -> Iterator[str]:
        if self.ladder:
            yield ""
            sizes = ", ".join(f"{size:,}" for size in self.ladder[0].parameters)
            yield f"Over model sizes of {sizes} parameters, the same tokens:"
            yield from (trend.sentence() for trend in self.ladder)


def _arm_table(arms: Sequence[ArmResult]) -> list[str]:
    width = max(len(arm.name) for arm in [*arms]) if arms else 3
    sets = list(arms[0].bits_per_byte)
    head = f"{'arm':{width}}  {'documents':>9}  {'epochs':>6}  " + "  ".join(sets) + "  mean ± sd"
    return [head] + [
        f"{arm.name:{width}}  {arm.documents:>9,}  {arm.epochs:>6.2f}  "
        + "  ".join(f"{arm.bits_per_byte[name]:{len(name)}.4f}" for name in sets)
        + f"  {arm.score:.4f} ± {arm.seed_sigma:.4f}"
        for arm in arms
    ]


def _others_table(arms: Sequence[ArmResult]) -> list[str]:
    """Sets that are reported but judge nothing."""
    sets = list(arms[0].others)
    if not sets:
        return []
    width = max(len("arm"), *(len(arm.name) for arm in arms))
    return [
        "",
        "Reported only:",
        f"{'arm':{width}}  " + "  ".join(sets),
        *(
            f"{arm.name:{width}}  "
            + "  ".join(f"{arm.others[name]:{len(name)}.4f}" for name in sets)
            for arm in arms
        ),
    ]


def _yield_table(yields: Sequence[Yield]) -> list[str]:
    width = max(len("arm"), *(len(one.arm) for one in yields))
    return [
        f"{'arm':{width}}  {'documents':>9}  {'MB':>9}  of the first",
        *(
            f"{one.arm:{width}}  {one.documents:>9,}  {one.bytes / 1e6:>9.2f}  {one.of_first:>7.1%}"
            for one in yields
        ),
    ]
