"""Tokenizers trained and read: lossless on every text, and equal to the libraries their files are from."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from prose import prose

from curate.errors import InputError
from curate.tokens.tokenizer import Encoding, Training, load, read, token_bytes, train
from curate.tokens.tokenizer.encoding import put_in_front
from curate.tokens.tokenizer.sentencepiece_file import from_sentencepiece
from curate.tokens.tokenizer.tiktoken_file import PUBLISHED, Published, as_json, from_tiktoken

SAMPLE = [prose(number) for number in range(12)]
ODD = [
    "", " ", "\n", "  a  b\n\n\tc   ", "naïve 中文 🎉👩‍👩‍👧 \x00 \u200d", "1234567 890", "don't DON'T",
    "def f(x):\n    return x\n\n\n", "<|endoftext|> </s> <unk> <s>", "▁under ⁀tie ##x", "a" * 3000,
]  # fmt: skip
WAYS = [
    Training(model, 576, digits, whitespace, ("<|a|>",))
    for model in ("bpe", "unigram", "wordpiece")
    for digits, whitespace in (("runs", "runs"), ("single", "lines"), ("triples", "lines"))
]
TRAINED = {way: train(SAMPLE, way) for way in WAYS}


def numbers(encoding: Encoding, text: str) -> list[int]:
    return list(load(encoding.json).encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.model}-{way.digits}")
def test_the_bytes_of_the_tokens_are_the_bytes_of_the_text(way: Training) -> None:
    encoding = TRAINED[way]
    lengths = token_bytes(encoding.json)

    @settings(max_examples=40)
    @given(st.text(max_size=60))
    def holds(text: str) -> None:
        tokens = numbers(encoding, text)
        assert lengths[tokens].sum() == len(text.encode())
        assert load(encoding.json).decode(tokens, skip_special_tokens=False) == text
        assert encoding.eos not in tokens

    holds()
    for text in (*ODD, *SAMPLE):
        holds.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.model}-{way.digits}")
def test_special_tokens_come_first_and_the_vocabulary_is_kept(way: Training) -> None:
    tokenizer = load(TRAINED[way].json)
    assert [tokenizer.token_to_id(token) for token in ("<|endoftext|>", "<|a|>")] == [0, 1]
    assert TRAINED[way].vocabulary <= 576 and TRAINED[way].vocabulary % 64 == 0


def test_digits_and_line_breaks_are_cut_as_asked() -> None:
    def parts(way: Training, text: str) -> list[str]:
        pre = load(TRAINED[way].json).pre_tokenizer
        assert pre is not None
        return [part.replace("Ġ", " ").replace("Ċ", "\n") for part, _ in pre.pre_tokenize_str(text)]

    runs, single, triples = WAYS[:3]
    assert parts(runs, "in 12345") == ["in", " 12345"]
    assert parts(single, "in 12345") == ["in", " ", "1", "2", "3", "4", "5"]
    assert parts(triples, "in 12345") == ["in", " ", "123", "45"]
    assert parts(runs, "a\n\n   b") == ["a", "\n\n  ", " b"]
    assert parts(triples, "a\n\n   b") == ["a", "\n\n", "  ", " b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "words"}, {"digits": "2"}, {"whitespace": "x"}, {"vocabulary": 330},
        {"vocabulary": 64}, {"special": ("<|endoftext|>",)}, {"special": ("a", "a")},
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        Training(**wrong)


def spm(kind: str, normalization: str, fallback: bool, in_front: bool, one_space: bool) -> bytes:
    """A model of SentencePiece's own trainer."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter("\n".join(SAMPLE).split("\n")), model_writer=written,
        model_type=kind, vocab_size=400 if fallback else 140, normalization_rule_name=normalization,
        byte_fallback=fallback, add_dummy_prefix=in_front, remove_extra_whitespaces=one_space,
        user_defined_symbols=["▁▁"] if fallback else [], minloglevel=3,
    )  # fmt: skip
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "normalization", "fallback", "in_front", "one_space"),
    [
        ("bpe", "identity", True, True, False),  # Llama 2
        ("bpe", "identity", True, False, False),  # Gemma
        ("bpe", "nmt_nfkc", False, True, True),
        ("unigram", "nmt_nfkc", False, True, True),  # T5
        ("unigram", "identity", True, False, False),
    ],
)
def test_sentencepiece_files_encode_alike(
    kind: str, normalization: str, fallback: bool, in_front: bool, one_space: bool
) -> None:
    content = spm(kind, normalization, fallback, in_front, one_space)
    theirs = sentencepiece.SentencePieceProcessor(model_proto=content)
    ours = load(from_sentencepiece(content))
    for text in (*SAMPLE, *"\n".join(SAMPLE).split("\n"), *ODD):
        if kind == "unigram" and ("<unk>" in text or len(text) > 999):
            continue
        tokens = ours.encode(text, add_special_tokens=False).ids
        wanted = theirs.encode(text)
        if kind == "bpe":
            assert tokens == wanted, text
        else:  # two ways to cut a text may have equal scores
            scores = [math.fsum(map(theirs.get_score, found)) for found in (tokens, wanted)]
            assert scores[0] == pytest.approx(scores[1]), text
            assert theirs.decode(tokens) == theirs.decode(wanted)
        if fallback and text:
            json = ours.to_str()
            lost = sum(3 - 1 for char in text if char == "▁")
            assert token_bytes(json)[tokens].sum() == len(text.encode()) + put_in_front(json) - lost


def test_tiktoken_files_encode_alike() -> None:
    trained = load(TRAINED[WAYS[2]].json)
    spelt = {char: byte for byte, char in enumerate(_spelling())}
    words = {
        bytes(spelt[char] for char in token): number
        for token, number in trained.get_vocab(with_added_tokens=False).items()
        if number > 1
    }
    ranks = {word: rank for rank, word in enumerate(sorted(words, key=lambda word: words[word]))}
    known = PUBLISHED[100_256]
    theirs = tiktoken.Encoding(
        "x", pat_str=known.pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 900}
    )
    json = as_json(ranks, Published(known.pattern, {"<|endoftext|>": 900}))
    assert load(json).token_to_id("<|endoftext|>") == 900
    assert Encoding(json, 900).vocabulary == 960

    @settings(max_examples=60)
    @given(st.text(max_size=60))
    def alike(text: str) -> None:
        tokens = load(json).encode(text, add_special_tokens=False).ids
        assert tokens == theirs.encode(text, disallowed_special=())
        assert token_bytes(json)[tokens].sum() == len(text.encode())

    alike()
    for text in (*ODD, *SAMPLE):
        alike.hypothesis.inner_test(text)  # type: ignore[attr-defined]


def test_the_kind_of_a_file_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(spm("bpe", "identity", True, True, False))
    assert read(str(path)).eos == 2
    single = [(bytes([byte]), byte) for byte in range(256)]
    lines = [base64.b64encode(token) + b" " + str(rank).encode() for token, rank in single]
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match="a tiktoken file of 256 tokens is none of the published"):
        read(str(path))
    for content in (b"", b"\x00\x01", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"text"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"neither a tokenizer.json nor"):
            read(str(path))


@settings(max_examples=60)
@given(st.binary(max_size=80))
def test_no_bytes_are_more_than_one_line_of_error(content: bytes) -> None:
    for reader in (from_sentencepiece, from_tiktoken):
        with pytest.raises(ValueError, match=r"."):
            reader(content)


def _spelling() -> list[str]:
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]
