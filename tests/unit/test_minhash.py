"""Shingles, signatures, bands and the order of documents: golden values and datasketch itself."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from datasketch import MinHash
from datasketch.lsh import _optimal_param
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup import Dedup
from curate.dedup.marks import Banding, exact_key, marker, node
from curate.dedup.minhash import band_keys, candidate_probability, optimal_bands, signature
from curate.dedup.shingles import hash64, ngrams, words
from curate.document import Document, batches


def test_signature_is_the_published_one() -> None:
    shingles = {"a b c d e", "b c d e f", "c d e f g"}
    assert signature(hash64(shingles), 8, seed=1).tolist() == [
        1602166042, 426186007, 733713034, 1317719442, 2454528589, 591785396, 355723734, 882847082,
    ]  # fmt: skip
    assert signature(hash64({"naïve café 中 文 x"}), 4, seed=42).tolist() == [
        894746630, 2275803931, 239393128, 2090100592,
    ]  # fmt: skip


@given(st.sets(st.text(), min_size=1, max_size=40), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_signature_equals_datasketch(shingles: set[str], permutations: int, seed: int) -> None:
    theirs = MinHash(permutations, seed)
    theirs.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in shingles])
    ours = signature(hash64(shingles), permutations, seed)
    assert ours.dtype == theirs.hashvalues.dtype
    assert np.array_equal(ours, theirs.hashvalues)


def test_long_documents_are_signed_in_blocks() -> None:
    shingles = [f"shingle {number}" for number in range(5000)]
    theirs = MinHash(16, 3)
    theirs.update_batch([shingle.encode() for shingle in shingles])
    assert np.array_equal(signature(hash64(shingles), 16, 3), theirs.hashvalues)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("weight", [0.5, 0.9])
def test_bands_are_datasketchs_optimum(threshold: float, weight: float) -> None:
    assert optimal_bands(threshold, 64, weight) == _optimal_param(threshold, 64, 1 - weight, weight)


def test_known_optimum() -> None:
    assert optimal_bands(0.8, 128) == (9, 13)
    assert optimal_bands(0.8, 128, 0.9) == (14, 9)


def test_bands_propose_pairs_as_the_curve_says() -> None:
    draw = np.random.RandomState(1)
    found = expected = 0.0
    for _ in range(400):
        ours = draw.randint(0, 2**63, 200).astype(np.uint64)
        theirs = np.concatenate([ours[:178], draw.randint(0, 2**63, 22).astype(np.uint64)])
        keys = [band_keys(signature(np.unique(h), 128, 1), 14, 9) for h in (ours, theirs)]
        found += bool((keys[0] == keys[1]).any())
        expected += candidate_probability(178 / 222, 14, 9)
    assert abs(found - expected) < 4 * (400 * 0.87 * 0.13) ** 0.5


def test_words_and_ngrams() -> None:
    assert words("Don’t STOP -- it's 中文!") == ["don", "t", "stop", "it", "s", "中", "文"]
    assert ngrams(["a", "b", "c"], 5) == set()
    assert ngrams(["a", "b", "a", "b"], 2) == {"a b", "b a"}
    assert len(hash64([])) == 0


def test_short_texts_have_no_bands() -> None:
    banding = Banding(ngram_words=5, permutations=16, bands=4, rows=4, seed=1)
    bands, shingles = banding("only eight words are here in this text")
    assert len(bands) == len(shingles) == 0
    bands, shingles = banding("with nine words there are five runs of five")
    assert len(bands) == 4
    assert len(shingles) == 5


def test_exact_key_forgives_case_and_space_only() -> None:
    assert exact_key("One\n two ") == exact_key("one TWO")
    assert exact_key("One two.") != exact_key("one two")
    assert exact_key(" \n") is None


def test_nodes_sort_the_preferred_document_first() -> None:
    def document(id: str, text: str, split: str = "train", day: int | None = None) -> Document:
        fetched = None if day is None else datetime(2024, 1, day, tzinfo=UTC)
        return Document(id, "s", "o", text=text, fetched=fetched, labels={"split": split})

    best = [
        document("d", "short", "heldout", 1),
        document("a", "the longest", day=2),
        document("c", "same len", day=3),
        document("e", "same len"),
    ]
    assert sorted(best, key=lambda row: node(row, ("heldout", "longest"))) == best
    by_date = sorted(best, key=lambda row: node(row, ("newest",)))
    assert [row.id for row in by_date] == ["c", "a", "d", "e"]
    assert [row.id for row in sorted(best, key=lambda row: node(row, ("oldest",)))] == [
        "d", "a", "c", "e",
    ]  # fmt: skip


def test_marks_of_a_batch() -> None:
    rows = [Document("a", "s", "o", text="one two"), Document("b", "s", "o", text=None)]
    rows.append(Document("c", "s", "o", text=" ".join(map(str, range(50)))))
    banding = Banding(5, 16, 4, 4, 1)
    (marks,) = marker(("longest",), banding)(iter(batches(rows)))
    assert marks.column("key").null_count == 1
    assert [value and len(value) for value in marks.column("bands").to_pylist()] == [None, None, 4]
    assert marks.column("shingles").to_pylist()[2] == sorted(
        hash64(ngrams(words(rows[2].text or ""), 5)).view(np.int64).tolist(),
        key=lambda value: value % 2**64,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0},
        {"bands": 3},
        {"bands": 20, "rows": 10},
        {"ngram_words": 0},
        {"bands": 0, "rows": 3},
    ],
)
def test_impossible_parameters(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Dedup(**wrong)  # type: ignore[arg-type]
