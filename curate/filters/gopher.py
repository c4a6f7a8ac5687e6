"""Gopher's quality rules: is this prose, by length, words and symbols?

In: any text. Out: the eight signals of Rae et al. 2021 (arXiv:2112.11446), Appendix A.1.1, with the
paper's bounds. The decision: the paper says "word" and not what that is. Words here are runs of
letters and digits; the share of words with a letter is taken of what stands between white space, so
that rows of `|` and `*` count against a text, which is what that rule is for.

Limits: the rules are about English. Other languages have other stop words: switch that rule off
(`stop_word_count: null`). Scripts without spaces have no countable words at all; rather than let a
word rule drop them for a wrong reason, `spaced_ratio` is judged first and says so. To filter such a
language, set it and the word rules to null.
"""

from __future__ import annotations

from curate.filters.language import unspaced_chars
from curate.step import Filter, Rule, Signals
from curate.text import Text

STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_STOP_FORMS = frozenset(form for word in STOP_WORDS for form in (word, word.title(), word.upper()))
_ELLIPSES = ("...", "…")
_BULLETS = ("•", "‣", "◦", "⁃", "∙", "●", "○", "■", "▪", "* ", "- ", "– ")

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
    words, lines, tokens = text.words, text.lines, text.tokens
    word_chars = sum(map(len, words))
    per_word, per_line = len(words) or 1, len(lines) or 1
    alphabetic = sum(token[0].isalpha() or any(map(str.isalpha, token)) for token in tokens)
    return {
        "spaced_ratio": max(0.0, 1 - unspaced_chars(text) / (word_chars or 1)),
        "word_count": len(words),
        "mean_word_length": word_chars / per_word,
        "hash_ratio": text.count("#") / per_word,
        "ellipsis_ratio": sum(map(text.count, _ELLIPSES)) / per_word,
        "bullet_lines_ratio": sum(line.startswith(_BULLETS) for line in lines) / per_line,
        "ellipsis_lines_ratio": sum(line.endswith(_ELLIPSES) for line in lines) / per_line,
        "alphabetic_words_ratio": alphabetic / len(tokens) if tokens else 1.0,
        "stop_word_count": len({word.lower() for word in _STOP_FORMS.intersection(words)}),
    }


GOPHER = Filter(
    "gopher", measure, RULES, "Gopher (Rae et al. 2021, arXiv:2112.11446), Appendix A.1.1"
)
