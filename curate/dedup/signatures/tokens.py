"""Tokens and n-grams of many texts at once, as 64-bit hashes. No Spark in here.

Enters: texts. Leaves: ragged arrays, for each text the hashes of its tokens or of its n-grams. The
decision: a whole Arrow batch is one NumPy array of code points, so the price of a call is paid once a
batch: 25 µs for a text of 1 kB, where a regular expression and a hash for each n-gram take 450 µs.

A token is a word, case folded, or a character that is neither part of a word nor white space. A
character of a script written without spaces is a word of its own, because otherwise a Chinese or Thai
page would be a handful of very long "words".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Hashes, Table, code_points, mixed, span_hashes, spans
from curate.words import UNSPACED_BLOCKS

BLOCK_CHARS = 1 << 15  # arrays of a block stay in the second-level cache
_WORD = re.compile(r"\w+")
_BASE = np.uint64(0xD6E8FEB86659FD93)
_GAP, _SIGN, _ALONE = 1, 1 << 30, 1 << 31  # a sign is no word; what is alone is a token by itself


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row i is `values[offsets[i] : offsets[i + 1]]`."""

    values: NDArray[Any]
    offsets: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,)"""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        found: NDArray[Any] = self.values[self.offsets[row] : self.offsets[row + 1]]
        return found

    def where(self, chosen: NDArray[np.bool_]) -> Ragged:
        """The same rows with only the chosen values; `chosen`: (values,)."""
        kept = np.concatenate(([0], np.cumsum(chosen)))
        return Ragged(self.values[chosen], kept[self.offsets])


def ragged(rows: Sequence[NDArray[Any]], dtype: Any = np.uint64) -> Ragged:
    """One array of several."""
    values = np.concatenate([np.empty(0, dtype), *rows])
    return Ragged(values, offsets([len(row) for row in rows]))


def offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Where rows of these lengths begin, and the end of the last one.

    >>> offsets([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64)


@dataclass(frozen=True)
class Tokens:
    """The tokens of each text; `is_word`: (tokens,) False for punctuation and symbols."""

    hashes: Ragged
    is_word: NDArray[np.bool_]

    @property
    def words(self) -> Ragged:
        """The words of each text."""
        return self.hashes.where(self.is_word)


def tokenize(texts: Sequence[str]) -> Tokens:
    """The tokens of each text; two texts have the same ones if they differ in case and spacing only.

    >>> found = tokenize(["Don't STOP!", "don ' t stop!", "中文"])
    >>> found.hashes.lengths.tolist(), found.words.lengths.tolist()
    ([5, 5, 2], [3, 3, 2])
    >>> bool((found.hashes[0] == found.hashes[1]).all())
    True
    """
    lengths = np.zeros(len(texts), np.int64)
    found: list[Hashes] = []
    kinds: list[NDArray[np.bool_]] = []
    for rows, pieces in _blocks(texts):
        hashes, is_word, counts = _tokens(pieces)
        np.add.at(lengths, rows, counts)
        found.append(hashes)
        kinds.append(is_word)
    no_kinds = np.empty(0, np.bool_)
    return Tokens(_joined(found, offsets(lengths)), np.concatenate([no_kinds, *kinds]))


def char_hashes(texts: Sequence[str]) -> Ragged:
    """The characters of the words of each text, with one space between two tokens.

    >>> found = char_hashes(["One, two.", "one  TWO"])
    >>> found.lengths.tolist(), bool((found[0] == found[1]).all())
    ([7, 7], True)
    """
    spaced = [" ".join(_WORD.findall(text.casefold())) for text in texts]
    codes = np.frombuffer("".join(spaced).encode("utf-32-le", "surrogatepass"), np.uint32)
    return Ragged(mixed(codes.astype(np.uint64)), offsets([len(text) for text in spaced]))


def ngrams(tokens: Ragged, n: int) -> Ragged:
    """The hash of every run of `n` tokens of a row: a polynomial in theirs modulo 2**64, mixed."""
    counts = np.maximum(tokens.lengths - (n - 1), 0)
    starts = offsets(counts)
    width = max(0, len(tokens.values) - n + 1)
    runs = np.zeros(width, np.uint64)
    for place in range(n):
        runs *= _BASE
        runs += tokens.values[place : place + width]
    places = np.arange(starts[-1]) + np.repeat(tokens.offsets[:-1] - starts[:-1], counts)
    return Ragged(mixed(runs[places]), starts)


def distinct(rows: Ragged) -> Ragged:
    """Each row sorted, without repetitions."""
    values = rows.values.copy()
    for start, end in zip(rows.offsets[:-1].tolist(), rows.offsets[1:].tolist(), strict=True):
        values[start:end].sort()
    is_new = np.ones(len(values), np.bool_)
    is_new[1:] = values[1:] != values[:-1]
    is_new[rows.offsets[:-1][rows.lengths > 0]] = True
    return Ragged(values, rows.offsets).where(is_new)


def _joined(found: list[Hashes], where: NDArray[np.int64]) -> Ragged:
    return Ragged(np.concatenate([np.empty(0, np.uint64), *found]), where)


def _blocks(texts: Sequence[str]) -> Iterator[tuple[list[int], list[str]]]:
    rows: list[int] = []
    pieces: list[str] = []
    size = 0
    for row, text in enumerate(texts):
        for start, end in spans(text, BLOCK_CHARS - 1):
            piece = text[start:end]
            if size + len(piece) >= BLOCK_CHARS and pieces:
                yield rows, pieces
                rows, pieces, size = [], [], 0
            rows.append(row)
            pieces.append(piece)
            size += len(piece) + 1
    if pieces:
        yield rows, pieces


def _tokens(pieces: list[str]) -> tuple[Hashes, NDArray[np.bool_], NDArray[np.int64]]:
    """The hashes of the tokens, which of them are words, and how many each piece has."""
    folded = _folded[code_points("\n".join([*pieces, ""]))]
    # 0 a gap, 1 part of a word, 2 a token by itself; before the first character there is a gap
    kinds = np.zeros(len(folded) + 1, np.uint8)
    np.add(folded != _GAP, folded >= _SIGN, out=kinds[1:], dtype=np.uint8)
    places = np.flatnonzero((kinds[1:] != kinds[:-1]) | (kinds[1:] == 2))
    is_token = kinds[places + 1] > 0  # the last character is a gap, so every token has an end
    starts, ends = places[is_token], places[1:][is_token[:-1]]
    hashes = mixed(span_hashes(folded, starts, ends))
    begins = offsets([len(piece) + 1 for piece in pieces])
    is_word = (folded[starts] & np.uint32(_SIGN)) == 0
    return hashes, is_word, np.diff(np.searchsorted(starts, begins))


def _fold(char: str) -> int:
    """The case-folded code of a character, with `_SIGN` if it belongs to no word, with `_ALONE` if it
    is a word by itself; `_GAP` for white space and what cannot be seen."""
    category = unicodedata.category(char)
    if char.isspace() or category in ("Cc", "Cf") or 0xFE00 <= ord(char) <= 0xFE0F:
        return _GAP
    if not (char.isalnum() or char == "_" or category in ("Mn", "Mc")):
        return ord(char) | _SIGN
    folded = next((form for form in (char.casefold(), char.lower()) if len(form) == 1), char)
    alone = any(low <= ord(char) <= high for low, high in UNSPACED_BLOCKS)
    return ord(folded) | _ALONE * alone


_folded = Table(_fold, np.uint32)
