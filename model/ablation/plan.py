"""How long the runs of an ablation are: fixed before the first of them, the same for all arms.

In: a profile, a measured speed. Out: steps a run. The decision that matters: the time of the profile
is divided over everything that will be trained, scored and tokenised; no run is ever cut by a clock.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

from curate.errors import InputError
from curate.store import write_json
from model.ablation.profiles import Profile
from model.ablation.trial import measure_speed
from model.architecture.shape import Shape, training_flops_per_token

FEWEST_STEPS = 20
CALIBRATION_SECONDS = 2.0
START_SECONDS = 4.0  # a worker's own start
EVALUATION_SPEEDUP = 1.0  # fp32 scoring against a bf16 training step, measured (2.1 against fp32)
OVERHEAD = 0.3  # of a training step, does not shrink with the model
SAFETY = 0.8


@dataclass(frozen=True)
class Plan:
    """What was fixed before the first run. inputs: fingerprint of arms, held-out sets and profile.

    tokens_per_second: of one worker while all work.
    """

    inputs: str
    steps: int
    tokens_per_second: float


@dataclass(frozen=True)
class Work:
    """What the time is for. runs: trainings, in those of the main shape; heldout_tokens: scored after
    each; streams: of a run's tokens that are made; encoded_per_second: tokens, for that."""

    runs: float
    heldout_tokens: int
    streams: int
    encoded_per_second: float


def make_plan(
    output: Path, inputs: str, profile: Profile, pool: Executor, start: float, work: Work
) -> Plan:
    """The plan an interrupted ablation of the same inputs made, or a new one from a measured speed.

    start: when the ablation began, by time.monotonic. InputError: the time is too short.
    """
    file = output / "plan.json"
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["inputs"] == inputs:
            return Plan(**stored)
    arguments = (profile.shape, profile.recipe, profile.device, CALIBRATION_SECONDS)
    speeds = [pool.submit(measure_speed, *arguments) for _ in range(profile.workers)]
    speed = min(future.result() for future in speeds)
    left = profile.seconds - (time.monotonic() - start) - START_SECONDS
    scoring = work.runs * work.heldout_tokens / EVALUATION_SPEEDUP / (speed * profile.workers)
    a_token = work.runs / (speed * profile.workers) + work.streams / work.encoded_per_second
    tokens = (left * SAFETY - scoring) / a_token
    steps = int(tokens / (profile.recipe.batch_windows * profile.shape.context))
    if steps < FEWEST_STEPS:
        raise InputError(
            f"profile {profile.name}: {profile.seconds:.0f} s are too few for {work.runs:.0f} runs on this "
            "machine; use fewer arms or seeds, or a larger profile"
        )
    plan = Plan(inputs, steps, round(speed, 1))
    write_json(str(file), asdict(plan))
    return plan


def estimate(plan: Plan, profile: Profile, work: Work, missing: float) -> str:
    """What is about to be done, and for how long. missing: of the work's runs, those not done yet."""
    tokens = plan.steps * profile.recipe.batch_windows * profile.shape.context
    each = (tokens + work.heldout_tokens / EVALUATION_SPEEDUP) / plan.tokens_per_second
    seconds = each * missing / profile.workers + START_SECONDS
    return (
        f"ablate: {missing:.0f} of {work.runs:.0f} runs of {tokens:,} tokens to do, {profile.workers} at once, "
        f"{plan.tokens_per_second:,.0f} tokens a second each: about {int(seconds) // 60}:{int(seconds) % 60:02d}"
    )


def cost(shape: Shape, main: Shape) -> float:
    """Time of a token in a model of `shape`, as a multiple of one in `main`."""
    ratio = training_flops_per_token(shape) / training_flops_per_token(main)
    return OVERHEAD + (1 - OVERHEAD) * ratio
