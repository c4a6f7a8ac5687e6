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
from functools import cache

import numpy as np
from numpy.typing import NDArray

BLOCK_CHARS = 1 << 16
Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_BORDER, _INVISIBLE, _UNSPACED = 1, 2, 1 << 24
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2^64
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
_symbols = np.zeros(0x110000, np.uint32)  # of each code point, once it was seen


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
            yield number, _pieces(text)
            continue
        first = first if held else number
        held.append(text)
        chars += len(text) + 1
    if held:
        yield first, iter([(0, held)])


def _pieces(text: str) -> Iterator[tuple[int, list[str]]]:
    """A long text cut behind white space where there is any."""
    start = 0
    while start < len(text):
        piece = text[start : start + BLOCK_CHARS]
        if start + len(piece) < len(text):
            piece = piece[: max(piece.rfind(" "), piece.rfind("\n")) + 1 or None]
        yield start, [piece]
        start += len(piece)


def _units(text: str, lengths: Places, by_chars: bool) -> Units:
    """The units of texts joined by one character, given their lengths."""
    symbols, places = _visible(text)
    is_symbol = symbols > _BORDER
    if by_chars:
        found = np.flatnonzero(is_symbol)
        starts, ends = found, found + 1
        hashes = _mix(symbols[found].astype(np.uint64))
    else:
        starts, ends = _runs(is_symbol, symbols)
        hashes = _run_hashes(np.where(is_symbol, symbols, np.uint32(0)), starts, ends)
    if places is not None:
        starts, ends = places[starts], places[ends - 1] + 1
    offsets = np.concatenate(([0], np.cumsum(lengths + 1)))
    owners = np.searchsorted(offsets, starts, side="right") - 1
    return Units(hashes, starts - offsets[owners], ends - offsets[owners], owners)


def _visible(text: str) -> tuple[NDArray[np.uint32], Places | None]:
    """The symbols of a text without its invisible ones, and their places if some are left out."""
    if text.isascii():
        codes: NDArray[np.unsignedinteger] = np.frombuffer(text.encode("ascii"), np.uint8)
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    symbols: NDArray[np.uint32] = _symbols[codes]
    if not symbols.all():
        for code in np.unique(codes[symbols == 0]).tolist():
            _symbols[code] = _symbol(chr(code))
        symbols = _symbols[codes]
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


def _run_hashes(symbols: NDArray[np.uint32], starts: Places, ends: Places) -> Hashes:
    """A hash of the symbols from each start to its end, wherever they stand."""
    powers, inverses = _powers(len(symbols).bit_length())
    sums = np.zeros(len(symbols) + 1, np.uint64)
    np.cumsum(symbols * powers[: len(symbols)], out=sums[1:])
    return _mix((sums[ends] - sums[starts]) * inverses[starts])


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195): spreads every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _powers(bits: int) -> tuple[Hashes, Hashes]:
    """The first 2^bits powers of the multiplier and of its inverse, modulo 2^64."""
    both = [
        np.full(1 << bits, base, np.uint64) for base in (_MULTIPLIER, pow(_MULTIPLIER, -1, 1 << 64))
    ]
    for powers in both:
        powers[0] = 1
        np.cumprod(powers, out=powers)
    return both[0], both[1]
