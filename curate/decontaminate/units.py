"""What overlaps are counted in: the words of texts, or their letters and digits, as numbers.

Enters: texts. Leaves: for each unit a 64-bit hash, where it stands in its text, and whose it is. Case,
accents, punctuation and invisible characters make no difference; characters of scripts written
without spaces are words of their own. The decision: code points go through one table and everything
else is arithmetic on arrays, many short texts at a time, so that a page of 5 kB costs .1 ms; a long
text comes in blocks, so that memory is bound.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Hashes, Places, Table, code_points, mixed, span_hashes, spans

BLOCK_CHARS = 1 << 16

_BORDER, _INVISIBLE, _UNSPACED = 1, 2, 1 << 24
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),  # Chinese characters, to the end
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_VIRAMA = 9  # marks of a higher combining class are diacritics, no part of an alphabet


@dataclass(frozen=True)
class Units:
    """n units in the order of the texts. `texts`: whose each is; `starts`, `ends`: where in that text."""

    hashes: Hashes
    starts: Places
    ends: Places
    texts: Places

    def __len__(self) -> int:
        return len(self.hashes)

    def last(self, count: int) -> Units:
        """The last units, at most `count`."""
        part = slice(max(0, len(self) - count), None)
        return Units(self.hashes[part], self.starts[part], self.ends[part], self.texts[part])

    def after(self, before: Units) -> Units:
        """These units with others before them."""
        return Units(
            np.concatenate((before.hashes, self.hashes)),
            np.concatenate((before.starts, self.starts)),
            np.concatenate((before.ends, self.ends)),
            np.concatenate((before.texts, self.texts)),
        )


def blocks(texts: Sequence[str | None], by_chars: bool, overlap: int = 0) -> Iterator[Units]:
    """The units of all texts, at most about `BLOCK_CHARS` characters at a time.

    A block of a longer text begins with the last `overlap` units of the block before.
    """
    for number, pieces in _groups(texts):
        before: Units | None = None
        for offset, piece in pieces:
            lengths = np.array([len(text) for text in piece], np.int64)
            units = _units("\n".join(piece), lengths, by_chars)
            units = Units(
                units.hashes, units.starts + offset, units.ends + offset, units.texts + number
            )
            if before is not None:
                units = units.after(before)
            yield units
            before = units.last(overlap)


def words(text: str) -> list[str]:
    """The words of a text, as they stand in it.

    >>> words("Don't stop, 中文!")
    ['Don', 't', 'stop', '中', '文']
    """
    return [
        text[start:end]
        for units in blocks([text], by_chars=False)
        for start, end in zip(units.starts.tolist(), units.ends.tolist(), strict=True)
    ]


def _groups(
    texts: Sequence[str | None],
) -> Iterator[tuple[int, Iterator[tuple[int, list[str]]]]]:
    """(number of the first text, (offset, texts) …): short neighbours together, a long text in pieces."""
    held: list[str] = []
    chars = first = 0
    for number, text in enumerate(texts):
        text = text or ""
        if held and chars + len(text) > BLOCK_CHARS:
            yield first, iter([(0, held)])
            held, chars = [], 0
        if len(text) > BLOCK_CHARS:
            cuts = spans(text, BLOCK_CHARS)
            yield number, ((start, [text[start:end]]) for start, end in cuts)
            continue
        first = first if held else number
        held.append(text)
        chars += len(text) + 1
    if held:
        yield first, iter([(0, held)])


def _units(text: str, lengths: Places, by_chars: bool) -> Units:
    """The units of texts joined by one character, given their lengths."""
    symbols, places = _visible(text)
    is_symbol = symbols > _BORDER
    if by_chars:
        found = np.flatnonzero(is_symbol)
        starts, ends = found, found + 1
        hashes = mixed(symbols[found].astype(np.uint64))
    else:
        starts, ends = _runs(is_symbol, symbols)
        hashes = mixed(span_hashes(np.where(is_symbol, symbols, np.uint32(0)), starts, ends))
    if places is not None:
        starts, ends = places[starts], places[ends - 1] + 1
    offsets = np.concatenate(([0], np.cumsum(lengths + 1)))
    owners = np.searchsorted(offsets, starts, side="right") - 1
    return Units(hashes, starts - offsets[owners], ends - offsets[owners], owners)


def _visible(text: str) -> tuple[NDArray[np.uint32], Places | None]:
    """The symbols of a text without its invisible ones, and their places if some are left out."""
    symbols: NDArray[np.uint32] = _symbols[code_points(text)]
    invisible = symbols == _INVISIBLE
    if not invisible.any():
        return symbols, None
    places = np.flatnonzero(~invisible)
    return symbols[places], places


def _symbol(char: str) -> int:
    """What stands for a character: its plain lower-case form, or that it is none of a word.

    >>> [chr(_symbol(char)) for char in "Éö7ｆ"], _symbol("-"), _symbol("\\u0301")
    (['e', 'o', '7', 'f'], 1, 2)
    """
    category = unicodedata.category(char)
    if any(low <= ord(char) <= high for low, high in _UNSPACED_BLOCKS):
        is_word = char.isalnum() or category.startswith("M")
        return ord(char) + _UNSPACED if is_word else _BORDER
    if category == "Cf" or (category.startswith("M") and unicodedata.combining(char) > _VIRAMA):
        return _INVISIBLE
    if unicodedata.name(char, "").startswith("VARIATION SELECTOR"):
        return _INVISIBLE
    if not char.isalnum() and not category.startswith("M"):
        return _BORDER
    plain = [
        part
        for part in unicodedata.normalize("NFKD", char.casefold())
        if unicodedata.combining(part) <= _VIRAMA
    ]
    return ord(plain[0]) if len(plain) == 1 and plain[0].isalnum() else ord(char)


_symbols = Table(_symbol, np.uint32)


def _runs(is_symbol: NDArray[np.bool_], symbols: NDArray[np.uint32]) -> tuple[Places, Places]:
    """Where words begin and end (behind their last character)."""
    borders = np.flatnonzero(np.diff(is_symbol, prepend=False, append=False))
    starts, ends = borders[::2], borders[1::2]
    single = symbols > _UNSPACED
    if not single.any():
        return starts, ends
    alone = np.flatnonzero(single)
    begins, stops = np.zeros((2, len(symbols) + 1), np.bool_)
    begins[starts] = stops[ends] = begins[alone] = stops[alone + 1] = True
    begins[:-1] |= stops[:-1] & is_symbol
    stops[1:] |= begins[1:] & is_symbol
    return np.flatnonzero(begins), np.flatnonzero(stops)
