"""How large an ablation is: the proxy model, how it is trained, and the time for everything."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from curate.errors import InputError
from model.architecture.shape import Shape
from model.training.recipe import Recipe


@dataclass(frozen=True)
class Profile:
    """How large an ablation is. seconds: for everything, on the machine it runs on.

    heldout_bytes: most text of each headline set that is scored. tokenizer_bytes: text the tokenizer
    is trained on. arm_bytes: most text of an arm. rate_factors: other learning rates at which seed 0
    is run again, as multiples. shared_ratio: see `model.ablation.guard.Guard`. piece_chars: see
    `model.ablation.arms.Encoder.stream`. ladder: other shapes for `ablate(..., ladder=True)`; the
    learning rate goes with parameters^(-1/3), as in OLMo-core's ladder.
    """

    name: str
    seconds: float
    shape: Shape
    recipe: Recipe
    heldout_bytes: int
    tokenizer_bytes: int
    arm_bytes: int = 16 << 20
    workers: int = 2
    device: str = "cpu"
    rate_factors: tuple[float, ...] = ()
    shared_ratio: float = 0.2
    piece_chars: int | None = None
    ladder: tuple[Shape, ...] = ()


def _proxy(vocabulary: int, context: int, heads: int, layers: int) -> Shape:
    """Heads of 64, a SwiGLU layer of 8/3 of the width (in multiples of 32)."""
    width = 64 * heads
    hidden = 32 * -(-width * 8 // (3 * 32))
    return Shape(vocabulary, width, layers, heads, heads, hidden, context)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "demo",
            150,
            Shape(layers=2, context=128),
            Recipe(batch_windows=4, learning_rate=2e-3),
            96 << 10,
            1 << 20,
            piece_chars=2000,
            ladder=(_proxy(2048, 128, 1, 2), _proxy(2048, 128, 4, 2)),
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
            ladder=(_proxy(2048, 256, 1, 2), _proxy(2048, 256, 3, 4)),
        ),
        Profile(
            "gpu",
            540,
            Shape(8192, 256, 6, 4, 4, 704, 1024),
            Recipe(batch_windows=48, learning_rate=5.9e-3),
            1 << 20,
            32 << 20,
            arm_bytes=256 << 20,
            workers=1,
            device="cuda",
            rate_factors=(1 / 3, 3.0),
            ladder=(
                _proxy(8192, 1024, 2, 4),
                _proxy(8192, 1024, 6, 8),
                _proxy(8192, 1024, 8, 12),
            ),
        ),
    )
}


def choose_profile(profile: Profile | str) -> Profile:
    """A profile by name. InputError names the known ones, or says that a device is not there."""
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise InputError(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")
    found = PROFILES[profile]
    if found.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"profile {profile} needs a CUDA device, and this PyTorch sees none; use profile cpu"
        )
    return found
