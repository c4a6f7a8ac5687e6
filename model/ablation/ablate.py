"""What is each curation step worth? The same small model, trained on every step's output.

In: arms, the documents as each step left them, in the order of the steps; held-out documents.
Out: a `Verdict` with intervals, and `output/verdict.json`.
The decision that matters: all runs get the same number of tokens, fixed before the first run from a
measured speed and the profile's time, and runs are paired by seed (same initial weights, same order
of documents), so what differs between two arms is the data.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import numpy as np
import tokenizers
import torch

from curate.errors import InputError, WorkError
from curate.progress import Line
from curate.store import write_json
from model.ablation.arms import Documents, Encoder, Guarded, balanced_tokenizer, guard_arms, up_to
from model.ablation.profiles import Profile, choose_profile
from model.ablation.statistics import detectable_effect, residual
from model.ablation.trial import Trial, measure_speed, run_trial
from model.ablation.verdict import (
    MANY_EPOCHS,
    ArmResult,
    Run,
    Verdict,
    judge,
    planned,
    rate_order,
    summarise,
)

FEWEST_STEPS = 20
FEW_HELDOUT_DOCUMENTS = 30
CALIBRATION_SECONDS = 2.0
START_SECONDS = 4.0  # a worker's own start
EVALUATION_SPEEDUP = 1.0  # fp32 scoring against a bf16 training step, measured (2.1 against fp32)
HELDOUT_PIECES = 32  # no held-out document makes up more of its set than one in so many
SAFETY = 0.8


@dataclass(frozen=True)
class Plan:
    """What was fixed before the first run. inputs: fingerprint of arms, held-out sets and profile.

    tokens_per_second: of one worker while all work.
    """

    inputs: str
    steps: int
    tokens_per_second: float


def ablate(
    arms: Mapping[str, Documents],
    heldout: Mapping[str, Documents],
    profile: Profile | str = "cpu",
    output: str | Path = "ablation",
    seeds: int = 3,
) -> Verdict:
    """Train arms x seeds models and say what each step did to held-out bits per byte.

    arms: name -> (document id, text), in the order of the steps; ids tie a document's versions
    together. heldout: set name -> (document id, text). Finished runs in `output` are not repeated,
    and more seeds can be added later. InputError: fewer than two arms, two seeds or one held-out
    document, or no time for a run. WorkError: a run diverged or a worker died.
    """
    profile, output, start = (
        _with_precision(choose_profile(profile)),
        Path(output),
        time.monotonic(),
    )
    _check(arms, heldout, seeds)
    (output / "runs").mkdir(parents=True, exist_ok=True)
    piece = profile.heldout_bytes // HELDOUT_PIECES
    held = {
        name: up_to([pair for pair in part if pair[1]], profile.heldout_bytes, piece)
        for name, part in heldout.items()
    }
    clean, guarded = guard_arms(arms, held, profile.shared_ratio)
    scored = {name: [(id, text[:piece]) for id, text in part] for name, part in held.items()}
    encoding = balanced_tokenizer(clean, profile.shape.vocabulary, profile.tokenizer_bytes)
    (output / "tokenizer.json").write_text(encoding.json, encoding="utf-8")
    texts = {name: [text for _, text in part] for name, part in scored.items()}
    (output / "heldout.json").write_text(json.dumps(texts), encoding="utf-8")
    encoder = Encoder(encoding)
    heldout_tokens = sum(len(ids) for part in texts.values() for ids in encoder.encode(part))
    inputs = _fingerprint(clean, scored, profile, encoding.sha256)
    try:
        with _pool(profile) as pool:
            plan = _plan(
                output,
                inputs,
                profile,
                pool,
                start,
                _cost(profile, len(arms), seeds),
                heldout_tokens,
            )
            trials = list(_trials(output, plan, profile, clean, encoder, seeds))
            runs = _run_all(trials, pool, profile.workers)
    except BrokenProcessPool:
        raise WorkError(
            "a training process died: out of memory, or called from a script that lacks "
            '`if __name__ == "__main__":`; run again to go on'
        ) from None
    counts = {name: len(part) for name, part in clean.items()}
    verdict = _verdict(runs, counts, profile, plan, seeds, guarded, scored)
    write_json(str(output / "verdict.json"), verdict.to_json())
    return verdict


def _with_precision(profile: Profile) -> Profile:
    """bf16 where the hardware multiplies in it: on such a CPU it trains twice the tokens a second, and
    bits per byte differed from fp32 by less than the noise between runs."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    capable = profile.device != "cpu" or bool(capabilities.get("avx512_bf16"))
    return replace(profile, recipe=replace(profile.recipe, bf16=capable))


