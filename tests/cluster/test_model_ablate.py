"""An ablation from documents to a verdict: paired runs, real training, a folder to go on from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from ablation_documents import ARMS, CLEAN, HELDOUT, NOISY

from curate.errors import CurateError, InputError, WorkError
from curate.store import locked
from curate.tokens.tokenizer import END
from model.ablation import ablate as module
from model.ablation import plan as planning
from model.ablation.ablate import Ways, ablate
from model.ablation.arms import (
    Guarded,
)
from model.ablation.heldout import Diagnostic
from model.ablation.plan import Plan, Work
from model.ablation.profiles import Profile
from model.architecture.shape import Shape
from model.evaluation.evaluate import evaluate
from model.training.recipe import Recipe

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
SHAPE = Shape(vocabulary=384, width=64, layers=1, heads=1, kv_heads=1, hidden=128, context=32)
MICRO = Profile("micro", 1e6, SHAPE, Recipe(batch_windows=8, learning_rate=3e-3), 6000, 20_000)
PLANNED = 10


def test_shuffled_bytes_make_an_arm_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real processes, and a second call that trains nothing again."""
    monkeypatch.setattr(module, "make_plan", lambda output, inputs, *_: Plan(inputs, 100, 1.0))
    verdict = ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)
    (contrast,) = verdict.contrasts
    assert (contrast.name, contrast.first, contrast.second) == ("noisy", "clean", "noisy")
    assert contrast.outcome == "worse", contrast.sentence()
    assert contrast.difference > 0.1 and min(contrast.by_set.values()) > 0
    assert [arm.documents for arm in verdict.arms] == [300, 300]
    assert {run["tokens"] for run in verdict.runs} == {verdict.tokens_per_run}
    assert verdict.detectable_effect > 0 and len(verdict.runs) == 4
    assert contrast.sentence() in verdict.lines()

    stored = json.loads((tmp_path / "verdict.json").read_text())
    assert stored == json.loads(json.dumps(verdict.to_json()))
    finished = _times(tmp_path)
    assert len(finished) == 4
    assert ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2) == verdict
    assert _times(tmp_path) == finished


def test_two_ablations_do_not_share_a_folder(tmp_path: Path, inline: Inline) -> None:
    with locked(str(tmp_path)), pytest.raises(CurateError, match="another process is writing"):
        ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)


def test_more_seeds_are_added_to_those_there_are(tmp_path: Path, inline: Inline) -> None:
    two = ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)
    finished = _times(tmp_path)
    three = ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=3)
    assert inline.started == 4 + 2
    assert finished.items() <= _times(tmp_path).items()
    assert [run for run in three.runs if run["seed"] < 2] == list(two.runs)
    assert three.degrees_of_freedom == 2


def test_the_first_seed_is_run_at_other_learning_rates_too(tmp_path: Path, inline: Inline) -> None:
    profile = replace(MICRO, rate_factors=(1 / 3, 3.0))
    verdict = ablate(ARMS, HELDOUT, profile, tmp_path, seeds=2)
    assert inline.started == 2 * (2 + 2)
    tried = {(run["seed"], run["rate_factor"]) for run in verdict.runs}
    assert tried == {(0, 1.0), (1, 1.0), (0, 1 / 3), (0, 3.0)}
    assert set(verdict.rate_order) == {"0.33", "3"}
    rates = {run["bits_per_byte"]["H1"] for run in verdict.runs if run["seed"] == 0}
    assert len(rates) == 6


def test_other_documents_are_other_runs(tmp_path: Path, inline: Inline) -> None:
    ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)
    ablate({**ARMS, "noisy": NOISY[:-1]}, HELDOUT, MICRO, tmp_path, seeds=2)
    assert inline.started == 4 + 4


def test_the_same_documents_twice_are_the_same_arm(tmp_path: Path, inline: Inline) -> None:
    profile = replace(MICRO, rate_factors=(3.0,))
    verdict = ablate({"a/b": CLEAN, "..": CLEAN}, HELDOUT, profile, tmp_path, seeds=2)
    assert verdict.contrasts[0].difference == 0
    assert verdict.contrasts[0].outcome == "inconclusive"
    json.loads((tmp_path / "verdict.json").read_text(), parse_constant=pytest.fail)


