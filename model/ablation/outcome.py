"""From finished runs to the verdict on them.

In: every run of a block and of what was asked for besides. Out: a `Verdict`. The decision that
matters: the verdict rests on clean documents of the headline sets; everything else is shown beside it.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import tokenizers
import torch

from model.ablation.contrasts import judge, planned, rate_order, scores_of
from model.ablation.heldout import Diagnostic, Heldout
from model.ablation.ladder import trends
from model.ablation.plan import Plan
from model.ablation.prepare import Prepared
from model.ablation.profiles import Profile
from model.ablation.runs import (
    EQUAL_SOURCE,
    MAIN,
    MANY_EPOCHS,
    ArmResult,
    Run,
    mean_by_set,
    summarise,
)
from model.ablation.statistics import residual
from model.ablation.tables import EqualSource, Slice, yields
from model.ablation.verdict import Verdict
from model.architecture.shape import parameter_count

FEW_HELDOUT_DOCUMENTS = 100


@dataclass(frozen=True)
class Ways:
    """What else is trained and compared besides the steps at equal tokens.

    equal_source: table B. ladder: the profile's other shapes. baseline: arms are whole recipes, each
    compared with the first. notes: cautions that only the caller knows of.
    """

    equal_source: bool = False
    ladder: bool = False
    baseline: bool = False
    notes: tuple[str, ...] = ()


EQUAL_TOKENS = Ways()


def conclude(
    runs: Sequence[Run], profile: Profile, plan: Plan, seeds: int, ready: Prepared,
    diagnostics: Mapping[str, Diagnostic], ways: Ways, piece: Slice | None,
) -> Verdict:  # fmt: skip
    """The verdict on finished runs; `piece` is the slice of table B, if that was asked for."""
    names = list(ready.arms)
    counts = {name: len(part) for name, part in ready.arms.items()}
    every = [run.only(ready.heldout.judged()) for run in runs]
    size = parameter_count(profile.shape)
    judged = [run for run in every if run.table == MAIN and run.parameters == size]
    pairs = planned(names, ways.baseline)
    sigma, degrees = residual(scores_of(judged, names))
    main = [run for run in runs if run.table == MAIN and run.parameters == size]
    arms = tuple(
        replace(arm, others=_others(main, arm.name, ready.heldout))
        for arm in summarise(judged, counts)
    )
    usual = [run for run in every if run.rate_factor == 1]
    contrasts = judge(judged, names, pairs)
    return Verdict(
        profile=profile.name,
        seeds=seeds,
        tokens_per_run=plan.steps * profile.recipe.batch_windows * profile.shape.context,
        detectable_effect=max(contrast.detectable for contrast in contrasts),
        noise_sigma=sigma,
        degrees_of_freedom=degrees,
        arms=arms,
        contrasts=contrasts,
        rate_order=rate_order(judged, names),
        guard=ready.guarded.to_json(),
        heldout=ready.heldout.to_json(),
        yields=yields(ready.arms),
        equal_source=_equal_source(usual, size, counts, piece, ways) if piece else None,
        ladder=trends([run for run in usual if run.table == MAIN], names, pairs),
        plan={**asdict(plan), "profile": asdict(profile)},
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "tokenizers": tokenizers.__version__,
        },
        notes=(*ways.notes, *_notes(arms, ready, diagnostics, profile)),
        runs=tuple(run.summary() for run in runs),
    )


def _others(runs: Sequence[Run], arm: str, heldout: Heldout) -> dict[str, float]:
    """Bits per byte on documents that share words with training text, and on the diagnostic sets."""
    mine = [run for run in runs if run.arm == arm and run.rate_factor == 1]
    dirty = heldout.dirty()
    found = mean_by_set([run.only(dirty) for run in mine]) if dirty else {}
    others = {f"{name}, dirty": score for name, score in found.items()}
    means = mean_by_set(mine)
    return {**others, **{name: means[name] for name in means if name not in heldout.headline}}


def _equal_source(
    runs: Sequence[Run], size: int, documents: Mapping[str, int], piece: Slice, ways: Ways
) -> EqualSource:
    """Table B from its own runs, and from those of table A where the slice holds all of an arm."""
    names = [name for name in documents if name not in piece.refused]
    chosen = [
        run
        for run in runs
        if run.parameters == size
        and run.arm in names
        and run.table == (EQUAL_SOURCE if run.arm in piece.again else MAIN)
    ]
    if not names:
        return EqualSource(piece, (), ())
    arms = summarise(chosen, {name: documents[name] for name in names})
    arms = tuple(replace(arm, epochs=piece.epochs[arm.name] or 0.0) for arm in arms)
    every = list(documents)
    pairs = [
        (name, names.index(every[first]), names.index(every[second]))
        for name, first, second in planned(every, ways.baseline)
        if every[first] in names and every[second] in names
    ]
    contrasts = judge(chosen, names, pairs) if pairs else ()
    return EqualSource(piece, arms, contrasts)


def _notes(
    arms: Sequence[ArmResult], ready: Prepared, diagnostics: Mapping[str, Diagnostic], profile: Profile
) -> Iterator[str]:  # fmt: skip
    """What a reader has to know before believing a number."""
    for arm in arms:
        if arm.epochs > MANY_EPOCHS:
            yield f"{arm.name} was read {arm.epochs:.1f} times; beyond {MANY_EPOCHS} repetition hurts by itself"
    yield from _heldout_notes(ready.heldout)
    for name, one in diagnostics.items():
        best = min(arms, key=lambda arm: arm.others.get(name, 0.0)).name
        if name in ready.heldout.scored and one.winner in ready.arms and best != one.winner:
            yield (
                f"on {name} the arm {one.winner} should be best, as it was trained on such text, but {best} "
                "is: the runs are too short, or the arms are not what they seem; trust no number here"
            )
    if not profile.rate_factors:
        yield f"profile {profile.name} tries one learning rate only; orders of data can turn with it"
    if ready.guarded.documents:
        yield f"{ready.guarded.documents} documents that repeat held-out text were left out of all arms"


def _heldout_notes(heldout: Heldout) -> Iterator[str]:
    for name in heldout.headline:
        count = sum(heldout.judged()[name])
        if count < FEW_HELDOUT_DOCUMENTS:
            yield f"{name} holds only {count} documents that are judged on"
        if not any(heldout.clean[name]):
            yield f"every document of {name} shares words with training text; it is scored whole"
    if len(heldout.headline) == 1:
        yield "one held-out set only: nothing confirms the sign on other text, so nothing is claimed"
