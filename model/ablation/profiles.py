"""How large an ablation is: the proxy model, how it is trained, and the time for everything."""

from __future__ import annotations

from dataclasses import dataclass

from curate.errors import InputError
from model.recipe import Recipe
from model.shape import Shape


@dataclass(frozen=True)
class Profile:
    """How large an ablation is. seconds: for everything, on the machine it runs on.

    heldout_bytes: most text of each held-out set that is scored. tokenizer_bytes: text the tokenizer
    is trained on. rate_factors: other learning rates at which seed 0 is run again, as multiples.
    shared_ratio: see `model.evaluate.Guard`. piece_chars: see `model.ablation.arms.Encoder.stream`.
    """

    name: str
    seconds: float
    shape: Shape
    recipe: Recipe
    heldout_bytes: int
    tokenizer_bytes: int
    workers: int = 2
    device: str = "cpu"
    rate_factors: tuple[float, ...] = ()
    shared_ratio: float = 0.2
    piece_chars: int | None = None


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "demo",
            150,
            Shape(layers=2, context=128),
            Recipe(batch_windows=4, learning_rate=2e-3),
            128 << 10,
            1 << 20,
            piece_chars=2000,
        ),
        Profile(
            "cpu",
            540,
            Shape(),
            Recipe(),
            192 << 10,
            4 << 20,
            rate_factors=(1 / 3, 3.0),
            piece_chars=4000,
        ),
        Profile(
            "gpu",
            540,
            Shape(8192, 256, 6, 4, 4, 704, 1024),
            Recipe(batch_windows=48, learning_rate=5.9e-3),
            1 << 20,
            32 << 20,
            workers=1,
            device="cuda",
            rate_factors=(1 / 3, 3.0),
        ),
    )
}


def choose_profile(profile: Profile | str) -> Profile:
    """A profile by name. InputError names the known ones."""
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise InputError(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")
    return PROFILES[profile]
