"""Bits per byte: every token counted once, in the windows of lm-eval, and told by domain."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import SAMPLE, TOKENIZER, opened, tiny

from curate.errors import InputError
from curate.tokens.tokenizer import END
from model.architecture.transformer import Transformer
from model.evaluation import evaluate as module
from model.evaluation.evaluate import Evaluation, evaluate, rolling_windows
from model.evaluation.heldout import Heldout, interval, measure, read_heldout, table

CONTEXT = 16
MODEL = tiny(CONTEXT)
SHAPE = MODEL.shape
TEXTS = [
    "the cat",
    "a",
    SAMPLE[:300],
    "日本の猫 — naïve café " * 8,
    f"it says {END} and goes on",
    "\n\n  \t",
    "x" * CONTEXT * 4,
]


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


def test_nothing_at_all_has_no_value_and_no_traceback() -> None:
    found = evaluate(MODEL, TOKENIZER, ["", ""])
    assert all(map(math.isnan, (found.bits_per_byte, found.perplexity, found.accuracy)))
    assert len(evaluate(MODEL, TOKENIZER, []).nats) == 0


def test_unpaired_surrogates_are_read_as_the_replacement_character() -> None:
    found = evaluate(MODEL, TOKENIZER, ["a\ud800b", "a\ufffdb"])
    assert found.nats[0] == found.nats[1] > 0 and found.bytes.tolist() == [5, 5]


def test_scoring_is_exact_and_leaves_the_model_as_it_was() -> None:
    whole = evaluate(MODEL, TOKENIZER, TEXTS)
    torch.set_float32_matmul_precision("medium")
    MODEL.train()
    try:
        with torch.autocast("cpu", torch.bfloat16):
            found = evaluate(MODEL, TOKENIZER, TEXTS)
        assert MODEL.training and torch.get_float32_matmul_precision() == "medium"
    finally:
        MODEL.eval()
        torch.set_float32_matmul_precision("highest")
    assert found.nats.tolist() == whole.nats.tolist()


def _direct(ids: list[int]) -> tuple[float, int]:
    nats, hits = 0.0, 0
    for seen, scored in lm_eval_windows(ids, SHAPE.eos, CONTEXT):
        with torch.no_grad():
            chances = torch.log_softmax(MODEL(torch.tensor([seen]))[0].double(), dim=-1)
        for place, id in enumerate(scored, len(seen) - len(scored)):
            nats -= float(chances[place, id])
            hits += int(chances[place].argmax()) == id
    return nats, hits


ROWS: list[object] = [
    {"text": "the cat sat", "url": "https://a.example.co.uk/1", "topic": "cats", "language": "en"},
    {
        "text": "日本の猫 " * 20,
        "url": "https://b.example.co.uk/2",
        "topic": "cats",
        "language": "ja",
    },
    {"text": "the mat", "url": "https://other.org", "language": "en", "source": "web"},
    {"text": "", "topic": "nothing"},
    {"text": "x\ud800", "topic": "odd"},
    {"body": "no text here"},
]


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "held.jsonl"
    path.write_text("\n".join([*map(json.dumps, ROWS), "not JSON"]) + "\n")
    return str(path)


def test_every_record_of_a_set_is_accounted_for(rows: str) -> None:
    result = measure(opened(CONTEXT), read_heldout(rows))
    told = result.to_json()
    assert (told["documents"], told["empty_documents"], told["records_without_text"]) == (5, 1, 2)
    assert told["documents_with_replaced_surrogates"] == 1 and "domains" not in told
    texts = [str(row.get("text", "")) for row in ROWS if isinstance(row, dict)]
    found = evaluate(MODEL, TOKENIZER, texts)
    assert told["bits_per_byte"] == found.bits_per_byte
    low, high = told["bits_per_byte_95"]  # type: ignore[misc]
    assert low <= found.bits_per_byte <= high
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("by", "documents"),
    [
        ("topic", {"cats": 2, "nothing": 1, "odd": 1, "(none)": 1}),
        ("language", {"en": 2, "ja": 1, "(none)": 2}),
        ("site", {"example.co.uk": 2, "other.org": 1, "(none)": 2}),
        ("source", {"web": 1, "held.jsonl": 4}),
    ],
)
def test_domains_are_parts_of_the_set(rows: str, by: str, documents: dict[str, int]) -> None:
    result = measure(opened(CONTEXT), read_heldout(rows, by))
    parts = result.domains
    assert {name: found.documents for name, found in parts.items()} == documents
    assert sum(found.bytes for found in parts.values()) == result.whole.bytes
    bits = sum(found.bits_per_byte * found.bytes for found in parts.values() if found.bytes)
    assert bits / result.whole.bytes == pytest.approx(result.whole.bits_per_byte)
    having = [found.bits_per_byte for found in parts.values() if found.bytes]
    assert result.macro_bits_per_byte == pytest.approx(np.mean(having))
    lines = table([result])
    assert any("macro-average" in line for line in lines) and len(lines) >= 3 + len(parts)


def test_a_domain_nobody_has_is_a_mistake(rows: str) -> None:
    with pytest.raises(InputError, match="no document has a subject"):
        read_heldout(rows, "subject")


def test_a_set_without_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text('{"text": " "}\n')
    with pytest.raises(InputError, match="no document with text"):
        read_heldout(str(tmp_path / "empty.jsonl"))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        sizes = generator.integers(50, 500, 80)
        nats = sizes * generator.normal(1.0, 0.2, 80)
        zero = np.zeros(80, np.int64)
        low, high = interval(Evaluation(nats, sizes.astype(np.int64), zero, zero))
        covered += low <= 1 / math.log(2) <= high
    assert 50 <= covered <= 60


def test_one_document_has_no_interval() -> None:
    result = measure(opened(CONTEXT), Heldout("one", ["the cat", ""]))
    assert math.isnan(result.whole.low) and result.to_json()["bits_per_byte_95"] == [None, None]