def test_what_a_reader_has_to_know(tmp_path: Path, inline: Inline) -> None:
    few = {"clean": CLEAN[:2], "noisy": [*NOISY[:2], ("leak", HELDOUT["H1"][0][1])]}
    notes = " ".join(ablate(few, {"H1": HELDOUT["H1"]}, MICRO, tmp_path, seeds=2).notes)
    assert "clean was read" in notes and "H1 holds only 15 documents" in notes
    assert "one held-out set only" in notes and "1 documents that repeat held-out" in notes


def test_a_diverged_run_ends_the_ablation(tmp_path: Path, inline: Inline) -> None:
    wild = replace(MICRO.recipe, learning_rate=1e30, clip=None, warmup_ratio=0.0)
    with pytest.raises(WorkError, match="seed 0: the loss is") as caught:
        ablate(ARMS, HELDOUT, replace(MICRO, recipe=wild), tmp_path, seeds=2)
    assert "\n" not in str(caught.value)
    assert inline.started <= MICRO.workers  # the others were never handed out


def test_a_worker_that_dies_is_one_line(tmp_path: Path, inline: Inline) -> None:
    inline.failure = BrokenProcessPool("killed")
    with pytest.raises(WorkError, match="a training process died.*run again to go on"):
        ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)


def test_the_plan_fits_the_time_and_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "measure_speed", lambda *_: 10_000.0)
    pool, now = Inline(), time.monotonic()

    def plan(inputs: str, seconds: float = 104.0, heldout_tokens: int = 0) -> Plan:
        profile = replace(MICRO, seconds=seconds)
        work = Work(10, heldout_tokens, 10, 1e12)
        return planning.make_plan(tmp_path, inputs, profile, pool, now, work)

    # 100 s x 0.8 x two workers at 10,000 tokens/s, over ten runs of 256 tokens a step
    first = plan("one")
    assert first.steps == pytest.approx(625, abs=1)
    assert plan("one", seconds=50.0) == first
    assert plan("two", heldout_tokens=134_400).steps == pytest.approx(375, abs=1)
    assert plan("three", seconds=5.0).steps == planning.FEWEST_STEPS  # 6 would fit
    with pytest.raises(InputError, match="1 s are too few for 10 runs"):
        plan("four", seconds=1.0)


def test_equal_source_trains_again_in_the_slice(tmp_path: Path, inline: Inline) -> None:
    """The second arm keeps a third of the documents: it is read 3 times where the first is read once."""
    arms = {"all": CLEAN, "third": CLEAN[::3], "tenth": CLEAN[::10]}
    plain = ablate(arms, HELDOUT, MICRO, tmp_path, seeds=2)
    assert plain.equal_source is None and inline.started == 6
    found = ablate(
        arms, HELDOUT, MICRO, tmp_path, seeds=2, ways=Ways(equal_source=True)
    ).equal_source
    assert found is not None and inline.started == 10
    assert found.slice.again == ("all", "third") and found.slice.refused == ("tenth",)
    assert 0 < found.slice.coin < 1 and 2 < found.slice.epochs["third"] <= 4
    assert [arm.name for arm in found.arms] == ["all", "third"]
    assert [contrast.name for contrast in found.contrasts] == ["third"]
    told = "\n".join(found.lines())
    assert "tenth: refused" in told and "the same tokens" in told


def test_yields_compare_the_same_slice_of_the_crawl(tmp_path: Path, inline: Inline) -> None:
    arms = {"all": CLEAN, "third": CLEAN[::3]}
    first, second = ablate(arms, HELDOUT, MICRO, tmp_path, seeds=2).yields
    assert first.of_first == 1 and 0.2 < second.of_first < 0.5
    assert second.documents <= 100 < first.documents <= 300


