"""A set of 64-bit hashes that is asked about by the million.

Enters: hashes. Leaves: which of others it holds, and where. The decision: a filter of bits with one
hash (Bloom 1970, doi:10.1145/362686.362692) stands before the sorted hashes and turns down nearly all
that is not held in one look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Hashes, Places

LEAST_BITS, MOST_BITS = 16, 29  # of a filter: 8 kB to 64 MiB
BITS_A_HASH = 32


@dataclass(frozen=True)
class BitFilter:
    """Holds every hash it was made of, and few others. bits: packed, a power of two of them."""

    bits: NDArray[np.uint8]

    @classmethod
    def over(cls, hashes: Hashes) -> BitFilter:
        """At least `BITS_A_HASH` bits a hash, up to 64 MiB."""
        wanted = (len(hashes) * BITS_A_HASH).bit_length()
        size = min(max(wanted, LEAST_BITS), MOST_BITS)
        bits = np.zeros(1 << size, np.bool_)
        bits[hashes >> np.uint64(64 - size)] = True
        return cls(np.packbits(bits, bitorder="little"))

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """False where a hash is surely not among those it was made of."""
        places = hashes >> np.uint64(64 - len(self.bits).bit_length() - 2)
        found: NDArray[np.uint8] = self.bits[places >> np.uint64(3)]
        return (found >> (places & np.uint64(7)).astype(np.uint8) & 1).astype(np.bool_)


@dataclass(frozen=True)
class KnownHashes:
    """hashes: ascending and distinct."""

    hashes: Hashes
    filter: BitFilter

    @classmethod
    def over(cls, hashes: Hashes) -> KnownHashes:
        """Of hashes in any order.

        >>> known = KnownHashes.over(np.array([7, 3, 7], np.uint64))
        >>> known.places(np.array([7, 5, 3, 7], np.uint64)).tolist()
        [1, 0, 1]
        """
        distinct = np.unique(hashes)
        return cls(distinct, BitFilter.over(distinct))

    def __len__(self) -> int:
        return len(self.hashes)

    def places(self, wanted: Hashes) -> Places:
        """Where those of `wanted` that are held stand in `hashes`; the others are left out."""
        wanted = wanted[self.filter.holds(wanted)]
        if not len(self.hashes):
            return np.empty(0, np.int64)
        places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        found: Places = places[self.hashes[places] == wanted]
        return found
