"""What CI allows to change: bounds on a comparison, and the lines that say which were broken.

In: a comparison, and `Limits`. Out: one line for each broken limit. The decision: what was asked for
and cannot be checked, because the runs have nothing in common to measure, counts as broken: a check
that passes without looking is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from curate.compare.decisions import Decisions
from curate.compare.drift import Drift
from curate.compare.funnel import Funnel
from curate.compare.presence import Presence
from curate.errors import UserError
from curate.report.text import shown


@dataclass(frozen=True)
class Limits:
    """None: not checked. `psi`: of any signal, over kept and dropped documents. `kept_share_change`:
    of the documents read, in either direction, over the run. `decided_differently`: share of the
    documents both have. `total_variation`: of domains, languages or sources."""

    psi: float | None = None
    kept_share_change: float | None = None
    decided_differently: float | None = None
    total_variation: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value >= 0:
                option = f"--max-{field.name.replace('_', '-')}"
                raise UserError(f"{option} has to be 0 or more, got {value:g}")


def broken(
    limits: Limits, funnel: Funnel, drift: Drift, presence: Sequence[Presence], decisions: Decisions
) -> list[str]:
    """One line for each limit that does not hold."""
    return [
        *_psi(limits.psi, drift),
        *_kept_share(limits.kept_share_change, funnel),
        *_decided(limits.decided_differently, decisions),
        *_total_variation(limits.total_variation, presence),
    ]


def _psi(most: float | None, drift: Drift) -> Iterator[str]:
    if most is None:
        return
    if not drift.signals:
        yield f"--max-psi {most:g} cannot be checked: no signal was measured in both runs"
    for signal in drift.signals:
        found = signal.population
        if found.psi > most:
            chance = f"; chance gives up to {found.psi_chance:.3g} here" if found.by_chance else ""
            yield f"--max-psi {most:g}: {shown(signal.signal)} has PSI {found.psi:.4g}{chance}"


def _kept_share(most: float | None, funnel: Funnel) -> Iterator[str]:
    if most is None:
        return
    kept = funnel.whole.total.kept
    if kept.share_change is None or kept.share_a is None or kept.share_b is None:
        yield f"--max-kept-share-change {most:g} cannot be checked: a run read no documents"
    elif abs(kept.share_change) > most:
        yield (
            f"--max-kept-share-change {most:g}: the kept share went from {kept.share_a:.4g} "
            f"to {kept.share_b:.4g}"
        )


def _decided(most: float | None, decisions: Decisions) -> Iterator[str]:
    if most is None:
        return
    if decisions.share is None:
        yield f"--max-decided-differently {most:g} cannot be checked: no document is in both runs"
    elif decisions.share > most:
        yield (
            f"--max-decided-differently {most:g}: {decisions.decided_differently:,} of "
            f"{decisions.matched:,} documents ({decisions.share:.4g}) were kept by one run only"
        )


def _total_variation(most: float | None, presence: Sequence[Presence]) -> Iterator[str]:
    if most is None:
        return
    if not presence:
        yield f"--max-total-variation {most:g} cannot be checked: no document was kept"
    for part in presence:
        if part.total_variation is None:
            yield f"--max-total-variation {most:g} cannot be checked: a run kept no documents"
        elif part.total_variation > most:
            yield f"--max-total-variation {most:g}: {part.of}s moved by {part.total_variation:.4g}"