def test_a_ladder_of_sizes(tmp_path: Path, inline: Inline) -> None:
    small = replace(SHAPE, width=32, hidden=64)
    profile = replace(MICRO, ladder=(small,))
    assert ablate(ARMS, HELDOUT, profile, tmp_path, seeds=2).ladder == ()
    verdict = ablate(ARMS, HELDOUT, profile, tmp_path, seeds=2, ways=Ways(ladder=True))
    assert inline.started == 4 + 4
    (trend,) = verdict.ladder
    assert len(trend.parameters) == len(trend.differences) == 2
    assert trend.differences[1] == pytest.approx(verdict.contrasts[0].difference)
    assert trend.low <= trend.slope <= trend.high
    assert trend.sentence() in verdict.lines()


def test_whole_recipes_are_compared_with_the_first(tmp_path: Path, inline: Inline) -> None:
    arms = {"a": CLEAN, "b": NOISY, "c": CLEAN[:200]}
    verdict = ablate(arms, HELDOUT, MICRO, tmp_path, seeds=2, ways=Ways(baseline=True))
    assert [(one.first, one.second) for one in verdict.contrasts] == [("a", "b"), ("a", "c")]


def test_diagnostic_sets_are_reported_and_never_judged(tmp_path: Path, inline: Inline) -> None:
    shown = {
        "H4": Diagnostic(HELDOUT["H2"], winner="noisy"),
        "none": Diagnostic([], winner="clean"),
    }
    plain = ablate(ARMS, HELDOUT, MICRO, tmp_path / "a", seeds=2)
    told: list[str] = []
    found = ablate(
        ARMS, HELDOUT, MICRO, tmp_path / "b", seeds=2, diagnostics=shown, say=told.append
    )
    assert found.contrasts == plain.contrasts
    assert set(found.heldout) == {"H1", "H2", "H4"} and not found.heldout["H4"]["headline"]
    scores = [arm.others["H4"] for arm in found.arms]
    note = "on H4 the arm noisy should be best"
    assert any(note in line for line in found.notes) == (scores[0] < scores[1])
    assert told[0].startswith("ablate: 4 of 4 runs of 2,560 tokens to do")


def test_documents_that_share_words_with_training_are_scored_apart(
    tmp_path: Path, inline: Inline
) -> None:
    quoted = " ".join(HELDOUT["H1"][3][1].split()[5:20])  # 15 of its words: too few for the guard
    arms = {name: [*part, ("quote", f"{quoted} {part[0][1]}")] for name, part in ARMS.items()}
    found = ablate(arms, HELDOUT, MICRO, tmp_path, seeds=2)
    plain = ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)
    assert found.heldout["H1"]["clean"] == plain.heldout["H1"]["clean"] - 1
    assert all(np.isfinite(arm.others["H1, dirty"]) for arm in found.arms)


