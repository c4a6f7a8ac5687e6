"""Runs of words as numbers: which may repeat (winnowing), and which are the same. No Spark in here.

Enters: texts. Leaves: their words as 64-bit hashes, end to end for many texts (`Stream`), of these the
few fingerprints of winnowing, and 128-bit hashes of whole windows. The decision: everything is
arithmetic on arrays over many documents at once, cut into pieces of bounded size, so that a batch of
short texts and one text of 100 MB cost the same for a word.

Winnowing (Schleimer, Wilkerson, Aiken 2003, SIGMOD, doi:10.1145/872757.872770, §3): the smallest hash
of the `length - k + 1` runs of k words inside a window of `length` words is its fingerprint, so equal
windows have equal fingerprints, and about 2 in `length - k + 2` runs are one.

A word is what stands between white space, punctuation included, or one character of a script that puts
no space between words. Two words share a hash with a chance of 2^-64. Runs are hashed by joining two
halves with a mixer that is not linear, in two lanes: among n windows of different words any two share
both with a chance of about n² / 2^129. (A polynomial modulo 2^64 alone has whole
families of collisions, whatever its base: the Thue-Morse sequences.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Table, code_points, mixed, span_hashes, spans
from curate.words import UNSPACED_BLOCKS

UInt64s = NDArray[np.uint64]
Int64s = NDArray[np.int64]
BLOCK_CHARS = 1 << 18
BLOCK_WORDS = 1 << 18
_JOIN = np.uint64(0xD6E8FEB86659FD93)
LANES = (np.uint64(0), np.uint64(0xA0761D6478BD642F))
_PART, _SPACE, _WIDE = 1, 2, 3


@dataclass(frozen=True)
class Tokens:
    """The n words of a text. `starts`, `ends`: (n,) places in it; `hashes`: (n,) of what they are."""

    starts: Int64s
    ends: Int64s
    hashes: UInt64s


@dataclass(frozen=True)
class Stream:
    """The words of some documents, end to end; each array is (n,). `hashes`: of the words; `owner`:
    the number of the document; `place`: the number of the word in it; `left`: words from this one to
    the end of the document, or to a place that no window may span."""

    hashes: UInt64s
    owner: Int64s
    place: Int64s
    left: Int64s


def tokens(text: str) -> Tokens:
    """The words of a text, in blocks of bounded size.

    >>> found = tokens("Hi there, 東京")
    >>> [(a, b) for a, b in zip(found.starts.tolist(), found.ends.tolist())]
    [(0, 2), (3, 9), (10, 11), (11, 12)]
    """
    blocks = [_tokens_of_block(text[start:end], start) for start, end in spans(text, BLOCK_CHARS)]
    return Tokens(
        np.concatenate([block.starts for block in blocks]),
        np.concatenate([block.ends for block in blocks]),
        np.concatenate([block.hashes for block in blocks]),
    )


def streams(
    texts: Sequence[str], borders: Sequence[Int64s], salts: UInt64s, length: int
) -> Iterator[Stream]:
    """All texts, many short ones in a stream, a long one in several that overlap by `length` - 1 words.

    `borders`: for each text the ascending numbers of the words before which a window ends; `salts`:
    for each a number, and texts of different numbers have no hash in common.
    """
    first = 0
    for last in _packs([len(text) for text in texts]):
        if last == first + 1:
            hashes = _long(texts[first])
            counts = np.array([len(hashes)])
        else:
            hashes, counts = _packed(texts[first:last])
        salted = mixed(hashes ^ np.repeat(salts[first:last], counts))
        yield from _slices(_stream(salted, counts, borders[first:last], first), length)
        first = last


def fingerprints(stream: Stream, length: int) -> tuple[Int64s, UInt64s]:
    """(m,) where the chosen runs of `gram_words(length)` words begin, (m,) their hashes."""
    grams, least = _winnow(stream, length)
    width = length - gram_words(length) + 1
    around = np.zeros(len(least) + 2 * (width - 1), np.uint64)
    around[width - 1 : width - 1 + len(least)] = least
    # chosen is what is the smallest of any window it is in: the largest of their minima
    chosen = np.flatnonzero((grams == _over(around, width, np.maximum)[: len(grams)]) & (grams > 0))
    return chosen, grams[chosen]


def windows(stream: Stream, length: int, repeated: UInt64s) -> tuple[Int64s, UInt64s, UInt64s]:
    """The windows whose fingerprint is one of `repeated`: (m,) where they begin, (m,) and (m,) their
    hashes in two lanes."""
    _, least = _winnow(stream, length)
    found = np.flatnonzero(np.isin(least, repeated) & (least > 0))
    high, low = (run_hashes(mixed(stream.hashes ^ lane), length) for lane in LANES)
    return found, high[found], low[found]


def gram_words(length: int) -> int:
    """The k of winnowing: half a window, long enough to be rare, short enough to choose few."""
    return (length + 1) // 2


def run_hashes(hashes: UInt64s, length: int) -> UInt64s:
    """A hash of every run of `length` words: of halves, of halves of halves …, and so the same
    wherever the run stands.

    >>> found = run_hashes(np.array([7, 8, 9, 7, 8, 9], np.uint64), 3)
    >>> len(found), bool(found[0] == found[3]), bool(found[0] == found[1])
    (4, True, False)
    """
    return _over(hashes, length, lambda left, right: mixed(left * _JOIN + right))


def _over(values: UInt64s, width: int, join: Callable[[UInt64s, UInt64s], UInt64s]) -> UInt64s:
    """`join` over every `width` values in a row, by doubling; the last two parts may overlap."""
    span = 1
    while span < width:
        step = min(span, width - span)
        values = join(values[:-step], values[step:]) if len(values) > step else values[:0]
        span += step
    return values


def _winnow(stream: Stream, length: int) -> tuple[UInt64s, UInt64s]:
    """Hashes of all runs of k words, and the smallest of each window; 0 where no window begins."""
    k = gram_words(length)
    grams = run_hashes(stream.hashes, k)
    least = _over(grams, length - k + 1, np.minimum).copy()
    least[stream.left[: len(least)] < length] = 0
    return grams, least


def _packs(sizes: Sequence[int]) -> Iterator[int]:
    """Where to cut the texts, so that no pack of more than one is above BLOCK_CHARS."""
    held = 0
    for number, size in enumerate(sizes):
        if held and held + size + 1 > BLOCK_CHARS:
            yield number
            held = 0
        held += size + 1
    if sizes:
        yield len(sizes)


def _long(text: str) -> UInt64s:
    """The hashes of the words of a text, without their places: a third of the memory."""
    return np.concatenate(
        [_tokens_of_block(text[start:end], start).hashes for start, end in spans(text, BLOCK_CHARS)]
    )


def _packed(texts: Sequence[str]) -> tuple[UInt64s, Int64s]:
    """The hashes of the words of all texts, and how many each has."""
    found = _tokens_of_block("\n".join(texts), 0)
    begins = np.cumsum([0, *(len(text) + 1 for text in texts)])
    return found.hashes, np.diff(np.searchsorted(found.starts, begins))


def _stream(hashes: UInt64s, counts: Int64s, borders: Sequence[Int64s], first: int) -> Stream:
    ends = np.cumsum(counts)
    begins = ends - counts
    places = np.arange(len(hashes))
    owner = np.repeat(np.arange(len(counts)), counts)
    inner = [
        begin + some[some < count]
        for begin, some, count in zip(begins, borders, counts, strict=True)
        if len(some)
    ]
    stops = np.unique(np.concatenate([ends, *inner])) if inner else ends
    left = stops[np.searchsorted(stops, places, "right")] - places if len(places) else places
    return Stream(hashes, owner + first, places - begins[owner], left)


def _slices(stream: Stream, length: int) -> Iterator[Stream]:
    for start in range(0, len(stream.hashes), BLOCK_WORDS):
        part = slice(start, start + BLOCK_WORDS + length - 1)
        yield Stream(stream.hashes[part], stream.owner[part], stream.place[part], stream.left[part])


def _tokens_of_block(text: str, offset: int) -> Tokens:
    codes = code_points(text)
    kinds = _kinds[codes]
    plain = np.zeros(len(codes) + 2, np.bool_)
    np.equal(kinds, _PART, out=plain[1:-1])
    alone = kinds == _WIDE
    starts = np.flatnonzero(alone | (plain[1:-1] & ~plain[:-2]))
    ends = np.flatnonzero(alone | (plain[1:-1] & ~plain[2:])) + 1
    # a code of 0 would add nothing, and "a" be "a\0"
    hashes = mixed(span_hashes(codes + np.uint64(1), starts, ends))
    return Tokens(starts + offset, ends + offset, hashes)


def _kind(char: str) -> int:
    if char.isspace():
        return _SPACE
    return _WIDE if any(low <= ord(char) <= high for low, high in UNSPACED_BLOCKS) else _PART


_kinds = Table(_kind, np.uint8)
