"""MinHash as published tools compute it: their own golden vectors, datasketch itself, brute force."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.signatures.permutations import (
    affine_signatures,
    mersenne_signatures,
    prime32_signatures,
)
from curate.dedup.signatures.published import PUBLISHED
from curate.dedup.signatures.sha1 import digests
from curate.dedup.signatures.shingles import of_bytes, of_words
from curate.errors import MissingError

GOLDEN = json.loads((Path(__file__).parents[1] / "cases/minhash/published.json").read_text("utf-8"))
RUNS = [(name, run) for name, mode in GOLDEN["modes"].items() for run in mode["runs"]]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def offsets_of(sizes: list[int]) -> Any:
    return np.cumsum([0, *sizes])


def packed(messages: list[bytes]) -> tuple[Any, Any, Any]:
    shingles = of_bytes([messages])
    return shingles.buffer, shingles.starts, shingles.ends


def sha1_first(messages: list[bytes]) -> list[int]:
    return [int.from_bytes(hashlib.sha1(each).digest()[:8], "little") for each in messages]


def test_every_mode_has_golden_vectors() -> None:
    assert set(PUBLISHED) == set(GOLDEN["modes"])
    for name, mode in PUBLISHED.items():
        default = GOLDEN["modes"][name]["runs"][0]
        for parameter in ("n", "seed", "permutations", "bands", "rows"):
            assert getattr(mode, parameter) == default[parameter], (name, parameter)


@pytest.mark.parametrize(("name", "run"), RUNS, ids=[f"{name}-{run['n']}" for name, run in RUNS])
def test_signatures_and_keys_are_the_tools(name: str, run: dict[str, Any]) -> None:
    mode = PUBLISHED[name]
    for label, expected in run["documents"].items():
        shingles = mode.shingles(GOLDEN["texts"][label], run["n"])
        signature = mode.signature(shingles, run["permutations"], run["seed"])
        assert signature.dtype == run["dtype"]
        if expected is None or expected == "empty":
            assert not shingles, label
            assert set(signature.tolist()) == {signature[0]}
            continue
        assert signature[:3].tolist() == expected["first"], label
        little_endian = signature.astype(signature.dtype.newbyteorder("<"))
        assert digest(little_endian.tobytes()) == expected["signature"], label
        keys = mode.keys(signature, run["bands"], run["rows"])
        assert keys[0].hex() == expected["key"], label
        assert digest(b"".join(keys)) == expected["keys"], label


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_batch_is_its_documents(name: str) -> None:
    mode = PUBLISHED[name]
    texts = [*GOLDEN["texts"].values(), "", "an unpaired \ud800 surrogate in a text"]
    together = mode.signatures(mode.shingled(texts, 3), 20, mode.seed)
    alone = [mode.signature(mode.shingles(text, 3), 20, mode.seed) for text in texts]
    assert np.array_equal(together, np.array(alone))


@given(
    st.lists(st.lists(st.binary(max_size=80), max_size=20), max_size=3),
    st.integers(1, 150),
    st.integers(0, 2**32 - 1),
)
def test_datasketch_itself(documents: list[list[bytes]], permutations: int, seed: int) -> None:
    for name, scheme in (("datasketch", "affine32"), ("datasketch-1", "legacy")):
        ours = PUBLISHED[name].signatures(of_bytes(documents), permutations, seed)
        assert len(ours) == len(documents)
        for mine, shingles in zip(ours, documents, strict=True):
            theirs = MinHash(permutations, seed, scheme=scheme)
            theirs.update_batch(shingles)
            assert mine.dtype == theirs.hashvalues.dtype
            assert np.array_equal(mine, theirs.hashvalues)


def test_documents_longer_than_a_block_and_empty_ones() -> None:
    sizes = [0, 3, 40_000, 0, 0, 1, 20_000, 12_768, 0]
    hashes = np.random.default_rng(0).integers(0, 1 << 32, sum(sizes), dtype=np.uint32)
    offsets = offsets_of(sizes)
    schemes: list[Any] = [
        affine_signatures,
        prime32_signatures,
        lambda *given: mersenne_signatures(*given, interleaved=True, bits=32),
        lambda *given: mersenne_signatures(*given, interleaved=False, bits=64),
    ]
    for scheme in schemes:
        found = scheme(hashes, offsets, 5, 1)
        for at, size in enumerate(sizes):
            own = hashes[offsets[at] : offsets[at + 1]]
            assert np.array_equal(found[at], scheme(own, offsets_of([size]), 5, 1)[0])
            if size:  # the smallest of each hash's own signature
                each = scheme(own[:500], np.arange(min(size, 500) + 1), 5, 1).min(axis=0)
                assert (found[at] <= each).all()
                assert size > 500 or np.array_equal(found[at], each)


def test_mersenne_remainders_at_the_edges() -> None:
    hashes = np.array([0, 1, 2**32 - 1, 2**61 - 2, 2**61 - 1, 2**61, 2**64 - 1], np.uint64)
    one_each = np.arange(len(hashes) + 1)
    found = mersenne_signatures(hashes, one_each, 50, 3, interleaved=False, bits=64)
    draw, prime = np.random.RandomState(3), (1 << 61) - 1
    a = draw.randint(1, prime, 50, dtype=np.uint64)
    b = draw.randint(0, prime, 50, dtype=np.uint64)
    for mine, value in zip(found.tolist(), hashes.tolist(), strict=True):
        products = [int(x) * value + int(y) for x, y in zip(a, b, strict=True)]
        assert mine == [product % 2**64 % prime for product in products]


@given(st.lists(st.binary(max_size=130), max_size=20))
def test_few_messages_have_their_sha1(messages: list[bytes]) -> None:
    assert digests(*packed(messages)).tolist() == sha1_first(messages)


@pytest.mark.parametrize("longest", [0, 3, 20, 55, 70])
def test_many_messages_have_their_sha1(longest: int) -> None:
    draw = random.Random(longest)
    messages = [draw.randbytes(draw.randint(0, longest)) for _ in range(9000)]
    assert digests(*packed(messages)).tolist() == sha1_first(messages)


def test_lanes_know_every_length_and_overlaps() -> None:
    text = np.frombuffer(bytes(range(256)) * 40, np.uint8)
    starts = np.arange(0, 10_000)
    ends = starts + np.arange(10_000) % 90  # 56 and more take two blocks
    raw = text.tobytes()
    messages = [raw[start:end] for start, end in zip(starts, ends, strict=True)]
    assert digests(text, starts, ends).tolist() == sha1_first(messages)
    backwards = digests(text, starts[::-1], ends[::-1])
    assert backwards.tolist() == sha1_first(messages)[::-1]


@given(st.lists(st.lists(st.text(max_size=4), max_size=8), max_size=5), st.integers(1, 5))
def test_runs_of_words(documents: list[list[str]], length: int) -> None:
    """Words with spaces in them and unpaired surrogates included."""
    shingles = of_words(documents, length)
    raw, found = shingles.buffer.tobytes(), []
    for first, last in zip(shingles.offsets[:-1], shingles.offsets[1:], strict=True):
        spans = zip(shingles.starts[first:last], shingles.ends[first:last], strict=True)
        found.append([raw[start:end].decode("utf-8", "surrogatepass") for start, end in spans])
    assert found == [
        [" ".join(words[at : at + length]) for at in range(len(words) - length + 1)]
        for words in documents
    ]


def test_modes_travel_to_workers() -> None:
    for name, mode in pickle.loads(pickle.dumps(PUBLISHED)).items():
        shingles = mode.shingles(GOLDEN["texts"]["english"], 2)
        assert mode.keys(mode.signature(shingles, 4, 1), 2, 2) == PUBLISHED[name].keys(
            PUBLISHED[name].signature(shingles, 4, 1), 2, 2
        )


def test_text_dedup_hashes_a_short_document_whole() -> None:
    mode = PUBLISHED["text-dedup-0.4"]
    assert mode.shingles("One, two three four", 9) == [b"one  two three four"]
    assert mode.shingles("one two three four", 9) == []
    assert mode.shingles("a b a b a b", 2) == [b"a b", b"b a"]
    assert replace(mode, distinct=False).shingles("a b a b a", 2) == [b"a b", b"b a"] * 2


def test_a_missing_tokeniser_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.dedup.signatures import published

    monkeypatch.setitem(sys.modules, "regex", None)
    published._pattern.cache_clear()
    with pytest.raises(
        MissingError, match=r"^MinHash as text-dedup needs regex: pip install regex$"
    ):
        PUBLISHED["text-dedup"].shingles("a", 1)
