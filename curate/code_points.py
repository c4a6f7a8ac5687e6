"""The characters of texts as numbers in NumPy arrays: what every tokenisation here stands on.

In: texts. Out: their code points, a number for each from a table, and 64-bit hashes of any runs of
them. The decision: a hash is a polynomial of the code points modulo 2^64, so that the hashes of all
words of a text are two differences of one cumulated sum, whatever their lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2^64


class Table:
    """A number, not 0, for each code point; asked of `number_of` when it is first met."""

    def __init__(self, number_of: Callable[[str], int], dtype: DTypeLike) -> None:
        self._number_of = number_of
        self._numbers = np.zeros(0x110000, dtype)

    def __getitem__(self, codes: NDArray[np.unsignedinteger]) -> NDArray[Any]:
        """The numbers of these code points."""
        found: NDArray[Any] = self._numbers[codes]
        if not found.all():
            for code in np.unique(codes[found == 0]).tolist():
                self._numbers[code] = self._number_of(chr(code))
            found = self._numbers[codes]
        return found


def code_points(text: str) -> NDArray[np.unsignedinteger]:
    """One number a character, unpaired surrogates included; bytes for a text in ASCII.

    >>> code_points("Aé").tolist()
    [65, 233]
    """
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def spans(text: str, most_chars: int) -> Iterator[tuple[int, int]]:
    """Blocks of at most `most_chars`, cut behind white space where there is any.

    >>> list(spans("one two three", 8)), list(spans("", 8))
    ([(0, 8), (8, 13)], [(0, 0)])
    """
    start = 0
    while len(text) - start > most_chars:
        piece = text[start : start + most_chars]
        cut = max(piece.rfind(" "), piece.rfind("\n")) + 1 or most_chars
        yield start, start + cut
        start += cut
    yield start, len(text)


def span_hashes(numbers: NDArray[np.unsignedinteger], starts: Places, ends: Places) -> Hashes:
    """A hash of the numbers from each start to its end, the same wherever they stand; not mixed."""
    powers, inverses = _powers(len(numbers).bit_length())
    sums = np.empty(len(numbers) + 1, np.uint64)
    sums[0] = 0
    np.cumsum(numbers * powers[: len(numbers)], out=sums[1:])
    hashes: Hashes = (sums[ends] - sums[starts]) * inverses[starts]
    return hashes


def mixed(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195): a bijection that
    spreads every bit."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


@cache
def _powers(bits: int) -> tuple[Hashes, Hashes]:
    """The first 2^bits powers of the multiplier and of its inverse, modulo 2^64."""
    bases = (_MULTIPLIER, pow(_MULTIPLIER, -1, 1 << 64))
    both = [np.full(1 << bits, base, np.uint64) for base in bases]
    for powers in both:
        powers[0] = 1
        np.cumprod(powers, out=powers)
    return both[0], both[1]
