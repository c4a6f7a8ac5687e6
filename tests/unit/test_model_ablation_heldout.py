"""What is scored and what must not be trained on: cuts, marks, the trip-wire."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import model
from curate.errors import InputError
from curate.tokens.tokenizer import Training, train
from model.ablation.arms import Encoder, guard_arms
from model.ablation.heldout import (
    BOILERPLATE_DOCUMENTS,
    Diagnostic,
    Heldout,
    hold_out,
    mark_clean,
    token_hashes,
    trained_on,
)
from model.ablation.prepare import CODE

WORDS = [f"w{number}" for number in range(400)]
ENCODER = Encoder(train([" ".join(WORDS)], Training(vocabulary=384)))


def test_a_set_is_cut_so_that_it_holds_many_documents() -> None:
    long = [(f"{n}", "word " * 4000) for n in range(400)]
    held = hold_out({"H1": long}, {"H4": Diagnostic(long)}, 60_000)
    assert len(held.scored["H1"]) == 300 and len(held.scored["H4"]) == 300
    assert {len(text) for _, text in held.scored["H1"]} == {200}
    assert {len(text) for _, text in held.scored["H4"]} == {50}
    assert held.whole["H1"] == long[:300] and held.reported == ("H4",)


def test_few_documents_are_scored_at_length() -> None:
    held = hold_out({"H1": [("a", "word " * 4000), ("b", "word"), ("c", " .")]}, {}, 32_000)
    assert [len(text) for _, text in held.scored["H1"]] == [1000, 4]  # "c" has no word


@given(st.lists(st.lists(st.integers(0, 5), max_size=40), max_size=6), st.lists(st.integers(0, 5), max_size=40))  # fmt: skip
def test_a_document_is_clean_if_no_run_of_words_is_in_training(
    training: list[list[int]], words: list[int]
) -> None:
    text = " ".join(WORDS[word] for word in words)
    versions = [[" ".join(WORDS[word].upper() for word in part)] for part in training]
    width = 8 if len(words) < 26 else 13
    runs = {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}
    known = {tuple(p[i : i + width]) for p in training for i in range(len(p) - width + 1)}
    held = Heldout({}, {"H1": [("x", text)]}, ("H1",))
    assert mark_clean(held, versions) == {"H1": [not runs & known]}


def test_words_that_many_documents_share_are_no_contamination() -> None:
    notice = " ".join(WORDS[:20])
    held = Heldout({}, {"H1": [("x", f"{notice} {' '.join(WORDS[50:150])}")]}, ("H1",))
    for count, clean in ((BOILERPLATE_DOCUMENTS, False), (BOILERPLATE_DOCUMENTS + 1, True)):
        versions = [[f"{n} {notice}", f"{notice} {n} in another arm"] for n in range(count)]
        assert mark_clean(held, versions) == {"H1": [clean]}


def test_a_text_that_stands_in_many_documents_is_no_phrase() -> None:
    text = " ".join(WORDS[:60])
    held = Heldout({}, {"H1": [("x", text)]}, ("H1",))
    for count in (1, BOILERPLATE_DOCUMENTS + 5):
        versions = [[f"{n} before {text} after {n}"] for n in range(count)]
        assert mark_clean(held, versions) == {"H1": [False]}


def test_a_set_without_clean_documents_is_judged_whole() -> None:
    held = Heldout({}, {}, ("H1", "H2"), {"H1": [False, False], "H2": [True, False]})
    assert held.judged() == {"H1": [True, True], "H2": [True, False]}
    assert held.dirty() == {"H2": [False, True]}


def test_the_trip_wire_finds_what_is_between_two_ends() -> None:
    held = hold_out({"H1": [("a", "one two three"), ("b", " ".join(WORDS))]}, {}, 10**6)
    hashes = token_hashes(held, ENCODER, 100)
    documents = [("x", "some other words"), ("y", "one two three four")]
    stream, _ = ENCODER.stream(documents, 0, 10**6, 100)
    assert trained_on(stream, ENCODER.eos, hashes) is None
    for leak, name in (("one two three", "a"), (" ".join(WORDS), "b")):
        stream, _ = ENCODER.stream([*documents, ("z", leak)], 0, 10**6, 100)
        assert trained_on(stream, ENCODER.eos, hashes) == f"H1: {name}"
        assert stream.dtype == np.uint16


def test_a_leak_shows_under_its_markup() -> None:
    text = " ".join(WORDS[:200])
    page = "<html><b>" + re.sub(r" (w\d*5) ", r" <i class=x>\1</i> ", text) + "</b></html>"
    page = page.replace("w", "&#119;")
    arms = {"raw": [("1", page), ("2", "<p>other</p>")], "text": [("2", "other")]}
    clean, guarded = guard_arms(arms, {"H1": [("h", text)]}, 0.2)
    assert guarded.by_arm == {"raw": 1, "text": 0}
    assert clean["raw"] == [("2", "<p>other</p>")]


def test_pages_of_one_template_are_not_near_duplicates() -> None:
    """Held-out pages that are only reported: an equal one, or an equal piece, is a leak."""
    frame = " ".join(f"<a href=/{word}>" for word in WORDS)
    page = f"{frame} one {frame}"
    arms = {"raw": [("1", f"{frame} two two"), ("2", page), ("3", f"{frame[:3000]} x")]}
    arms["text"] = [(id, id) for id, _ in arms["raw"]]
    held = {"H4": [("h", page)]}
    assert guard_arms(arms, held, 0.2, None, ("H4",))[1].by_arm == {"raw": 1, "text": 1}
    with pytest.raises(InputError, match="arm raw: every document repeats"):
        guard_arms(arms, held, 0.2, None)


def test_every_part_a_run_depends_on_is_there() -> None:
    """A file that is moved would silently let an ablation go on with the results of older code."""
    root = Path(model.__path__[0])
    assert not [pattern for pattern in CODE if not list(root.glob(pattern))]
