"""What an ablation is made of: fair arms, tokens that are the text, streams in one order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ablation_documents import CLEAN, HELDOUT
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError, WorkError
from curate.tokens.tokenizer import END, Training, train
from model.ablation.arms import (
    Encoder,
    balanced_tokenizer,
    guard_arms,
    pieces,
    up_to,
)
from model.ablation.profiles import PROFILES, choose_profile


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_profile_for_a_gpu_needs_one() -> None:
    with pytest.raises(InputError, match="profile gpu needs a CUDA device.*use profile cpu"):
        choose_profile("gpu")


def test_profiles_are_of_models_kernels_know() -> None:
    for name, profile in PROFILES.items():
        assert profile.name == name and profile.shape.head_width == 64
        assert profile.shape.vocabulary % 64 == 0


def test_a_leak_in_one_arm_leaves_every_arm() -> None:
    held = HELDOUT["H1"]
    clean, text = dict(CLEAN), held[0][1].split()
    near = " ".join([*text[:30], "changed", *text[31:60], "again", *text[61:]])
    first = {**clean, "d1": held[0][1], held[5][0]: "known by its id"}
    second = {**clean, "d2": near, "d3": f"{clean['d3']} {held[2][1]} {clean['d4']}", "late": near}
    found, guarded = guard_arms(
        {"raw": list(first.items()), "text": list(second.items())}, HELDOUT, 0.2
    )
    for part in found.values():
        assert {id for id, _ in part} == set(clean) - {"d1", "d2", "d3"}
    assert guarded.documents == 5 and guarded.by_arm == {"raw": 4, "text": 4}
    assert dict(found["text"])["d7"] == clean["d7"]


ENCODER = Encoder(
    train([f"{text} 日本語 naïve" for _, text in CLEAN[:40]], Training(vocabulary=384))
)


@given(st.lists(st.text(), max_size=5))
def test_tokens_are_the_bytes_of_the_text(texts: list[str]) -> None:
    for text, ids in zip(texts, ENCODER.encode(texts), strict=True):
        assert ENCODER.tokenizer.decode(ids.tolist()) == text
        assert ENCODER.token_bytes[ids].sum() == len(text.encode())


@pytest.mark.parametrize("text", [END, f"a{END}b", "日本語 — naïve 🎉", "\x00\x7f\u2028", ""])
def test_no_text_becomes_the_end_of_a_document(text: str) -> None:
    (ids,) = ENCODER.encode([text])
    assert ENCODER.eos not in ids and ENCODER.tokenizer.decode(ids.tolist()) == text


def test_lost_bytes_are_noticed() -> None:
    lossy = Encoder(train(["abc"], Training(vocabulary=320)))
    lossy.token_bytes = lossy.token_bytes + 1
    with pytest.raises(WorkError, match="do not add up"):
        list(lossy.encode(["abc"]))


@pytest.mark.parametrize("piece_chars", [None, 100])
def test_arms_read_the_documents_they_share_in_the_same_order(piece_chars: int | None) -> None:
    first, second = CLEAN[:60], [*CLEAN[90:110:-1], *CLEAN[30:80], ("x", "another text " * 30)]
    shared = [id for id, _ in first if id in dict(second)]
    for seed in range(3):
        orders = [
            [text for text in pieces(part, seed, piece_chars) if _owner(text, shared)]
            for part in (first, second)
        ]
        assert orders[0] == orders[1] and len(orders[0]) >= len(shared)
    assert list(pieces(first, 0, piece_chars)) != list(pieces(first, 1, piece_chars))


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(0, 99), st.integers(1, 12))
def test_pieces_leave_nothing_out_and_take_nothing_twice(
    lengths: list[int], seed: int, chars: int
) -> None:
    everything = "".join(chr(0x4E00 + place) for place in range(sum(lengths)))
    ends = np.cumsum(lengths, dtype=int)
    documents = [
        (f"{end}", everything[end - n : end]) for end, n in zip(ends, lengths, strict=True)
    ]
    found = list(pieces(documents, seed, chars))
    assert "".join(sorted(found)) == everything
    assert all(len(one) <= chars for one in found)
    first_round = found[: len(documents)]  # one piece of every document before the second of any
    assert all(any(one in text for one in first_round if one) for _, text in documents if text)


@pytest.mark.parametrize("piece_chars", [None, 100])
def test_epochs(piece_chars: int | None) -> None:
    part = CLEAN[:50]
    whole, once = ENCODER.stream(part, 0, 10**9, piece_chars)
    assert once == pytest.approx(10**9 / len(whole))
    assert whole[-1] == ENCODER.eos
    exact, epochs = ENCODER.stream(part, 0, len(whole), piece_chars)
    assert (len(exact), epochs) == (len(whole), 1.0)
    assert np.array_equal(exact, whole)
    assert ENCODER.stream(part, 0, 3 * len(whole), piece_chars)[1] == pytest.approx(3.0)
    tenth, epochs = ENCODER.stream(part, 0, len(whole) // 10, piece_chars)
    assert epochs == pytest.approx(0.1, abs=0.01)
    assert np.array_equal(tenth, whole[: len(tenth)])


def test_streams_hold_whole_documents_between_ends() -> None:
    stream, _ = ENCODER.stream(CLEAN[:5], 1, 10**6)
    assert (stream == ENCODER.eos).sum() == 5
    parts = np.split(stream, np.flatnonzero(stream == ENCODER.eos) + 1)[:-1]
    texts = [ENCODER.tokenizer.decode(part[:-1].tolist()) for part in parts]
    assert texts == list(pieces(CLEAN[:5], 1, None))
    assert sorted(texts) == sorted(text for _, text in CLEAN[:5])


def test_the_tokenizer_hears_every_arm() -> None:
    arms = {"a": [("1", "zebra " * 400)], "b": [("2", "quokka " * 500), ("3", "unheard " * 9000)]}
    tokenizer = Encoder(balanced_tokenizer(arms, 384, 6000)).tokenizer
    assert tokenizer.token_to_id("Ġzebra") and tokenizer.token_to_id("Ġquokka")
    assert tokenizer.token_to_id("Ġunheard") is None


def test_up_to_takes_the_first_documents_that_fit() -> None:
    documents = [("a", "xx"), ("b", "é"), ("c", "x"), ("d", "")]
    taken = [len(up_to(documents, limit)) for limit in (0, 2, 3, 4, 5, 99)]
    assert taken == [1, 1, 1, 2, 4, 4]
    assert up_to([], 5) == []


def _owner(text: str, ids: list[str]) -> bool:
    known = dict(CLEAN)
    return any(text in known[id] for id in ids)
