"""Token ids, and where documents end.

Enters: the bytes of a payload as they come, and the lengths of its documents. Leaves: problems. The
decision: blocks are looked at one by one, and problems of one kind are one line with their number and
the first place, so memory does not grow with the payload nor the answer with its faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curate.tokens.formats import TokenShard
from curate.tokens.verification.findings import Problem

Tokens = NDArray[np.integer]


def token_blocks(
    blocks: Iterable[bytes], shard: TokenShard, header_bytes: int = 0
) -> Iterator[Tokens]:
    """Blocks of bytes as blocks of whole tokens; what is left of a cut token is left out."""
    held = b""
    for block in blocks:
        skipped = min(header_bytes, len(block))
        header_bytes -= skipped
        held += block[skipped:]
        whole = len(held) // shard.width * shard.width
        yield np.frombuffer(held[:whole], np.dtype(shard.dtype).newbyteorder("<"))
        held = held[whole:]


@dataclass
class Fault:
    """How often, and where first."""

    count: int = 0
    first: int | None = None

    def add(self, places: NDArray[np.int64]) -> None:
        """More of it, at these tokens; later than those before."""
        self.count += len(places)
        if self.first is None and len(places):
            self.first = int(places[0])


@dataclass
class TokenCheck:
    """Takes a payload block by block. `lengths` is None where no index tells them."""

    eos: int
    vocabulary: int
    lengths: NDArray[np.int32] | None
    tokens: int = 0
    ends: int = 0
    last: int | None = None
    first: int | None = None
    outside: Fault = field(default_factory=Fault)
    inside: Fault = field(default_factory=Fault)
    missing: Fault = field(default_factory=Fault)
    _document: int = 0
    _ended: int = 0

    def add(self, block: Tokens) -> None:
        """The next tokens."""
        if not len(block):
            return
        self.first = int(block[0]) if self.first is None else self.first
        self.last = int(block[-1])
        self.outside.add(self.tokens + np.flatnonzero((block >= self.vocabulary) | (block < 0)))
        found = self.tokens + np.flatnonzero(block == self.eos)
        self.ends += len(found)
        if self.lengths is not None:
            wanted = self._wanted(len(block))
            self.inside.add(np.setdiff1d(found, wanted, assume_unique=True))
            self.missing.add(np.setdiff1d(wanted, found, assume_unique=True))
        self.tokens += len(block)

    def _wanted(self, length: int) -> NDArray[np.int64]:
        """Last tokens of documents in the next `length` tokens, each of which ends one at most."""
        assert self.lengths is not None
        next_ones = self.lengths[self._document : self._document + length]
        ends = self._ended + np.cumsum(next_ones, dtype=np.int64)
        held = int(np.searchsorted(ends, self.tokens + length, side="right"))
        if held:
            self._document, self._ended = self._document + held, int(ends[held - 1])
        return ends[:held] - 1

    def told(self) -> Iterator[str]:
        """What is wrong, once all tokens were seen."""
        if self.outside.count:
            yield (
                f"{self.outside.count:,} token ids outside the vocabulary of {self.vocabulary:,}, "
                f"first at token {self.outside.first:,}"
            )
        if self.inside.count:
            yield (
                f"{self.inside.count:,} end tokens ({self.eos}) inside documents, "
                f"first at token {self.inside.first:,}"
            )
        if self.missing.count:
            yield (
                f"{self.missing.count:,} documents do not end in the end token ({self.eos}), "
                f"first at token {self.missing.first:,}"
            )


def payload_problems(
    shard: TokenShard,
    blocks: Iterable[bytes],
    vocabulary: int,
    lengths: NDArray[np.int32] | None,
    mend: str,
    header_bytes: int = 0,
    leads: bool = False,
) -> Iterator[Problem]:
    """Problems of a payload; all its blocks are read. `leads`: ends stand ahead of documents."""
    check = TokenCheck(shard.eos, vocabulary, lengths)
    for block in token_blocks(blocks, shard, header_bytes):
        check.add(block)
    where = shard.folder.path(shard.payload.file)
    told = list(check.told())
    if check.tokens != shard.payload.tokens:
        told.append(f"{check.tokens:,} tokens, the manifest says {shard.payload.tokens:,}")
    if lengths is None and check.tokens:
        if check.ends != shard.payload.documents:
            told.append(
                f"{check.ends:,} end tokens ({shard.eos}), "
                f"the manifest says {shard.payload.documents:,} documents"
            )
        if (check.first if leads else check.last) != shard.eos:
            told.append(f"does not {'begin' if leads else 'end'} with the end token ({shard.eos})")
    for what in told:
        yield Problem(where, what, mend)
