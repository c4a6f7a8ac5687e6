"""Held-out documents in training shards: by id, and by what they say.

Enters: the shards of both splits. Leaves: a problem for each training shard that holds a held-out id,
and a warning if held-out documents share much of their text with training documents. The decision:
memory is bounded by passes over the ids (each takes the hashes of one residue), and by taking, of the
13-grams, only those whose hash is a multiple of a power of two (Broder 1997,
doi:10.1109/SEQUEN.1997.666900, "modulo" sketches), so that what is held fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Hashes, mixed
from curate.known_hashes import KnownHashes
from curate.tokens.formats import TokenShard
from curate.tokens.formats.token_shard import IDS
from curate.tokens.verification.findings import Problem
from curate.tokens.verification.ids import id_batches
from curate.tokens.verification.origin import id_hashes
from curate.tokens.verification.payload import token_blocks

NGRAM_TOKENS = 13  # the length of Brown et al. 2020 (GPT-3), appendix C, there in words
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
MOST_IDS = 1 << 25
MOST_NGRAMS = 1 << 21
PIECE_TOKENS = 1 << 15


def shard_ids(shards: Iterable[TokenShard]) -> Iterator[Hashes]:
    """Hashes of the ids in shards."""
    for shard in shards:
        for batch in id_batches(shard, ["id"]):
            yield id_hashes([identity or "" for identity in batch.column(0).to_pylist()])


def ids_in_training(
    heldout: Callable[[], Iterator[Hashes]], most: int, train: Sequence[TokenShard], mend: str
) -> Iterator[Problem]:
    """A problem for each training shard with held-out documents. `most`: how many ids `heldout` gives
    at most."""
    passes = -(-most // MOST_IDS)
    found = dict.fromkeys((shard.name for shard in train), 0)
    for residue in range(passes):
        known = KnownHashes.over(_join(part[part % passes == residue] for part in heldout()))
        for shard in train:
            found[shard.name] += sum(len(known.places(part)) for part in shard_ids([shard]))
    for shard in train:
        if found[shard.name]:
            where = shard.folder.path(f"{shard.name}{IDS}")
            what = f"{found[shard.name]:,} held-out documents in a training shard"
            yield Problem(where, what, mend)


@dataclass(frozen=True)
class Overlap:
    """Held-out documents of at least 13 tokens, and how many of them share more than a part of their
    13-grams with training documents. `one_in`: which share of the 13-grams was looked at."""

    documents: int
    overlapping: int
    ngrams: int
    shared_ngrams: int
    one_in: int
    worst: str
    worst_ratio: float


def overlap(
    heldout: Sequence[TokenShard], train: Sequence[TokenShard], above_ratio: float
) -> Overlap:
    """Compare the 13-grams of tokens, none of which crosses the border of a document."""
    tokens = sum(shard.payload.tokens for shard in heldout)
    one_in = 1 << max(0, -(-tokens // MOST_NGRAMS) - 1).bit_length()
    known = KnownHashes.over(
        _join(hashes for shard in heldout for hashes, _ in ngrams(shard, one_in))
    )
    seen = np.zeros(len(known), np.bool_)
    for shard in train:
        for hashes, _ in ngrams(shard, one_in):
            seen[known.places(hashes)] = True
    shared = KnownHashes.over(known.hashes[seen])
    documents = overlapping = 0
    worst, worst_ratio = "", 0.0
    for shard in heldout:
        ratios, numbers = _ratios(shard, shared, one_in)
        documents += len(ratios)
        overlapping += int((ratios > above_ratio).sum())
        if len(ratios) and ratios.max() > worst_ratio:
            place = int(ratios.argmax())
            worst, worst_ratio = f"{shard.name} document {numbers[place]:,}", float(ratios[place])
    return Overlap(documents, overlapping, len(known), int(seen.sum()), one_in, worst, worst_ratio)


def _ratios(
    shard: TokenShard, shared: KnownHashes, one_in: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of every document with 13-grams, the share that is in `shared`, and its number."""
    count = shard.payload.documents + 1  # a shard with a surplus is a problem already told
    counted, found = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for hashes, documents in ngrams(shard, one_in):
        documents = np.minimum(documents, count - 1)
        counted += np.bincount(documents, minlength=count)
        hits = np.isin(hashes, shared.hashes) if len(shared) else np.zeros(len(hashes), np.bool_)
        found += np.bincount(documents[hits], minlength=count)
    numbers = np.flatnonzero(counted)
    return found[numbers] / counted[numbers], numbers


def ngrams(shard: TokenShard, one_in: int) -> Iterator[tuple[Hashes, NDArray[np.int64]]]:
    """Hashes of the 13-grams of a shard, and the number of the document each is of."""
    held = np.empty(0, np.uint64)
    ended = 0
    for tokens in _pieces(shard):
        held = np.concatenate((held, tokens.astype(np.uint64)))
        count = len(held) - NGRAM_TOKENS + 1
        if count < 1:
            continue
        hashes = mixed(_polynomial(held))
        ends = np.zeros(len(held) + 1, np.int64)
        np.cumsum(held == shard.eos, out=ends[1:])
        taken = ends[NGRAM_TOKENS:] == ends[:count]
        taken &= hashes & np.uint64(one_in - 1) == 0
        yield hashes[taken], ended + ends[:count][taken]
        ended += int(ends[count])
        held = held[count:]


def _polynomial(values: Hashes) -> Hashes:
    """Of every 13 neighbours, modulo 2^64: of 2, 4, 8 of them, then 8 + 4 + 1."""
    two = values[:-1] * MULTIPLIER + values[1:]
    four = two[:-2] * MULTIPLIER**2 + two[2:]
    eight = four[:-4] * MULTIPLIER**4 + four[4:]
    twelve = eight[:-4] * MULTIPLIER**4 + four[8:]
    thirteen: Hashes = twelve[:-1] * MULTIPLIER + values[12:]
    return thirteen


def _pieces(shard: TokenShard) -> Iterator[NDArray[np.integer]]:
    """Few enough tokens at a time that what is computed of them stays in the processor's cache."""
    for block in token_blocks(shard.blocks(), shard):
        for first in range(0, len(block), PIECE_TOKENS):
            yield block[first : first + PIECE_TOKENS]


def _join(parts: Iterable[Hashes]) -> Hashes:
    """Each part without its repetitions, so that boilerplate takes no room."""
    return np.concatenate([np.empty(0, np.uint64), *(np.unique(part) for part in parts)])
