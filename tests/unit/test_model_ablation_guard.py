"""The guard: what repeats held-out text is found, in every process the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.ablation.guard import Guard

WORDS = [f"word{number}" for number in range(400)]


def _prose(seed: int, words: int) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


HELDOUT = [_prose(seed, 120) for seed in range(5)]
HELDOUT_SIGNS = "".join(map(chr, np.random.default_rng(9).permutation(range(0x4E00, 0x4E64))))
GUARD = Guard.over([*HELDOUT, HELDOUT_SIGNS, "One short line!"])


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        (HELDOUT[2], True),
        (HELDOUT[2].upper().replace(" ", ",\n"), True),
        (f"{_prose(90, 2000)} {HELDOUT[1]} {_prose(91, 2000)}", True),  # contains it
        (" ".join(HELDOUT[3].split()[20:60]), True),  # a part of it
        (" ".join(HELDOUT[3].split()[20:32]), True),  # a part of few words
        (HELDOUT[0].replace(" ", " new ", 3), True),  # a near copy
        (f"{' '.join(HELDOUT[0].split()[:15])} {_prose(92, 300)}", False),  # quotes one sentence
        ("one SHORT line", True),
        ("one short line more", False),
        (_prose(93, 300), False),
        (_prose(94, 5), False),
        (HELDOUT_SIGNS[20:40], True),  # a script without spaces
        (f"“{HELDOUT_SIGNS[20:27]}”", False),
        ("", False),
        ("?!", False),
    ],
)
def test_the_guard_finds_what_repeats_held_out_text(text: str, leak: bool) -> None:
    assert GUARD.leaks(text) == leak


@given(st.integers(0, 4), st.integers(0, 80), st.integers(13, 120))
def test_every_long_enough_excerpt_is_a_leak(document: int, start: int, words: int) -> None:
    assert GUARD.leaks(" ".join(HELDOUT[document].split()[start : start + words]))


def test_the_share_decides() -> None:
    half = f"{' '.join(HELDOUT[0].split()[:60])} {_prose(95, 60)}"
    assert Guard.over(HELDOUT, 0.3).leaks(half)
    assert not Guard.over(HELDOUT, 0.7).leaks(half)


def test_a_guard_over_nothing_lets_everything_pass() -> None:
    for heldout in ([], [""], ["too short to share anything"]):
        assert not Guard.over(heldout).leaks(_prose(96, 50))


def test_another_process_has_the_same_hashes() -> None:
    program = (
        "from model.ablation.guard import Guard\n"
        "print(Guard.over(['one two three four five six seven eight nine naïve']).grams[8].known.hashes.tolist())"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] and len(told[0].split(",")) == 3


def test_unpaired_surrogates_are_no_words() -> None:
    assert GUARD.leaks(HELDOUT[2].replace(" ", " \ud800 ", 2))
