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
LATEST = 3.0  # times the profile's seconds, where a slow machine needs them for the fewest steps
CALIBRATION_SECONDS = 2.0
START_SECONDS = 4.0  # a worker's own start
EVALUATION_SPEEDUP = {True: 1.0, False: 2.1}  # fp32 scoring against a step in bf16 or not, measured
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

    start: when the ablation began, by time.monotonic. A slow machine takes longer than the profile
    says for `FEWEST_STEPS`. InputError: longer than `LATEST` times that.
    """
    file = output / "plan.json"
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["inputs"] == inputs:
            return Plan(**stored)
    arguments = (profile.shape, profile.recipe, profile.device, CALIBRATION_SECONDS)
    speeds = [pool.submit(measure_speed, *arguments) for _ in range(profile.workers)]
    speed = min(future.result() for future in speeds)
    scoring = work.runs * _scoring(work, profile) / (speed * profile.workers)
    a_token = work.runs / (speed * profile.workers) + work.streams / work.encoded_per_second
    gone = time.monotonic() - start + START_SECONDS

    def fitting(seconds: float) -> int:
        tokens = ((seconds - gone) * SAFETY - scoring) / a_token
        return int(tokens / (profile.recipe.batch_windows * profile.shape.context))

    steps = max(fitting(profile.seconds), min(FEWEST_STEPS, fitting(LATEST * profile.seconds)))
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
    each = (tokens + _scoring(work, profile)) / plan.tokens_per_second
    seconds = each * missing / profile.workers + START_SECONDS
    return (
        f"ablate: {missing:.0f} of {work.runs:.0f} runs of {tokens:,} tokens to do, {profile.workers} at once, "
        f"{plan.tokens_per_second:,.0f} tokens a second each: about {int(seconds) // 60}:{int(seconds) % 60:02d}"
    )


def _scoring(work: Work, profile: Profile) -> float:
    """The tokens a model is trained on in the time it is scored in."""
    return work.heldout_tokens / EVALUATION_SPEEDUP[bool(profile.recipe.bf16)]


def cost(shape: Shape, main: Shape) -> float:
    """Time of a token in a model of `shape`, as a multiple of one in `main`."""
    ratio = training_flops_per_token(shape) / training_flops_per_token(main)
    return OVERHEAD + (1 - OVERHEAD) * ratio
