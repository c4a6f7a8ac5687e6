"""Shard bytes against a golden vector, and tokenizers that lose no byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from curate.tokens import Tokenize
from curate.tokens.formats import Folder
from curate.tokens.order import place
from curate.tokens.shards import index_bytes, write_shard
from curate.tokens.tokenizer import END, Training, load, read, train

DOCUMENTS = ([10, 11, 12, 0], [20, 0], [30, 31, 0])
PAYLOAD = bytes.fromhex("0a000b000c000000 14000000 1e001f000000")
INDEX = bytes.fromhex(
    "4d4d494449445800 00 0100000000000000 08 0300000000000000 0400000000000000"
    "04000000 02000000 03000000"
    "0000000000000000 0800000000000000 0c00000000000000"
    "0000000000000000 0100000000000000 0200000000000000 0300000000000000"
)
SAMPLE = ["the quick brown fox jumps over the lazy dog " * 20, "naïve café 中文 " * 20]
SMALL = Training(vocabulary=384)
TRAINED = train(SAMPLE, SMALL)


def test_golden_shard(tmp_path: Path) -> None:
    tokens = [np.array(document, "uint16").tobytes() for document in DOCUMENTS]
    shard, index = write_shard(tokens, Folder.at(str(tmp_path)), "train-00000", "uint16")
    assert (tmp_path / "train-00000.bin").read_bytes() == PAYLOAD
    assert (tmp_path / "train-00000.idx").read_bytes() == INDEX
    assert shard.sha256 == hashlib.sha256(PAYLOAD).hexdigest()
    assert index.sha256 == hashlib.sha256(INDEX).hexdigest() and index.bytes == len(INDEX)
    assert (shard.file, shard.documents, shard.tokens, shard.bytes) == ("train-00000.bin", 3, 9, 18)


def test_four_byte_tokens_and_empty_shards() -> None:
    index = index_bytes([2, 1], "int32")
    assert index[17] == 4
    assert np.frombuffer(index, "<i8", 2, 34 + 8).tolist() == [0, 8]
    assert len(index_bytes([], "uint16")) == 42


def test_offsets_beyond_32_bits() -> None:
    index = index_bytes([2**30, 2**30, 1], "int32")
    assert np.frombuffer(index, "<i8", 3, 34 + 12).tolist() == [0, 2**32, 2**33]


def test_a_failed_attempt_leaves_nothing(tmp_path: Path) -> None:
    def documents() -> Iterator[bytes]:
        yield b"\0\0"
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        write_shard(documents(), Folder.at(str(tmp_path)), "train-00000", "uint16")
    assert list(tmp_path.iterdir()) == []


def test_trained_tokenizer() -> None:
    tokenizer = load(TRAINED.json)
    assert tokenizer.token_to_id(END) == TRAINED.eos == 0
    assert TRAINED.vocabulary % 64 == 0
    assert tokenizer.get_vocab_size() <= TRAINED.vocabulary <= 384
    assert TRAINED.dtype == "uint16"
    assert train(reversed(SAMPLE), SMALL).sha256 == TRAINED.sha256


@given(st.text())
def test_token_bytes_are_the_texts_bytes(text: str) -> None:
    tokenizer = load(TRAINED.json)
    text = text.encode("utf-8", "replace").decode()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert sum(len(tokenizer.id_to_token(number) or "") for number in ids) == len(text.encode())
    assert tokenizer.decode(ids) == text


def test_text_never_becomes_the_end_token() -> None:
    ids = load(TRAINED.json).encode(f"a {END} b", add_special_tokens=False).ids
    assert TRAINED.eos not in ids


def test_loading_a_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(TRAINED.json)
    assert read(str(path)) == TRAINED
    assert read(str(path), "the").eos == load(TRAINED.json).token_to_id("the")
    with pytest.raises(InputError, match="has no token </nothing>"):
        read(str(path), "</nothing>")
    path.write_text("{}")
    with pytest.raises(InputError, match="neither a tokenizer.json"):
        read(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read(str(tmp_path / "gone.json"))


def test_places_depend_on_id_seed_and_copy() -> None:
    places = {
        place(identity, seed, copy) for identity in "ab" for seed in (0, 1) for copy in (0, 1)
    }
    assert len(places) == 8
    assert all(-(2**63) <= value < 2**63 for value in places)


@pytest.mark.parametrize("wrong", [{"vocabulary": 1000}, {"vocabulary": 256}, {"shard_tokens": 0}])
def test_impossible_parameters(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Tokenize(**wrong)  # type: ignore[arg-type]
    assert Tokenize().inputs() == ()
    assert Tokenize("a/tokenizer.json").inputs() == ("a/tokenizer.json",)
