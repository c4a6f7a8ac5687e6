"""Is the verdict honest? Real training where the truth is known: no difference, and planted noise."""

from __future__ import annotations

from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest

from model.ablation import ablate as module
from model.ablation.ablate import ablate
from model.ablation.arms import Documents
from model.ablation.plan import Plan
from model.ablation.profiles import Profile
from model.architecture.shape import Shape
from model.training.recipe import Recipe

SHAPE = Shape(vocabulary=512, width=64, layers=1, heads=1, kv_heads=1, hidden=128, context=64)
PROFILE = Profile(
    "micro",
    1e6,
    SHAPE,
    Recipe(batch_windows=8, learning_rate=4e-3),
    24_000,
    60_000,
    piece_chars=1000,
)
STEPS = 120


def _paragraphs() -> list[tuple[str, str]]:
    """Prose of the language reference, a document for every few paragraphs."""
    found = []
    for name, text in sorted(topics.items()):
        parts = [part.strip() for part in text.split("\n\n") if len(part) > 200]
        found += [(f"{name} {place}", "\n".join(parts[place : place + 3])) for place in range(0, len(parts), 3)]  # fmt: skip
    return found


ALL = _paragraphs()
HELDOUT = {"H1": ALL[0::8], "H2": ALL[4::8]}
TRAINING = [pair for place, pair in enumerate(ALL) if place % 4]


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of steps on a fast machine and on a slow one."""
    monkeypatch.setattr(module, "make_plan", lambda output, inputs, *_: Plan(inputs, STEPS, 1.0))


def noisy(documents: Documents, share: float) -> Documents:
    """A share of the bytes of each document in each other's places."""
    return [(id, _shuffled(text, share, number)) for number, (id, text) in enumerate(documents)]


def _shuffled(text: str, share: float, number: int) -> str:
    generator = np.random.default_rng(number)
    data = np.frombuffer(text.encode("ascii", "replace"), np.uint8).copy()
    places = generator.permutation(len(data))[: int(share * len(data))]
    data[places] = data[np.roll(places, 1)]
    return data.tobytes().decode()


def test_more_noise_is_worse(tmp_path: Path) -> None:
    arms = {f"{share:.0%}": noisy(TRAINING, share) for share in (0.0, 0.05, 0.1, 0.2)}
    verdict = ablate(arms, HELDOUT, PROFILE, tmp_path, seeds=2)
    scores = [arm.score for arm in verdict.arms]
    assert scores == sorted(scores), verdict.lines()
    assert all(low < high for low, high in zip(scores, scores[1:], strict=False))
    whole = verdict.contrasts[-1]
    assert (whole.name, whole.outcome) == ("0% to 20%", "worse"), verdict.lines()


def test_two_halves_of_one_corpus_do_not_differ(tmp_path: Path) -> None:
    """A/A: other documents, the same kind."""
    generator = np.random.default_rng(0)
    first = generator.random(len(TRAINING)) < 0.5
    arms = {
        name: [pair for pair, mine in zip(TRAINING, first, strict=True) if mine == side]
        for name, side in (("heads", True), ("tails", False))
    }
    verdict = ablate(arms, HELDOUT, PROFILE, tmp_path, seeds=3)
    (contrast,) = verdict.contrasts
    assert contrast.outcome == "inconclusive", verdict.lines()
    assert "could have been missed" in verdict.lines()[-len(verdict.notes) - 1]
