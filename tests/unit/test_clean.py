"""Edits: properties that hold for any text, and the checks behind personal data."""

from __future__ import annotations

import pickle
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curate.clean import EDITS
from curate.clean.emoji_names import name_emoji
from curate.clean.private import Private, find_cards, find_ibans, find_phones
from curate.clean.unicode import fix
from curate.clean.whitespace import tidy
from curate.document import Document
from curate.errors import RecipeError
from curate.recipe import build_step

FRAGMENTS = st.sampled_from(
    [
        "a.b@c.org",
        "<PHONE>",
        "<EMAIL>",
        "<IP>",
        "(",
        ")",
        "+",
        "-",
        ".",
        ",",
        ":",
        "/",
        "tel",
        "call",
        "ISBN",
        "v",
        "8.8.8.8",
        "2001:4860:4860::8888",
        "::1",
        "(212)736-5000",
        "736-5000",
        "+44",
        "20",
        "7946",
        "0958",
        "5552125000",
        "4111111111111111",
        "5500-0000-0000-0004",
        "x12",
        "DE89370400440532013000",
        "GB82WEST12345698765432",
        "2024-01-15",
        "0",
        "12",
        "345",
        "@",
        "é",
        "邮箱",
        "<",
    ]
)
PERSONAL = st.lists(st.tuples(FRAGMENTS, st.sampled_from(["", " ", "\n"])), max_size=12).map(
    lambda parts: "".join(fragment + gap for fragment, gap in parts)
)


def masked(text: str) -> Document:
    document = Document("0", "s", "o", text=text)
    Private()(document)
    return document


@given(st.text())
@example("a\r\n\n\n\n b  c\u3000")
def test_white_space_is_tidy_once_and_for_all(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert not re.search(r"\n{3}|[ \t]\n|\S  +|[ \t]\Z|\r", once)
    assert "".join(once.split()) == "".join(text.split())


@given(st.text(alphabet=st.characters(codec="utf-8")))
@example("\x1b[\x1b[0m1m")
def test_unicode_leaves_nothing_invisible(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\ufeff\ue000-\uf8ff]", fix(text))


EMOJI_PARTS = [
    "a",
    " ",
    "1",
    "*",
    "©",
    "❤",
    "❤\ufe0f",
    "☎",
    "1\ufe0f\u20e3",
    "😀",
    "👍🏽",
    "🇩🇪",
    "👩\u200d⚕\ufe0f",
    "\u200d",
]


@given(st.lists(st.sampled_from(EMOJI_PARTS)).map("".join))
def test_emoji_are_named_once_and_for_all(text: str) -> None:
    assert name_emoji(name_emoji(text)) == name_emoji(text)


@given(PERSONAL)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = masked(text)
    twice = masked(once.text or "")
    assert twice.text == once.text
    assert not any(twice.signals.values())


@given(st.text())
def test_masking_leaves_other_text_alone(text: str) -> None:
    document = masked(text)
    if not any(document.signals.values()):
        assert document.text == text


def test_counts_add_up_when_the_step_runs_twice() -> None:
    document = masked("a@b.org")
    Private()(document)
    assert document.signals["private.email"] == 1


@given(st.integers(0, 10**14 - 1))
def test_only_one_last_digit_makes_a_card(number: int) -> None:
    cards = [f"4{number:014d}{last}" for last in range(10)]
    assert sum(bool(list(find_cards(card))) for card in cards) == 1


@given(st.integers(0, 96))
def test_only_right_check_digits_make_an_account(wrong: int) -> None:
    found = list(find_ibans(f"DE{wrong + 2:02d}370400440532013000"))
    assert bool(found) == (wrong + 2 == 89)


def test_national_numbers_need_their_region() -> None:
    assert list(find_phones("(06) 1234 5678 or 06-12345678", ("NL",)))
    assert not list(find_phones("03-1234-5678", ("US",)))
    assert list(find_phones("03-1234-5678", ("JP",)))


def test_a_wrong_region_or_kind_is_a_mistake_of_the_recipe() -> None:
    with pytest.raises(RecipeError, match="two-letter"):
        build_step("private", {"regions": ["Germany"]})
    with pytest.raises(RecipeError, match="private.kinds"):
        build_step("private", {"kinds": ["passport"]})


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize(
    "text",
    [
        "1" * 50_000,
        "a" * 50_000 + "@",
        " " * 50_000,
        "1.2-" * 12_500,
        ":" * 50_000,
        "AA11" * 12_500,
        "\n" * 50_000,
    ],
    ids=["digits", "letters", "spaces", "groups", "colons", "accounts", "newlines"],
)
def test_no_text_is_slow(name: str, text: str) -> None:
    document = Document("0", "s", "o", text=text)
    started = time.perf_counter()
    build_step(name)(document)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("name", EDITS)
def test_steps_travel_light(name: str) -> None:
    step = build_step(name)
    assert len(pickle.dumps(step)) < 1000
