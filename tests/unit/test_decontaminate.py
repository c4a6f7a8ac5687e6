"""Finding the words of evaluation items in documents, judging, cutting, and the shares of items."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.decontaminate import Decontaminate
from curate.decontaminate.evaluation_sets import Item
from curate.decontaminate.evidence import Cut, Judge, remaining
from curate.decontaminate.index import Index
from curate.decontaminate.indexing import Runs, build_index
from curate.decontaminate.report import shared_with, shares_of_items
from curate.decontaminate.step import distinct_hashes, mark
from curate.decontaminate.units import BLOCK_CHARS, blocks, words
from curate.document import SCHEMA, Document, batches, documents
from curate.errors import InputError

QUESTION = "A farmer has twelve red hens and sells four of them at the market; how many remain?"
PLAIN = "a farmer has twelve red hens and sells four of them at the market how many remain"


def index_of(*items: str, length: int = 13, shortest: int = 8, by_chars: bool = False) -> Index:
    read = [Item("eval.jsonl", number, (item,)) for number, item in enumerate(items, 1)]
    return build_index(read, Runs(length, shortest, by_chars))


def judged(texts: Sequence[str | None], index: Index, judge: Judge | None = None) -> list[Document]:
    """The documents as the step leaves them."""
    rows = [Document(str(n), "s", f"o{n}", text=text) for n, text in enumerate(texts)]
    marked = [part for batch in batches(rows) for part in mark(batch, index, judge or Judge())]
    assert all(part.schema == SCHEMA for part in marked)
    return [row for part in marked for row in documents(part)]


def overlap(text: str, *items: str, judge: Judge | None = None, **runs: int) -> Document:
    return judged([text], index_of(*items, **runs), judge)[0]


def test_a_copied_question_is_found_and_shown() -> None:
    document = overlap(f"Some page. {QUESTION.upper()} Bye.", "unrelated " * 20, QUESTION)
    assert document.drop == "decontaminate.ngram"
    assert document.labels["decontaminate.match"] == "eval.jsonl:2"
    assert document.labels["decontaminate.text"] == QUESTION.upper().rstrip("?")
    assert document.signals["decontaminate.matches"] == 5
    assert document.signals["decontaminate.items"] == 1
    assert document.signals["decontaminate.item_ratio"] == 1
    assert document.signals["decontaminate.document_ratio"] == pytest.approx(82 / 100, abs=0.02)


def test_twelve_shared_words_are_not_enough() -> None:
    twelve = "A farmer has twelve red hens and sells four of them at"
    assert overlap(f"{twelve} a fair", QUESTION).drop is None
    assert overlap(f"{twelve} the fair", QUESTION).drop == "decontaminate.ngram"


def test_short_items_match_as_a_whole_and_tiny_ones_never() -> None:
    eight = "who wrote the first book about this island"
    assert overlap(f"so, {eight}? nobody", eight).drop == "decontaminate.ngram"
    assert overlap("who wrote the first book about this", eight).drop is None
    index = build_index(
        [Item("e", 1, ("two words", eight)), Item("e", 2, ("two words",))], Runs(13, 8)
    )
    assert index.item_runs.tolist() == [1, 0]


@pytest.mark.parametrize(
    "copy",
    [
        "A FARMER has\ttwelve red hens, and sells four of them (at the market): how many remain",
        "A fármer has twelve re\u00add hens and sells four of them at the market. How many remain",
        "A fa\u0301rmer has twelve ｒｅｄ hens & and sells four of them at the market. How many remain".replace("& ", ""),
        "A farmer has twelve red hens and sells four\n\nof them at the market... how many remain",
    ],
)  # fmt: skip
def test_case_accents_and_punctuation_make_no_difference(copy: str) -> None:
    found = overlap(copy, QUESTION)
    assert found.signals["decontaminate.item_ratio"] == 1


def test_numbers_make_a_difference() -> None:
    assert overlap(PLAIN.replace("twelve", "12"), PLAIN.replace("twelve", "13"), length=8).drop == (
        "decontaminate.ngram"
    )
    copy = overlap(PLAIN.replace("red", "12"), PLAIN.replace("red", "13"))
    assert copy.drop is None


def test_runs_never_cross_from_one_document_or_text_to_the_next() -> None:
    half = PLAIN.split()
    first, second = " ".join(half[:8]), " ".join(half[8:])
    assert [row.drop for row in judged([first, second], index_of(QUESTION))] == [None, None]
    apart = build_index([Item("e", 1, (first, second))], Runs(13, 8))
    assert judged([QUESTION], apart)[0].signals["decontaminate.matches"] == 2


def test_scripts_without_spaces_count_by_character() -> None:
    chinese = "农夫有十二只红母鸡在市场上卖了四只"
    assert overlap(f"问:{chinese}。", chinese).signals["decontaminate.item_ratio"] == 1
    assert words("ab中文cd, ไทย") == ["ab", "中", "文", "cd", "ไ", "ท", "ย"]


def test_null_blank_and_broken_texts() -> None:
    texts = [None, "", " \n", "word", "\u0301\u00ad", QUESTION, "!" * 50]
    drops = [row.drop for row in judged(texts, index_of(QUESTION))]
    assert drops == [None] * 5 + ["decontaminate.ngram", None]
    found = index_of(QUESTION).find([f"lone \ud800 surrogate {QUESTION} \udc00"])
    assert len(found.runs) == 5
    assert len(index_of(f"\ud800 {QUESTION}").hashes) == 5


def test_a_batch_without_a_hit_goes_through_as_it_is() -> None:
    batch = next(batches([Document("1", "s", "o", text="nothing of the kind")]))
    assert next(mark(batch, index_of(QUESTION), Judge())) is batch


texts_of_letters = st.lists(st.sampled_from("abcd"), max_size=60)


@given(st.lists(texts_of_letters, max_size=6), st.lists(st.lists(st.sampled_from("abcd"), min_size=3, max_size=30), min_size=1, max_size=4))  # fmt: skip
def test_equals_comparing_the_words_themselves(
    pages: list[list[str]], items: list[list[str]]
) -> None:
    def runs(tokens: list[str], length: int) -> set[tuple[str, ...]]:
        return {tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)}

    index = index_of(*map(" ".join, items), length=7, shortest=5)
    expected = [runs(item, min(len(item), 7)) if len(item) >= 5 else set() for item in items]
    assert index.item_runs.tolist() == list(map(len, expected))
    if not index.sieve.lengths:
        return
    rows = judged([" ".join(page) for page in pages], index)
    for page, row in zip(pages, rows, strict=True):
        shared = [sum(run in runs(page, len(run)) for run in item) for item in expected]
        assert (row.drop is not None) == any(shared)
        if row.drop:
            best = shared.index(max(shared))
            assert row.labels["decontaminate.match"] == f"eval.jsonl:{best + 1}"
            ratio = shared[best] / len(expected[best])
            assert row.signals["decontaminate.item_ratio"] == pytest.approx(ratio)


@given(
    st.lists(st.text("ab -.", max_size=40), max_size=4), st.text("ab -", min_size=20, max_size=40)
)
def test_runs_of_letters_equal_comparing_substrings(pages: list[str], item: str) -> None:
    plain = "".join(filter(str.isalnum, item))
    index = index_of(item, length=25, shortest=1, by_chars=True)
    length = min(25, len(plain))
    wanted = (
        {plain[i : i + length] for i in range(len(plain) - length + 1)} if length >= 20 else set()
    )
    assert len(index.hashes) == len(wanted)
    if not wanted:
        return
    for page, row in zip([*pages, item], judged([*pages, item], index), strict=True):
        letters = "".join(filter(str.isalnum, page))
        assert (row.drop is not None) == any(run in letters for run in wanted)


@given(st.integers(0, 40), st.booleans(), st.booleans())
def test_a_long_text_in_blocks_has_the_same_hits(shift: int, by_chars: bool, spaced: bool) -> None:
    """A passage over the border of two blocks is found once, whole, wherever it stands."""
    filler = "x " if spaced else "x"
    before = filler * (BLOCK_CHARS // len(filler) - shift)
    text = f"{before} {QUESTION} {before}"
    found = index_of(QUESTION, by_chars=by_chars, length=50 if by_chars else 13).find(
        [text, QUESTION]
    )
    by_text = dict(found.by_text())
    offset = len(before) + 1
    assert (by_text[0].starts - offset).tolist() == by_text[1].starts.tolist()
    assert (by_text[0].ends - offset).tolist() == by_text[1].ends.tolist()


def test_a_document_of_many_megabytes_is_read_in_bound_memory() -> None:
    text = ("one fine day the old man went home and slept " * 110_000) + QUESTION
    index = index_of(QUESTION)
    tracemalloc.start()
    found = index.find([text])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.runs) == 5
    assert peak < 30 << 20


def test_containment_asks_for_a_share_of_one_item() -> None:
    half = " ".join(PLAIN.split()[:14])
    whole = Judge("containment", threshold=0.7)
    assert overlap(half, QUESTION).drop == "decontaminate.ngram"
    assert overlap(half, QUESTION, judge=whole).drop is None
    document = overlap(f"{QUESTION} {half}", QUESTION, judge=whole)
    assert document.drop == "decontaminate.containment"
    low = overlap(half, QUESTION, judge=Judge("containment", threshold=0.4))
    assert low.signals["decontaminate.item_ratio"] == pytest.approx(2 / 5)


def test_containment_counts_only_the_items_it_finds() -> None:
    other = "the quick brown fox jumps over the lazy dog and then runs away from all the hunters"
    text = f"{QUESTION} and so on. {' '.join(other.split()[:13])}"
    document = overlap(text, other, QUESTION, judge=Judge("containment", threshold=0.9))
    assert document.signals["decontaminate.items"] == 1
    assert document.signals["decontaminate.matches"] == 5
    assert document.labels["decontaminate.match"] == "eval.jsonl:2"


def test_cutting_leaves_the_pieces_as_one_text() -> None:
    before, after = "This stays here. " * 30, "That stays too. " * 30
    document = overlap(f"{before}{QUESTION} {after}", QUESTION, judge=Judge(cut=Cut(40, 10, 100)))
    assert document.drop is None and document.text is not None
    first, second = document.text.split("\n")
    assert before.startswith(first) and len(before) - 60 < len(first) <= len(before) - 40
    assert after.strip().endswith(second) and len(second) <= len(after) - 40
    assert document.labels["decontaminate.match"] == "eval.jsonl:1"
    whole = len(f"{before}{QUESTION} {after}")
    cut_chars = document.signals["decontaminate.cut_chars"]
    assert cut_chars == whole - len(first) - len(second)


def test_what_is_cut_to_pieces_is_dropped() -> None:
    filler = "Some words in between. " * 20
    page = filler.join([QUESTION] * 4)
    dropped = overlap(page, QUESTION, judge=Judge(cut=Cut(10, 2, 50)))
    assert (dropped.drop, dropped.text) == ("decontaminate.pieces", page)
    assert overlap(page, QUESTION, judge=Judge(cut=Cut(10, 3, 50))).drop is None
    assert overlap(page, QUESTION, judge=Judge(cut=Cut(200, 10, 50))).drop is None
    assert overlap(QUESTION, QUESTION, judge=Judge(cut=Cut())).drop == "decontaminate.short"


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 20)), min_size=1, max_size=5),
    st.integers(0, 10),
)
def test_a_word_goes_if_any_of_it_is_near_a_span(
    lengths: list[int], spans: list[tuple[float, int]], margin: int
) -> None:
    text = " ".join(chr(ord("a") + number) * chars for number, chars in enumerate(lengths))
    starts = [int(place * len(text)) for place, _ in spans]
    ends = [min(start + chars, len(text)) for start, (_, chars) in zip(starts, spans, strict=True)]
    near = {
        i
        for start, end in zip(starts, ends, strict=True)
        for i in range(start - margin, end + margin)
    }
    gone = {text[i] for i in near if 0 <= i < len(text)}
    left = " ".join(remaining(text, np.array([starts, ends]).T, margin))
    assert left.split() == [word for word in text.split() if word[0] not in gone]


def test_the_sieve_passes_every_ngram_of_the_index_once_a_document() -> None:
    index = index_of(QUESTION, "who wrote the first book about this island")
    texts = [None, QUESTION, f"{QUESTION} {QUESTION}", "who wrote the first book about this island"]
    exact = distinct_hashes(texts, index)
    passed = distinct_hashes(texts, index.sieve)
    assert sorted(exact.tolist()) == sorted(h for h in passed.tolist() if h in index.hashes)
    assert len(exact) == 11


def test_an_index_of_what_is_in_the_corpus_finds_the_same() -> None:
    index = index_of(QUESTION, PLAIN + " in the end of the day", "x " * 20)
    part = index.only(distinct_hashes([QUESTION], index.sieve))
    assert 0 < len(part.hashes) < len(index.hashes)
    (whole,), (less,) = judged([QUESTION], index), judged([QUESTION], part)
    assert (whole.signals, whole.labels) == (less.signals, less.labels)
    assert judged([QUESTION], index.only(np.empty(0, np.uint64)))[0].drop is None


def test_shares_of_items_in_the_corpus() -> None:
    index = index_of(QUESTION, "too short", "entirely other words stand here")
    half = " ".join(PLAIN.split()[:14])
    hits = dict(index.find([half]).by_text())[0]
    told = shared_with(half, hits, index)
    assert told["matches"] == 2
    assert told["items"] == [{"item": "eval.jsonl:1", "shared": 2, "share": 0.4, "words": half}]
    shares = shares_of_items(index, np.array(told["ngrams"], np.int64).view(np.uint64))
    assert shares[0] == pytest.approx(0.4)
    assert np.isnan(shares[1])
    assert np.isnan(shares[2])


@pytest.mark.parametrize(
    "given_wrong",
    [
        {"against": ()}, {"shortest_words": 14}, {"threshold": 0.0}, {"threshold": 1.5},
        {"run_chars": 0}, {"margin_chars": -1}, {"most_pieces": 0}, {"least_chars": -1},
        {"ignore_above": 0},
    ],
)  # fmt: skip
def test_impossible_parameters(given_wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Decontaminate(**{"against": ("a.jsonl",), **given_wrong})  # type: ignore[arg-type]


def test_items_that_are_all_too_short_are_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "too short"}\n')
    with pytest.raises(InputError, match="none of the 1 items has 8 words"):
        Decontaminate((str(tmp_path / "a.jsonl"),)).index()


def test_blocks_count_the_places_of_every_text() -> None:
    texts = ["one", None, "two three", "", "four"]
    (units,) = blocks(texts, by_chars=False)
    spans = list(zip(units.texts.tolist(), units.starts.tolist(), units.ends.tolist(), strict=True))
    assert spans == [(0, 0, 3), (2, 0, 3), (2, 4, 9), (4, 0, 4)]
    assert len(set(units.hashes.tolist())) == 4
