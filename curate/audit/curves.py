"""The detection curves of an audit as one picture.

In: curves. Out: SVG text. The decision: one small panel a defect, grades evenly spaced, shares with
their intervals, no plotting library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curate.audit.recall import Curve

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 300, 210, 44, 52, 30
TEXT = 'font-family="sans-serif" font-size="12" fill="#222"'


def curves_svg(curves: Sequence[Curve]) -> str:
    """A panel a curve, side by side: the share that was stopped at each grade."""
    parts = [
        f'<g transform="translate({WIDTH * number} 0)">{"".join(_panel(curve))}</g>'
        for number, curve in enumerate(curves)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(curves)} {HEIGHT}" '
        f'role="img"><title>Share of planted defects that was stopped, by strength</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _panel(curve: Curve) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="16" {TEXT}>{escape(curve.kind.replace("_", " "))}</text>'
    for share in (0.0, 0.5, 1.0):
        yield f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{_y(share)}" y2="{_y(share)}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{_y(share) + 4}" text-anchor="end" {TEXT}>{share:.0%}</text>'
    points = []
    for number, (grade, found) in enumerate(curve.points):
        x = LEFT + 18 + (WIDTH - LEFT - 48) * number / max(1, len(curve.points) - 1)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle" {TEXT}>{grade:g}</text>'
        if found.share is None or found.bounds is None:
            continue
        low, high = found.bounds
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low)}" y2="{_y(high)}" stroke="#1b6ca8"/>'
        yield f'<circle cx="{x:.1f}" cy="{_y(found.share)}" r="4" fill="#1b6ca8"/>'
        points.append(f"{x:.1f},{_y(found.share)}")
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="#1b6ca8"/>'
    middle = (LEFT + WIDTH) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle" {TEXT}>{escape(curve.unit)}</text>'


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - BOTTOM - TOP), 1)
