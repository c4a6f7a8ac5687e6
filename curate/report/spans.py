"""Where in a document the reason of its drop stands, as far as that is known.

In: a dropped row. Out: stretches of its text. The decision: only what the rule itself says is marked,
a literal it looks for, a line it counts as a copy, a passage a step wrote down as its evidence. For
every other reason (a share, a mean, a model's score) there is no place to point at, and no mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from curate.filters.c4 import CURLY_BRACKET, LOREM_IPSUM

READ_CHARS = 200_000
SPANS = 200
LITERALS = {"c4.lorem_ipsum": LOREM_IPSUM, "c4.curly_bracket": CURLY_BRACKET}
COPIES = {
    "repetition.duplicate_lines_ratio": re.compile(r"[^\n]+"),
    "repetition.duplicate_line_chars_ratio": re.compile(r"[^\n]+"),
    "repetition.duplicate_paragraphs_ratio": re.compile(r".+?(?=\n\s*\n|\Z)", re.DOTALL),
    "repetition.duplicate_paragraph_chars_ratio": re.compile(r".+?(?=\n\s*\n|\Z)", re.DOTALL),
}
Span = tuple[int, int]


def spans(text: str, drop: str | None, labels: Mapping[str, str]) -> list[Span]:
    """Stretches (start, end) of the text that broke the rule, in order and apart; often none.

    >>> spans("one\\ntwo\\none", "repetition.duplicate_lines_ratio", {})
    [(8, 11)]
    >>> spans("Lorem ipsum", "gopher.word_count", {})
    []
    """
    found: Iterator[Span] = iter(())
    head = text[:READ_CHARS]
    if drop in LITERALS:
        pattern = re.compile(re.escape(LITERALS[drop]), re.IGNORECASE)
        found = (match.span() for match in pattern.finditer(head))
    elif drop in COPIES:
        found = _copies(head, COPIES[drop])
    elif drop and drop.startswith("decontaminate."):
        found = _passage(text, labels.get("decontaminate.text", ""))
    return [span for span, _ in zip(found, range(SPANS), strict=False)]


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


def _passage(text: str, passage: str) -> Iterator[Span]:
    """Where a passage stands that was written down on one line."""
    if words := passage.split():
        for match in re.finditer(r"\s+".join(map(re.escape, words)), text):
            yield match.span()