def _check(arms: Mapping[str, Documents], heldout: Mapping[str, Documents], seeds: int) -> None:
    if len(arms) < 2:
        raise InputError(
            f"an ablation compares at least two arms, got: {', '.join(arms) or 'none'}"
        )
    if seeds < 2:
        raise InputError(f"{seeds} seed cannot tell an effect from noise; use at least 2")
    empty = [name for name, part in heldout.items() if not any(text for _, text in part)]
    if empty or not heldout:
        raise InputError(f"no held-out document with text in {', '.join(empty) or 'any set'}")


def _fingerprint(
    arms: Mapping[str, Documents],
    heldout: Mapping[str, Documents],
    profile: Profile,
    tokenizer: str,
) -> str:
    digest = hashlib.sha256(json.dumps([asdict(profile), tokenizer, torch.__version__]).encode())
    for name, part in (*arms.items(), *heldout.items()):
        digest.update(name.encode())
        for id, text in part:
            digest.update(f"{id}\0{text}\0".encode("utf-8", "replace"))
    return digest.hexdigest()[:16]


def _pool(profile: Profile) -> ProcessPoolExecutor:
    """Workers of one thread each: two runs side by side beat one run on two cores."""
    return ProcessPoolExecutor(profile.workers, mp_context=multiprocessing.get_context("spawn"))


def _cost(profile: Profile, arms: int, seeds: int) -> int:
    """How many runs will be trained: the block, and seed 0 again at the other learning rates."""
    return arms * (seeds + len(profile.rate_factors))


def _plan(
    output: Path, inputs: str, profile: Profile, pool: ProcessPoolExecutor, start: float, runs: int,
    heldout_tokens: int,
) -> Plan:  # fmt: skip
    """The plan an interrupted ablation of the same inputs made, or a new one from a measured speed."""
    file = output / "plan.json"
    if file.exists():
        plan = Plan(**json.loads(file.read_text(encoding="utf-8")))
        if plan.inputs == inputs:
            return plan
    arguments = (profile.shape, profile.recipe, profile.device, CALIBRATION_SECONDS)
    speeds = [pool.submit(measure_speed, *arguments) for _ in range(profile.workers)]
    speed = min(future.result() for future in speeds)
    left = profile.seconds - (time.monotonic() - start) - START_SECONDS
    tokens = left * SAFETY * speed * profile.workers / runs - heldout_tokens / EVALUATION_SPEEDUP
    steps = int(tokens / (profile.recipe.batch_windows * profile.shape.context))
    if steps < FEWEST_STEPS:
        raise InputError(
            f"profile {profile.name}: {profile.seconds:.0f} s are too few for {runs} runs on this machine; "
            "use fewer arms or seeds, or a larger profile"
        )
    plan = Plan(inputs, steps, round(speed, 1))
    write_json(str(file), asdict(plan))
    return plan