def test_a_leaked_document_that_the_guard_missed_ends_the_ablation(
    tmp_path: Path, inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak = {**ARMS, "noisy": [("leak", HELDOUT["H2"][4][1]), *NOISY[:8]]}
    ablate(leak, HELDOUT, MICRO, tmp_path / "guarded", seeds=2)  # the guard takes it out
    monkeypatch.setattr(
        "model.ablation.prepare.guard_arms", lambda arms, *_: (dict(arms), Guarded(0.2, 0, {}))
    )
    with pytest.raises(WorkError, match="noisy, seed .: .* the held-out document H2: d319"):
        ablate(leak, HELDOUT, MICRO, tmp_path / "missed", seeds=2)


def test_the_outcome_is_drawn(tmp_path: Path, inline: Inline) -> None:
    verdict = ablate({"a<b": CLEAN, "noisy": NOISY}, HELDOUT, MICRO, tmp_path, seeds=2)
    for name in ("forest.svg", "losses.svg"):
        text = (tmp_path / name).read_text()
        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg") and "noisy" in text
    assert all(len(run["losses"]) == PLANNED for run in verdict.runs)
    assert not (tmp_path / "streams").exists()


def test_nothing_is_guarded_or_tokenised_twice(
    tmp_path: Path, inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2)
    for name in ("guard_arms", "balanced_tokenizer", "mark_clean"):
        monkeypatch.setattr(f"model.ablation.prepare.{name}", lambda *_: pytest.fail("done again"))
    monkeypatch.setattr("model.ablation.trials.write_stream", lambda *_: pytest.fail("done again"))
    assert ablate(ARMS, HELDOUT, MICRO, tmp_path, seeds=2) == first


def test_texts_that_utf8_cannot_hold_are_trained_on(tmp_path: Path, inline: Inline) -> None:
    broken = [("s", "a \ud800 b " * 30), *CLEAN]
    held = {**HELDOUT, "H1": [("h", "one \udfff word"), *HELDOUT["H1"]]}
    assert np.isfinite(
        ablate({**ARMS, "noisy": broken}, held, MICRO, tmp_path, seeds=2).noise_sigma
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": {"clean": CLEAN}}, "at least two arms, got: clean"),
        ({"arms": {}}, "at least two arms, got: none"),
        ({"seeds": 1}, "1 seed cannot tell an effect from noise"),
        ({"heldout": {}}, "no held-out document with text in any set"),
        ({"heldout": {"H1": CLEAN, "H2": []}}, "no held-out document with text in H2"),
        ({"heldout": {"H1": [("a", ""), ("b", "")]}}, "no held-out document with text in H1"),
        ({"profile": "huge"}, "unknown profile 'huge'; known: demo, cpu, gpu"),
        ({"arms": {**ARMS, "same": HELDOUT["H1"][:5]}}, "arm same: every document repeats"),
        ({"arms": {**ARMS, "small": CLEAN[:1]}}, "arm small: its .* tokens do not fill one batch"),
    ],
)
def test_a_mistake_is_one_line(
    change: dict[str, Any], message: str, tmp_path: Path, inline: Inline
) -> None:
    given = {"arms": ARMS, "heldout": HELDOUT, "profile": MICRO, "seeds": 2, **change}
    with pytest.raises(InputError, match=message) as caught:
        ablate(**given, output=tmp_path)
    assert "\n" not in str(caught.value)
    assert inline.started == 0


def test_empty_held_out_documents_are_left_out(tmp_path: Path, inline: Inline) -> None:
    heldout = {"H1": [("nothing", ""), *HELDOUT["H1"]], "H2": HELDOUT["H2"]}
    verdict = ablate(ARMS, heldout, MICRO, tmp_path, seeds=2)
    assert np.isfinite(verdict.arms[0].score)
    texts = json.loads((tmp_path / "heldout.json").read_text())
    assert all(text for part in texts.values() for text in part)


def test_held_out_text_that_spells_the_end_token_is_text(
    tmp_path: Path, inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = []

    def spy(model: Any, tokenizer: Any, texts: list[str]) -> Any:
        found = evaluate(model, tokenizer, texts)
        tokens.append(found.tokens.tolist())
        return found

    monkeypatch.setattr("model.ablation.trial.evaluate", spy)
    ablate(ARMS, {"H1": [("a", END), ("b", f"{END} é")]}, MICRO, tmp_path, seeds=2)
    assert all(first > 3 and second > 3 for first, second in tokens)


class Inline(Executor):
    """Does the work at once, in this process; a failure, if set, in place of every run."""

    def __init__(self) -> None:
        self.started = 0
        self.failure: Exception | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.started += 1
        try:
            if self.failure is not None:
                raise self.failure
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Inline:
    """Runs of a dozen steps without processes of their own."""
    pool = Inline()

    @contextmanager
    def workers(profile: Profile) -> Iterator[Inline]:
        yield pool

    monkeypatch.setattr(module, "workers", workers)
    monkeypatch.setattr(module, "make_plan", lambda output, inputs, *_: Plan(inputs, PLANNED, 1.0))
    return pool


def _times(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (output / "runs").iterdir()}
