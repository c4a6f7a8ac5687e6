"""What is each curation step worth? The same small model, trained on every step's output.

In: arms, the documents as each step left them, in the order of the steps; held-out documents.
Out: a `Verdict` with intervals; `verdict.json`, `forest.svg` and `losses.svg` in `output`.
The decision that matters: all runs get the same number of tokens, fixed before the first run from a
measured speed and the profile's time, and runs are paired by seed (same initial weights, same order
of documents), so what differs between two arms is the data.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from curate.errors import InputError, WorkError
from curate.store import locked, write_json
from model.ablation.arms import Documents
from model.ablation.heldout import Diagnostic
from model.ablation.outcome import EQUAL_TOKENS, Ways, conclude
from model.ablation.plan import Work, cost, estimate, make_plan
from model.ablation.plots import forest_svg, loss_svg
from model.ablation.prepare import Prepared, prepare
from model.ablation.profiles import Profile, choose_profile
from model.ablation.runs import MAIN, Run
from model.ablation.tables import equal_slice
from model.ablation.trial import Trial
from model.ablation.trials import Block, read_run
from model.ablation.verdict import Verdict
from model.ablation.workers import run_all, workers
from model.architecture.shape import parameter_count

__all__ = ["Ways", "ablate"]


def ablate(
    arms: Mapping[str, Documents],
    heldout: Mapping[str, Documents],
    profile: Profile | str = "cpu",
    output: str | Path = "ablation",
    seeds: int = 3,
    *,
    diagnostics: Mapping[str, Diagnostic] | None = None,
    ways: Ways = EQUAL_TOKENS,
    say: Callable[[str], None] | None = None,
) -> Verdict:
    """Train arms x seeds models and say what each step did to held-out bits per byte.

    arms: name -> (document id, text), in the order of the steps; ids tie a document's versions
    together. heldout: set name -> (document id, text); a verdict needs two sets of the same sign, one
    of them not from the crawl. diagnostics: sets that are reported only. say: is told what is about
    to be done (default: standard error). Finished runs in `output` are not repeated, and more seeds,
    `ways` and sizes can be added later. InputError: fewer than two arms, two seeds or one held-out
    document, or no time for a run. WorkError: a run diverged, a worker died, or held-out text got
    into training.
    """
    profile = _with_precision(choose_profile(profile))
    _check(arms, heldout, seeds)
    with locked(str(output)) as folder:
        return _ablate(
            arms, heldout, profile, folder, seeds, diagnostics or {}, ways, say or _to_stderr
        )


def _ablate(
    arms: Mapping[str, Documents],
    heldout: Mapping[str, Documents],
    profile: Profile,
    output: Path,
    seeds: int,
    diagnostics: Mapping[str, Diagnostic],
    ways: Ways,
    say: Callable[[str], None],
) -> Verdict:
    start = time.monotonic()
    (output / "runs").mkdir(exist_ok=True)
    ready = prepare(output, arms, heldout, diagnostics, profile)
    work = _work(profile, ready, seeds, ways)
    try:
        with workers(profile) as pool:
            plan = make_plan(output, ready.inputs, profile, pool, start, work)
            block = Block(output, ready, profile, plan.steps, seeds)
            trials = list(block.trials(ways.ladder))
            piece, again = None, list[Trial]()
            if ways.equal_source:
                piece = equal_slice(ready.arms, ready.encoder, block.tokens)
                again = list(block.again(piece.again))
            say(estimate(plan, profile, work, _missing([*trials, *again], profile)))
            runs = _train(trials, block.write_stream, pool, profile)
            if piece is not None:
                write = partial(block.write_stream, limit=piece.coin)
                runs += _train(again, write, pool, profile)
    except BrokenProcessPool:
        raise WorkError(
            "a training process died: out of memory, or called from a script that lacks "
            '`if __name__ == "__main__":`; run again to go on'
        ) from None
    verdict = conclude(runs, profile, plan, seeds, ready, diagnostics, ways, piece)
    size = parameter_count(profile.shape)
    _write(output, verdict, [run for run in runs if (run.table, run.parameters) == (MAIN, size)])
    return verdict


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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


def _work(profile: Profile, ready: Prepared, seeds: int, ways: Ways) -> Work:
    """The block, seed 0 again at the other learning rates, and what `ways` adds at most."""
    arms = len(ready.arms)
    runs: float = arms * (seeds + len(profile.rate_factors))
    if ways.equal_source:
        runs += arms * seeds
    if ways.ladder:
        runs += sum(cost(shape, profile.shape) for shape in profile.ladder) * arms * seeds
    streams = (2 if ways.equal_source else 1) * arms * seeds
    return Work(runs, ready.heldout_tokens, streams, ready.encoded_per_second)


def _missing(trials: Sequence[Trial], profile: Profile) -> float:
    costs = {shape: cost(shape, profile.shape) for shape in {trial.shape for trial in trials}}
    return round(sum(costs[trial.shape] for trial in trials if not trial.result.exists()), 1)


def _train(
    trials: Sequence[Trial], write: Callable[[Trial], None], pool: Executor, profile: Profile
) -> list[Run]:
    """The finished runs, old and new, in the order of the trials."""
    run_all(trials, write, pool, profile.workers)
    return [read_run(trial) for trial in trials]


def _write(output: Path, verdict: Verdict, runs: Sequence[Run]) -> None:
    """The outcome and its pictures; the streams are not needed any more."""
    forest = forest_svg(verdict.contrasts, verdict.detectable_effect)
    (output / "forest.svg").write_text(forest, encoding="utf-8")
    losses = loss_svg(runs, [arm.name for arm in verdict.arms])
    (output / "losses.svg").write_text(losses, encoding="utf-8")
    write_json(str(output / "verdict.json"), verdict.to_json())
    shutil.rmtree(output / "streams", ignore_errors=True)
