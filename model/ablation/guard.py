"""Which training documents repeat held-out text.

In: held-out texts, then one training text after another. Out: leak or not. The decision: words and
their hashes are those of `curate.decontaminate`, so that characters of scripts without spaces are
words of their own and guards made on two machines agree; a filter of bits turns down nearly every
n-gram of an innocent text, and only what passes is looked up: prose at 20 MB/s, pages at 37; a regular
expression, a hash for each word and a search for each n-gram made 4.8 and 8.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from curate.code_points import Hashes, Places
from curate.decontaminate.index import run_hashes
from curate.decontaminate.units import blocks
from curate.known_hashes import KnownHashes

GRAM_WORDS, SHORT_GRAM_WORDS = 13, 8  # GPT-3 (Brown et al. 2020, app. C) and PaLM's shorter grams
SHORT_TEXT_WORDS = 2 * GRAM_WORDS


@dataclass(frozen=True)
class Owned:
    """Distinct n-grams of some texts. known: all; of text `owners[i]`: the one at `places[i]`, by
    place; counts: of each text."""

    known: KnownHashes
    places: Places
    owners: Places
    counts: Places

    @classmethod
    def over(cls, texts: list[Hashes], width: int) -> Owned:
        """Of texts given as the hashes of their words."""
        grams = [np.unique(run_hashes(words, width)) for words in texts]
        counts = np.array([len(part) for part in grams], np.int64)
        hashes = np.concatenate([*grams, np.empty(0, np.uint64)])
        known = KnownHashes.over(hashes)
        places = known.places(hashes)
        by_place = np.argsort(places, kind="stable")
        owners = np.repeat(np.arange(len(grams)), counts)
        return cls(known, places[by_place], owners[by_place], counts)

    def most_shared_ratio(self, grams: Hashes) -> float:
        """The largest share of a text's n-grams that are among `grams`, or of `grams` in all texts."""
        at = self.known.places(grams)
        if not len(at):
            return 0.0
        found = np.unique(at)
        hit = self.owners[np.isin(self.places, found)]
        shared = np.bincount(hit, minlength=len(self.counts)) / np.maximum(self.counts, 1)
        return max(len(found) / len(np.unique(grams)), float(shared.max()))


@dataclass(frozen=True)
class Guard:
    """Finds training documents that repeat held-out text.

    A document is a leak when its words, without case, accents and punctuation, are those of a held-out
    document, or when at least `shared_ratio` of the word n-grams of either are found in the other.
    n is 13, or 8 when the training document has fewer than 26 words.
    """

    shared_ratio: float
    identical: frozenset[bytes]
    grams: Mapping[int, Owned]

    @classmethod
    def over(cls, heldout: Iterable[str], shared_ratio: float = 0.2) -> Guard:
        """Index the held-out texts."""
        texts = [word_hashes(text) for text in heldout]
        grams = {width: Owned.over(texts, width) for width in (GRAM_WORDS, SHORT_GRAM_WORDS)}
        return cls(shared_ratio, frozenset(words.tobytes() for words in texts), grams)

    def leaks(self, text: str) -> bool:
        """Whether `text` repeats held-out text."""
        words = word_hashes(text)
        if words.tobytes() in self.identical:
            return bool(len(words))
        width = gram_width(words)
        return self.grams[width].most_shared_ratio(run_hashes(words, width)) >= self.shared_ratio


def gram_width(words: Hashes) -> int:
    """Words of an n-gram of this text."""
    return SHORT_GRAM_WORDS if len(words) < SHORT_TEXT_WORDS else GRAM_WORDS


def word_hashes(text: str) -> Hashes:
    """One 64-bit hash a word, the same in every process."""
    found = [units.hashes for units in blocks([text], by_chars=False)]
    return np.concatenate([*found, np.empty(0, np.uint64)])
