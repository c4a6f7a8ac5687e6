"""The order of the documents: a hash of id and seed.

A shard is a range of the hash, and its documents are sorted by it. So the bytes do not depend on how
the input was partitioned, documents of all sources are mixed, and the shard of an id can be computed.
A curriculum narrows the range that a document's hash is spread over (`curate.tokens.curriculum`).
"""

from __future__ import annotations

import xxhash


def place(identity: str, seed: int, copy: int) -> int:
    """Where a copy of a document stands: a signed 64-bit hash."""
    key = f"{seed}\0{identity}\0{copy}".encode("utf-8", "surrogatepass")
    return xxhash.xxh3_64_intdigest(key) - 2**63


def within(place: int, start: float, width: float) -> int:
    """A place in a stretch of the order instead of the whole: `start` and `width` are shares.

    >>> [within(place, 0.5, 0.25) / 2**62 for place in (-2**63, 0)]
    [0.0, 0.5]
    """
    share = start + width * ((place + 2**63) / 2**64)
    return min(int(share * 2**64), 2**64 - 1) - 2**63


def shard_of(place: int, shards: int) -> int:
    """The number of the shard that a place falls into, of `shards` equal ranges.

    >>> [shard_of(place, 4) for place in (-2**63, -1, 0, 2**63 - 1)]
    [0, 1, 2, 3]
    """
    return ((place >> 32) + 2**31) * shards >> 32
