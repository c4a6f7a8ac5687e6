"""Which training documents repeat held-out text.

In: held-out texts, then one training text after another. Out: leak or not. The decision: an n-gram is
a 64-bit hash of its words that is the same in every process, so guards made on two machines agree.
A word's hash is remembered for a text, since most words of one come again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

GRAM_WORDS, SHORT_GRAM_WORDS = 13, 8  # GPT-3 (Brown et al. 2020, app. C) and PaLM's shorter grams
SHORT_TEXT_WORDS = 2 * GRAM_WORDS
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Guard:
    """Finds training documents that repeat held-out text.

    A document is a leak when its words, lower-cased and without punctuation, are those of a held-out
    document, or when at least `shared_ratio` of the word n-grams of either are found in the other.
    n is 13, or 8 when the training document has fewer than 26 words.
    """

    shared_ratio: float
    identical: frozenset[tuple[str, ...]]
    grams: Mapping[int, tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]]

    @classmethod
    def over(cls, heldout: Iterable[str], shared_ratio: float = 0.2) -> Guard:
        """Index the held-out texts."""
        documents = [words_of(text) for text in heldout]
        hashes = [word_hashes(words) for words in documents]
        grams = {width: _index(hashes, width) for width in (GRAM_WORDS, SHORT_GRAM_WORDS)}
        return cls(shared_ratio, frozenset(map(tuple, documents)), grams)

    def leaks(self, text: str) -> bool:
        """Whether `text` repeats held-out text."""
        words = words_of(text)
        if tuple(words) in self.identical:
            return bool(words)
        width = SHORT_GRAM_WORDS if len(words) < SHORT_TEXT_WORDS else GRAM_WORDS
        mine = gram_hashes(word_hashes(words), width)
        hashes, owners, owned = self.grams[width]
        found = _contains(hashes, mine)
        if not found.any():
            return False
        if found.mean() >= self.shared_ratio:
            return True
        hit = owners[np.isin(hashes, mine[found])]
        shared = np.bincount(hit, minlength=len(owned)) / np.maximum(owned, 1)
        return bool(shared.max() >= self.shared_ratio)


def words_of(text: str) -> list[str]:
    """What is compared: lower case, no punctuation."""
    return _WORD.findall(text.lower())


def word_hashes(words: Sequence[str]) -> NDArray[np.uint64]:
    """One 64-bit hash a word, the same in every process. `\\w` matches no surrogate, so all encode."""
    known = {word: xxh3_64_intdigest(word.encode()) for word in set(words)}
    return np.fromiter(map(known.__getitem__, words), np.uint64, len(words))


def gram_hashes(words: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """Distinct 64-bit hashes of the n-grams of a text's words."""
    count = len(words) - width + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    sums = np.zeros(count, np.uint64)
    for place in range(width):
        sums = sums * np.uint64(0x9E3779B97F4A7C15) + words[place : place + count]
    distinct: NDArray[np.uint64] = np.unique(sums)
    return distinct


def _index(
    documents: list[NDArray[np.uint64]], width: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """(sorted gram hashes, the document of each, grams per document)."""
    grams = [gram_hashes(words, width) for words in documents]
    owned = np.array([len(part) for part in grams], np.int64)
    hashes = np.concatenate([*grams, np.empty(0, np.uint64)])
    owners = np.repeat(np.arange(len(grams)), owned)
    ascending = np.argsort(hashes, kind="stable")
    return hashes[ascending], owners[ascending], owned


def _contains(ascending: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[places] == wanted
    return found
