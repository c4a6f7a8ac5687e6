"""Where in a document the reason of its drop stands, as far as that is known.

In: a dropped row. Out: stretches of its text. The decision: only what the rule itself says is marked,
signs and literals it looks for, a line or an n-gram it counts as a copy, a passage a step wrote down as
its evidence. For every other reason (a share, a mean, a model's score) there is no place to point at, and
no mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from curate.filters.c4 import CURLY_BRACKET, LOREM_IPSUM, whole_entry
from curate.filters.gopher import BULLETS, ELLIPSES
from curate.ngrams import repeated_ngrams
from curate.text import Text

READ_CHARS = 200_000
SPANS = 200
_ELLIPSIS = "|".join(map(re.escape, ELLIPSES))
PATTERNS = {
    "c4.lorem_ipsum": re.compile(re.escape(LOREM_IPSUM), re.IGNORECASE),
    "c4.curly_bracket": re.compile(re.escape(CURLY_BRACKET)),
    "gopher.hash_ratio": re.compile("#"),
    "gopher.ellipsis_ratio": re.compile(_ELLIPSIS),
    "gopher.ellipsis_lines_ratio": re.compile(rf"(?:{_ELLIPSIS})(?=[^\S\n]*$)", re.MULTILINE),
    "gopher.bullet_lines_ratio": re.compile(
        rf"^[^\S\n]*(?:{'|'.join(map(re.escape, sorted(BULLETS)))})", re.MULTILINE
    ),
}
LINES = re.compile(r"[^\n]+")
PARAGRAPHS = re.compile(r".+?(?=\n\s*\n|\Z)", re.DOTALL)
COPIES = {
    "repetition.duplicate_lines_ratio": LINES,
    "repetition.duplicate_line_chars_ratio": LINES,
    "repetition.duplicate_paragraphs_ratio": PARAGRAPHS,
    "repetition.duplicate_paragraph_chars_ratio": PARAGRAPHS,
    "fineweb.char_duplicates_ratio": LINES,
}
NGRAMS = re.compile(r"repetition\.(top|duplicate)_(\d+)gram_chars_ratio")
# drop, or the step of it -> the label that holds a passage of the text
PASSAGES = {
    "decontaminate": "decontaminate.text",
    "dedup_lines": "dedup_lines.removed",
    "dedup_substrings": "dedup_substrings.removed",
    "toxicity": "toxicity.worst_line",
}
Span = tuple[int, int]


def spans(text: str, drop: str | None, labels: Mapping[str, str]) -> list[Span]:
    """Stretches (start, end) of the text that broke the rule, in order and apart; often none.

    >>> spans("one\\ntwo\\none", "repetition.duplicate_lines_ratio", {})
    [(8, 11)]
    >>> spans("Lorem ipsum", "gopher.word_count", {})
    []
    """
    found = _found(text, drop, labels) if drop else ()
    return [span for span, _ in zip(found, range(SPANS), strict=False)]


def _found(text: str, drop: str, labels: Mapping[str, str]) -> Iterator[Span]:
    head = text[:READ_CHARS]
    if drop in PATTERNS:
        yield from (match.span() for match in PATTERNS[drop].finditer(head))
    elif drop in COPIES:
        yield from _copies(head, COPIES[drop])
    elif ngrams := NGRAMS.fullmatch(drop):
        yield from _ngrams(Text(head), int(ngrams[2]), ngrams[1] == "top")
    elif drop == "c4.bad_words" and labels.get("c4.match"):
        yield from (match.span() for match in whole_entry(labels["c4.match"]).finditer(head))
    elif label := PASSAGES.get(drop.partition(".")[0]):
        yield from _passage(text, labels.get(label, ""))


def in_url(url: str, drop: str | None, labels: Mapping[str, str]) -> list[Span]:
    """The entry of a list of hosts or addresses that a URL was dropped for.

    >>> in_url("http://a.example/x", "url.blocked_host", {"url.match": "a.example"})
    [(7, 16)]
    """
    match = labels.get("url.match")
    start = url.find(match) if match and drop and drop.startswith("url.blocked_") else -1
    return [(start, start + len(match))] if match and start >= 0 else []


def segments(text: str, marked: Sequence[Span], start: int, end: int) -> list[tuple[bool, str]]:
    """The text from `start` to `end` in pieces: (is it marked, piece).

    >>> segments("abcdef", [(1, 3)], 0, 5)
    [(False, 'a'), (True, 'bc'), (False, 'de')]
    """
    pieces: list[tuple[bool, str]] = []
    at = start
    for first, last in marked:
        first, last = max(first, at), min(last, end)
        if first < last:
            pieces += [(False, text[at:first]), (True, text[first:last])]
            at = last
    return [piece for piece in (*pieces, (False, text[at:end])) if piece[1]]


def _copies(text: str, part: re.Pattern[str]) -> Iterator[Span]:
    """Occurrences after the first one, as the rule counts them: without the white space around."""
    seen: set[str] = set()
    for match in part.finditer(text):
        content = match[0].strip()
        if content in seen:
            start = match.start() + match[0].index(content)
            yield start, start + len(content)
        elif content:
            seen.add(content)


def _ngrams(text: Text, n: int, is_top: bool) -> Iterator[Span]:
    """Occurrences of the most frequent n-gram, or those after the first of any; what they overlap in
    is one."""
    words = text.word_arrays
    found = next(found for found in repeated_ngrams(words.hashes, n) if found.n == n)
    if not len(found.places):
        return
    grams = found.grams
    chosen = grams == np.bincount(grams).argmax() if is_top else ~found.is_first
    start, end = 0, 0
    for place in np.sort(found.places[chosen]).tolist():
        first, last = int(words.starts[place]), int(words.ends[place + n - 1])
        if first > end:
            if end:
                yield start, end
            start = first
        end = last
    yield start, end


def _passage(text: str, passage: str) -> Iterator[Span]:
    """Where a passage stands that was written down on one line."""
    if words := passage.split():
        for match in re.finditer(r"\s+".join(map(re.escape, words)), text):
            yield match.span()
