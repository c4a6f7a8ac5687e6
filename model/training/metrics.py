"""What a run says of itself: loss, speed, model FLOPs utilisation and the time left.

In: steps. Out: rows for the reports, and a progress line.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from curate.errors import WorkError
from curate.progress import Line
from model.architecture.shape import Shape, training_flops_per_token
from model.training.recipe import Recipe
from model.training.reports import Row, Writer

# Dense bf16 FLOP/s from NVIDIA's data sheets; the first name found as words of the device's decides.
PEAK_FLOPS = {
    "B200": 2.25e15, "H200": 989e12, "GH200": 989e12, "H100 PCIe": 756e12, "H100 NVL": 835e12,
    "H100": 989e12, "H800": 989e12, "A100": 312e12, "A800": 312e12, "L40S": 362e12, "L40": 181e12,
    "A40": 149.7e12, "A10G": 70e12, "A10": 125e12, "L4": 121e12, "RTX 4090": 165.2e12, "RTX 3090": 71e12,
}  # fmt: skip


class Step(NamedTuple):
    """What one optimiser step did. number: steps finished; loss: nats per token before the step."""

    number: int
    loss: Tensor
    gradient_norm: Tensor
    learning_rate: float


class Report:
    """The reports and the progress line of one process; without reports it says nothing."""

    def __init__(self, writers: Sequence[Writer], recipe: Recipe, shape: Shape, first: int) -> None:
        self.writers, self.recipe, self.line = writers, recipe, Line()
        self.step_tokens = recipe.batch_windows * shape.context
        self.token_flops = training_flops_per_token(shape)
        self.number, self.clock = first, time.monotonic()

    def log(self, step: Step, peak_flops: float | None = None) -> None:
        """One row, and the progress line. peak_flops: of all processes' devices together, if known."""
        rate = self._rate(step.number)
        row = {
            "step": step.number,
            "tokens": step.number * self.step_tokens,
            "loss": float(step.loss),
            "learning_rate": step.learning_rate,
            "gradient_norm": float(step.gradient_norm),
            "tokens_per_second": round(rate),
        }
        if peak_flops is not None:
            row["mfu"] = round(rate * self.token_flops / peak_flops, 4)
        self._write(row)
        if self.writers:
            self.line.show(self._text(row, rate))

    def log_validation(self, step: Step, loss: float) -> None:
        """The loss on held-out windows after a step."""
        self._write({"step": step.number, "validation_loss": loss})

    def skip_time(self) -> None:
        """Do not count the time since the last row: it went into a checkpoint."""
        self.clock = time.monotonic()

    def close(self) -> None:
        """End the line and every report."""
        self.line.clear()
        for writer in self.writers:
            writer.close()

    def _rate(self, number: int) -> float:
        """Tokens a second since the last row; the clock and the count start anew."""
        now = time.monotonic()
        rate = (number - self.number) * self.step_tokens / max(now - self.clock, 1e-9)
        self.number, self.clock = number, now
        return rate

    def _text(self, row: Row, rate: float) -> str:
        left = int((self.recipe.steps - row["step"]) * self.step_tokens / max(rate, 1e-9))
        mfu = f"  MFU {row['mfu']:.0%}" if "mfu" in row else ""
        return (
            f"train  step {row['step']}/{self.recipe.steps}  loss {row['loss']:.3f}  "
            f"{rate:,.0f} tokens/s{mfu}  about {left // 60}:{left % 60:02d} left"
        )

    def _write(self, row: Row) -> None:
        for writer in self.writers:
            writer.write(row)


def check_finite(step: Step) -> None:
    """WorkError: the loss is no longer a number."""
    loss, norm = float(step.loss), float(step.gradient_norm)
    if not math.isfinite(loss + norm):
        raise WorkError(
            f"training diverged at step {step.number}: loss {loss}, gradient norm {norm}; "
            "lower learning_rate or set clip"
        )


def peak_flops(device: torch.device, world: int = 1) -> float | None:
    """bf16 FLOP/s of `world` such devices; None on a CPU and on a device that PEAK_FLOPS lacks."""
    if device.type != "cuda":
        return None
    peak = peak_of(torch.cuda.get_device_name(device))
    return None if peak is None else peak * world


def peak_of(name: str) -> float | None:
    """FLOP/s of the device PyTorch calls `name`.

    >>> peak_of("NVIDIA H200") == peak_of("NVIDIA H100 80GB HBM3") == 989e12
    True
    >>> peak_of("NVIDIA A100-SXM4-80GB"), peak_of("NVIDIA RTX A1000")
    (312000000000000.0, None)
    """
    known = (flops for part, flops in PEAK_FLOPS.items() if re.search(rf"\b{part}\b", name))
    return next(known, None)