def _trials(
    output: Path,
    plan: Plan,
    profile: Profile,
    arms: Mapping[str, Documents],
    encoder: Encoder,
    seeds: int,
) -> Iterator[Trial]:
    """Every run of the block and, for seed 0, of the other learning rates; streams are written here."""
    folder = output / "streams"
    folder.mkdir(exist_ok=True)
    step_tokens = profile.recipe.batch_windows * profile.shape.context
    tokens = plan.steps * step_tokens + 1
    for seed in range(seeds):
        for arm, documents in arms.items():
            safe = quote(arm, safe=" ")
            stream = folder / f"{plan.inputs}-{safe}-{seed}.npy"
            ids, epochs = encoder.stream(documents, seed, tokens, profile.piece_chars)
            if len(ids) <= step_tokens:
                raise InputError(
                    f"arm {arm}: its {len(ids)} tokens do not fill one batch of {step_tokens}; give it more documents"
                )
            np.save(stream, ids)
            for factor in (1.0, *(profile.rate_factors if seed == 0 else ())):
                recipe = replace(
                    profile.recipe, steps=plan.steps, seed=seed, device=profile.device,
                    learning_rate=profile.recipe.learning_rate * factor,
                )  # fmt: skip
                name = f"{plan.inputs}-{plan.steps}-{safe}-{seed}-{factor:g}.json"
                yield Trial(
                    arm,
                    seed,
                    factor,
                    epochs,
                    profile.shape,
                    recipe,
                    stream,
                    output,
                    output / "runs" / name,
                )


def _run_all(trials: Sequence[Trial], pool: ProcessPoolExecutor, workers: int) -> list[Run]:
    """The finished runs, old and new, in the order of the trials.

    No more runs are handed out than there are workers, so an error or Ctrl-C waits for those only.
    """
    line, start = Line(), time.monotonic()
    missing = [trial for trial in trials if not trial.result.exists()]
    queue, running, done = iter(missing), set[Future[None]](), 0
    try:
        while running or done < len(missing):
            free = workers - len(running)
            running |= {pool.submit(run_trial, trial) for trial in islice(queue, free)}
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
            done += len(finished)
            left = (time.monotonic() - start) / done * (len(missing) - done)
            line.show(f"ablate  run {done}/{len(missing)}  about {left:.0f} s left")
    finally:
        line.clear()
    return [Run(**json.loads(trial.result.read_text(encoding="utf-8"))) for trial in trials]


def _verdict(
    runs: Sequence[Run], documents: Mapping[str, int], profile: Profile, plan: Plan, seeds: int,
    guarded: Guarded, heldout: Mapping[str, Documents],
) -> Verdict:  # fmt: skip
    block = {(run.arm, run.seed): run.score for run in runs if run.rate_factor == 1}
    scores = np.array([[block[arm, seed] for seed in range(seeds)] for arm in documents])
    sigma, degrees = residual(scores)
    arms = summarise(runs, documents)
    return Verdict(
        profile=profile.name,
        seeds=seeds,
        tokens_per_run=plan.steps * profile.recipe.batch_windows * profile.shape.context,
        detectable_effect=detectable_effect(sigma, degrees, seeds, len(planned(list(documents)))),
        noise_sigma=sigma,
        degrees_of_freedom=degrees,
        arms=arms,
        contrasts=judge(runs, list(documents)),
        rate_order=rate_order(runs, list(documents)),
        guard=guarded.to_json(),
        plan={**asdict(plan), "profile": asdict(profile)},
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "tokenizers": tokenizers.__version__,
        },
        notes=tuple(_notes(arms, guarded, heldout)),
        runs=tuple(run.summary() for run in runs),
    )


def _notes(
    arms: Sequence[ArmResult], guarded: Guarded, heldout: Mapping[str, Documents]
) -> Iterator[str]:
    """What a reader has to know before believing a number."""
    for arm in arms:
        if arm.epochs > MANY_EPOCHS:
            yield f"{arm.name} was read {arm.epochs:.1f} times; beyond {MANY_EPOCHS} repetition hurts by itself"
    for name, part in heldout.items():
        if len(part) < FEW_HELDOUT_DOCUMENTS:
            yield f"{name} holds only {len(part)} documents"
    if len(heldout) == 1:
        yield "one held-out set only: nothing confirms the sign on other text"
    if guarded.documents:
        yield f"{guarded.documents} documents that repeat held-out text were left out of all arms"
