"""Two pictures of an ablation as plain SVG: the contrasts, and the losses of training.

In: contrasts and runs. Out: SVG text. The decision that matters: no plotting library; both pictures
are a few lines on axes with round numbers, and zero is always on the axis of the contrasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import floor, log10

import numpy as np

from model.ablation.contrasts import Contrast, signed
from model.ablation.runs import MAIN, Run
from model.ablation.statistics import Scores

WIDTH, ROW, LEFT, RIGHT, HEIGHT = 860, 34, 230, 250, 420
COLOURS = ("#1b6ca8", "#c8553d", "#3f7d20", "#8f2d91", "#b8860b", "#00798c", "#555555", "#d1495b")
TEXT = 'font-family="sans-serif" font-size="13" fill="#222"'
SOLID = {"better": "#1b6ca8", "worse": "#c8553d", "inconclusive": "#777777"}


def forest_svg(contrasts: Sequence[Contrast], detectable: float) -> str:
    """A line a contrast: the point, the interval over seeds (thick) and over documents (thin)."""
    ends = [
        value for c in contrasts for value in (c.low, c.high, c.documents_low, c.documents_high)
    ]
    scale = _Scale([0.0, *ends], LEFT, WIDTH - RIGHT)
    height = ROW * (len(contrasts) + 2) + 10
    floor_y = height - ROW
    parts = [
        f'<line x1="{scale(t):.1f}" x2="{scale(t):.1f}" y1="24" y2="{floor_y}" stroke="#ddd"/>'
        f'<text x="{scale(t):.1f}" y="{floor_y + 16}" text-anchor="middle" {TEXT}>{_number(t)}</text>'
        for t in scale.ticks()
    ]
    parts.append(
        f'<line x1="{scale(0):.1f}" x2="{scale(0):.1f}" y1="24" y2="{floor_y}" stroke="#222"/>'
        f'<text x="{LEFT}" y="14" {TEXT}>bits per byte, left is better; '
        f"{detectable:.3f} would be found with 80 % chance</text>"
    )
    for number, contrast in enumerate(contrasts):
        parts += _forest_row(contrast, scale, 24 + ROW * number + ROW / 2)
    return _svg(WIDTH, height, "What each step did to held-out bits per byte", parts)


def _forest_row(contrast: Contrast, scale: _Scale, y: float) -> Iterator[str]:
    colour = SOLID[contrast.outcome]
    for low, high, width in (
        (contrast.documents_low, contrast.documents_high, 1.5),
        (contrast.low, contrast.high, 5),
    ):
        yield (
            f'<line x1="{scale(low):.1f}" x2="{scale(high):.1f}" y1="{y}" y2="{y}" '
            f'stroke="{colour}" stroke-width="{width}"/>'
        )
    yield f'<rect x="{scale(contrast.difference) - 4:.1f}" y="{y - 6}" width="8" height="12" fill="{colour}"/>'
    yield f'<text x="8" y="{y + 4}" {TEXT}>{escape(contrast.name)}</text>'
    told = f"{signed(contrast.difference)}, {contrast.outcome}"
    yield f'<text x="{WIDTH - RIGHT + 12}" y="{y + 4}" {TEXT}>{told}</text>'


def loss_svg(runs: Sequence[Run], arms: Sequence[str]) -> str:
    """Training loss over tokens: a line an arm, the mean of its seeds, in a band from least to most.

    The first tenth is left out of the axis: it would flatten the rest.
    """
    curves = {
        arm: np.array([r.losses for r in runs if (r.arm, r.rate_factor, r.table) == (arm, 1, MAIN)])
        for arm in arms
    }
    total = max(run.tokens for run in runs)
    shown = [values[:, values.shape[1] // 10 :] for values in curves.values()]
    x = _Scale([0, total], 60, WIDTH - RIGHT)
    y = _Scale([float(part.min()) for part in shown] + [float(part.max()) for part in shown], HEIGHT - 40, 24)  # fmt: skip
    parts = list(_axes(x, y))
    for number, (arm, values) in enumerate(curves.items()):
        parts += _curve(arm, values, total, x, y, number)
    return _svg(WIDTH, HEIGHT, "Training loss over tokens, an arm a line", parts)


def _axes(x: _Scale, y: _Scale) -> Iterator[str]:
    for tick in y.ticks():
        yield f'<line x1="60" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>'
        yield f'<text x="52" y="{y(tick) + 4:.1f}" text-anchor="end" {TEXT}>{_number(tick)}</text>'
    for tick in x.ticks():
        label = f"{tick / 1e6:g}M" if tick >= 1e6 else f"{tick / 1e3:g}k"
        yield f'<text x="{x(tick):.1f}" y="{HEIGHT - 22}" text-anchor="middle" {TEXT}>{label}</text>'
    yield f'<text x="60" y="14" {TEXT}>nats per token of training</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end" {TEXT}>tokens</text>'


def _curve(
    arm: str, values: Scores, total: int, x: _Scale, y: _Scale, number: int
) -> Iterator[str]:
    colour = COLOURS[number % len(COLOURS)]
    points = values.shape[1]
    places = [x((i + 0.5) / points * total) for i in range(points)]

    def line(heights: Sequence[float]) -> list[str]:
        top = y.low_pixel if y.low_pixel < y.high_pixel else y.high_pixel
        return [f"{p:.1f},{max(top, y(h)):.1f}" for p, h in zip(places, heights, strict=True)]

    band = line(values.max(0)) + line(values.min(0))[::-1]
    yield f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.18"/>'
    yield f'<polyline points="{" ".join(line(values.mean(0)))}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    key = 40 + 20 * number
    yield f'<rect x="{WIDTH - RIGHT + 16}" y="{key - 9}" width="14" height="5" fill="{colour}"/>'
    yield f'<text x="{WIDTH - RIGHT + 36}" y="{key}" {TEXT}>{escape(arm)}</text>'


class _Scale:
    """Values to pixels, with a margin."""

    def __init__(self, values: Sequence[float], low_pixel: float, high_pixel: float) -> None:
        low, high = min(values), max(values)
        margin = 0.05 * (high - low) or 1.0
        self.low, self.high = low - margin, high + margin
        self.low_pixel, self.high_pixel = low_pixel, high_pixel

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.low_pixel + share * (self.high_pixel - self.low_pixel)

    def ticks(self) -> list[float]:
        """Round values, at most eight."""
        span = self.high - self.low
        power = 10.0 ** floor(log10(span))
        step = next(power * f for f in (0.1, 0.2, 0.5, 1, 2) if span / (power * f) <= 7)
        first = -(-self.low // step)
        count = int((self.high - first * step) // step) + 1
        return [round((first + i) * step, 10) + 0.0 for i in range(count)]


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\u2212")


def _svg(width: int, height: float, title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" '
        f'width="{width}" height="{height:g}" role="img">\n<title>{title}</title>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )
