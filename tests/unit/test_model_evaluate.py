"""Bits per byte: every token counted once, in the windows of lm-eval; and the guard."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curate.tokens.tokenizer import END
from curate.tokens.tokenizer import load as load_tokenizer
from curate.tokens.tokenizer import train as train_tokenizer
from model import evaluate as module
from model.evaluate import Evaluation, Guard, evaluate, rolling_windows
from model.shape import Shape
from model.transformer import Transformer

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
CONTEXT = 16
SHAPE = Shape(vocabulary=320, width=32, layers=1, heads=2, kv_heads=2, hidden=48, context=CONTEXT)
SAMPLE = "the cat sat on the mat, naïve 日本 and then it left " * 9
TOKENIZER = load_tokenizer(train_tokenizer([SAMPLE], 320).json)
TEXTS = [
    "the cat",
    "a",
    SAMPLE[:300],
    "日本の猫 — naïve café " * 8,
    f"it says {END} and goes on",
    "\n\n  \t",
    "x" * CONTEXT * 4,
]


def _model() -> Transformer:
    model = Transformer(SHAPE).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.3)
    return model


MODEL = _model()


def lm_eval_windows(
    tokens: list[int], prefix: int, length: int
) -> Iterator[tuple[list[int], list[int]]]:
    """(input, scored tokens) of lm-eval's `get_rolling_token_windows(..., context_len=1)`."""
    if not tokens:
        return
    done = min(length, len(tokens))
    yield [prefix, *tokens[: done - 1]], tokens[:done]
    while done < len(tokens):
        end = done + min(len(tokens) - done, length)
        yield tokens[end - length - 1 : end - 1], tokens[done:end]
        done = end


@given(st.integers(0, 200), st.integers(1, 40))
def test_windows_are_those_of_lm_eval(tokens: int, context: int) -> None:
    ids, eos = list(range(1, tokens + 1)), 0
    ours = [
        ([eos, *ids][w.start : w.stop], ids[w.stop - w.scored : w.stop])
        for w in rolling_windows(0, tokens, context)
    ]
    assert ours == list(lm_eval_windows(ids, eos, context))
    assert [id for _, scored in ours for id in scored] == ids
    assert all(len(seen) <= context for seen, _ in ours)


def test_nats_are_those_of_a_direct_computation() -> None:
    found = evaluate(MODEL, TOKENIZER, TEXTS)
    for number, text in enumerate(TEXTS):
        ids = TOKENIZER.encode(text, add_special_tokens=False).ids
        nats, hits = _direct(ids)
        assert found.nats[number] == pytest.approx(nats, rel=1e-5)
        assert (found.hits[number], found.tokens[number]) == (hits, len(ids))
        assert found.bytes[number] == len(text.encode())
    expected = found.nats.sum() / sum(len(text.encode()) for text in TEXTS) / math.log(2)
    assert found.bits_per_byte == pytest.approx(expected)
    assert found.perplexity == pytest.approx(math.exp(found.nats.sum() / found.tokens.sum()))
    assert found.accuracy == found.hits.sum() / found.tokens.sum()


@pytest.mark.parametrize("batch_tokens", [1, 40, 100_000])
def test_batches_do_not_change_a_score(batch_tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluate(MODEL, TOKENIZER, TEXTS)
    monkeypatch.setattr(module, "BATCH_TOKENS", batch_tokens)
    other = evaluate(MODEL, TOKENIZER, TEXTS[::-1])
    assert other.nats[::-1] == pytest.approx(whole.nats, rel=1e-5)
    assert other.hits[::-1].tolist() == whole.hits.tolist()


def test_a_model_that_knows_nothing_pays_the_same_for_every_token() -> None:
    blank = Transformer(SHAPE)
    with torch.no_grad():
        blank.lm_head.weight.zero_()
    found = evaluate(blank, TOKENIZER, TEXTS)
    assert found.nats == pytest.approx(found.tokens * math.log(320), rel=1e-6)


def test_text_that_spells_the_end_token_is_text() -> None:
    found = evaluate(MODEL, TOKENIZER, [f"a{END}b"])
    assert found.tokens[0] > 3 and found.bytes[0] == 15


def test_documents_without_tokens_cost_nothing() -> None:
    found = evaluate(MODEL, TOKENIZER, ["", "cat"])
    assert found.nats[0] == found.tokens[0] == found.bytes[0] == 0
    assert found.nats[1] > 0 and isinstance(found, Evaluation)


def _direct(ids: list[int]) -> tuple[float, int]:
    nats, hits = 0.0, 0
    for seen, scored in lm_eval_windows(ids, SHAPE.eos, CONTEXT):
        with torch.no_grad():
            chances = torch.log_softmax(MODEL(torch.tensor([seen]))[0].double(), dim=-1)
        for place, id in enumerate(scored, len(seen) - len(scored)):
            nats -= float(chances[place, id])
            hits += int(chances[place].argmax()) == id
    return nats, hits


WORDS = [f"word{number}" for number in range(400)]


def _prose(seed: int, words: int) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


HELDOUT = [_prose(seed, 120) for seed in range(5)]
GUARD = Guard.over([*HELDOUT, "One short line!"])


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
