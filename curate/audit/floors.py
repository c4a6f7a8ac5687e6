"""What an audit has to reach, for a team's own checks.

In: an audit, and floors as a user writes them. Out: a line for each floor that it is below. The
decision: the measured share is held against a floor, not the lower end of its interval, so that a
floor says the same whatever the number of planted defects; plant enough of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curate.audit.defects import DEFECTS
from curate.audit.recall import Audit
from curate.errors import UserError

COLLATERAL = "collateral"


def parse_floors(floors: Sequence[str]) -> dict[str, float]:
    """KIND=SHARE as numbers; for `collateral` the share is the most that may be dropped.

    >>> parse_floors(["mojibake=.9", "collateral=0.05"])
    {'mojibake': 0.9, 'collateral': 0.05}
    """
    known = {*DEFECTS, COLLATERAL} - {"control"}
    found = {}
    for floor in floors:
        kind, _, share = floor.partition("=")
        if kind not in known:
            raise UserError(
                f"--floor {floor}: no defect {kind!r}; known: {', '.join(sorted(known))}"
            )
        try:
            found[kind] = float(share)
        except ValueError:
            found[kind] = -1.0
        if not 0 <= found[kind] <= 1:
            raise UserError(f"--floor {floor}: give a share from 0 to 1, as {kind}=.9")
    return found


def below(audit: Audit, floors: dict[str, float]) -> Iterator[str]:
    """What is below its floor, and what was not measured at all."""
    recalls = {found.kind: found.recall.share for found in audit.found}
    for kind, floor in floors.items():
        if kind == COLLATERAL:
            share = audit.collateral.share
            if share is None or share > floor:
                yield f"collateral {_told(share)}, at most {floor:.1%} wanted"
        elif (share := recalls.get(kind)) is None or share < floor:
            yield f"{kind} {_told(share)}, at least {floor:.1%} wanted"


def _told(share: float | None) -> str:
    return "was not measured" if share is None else f"{share:.1%}"
