"""Shingles as the bytes that published tools hash, for many documents in one buffer.

Enters: lists of bytes or of words. Leaves: `Shingles`, places in a buffer. The decision: shingles are
not made: each is a span of the words joined by spaces, and spans overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.dedup.signatures.permutations import Offsets
from curate.dedup.signatures.tokens import offsets


class Shingles(NamedTuple):
    """The shingles of several documents: shingle i is buffer[starts[i]:ends[i]], document d has the
    shingles from offsets[d] to offsets[d + 1]. Shingles may overlap in the buffer."""

    buffer: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    offsets: Offsets


def of_bytes(documents: Sequence[Sequence[bytes]]) -> Shingles:
    """Shingles that are at hand as bytes, a list for each document."""
    shingles = list(chain.from_iterable(documents))
    sizes = np.fromiter(map(len, shingles), np.int64, len(shingles))
    ends, buffer = np.cumsum(sizes), np.frombuffer(b"".join(shingles), np.uint8)
    return Shingles(buffer, ends - sizes, ends, offsets([len(document) for document in documents]))


def of_words(
    documents: Sequence[Sequence[str]], length: int, fewest_words: int | None = None
) -> Shingles:
    """The runs of `length` words, joined by a space. With `fewest_words`, a document that has so many
    but fewer than `length` is one shingle; otherwise it has none.

    >>> shingles = of_words([["a", "b", "cd"], ["e"]], 2)
    >>> shingles.starts.tolist(), shingles.ends.tolist(), shingles.offsets.tolist()
    ([0, 2], [3, 6], [0, 2, 2])
    """
    words = list(chain.from_iterable(documents))
    buffer = np.frombuffer(" ".join(words).encode("utf-8", "surrogatepass"), np.uint8)
    word_starts, word_ends = _places(buffer, words)
    first_words = offsets([len(document) for document in documents])
    counts = np.diff(first_words)
    least = max(length if fewest_words is None else fewest_words, 1)
    lengths = np.minimum(counts, length)
    runs = np.where(counts >= least, counts - lengths + 1, 0)
    firsts = offsets(runs)
    first = np.arange(firsts[-1]) + np.repeat(first_words[:-1] - firsts[:-1], runs)
    last = first + np.repeat(lengths - 1, runs)
    return Shingles(buffer, word_starts[first], word_ends[last], firsts)


def _places(
    buffer: NDArray[np.uint8], words: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each word of a text joined by spaces starts and ends."""
    ends = np.append(np.flatnonzero(buffer == ord(" ")), len(buffer))
    if len(ends) != len(words):  # no words, or one has a space in it
        sizes = (len(word.encode("utf-8", "surrogatepass")) + 1 for word in words)
        ends = np.cumsum(np.fromiter(sizes, np.int64, len(words))) - 1
    return np.append(0, ends + 1)[: len(ends)], ends
