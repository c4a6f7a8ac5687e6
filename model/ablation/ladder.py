"""What a step is worth at several model sizes, and where that is going.

In: runs of the same arms, seeds and tokens at each size. Out: a slope for each doubling of the
parameters. The decision that matters: the line is a description with an interval, not a forecast:
all sizes read the same tokens, so larger ones are trained less far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.ablation.contrasts import scores_of, signed
from model.ablation.runs import Run
from model.ablation.statistics import residual, trend


@dataclass(frozen=True)
class Trend:
    """A contrast over sizes. differences: bits per byte at each of `parameters`, ascending; slope:
    what is added to the difference each time the parameters double, low and high its 95 % interval."""

    name: str
    parameters: tuple[int, ...]
    differences: tuple[float, ...]
    slope: float
    low: float
    high: float

    def sentence(self) -> str:
        """`dedup: −0.010 −0.012 −0.015; −0.002 a doubling [−0.004, +0.000], no trend shown`."""
        sizes = " ".join(signed(difference) for difference in self.differences)
        if self.low <= 0 <= self.high:
            word = "no trend was found"
        elif min(self.differences) < 0 < max(self.differences):
            word = "its sign is not the same at all sizes"
        else:
            grows = (self.slope > 0) == (self.differences[-1] > 0)
            word = "it grows with the model" if grows else "it shrinks as the model grows"
        return (
            f"{self.name}: {sizes}; {signed(self.slope)} a doubling "
            f"[{signed(self.low)}, {signed(self.high)}], {word}"
        )


def trends(
    runs: Sequence[Run], arms: Sequence[str], pairs: Sequence[tuple[str, int, int]]
) -> tuple[Trend, ...]:
    """Every planned contrast over the sizes that the runs have; none for a single size."""
    sizes = sorted({run.parameters for run in runs})
    if len(sizes) < 2:
        return ()
    blocks = [scores_of([run for run in runs if run.parameters == size], arms) for size in sizes]
    noise = [residual(block) for block in blocks]
    errors = [
        sigma * math.sqrt(2 / block.shape[1])
        for (sigma, _), block in zip(noise, blocks, strict=True)
    ]
    found = []
    for name, first, second in pairs:
        differences = [float((block[second] - block[first]).mean()) for block in blocks]
        line = trend(
            [math.log2(size) for size in sizes], differences, errors, [d for _, d in noise]
        )
        found.append(Trend(name, tuple(sizes), tuple(differences), line.slope, line.low, line.high))
    return tuple(found)
