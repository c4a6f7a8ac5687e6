"""Repeated runs of words against brute force: a sequential reading of the corpus with a dictionary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.code_points import mixed
from curate.dedup.substrings import fingerprints as module
from curate.dedup.substrings.fingerprints import (
    Stream,
    fingerprints,
    run_hashes,
    streams,
    tokens,
    windows,
)
from curate.dedup.substrings.passes import parse_holes, remove_spans
from curate.dedup.substrings.step import DedupSubstrings
from curate.document import Document

Corpus = list[list[str]]
ALPHABETS = st.sampled_from(["a", "ab", "abc", "abcdef"])
NONE = np.zeros(0, np.int64)


def plain_streams(texts: Sequence[str], length: int) -> Iterator[Stream]:
    """Of one scope, without borders."""
    return streams(texts, [NONE] * len(texts), np.zeros(len(texts), np.uint64), length)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[Corpus, int]:
    """Documents over a tiny alphabet, with copies of parts of each other, and a window."""
    letters = st.sampled_from(draw(ALPHABETS))
    rows: Corpus = []
    for _ in range(draw(st.integers(1, 7))):
        row = draw(st.lists(letters, max_size=14))
        for other in draw(st.lists(st.sampled_from(rows), max_size=2)) if rows else []:
            begin = draw(st.integers(0, len(other)))
            at = draw(st.integers(0, len(row)))
            row[at:at] = other[begin : begin + draw(st.integers(0, 14))]
        rows.append(row)
    return rows, draw(st.integers(1, 6))


def greedy(rows: Corpus, length: int) -> list[list[bool]]:
    """What goes, word by word, read best document first: the definition, one window at a time."""
    gone = [[False] * len(row) for row in rows]
    seen: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, row in enumerate(rows):
        for place in range(len(row) - length + 1):
            window = tuple(row[place : place + length])
            if any(
                (other < number or begin + length <= place)
                and not any(gone[other][begin : begin + length])
                for other, begin in seen[window]
            ):
                gone[number][place : place + length] = [True] * length
            seen[window].append((number, place))
    return gone


def in_rounds(rows: Corpus, length: int) -> list[list[bool]]:
    """The same decided in rounds over the windows whose fingerprint repeats, without Spark."""
    texts = [" ".join(row) for row in rows]
    parts = list(plain_streams(texts, length))
    chosen = np.concatenate([NONE.astype(np.uint64), *(fingerprints(p, length)[1] for p in parts)])
    hashes, copies = np.unique(chosen, return_counts=True)
    found = []
    for part in parts:
        places, high, low = windows(part, length, hashes[copies > 1])
        owner, place = part.owner[places], part.place[places]
        columns = (high.tolist(), low.tolist(), owner.tolist(), place.tolist())
        found += [((h, lo), o, p) for h, lo, o, p in zip(*columns, strict=True)]
    gone = [[False] * len(row) for row in rows]
    while found:
        found, went = one_round(sorted(found, key=lambda row: row[1:]), gone, length)
        for number, place in went:
            gone[number][place : place + length] = [True] * length
    return gone


def one_round(
    found: list[tuple[tuple[int, int], int, int]], gone: list[list[bool]], length: int
) -> tuple[list[tuple[tuple[int, int], int, int]], list[tuple[int, int]]]:
    """(what is undecided, what goes) of the windows (content, document, place)."""
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for content, number, place in found:
        if not any(gone[number][place : place + length]):
            first.setdefault(content, (number, place))
    behind = [
        (content, number, place)
        for content, number, place in found
        if content in first
        and (number > first[content][0] or number == first[content][0] and place >= first[content][1] + length)
    ]  # fmt: skip
    pending = {(n, p + d) for _, n, p in behind for d in range(length)}
    contents = {content for content, _, _ in behind}
    unsure = {
        content
        for content in contents
        if any((first[content][0], first[content][1] + d) in pending for d in range(length))
    }
    rest = [row for row in found if row[0] in unsure]
    return rest, [(n, p) for content, n, p in behind if content not in unsure]


def kept_pieces(rows: Corpus, gone: list[list[bool]]) -> Corpus:
    """What is left between the holes."""
    pieces: Corpus = []
    for row, marks in zip(rows, gone, strict=True):
        pieces.append([])
        for word, goes in zip(row, marks, strict=True):
            if goes:
                pieces.append([])
            else:
                pieces[-1].append(word)
    return pieces


@given(corpora())
def test_rounds_are_the_sequential_reading(case: tuple[Corpus, int]) -> None:
    rows, length = case
    assert in_rounds(rows, length) == greedy(rows, length)


@given(corpora())
def test_what_goes_is_still_there_and_nothing_stands_twice(case: tuple[Corpus, int]) -> None:
    rows, length = case
    gone = greedy(rows, length)
    left = kept_pieces(rows, gone)
    whole = [tuple(p[i : i + length]) for p in left for i in range(len(p) - length + 1)]
    for row, marks in zip(rows, gone, strict=True):
        covered = [False] * len(row)
        for place in range(len(row) - length + 1):
            if all(marks[place : place + length]) and tuple(row[place : place + length]) in whole:
                covered[place : place + length] = [True] * length
        assert covered == marks, "a word went that stands in no window that stayed"
    assert not any(map(any, greedy(left, length))), "a second reading finds something"


def test_repetition_in_a_document_keeps_one_window() -> None:
    assert greedy([["a"] * 20], 4) == in_rounds([["a"] * 20], 4) == [[False] * 4 + [True] * 16]
    row = list("abc") * 6
    kept = [not goes for goes in in_rounds([row], 5)[0]]
    assert sum(kept) == 6 and all(kept[:6])


@given(corpora())
def test_equal_windows_share_a_chosen_run_at_the_same_place(case: tuple[Corpus, int]) -> None:
    rows, length = case
    texts = [" ".join(row) for row in rows]
    for part in plain_streams(texts, length):
        places, hashes = fingerprints(part, length)
        chosen = dict(zip(places.tolist(), hashes.tolist(), strict=True))
        shared: dict[tuple[int, ...], set[tuple[int, int]]] = {}
        for start in np.flatnonzero(part.left >= length).tolist():
            window = tuple(part.hashes[start : start + length].tolist())
            inside = {(p - start, chosen[p]) for p in range(start, start + length) if p in chosen}
            shared[window] = shared.get(window, inside) & inside
        assert all(shared.values())


def test_winnowing_chooses_few() -> None:
    draw = np.random.default_rng(0)
    (part,) = plain_streams([" ".join(map(str, draw.integers(0, 10**9, 20000)))], 50)
    places, _ = fingerprints(part, 50)
    assert len(places) / 20000 == pytest.approx(2 / 27, rel=0.05)


@given(st.lists(st.text(alphabet=" \n\u3000\tab.東の\ud800\0\u00e9", max_size=30), max_size=6))
def test_words_are_those_of_a_plain_loop_in_any_packing(texts: list[str]) -> None:
    spaced = ["".join(f" {c} " if c in "東の" else c for c in text).split() for text in texts]
    for text, words in zip(texts, spaced, strict=True):
        found = tokens(text)
        pairs = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
        assert [text[a:b] for a, b in pairs] == words
    apart = [mixed(tokens(text).hashes).tolist() for text in texts]
    together: list[list[int]] = [[] for _ in texts]
    for part in plain_streams(texts, 1):
        for owner, value in zip(part.owner.tolist(), part.hashes.tolist(), strict=True):
            together[owner].append(value)
    assert together == apart
    of_word = {(word, value) for ws, vs in zip(spaced, apart, strict=True) for word, value in zip(ws, vs, strict=True)}  # fmt: skip
    assert len(of_word) == len(dict(of_word)) == len({value for _, value in of_word})


def test_a_long_text_in_blocks_is_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"w{n * n % 97}" for n in range(400)]
    texts = [" ".join(words), " ".join(words[100:200]), "", "東" * 150]
    whole = summary(texts)
    monkeypatch.setattr(module, "BLOCK_CHARS", 64)
    monkeypatch.setattr(module, "BLOCK_WORDS", 16)
    assert summary(texts) == whole


def summary(texts: Sequence[str]) -> set[tuple[int, ...]]:
    """Every window with its place and hashes, and every fingerprint."""
    found: set[tuple[int, ...]] = set()
    for part in plain_streams(texts, 9):
        everything = fingerprints(part, 9)[1]
        places, high, low = windows(part, 9, everything)
        columns = (part.owner[places], part.place[places], high, low)
        found |= set(zip(*(column.tolist() for column in columns), strict=True))
        chosen, hashes = fingerprints(part, 9)
        columns = (part.owner[chosen], part.place[chosen], hashes)
        found |= set(zip(*(column.tolist() for column in columns), strict=True))
    return found


def test_windows_end_at_borders() -> None:
    salts = np.zeros(2, np.uint64)
    texts = ["a b c d e f", "g h i"]
    (part,) = streams(texts, [np.array([2, 9]), np.array([1])], salts, 2)
    assert part.left.tolist() == [2, 1, 4, 3, 2, 1, 1, 2, 1]
    assert part.place.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]


def test_texts_of_different_salts_have_nothing_in_common() -> None:
    salts = np.array([0, 7, 7], np.uint64)
    (part,) = streams(["a b c d"] * 3, [NONE] * 3, salts, 3)
    first, second, third = part.hashes.reshape(3, 4).tolist()
    assert second == third and not set(first) & set(second)


def test_runs_of_structured_words_do_not_collide() -> None:
    """Thue-Morse words, for which any polynomial modulo 2^64 gives equal hashes at this length."""
    bits = np.array([n.bit_count() & 1 for n in range(4096)], np.uint64)
    one, other = run_hashes(bits, 4096), run_hashes(np.uint64(1) - bits, 4096)
    assert one.tolist() != other.tolist()
    small = np.array([n % 7 for n in range(5000)], np.uint64)
    assert len(np.unique(run_hashes(small, 50))) == 7


def removed(text: str, *spans: tuple[int, int], min_words: int = 0, **labels: str) -> Document:
    document = Document("me", "s", "o", text=text, labels=labels)
    remove_spans(document, list(spans), "root", "d", min_words)
    return document


def test_the_rest_stays_byte_for_byte() -> None:
    row = removed(" One  two.\n\n\tThree four.\n\nFive\u00a0six \n", (2, 4))
    assert row.text == " One  two.\n\nFive\u00a0six \n"
    assert row.labels["d.removed"] == "Three four." and row.labels["d.duplicate_of"] == "root"
    assert row.labels["d.holes"] == "2" and row.drop is None
    assert 0 < row.signals["d.removed_ratio"] < 1
    assert removed("東京都大阪府", (2, 4)).text == "東京阪府"


def test_little_left_drops_the_document_and_keeps_its_text() -> None:
    row = removed("a b c d e f", (0, 4), min_words=3)
    assert (row.drop, row.text) == ("d.empty", "a b c d e f")
    assert "d.holes" not in row.labels and row.signals["d.removed_ratio"] > 0.5
    assert removed("a b", (0, 2)).drop == "d.empty"
    assert removed("a b c d e f", (0, 3), min_words=3).drop is None
    assert len(removed("x" * 1000 + " b", (0, 1)).labels["d.removed"]) == 300


def test_holes_of_an_earlier_run_move() -> None:
    row = removed("a b c d e f g h i j", (2, 4), (6, 7), **{"d.holes": "1,3,8"})
    assert row.labels["d.holes"] == "1,2,4,5"
    for wrong in (None, "", "x", "1,", "-1", "²", "9" * 30):
        assert len(parse_holes(wrong)) == 0


def test_empty_streams() -> None:
    assert list(plain_streams([], 5)) == []
    assert all(len(fingerprints(part, 5)[0]) == 0 for part in plain_streams(["", "a"], 5))
    empty = Stream(NONE.astype(np.uint64), NONE, NONE, NONE)
    assert all(len(array) == 0 for array in windows(empty, 5, empty.hashes))


def test_wrong_parameters_are_refused() -> None:
    for wrong in (
        {"length_words": 0}, {"min_words": 51}, {"min_words": -1}, {"scope": "host"},
        {"prefer": ("best",)}, {"rounds": 0},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="must|prefer"):
            DedupSubstrings(**wrong)  # type: ignore[arg-type]
