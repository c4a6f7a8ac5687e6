"""The permutations of MinHash, over the hashes of many documents at once. No Spark in here.

Enters: hashes of shingles, document d has those from offsets[d] to offsets[d + 1]. Leaves: signatures,
(documents, permutations), of the formulas that are in use. The decision: one permutation at a time over
a block of hashes that stays in the cache, instead of a matrix a document: .08 µs a shingle for 128
permutations, before it was .22.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32] | NDArray[np.uint64]
Signatures = NDArray[np.uint32] | NDArray[np.uint64]
Offsets = NDArray[np.int64]

_MERSENNE_61 = (1 << 61) - 1
_PRIME_32 = (1 << 32) - 5
_MASK_32 = (1 << 32) - 1
_BLOCK = 16384  # hashes permuted at once: 64 or 128 KiB


def affine_signatures(
    hashes: NDArray[np.uint32], offsets: Offsets, permutations: int, seed: int
) -> NDArray[np.uint32]:
    """datasketch 2's "affine32": a*h + b mod 2**32 with odd a, over hashes mixed by a bijection.

    Document d has the hashes from offsets[d] to offsets[d + 1]; the shape is (documents,
    permutations). Documents without hashes have 2**32 - 1 everywhere, as an empty `MinHash`.
    """
    draw = np.random.RandomState(seed)
    a = draw.randint(0, 1 << 31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    b = draw.randint(0, 1 << 32, permutations, dtype=np.uint32)

    def permute(number: int, values: Any, out: Any) -> None:
        np.multiply(values, a[number, ...], out=out)
        np.add(out, b[number, ...], out=out)

    largest = np.uint32(_MASK_32)
    found: NDArray[np.uint32] = _smallest(fmix32(hashes), offsets, permutations, permute, largest)
    return found


def mersenne_signatures(
    hashes: Hashes,
    offsets: Offsets,
    permutations: int,
    seed: int,
    *,
    interleaved: bool,
    bits: int,
    stored: type[np.uint32 | np.uint64] = np.uint64,
) -> Signatures:
    """(a*h + b) mod (2**61 - 1), the product wrapping at 2**64, cut to 32 bits or whole (64).

    The constants are drawn a, b, a, b, ... (interleaved) or all a before all b.
    """
    a, b = _constants(permutations, seed, _MERSENNE_61, np.uint64, interleaved)
    prime, shift, mask = (np.array(n, np.uint64) for n in (_MERSENNE_61, 61, _MASK_32))
    high = np.empty(_BLOCK, np.uint64)

    def permute(number: int, values: Any, out: Any) -> None:
        other = high[: len(out)]
        np.multiply(values, a[number, ...], out=out)
        np.add(out, b[number, ...], out=out)
        np.right_shift(out, shift, out=other)  # x mod p, as 2**61 = 1: the high bits and the low
        np.bitwise_and(out, prime, out=out)
        np.add(out, other, out=out)
        np.subtract(out, prime, out=other)  # wraps to a large number if already below p
        np.minimum(out, other, out=out)
        if bits == 32:
            np.bitwise_and(out, mask, out=out)

    largest = np.uint64(_MASK_32 if bits == 32 else (1 << 64) - 1)
    wide = _smallest(hashes.astype(np.uint64), offsets, permutations, permute, largest)
    return wide.astype(stored, copy=False)  # type: ignore[no-any-return]


def prime32_signatures(
    hashes: NDArray[np.uint32], offsets: Offsets, permutations: int, seed: int
) -> NDArray[np.uint32]:
    """(a*h + b) mod (2**32 - 5), the product wrapping at 2**32; all a are drawn before all b."""
    a, b = _constants(permutations, seed, _PRIME_32, np.uint32, interleaved=False)
    prime, below = np.array(_PRIME_32, np.uint32), np.empty(_BLOCK, np.uint32)

    def permute(number: int, values: Any, out: Any) -> None:
        np.multiply(values, a[number, ...], out=out)
        np.add(out, b[number, ...], out=out)
        np.subtract(out, prime, out=below[: len(out)])
        np.minimum(out, below[: len(out)], out=out)

    largest = np.uint32(_MASK_32)
    found: NDArray[np.uint32] = _smallest(hashes, offsets, permutations, permute, largest)
    return found


@cache
def _constants(
    permutations: int, seed: int, prime: int, dtype: Any, interleaved: bool
) -> tuple[Any, Any]:
    draw = np.random.RandomState(seed)
    if not interleaved:
        a = draw.randint(1, prime, permutations, dtype=dtype)
        return a, draw.randint(0, prime, permutations, dtype=dtype)
    pairs = [[draw.randint(low, prime, dtype=dtype) for low in (1, 0)] for _ in range(permutations)]
    drawn = np.array(pairs, dtype).reshape(-1, 2)
    return drawn[:, 0].copy(), drawn[:, 1].copy()


def _smallest(
    hashes: Any, offsets: Offsets, permutations: int, permute: Callable[..., None], largest: Any
) -> Any:
    """Each document's smallest permuted hash; a block of hashes may begin or end inside one."""
    filled = np.flatnonzero(np.diff(offsets))
    begins = offsets[filled]
    least = np.full((permutations, len(filled)), largest)
    permuted = np.empty(min(_BLOCK, len(hashes)), hashes.dtype)
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        first = int(np.searchsorted(begins, start, "right")) - 1
        last = int(np.searchsorted(begins, start + len(block)))
        cuts = np.maximum(begins[first:last] - start, 0)
        values = permuted[: len(block)]
        for number in range(permutations):
            permute(number, block, values)
            so_far = least[number, first:last]
            np.minimum(so_far, np.minimum.reduceat(values, cuts), out=so_far)
    result = np.full((len(offsets) - 1, permutations), largest)
    result[filled] = least.T
    return result


def fmix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's finalizer, a bijection of 32-bit values (Appleby, MurmurHash3.cpp)."""
    values = values ^ (values >> np.uint32(16))
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
