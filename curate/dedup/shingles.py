"""Words and word n-grams as numbers: what near-duplicates and overlaps are compared by.

Enters: a text. Leaves: its words (case folded, punctuation left out) and 64-bit hashes of its word
n-grams. Characters of scripts written without spaces are words of their own, because otherwise a
Chinese or Thai page would be a handful of very long "words".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha1

import numpy as np
from numpy.typing import NDArray

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana, Chinese characters
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_DIGEST = np.dtype([("low", "<u8"), ("rest", "V12")])


def words(text: str) -> list[str]:
    """Words of the case-folded text, punctuation left out.

    >>> words("Don't stop, 中文!")
    ['don', 't', 'stop', '中', '文']
    """
    return _WORD.findall(text.casefold())


def ngrams(tokens: Sequence[str], length: int) -> set[str]:
    """The distinct runs of `length` words, joined by a space; none if there are fewer words.

    >>> sorted(ngrams(["a", "b", "c"], 2))
    ['a b', 'b c']
    """
    return set(map(" ".join, zip(*(tokens[start:] for start in range(length)), strict=False)))


def hash64(shingles: Iterable[str]) -> NDArray[np.uint64]:
    """First 8 bytes of each shingle's SHA-1, little-endian; sorted, distinct.

    The low 32 bits are datasketch's `sha1_hash32` of the shingle, so one digest serves both the
    signature and the exact comparison of two sets.
    """
    digests = b"".join(
        sha1(shingle.encode("utf-8", "surrogatepass")).digest() for shingle in shingles
    )
    return np.unique(np.frombuffer(digests, _DIGEST)["low"])
