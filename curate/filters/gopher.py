"""Gopher's quality rules: is this prose, by length, words and symbols?

In: any text. Out: the eight signals of Rae et al. 2021 (arXiv:2112.11446), Appendix A.1.1, with the
paper's bounds. The decision: the paper says "word" and not what that is. Words here are runs of
letters and digits; the share of words with a letter is taken of what stands between white space, so
that rows of `|` and `*` count against a text, which is what that rule is for.

Limits: the rules are about English. Other languages have other stop words: switch that rule off
(`stop_word_count: null`). Words of syllabaries are short, in Korean 2.9 characters in the mean: lower
`mean_word_length`. Scripts without spaces have no countable words at all; rather than let a
word rule drop them for a wrong reason, `spaced_ratio` is judged first and says so. To filter such a
language, set it and the word rules to null.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.step import Filter, Rule, Signals
from curate.text import Text
from curate.words import word_hash

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
ELLIPSES = ("...", "…")
BULLETS = frozenset({"•", "‣", "◦", "⁃", "∙", "●", "○", "■", "▪", "* ", "- ", "– "})

RULES = (
    Rule("spaced_ratio", low=0.5),
    Rule("word_count", low=50, high=100_000),
    Rule("mean_word_length", low=3, high=10),
    Rule("hash_ratio", high=0.1),
    Rule("ellipsis_ratio", high=0.1),
    Rule("bullet_lines_ratio", high=0.9),
    Rule("ellipsis_lines_ratio", high=0.3),
    Rule("alphabetic_words_ratio", low=0.8),
    Rule("stop_word_count", low=2),
)


def measure(text: Text) -> Signals:
    """Signals by name. Ratios are per word (`hash`, `ellipsis`), per non-empty line, and per token;
    `mean_word_length` is in characters; `stop_word_count` counts different stop words. A ratio of
    nothing is 0, but `spaced_ratio` and `alphabetic_words_ratio` of nothing are 1."""
    words, lines = text.word_arrays, text.lines
    word_chars = int(words.chars.sum())
    per_word, per_line = len(words.chars) or 1, len(lines) or 1
    return {
        "spaced_ratio": max(0.0, 1 - words.unspaced_chars / (word_chars or 1)),
        "word_count": len(words.chars),
        "mean_word_length": word_chars / per_word,
        "hash_ratio": text.count("#") / per_word,
        "ellipsis_ratio": sum(map(text.count, ELLIPSES)) / per_word,
        "bullet_lines_ratio": sum(line[0] in BULLETS or line[:2] in BULLETS for line in lines)
        / per_line,
        "ellipsis_lines_ratio": sum(line.endswith(ELLIPSES) for line in lines) / per_line,
        "alphabetic_words_ratio": words.letter_tokens / words.tokens if words.tokens else 1.0,
        "stop_word_count": _stop_word_count(words.hashes),
    }


def _stop_word_count(hashes: NDArray[np.uint64]) -> int:
    """How many different stop words there are, in lower case, capitalised or in capitals."""
    known, numbers = _stop_hashes()
    places = np.searchsorted(known, hashes) % len(known)
    return len(set(numbers[places[known[places] == hashes]].tolist()))


@cache
def _stop_hashes() -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of all forms, sorted, and the number of the word that each is a form of."""
    forms = sorted(
        (word_hash(form), number)
        for number, word in enumerate(STOP_WORDS)
        for form in (word, word.title(), word.upper())
    )
    return np.array([form[0] for form in forms], np.uint64), np.array([form[1] for form in forms])


GOPHER = Filter(
    "gopher", measure, RULES, "Gopher (Rae et al. 2021, arXiv:2112.11446), Appendix A.1.1"
)
