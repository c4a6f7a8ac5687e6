"""The n-grams of evaluation sets as sorted arrays, and finding them in texts.

Enters: texts. Leaves: every place where an n-gram of an item stands. The decision: a filter of bits
(Bloom 1970, doi:10.1145/362686.362692) over the first units of every run turns down nearly every
place of a text in one look, whatever the number of run lengths; only the rest is looked up exactly.
The filter alone also tells which places of a corpus are worth sending to an index that fits nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Hashes, Places
from curate.decontaminate.units import Units, blocks
from curate.known_hashes import BitFilter

_BASE = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Sieve:
    """What tells the places of a text where a run may stand: no run is missed, few others pass.

    `lengths`: those of the runs, in units; `shortest`: at most the least of them; `filter`: over the
    hashes of all runs and of the first `shortest` units of each.
    """

    lengths: tuple[int, ...]
    shortest: int
    by_chars: bool
    filter: BitFilter

    def passing(self, units: Units) -> Iterator[tuple[NDArray[np.intp], int, Hashes]]:
        """(places, length, hashes of the runs of that length there) that an index may hold."""
        places = np.flatnonzero(self.filter.holds(run_hashes(units.hashes, self.shortest)))
        for length in self.lengths:
            places = places[places <= len(units) - length]
            here = places[units.texts[places] == units.texts[places + length - 1]]
            if len(here):
                hashes = runs_at(units.hashes, here, length)
                known = self.filter.holds(hashes)
                yield here[known], length, hashes[known]


@dataclass(frozen=True)
class Hits:
    """Where n-grams of items stand in texts, by text and place. `texts`: number of the text; `starts`,
    `ends`: places in it; `runs`: number of the n-gram in the index."""

    texts: Places
    starts: Places
    ends: Places
    runs: Places

    def by_text(self) -> Iterator[tuple[int, Hits]]:
        """The hits of each text that has any."""
        numbers, first = np.unique(self.texts, return_index=True)
        for number, begin, end in zip(
            numbers.tolist(), first, np.append(first, len(self.texts))[1:], strict=True
        ):
            part = slice(begin, end)
            yield number, Hits(*(a[part] for a in (self.texts, self.starts, self.ends, self.runs)))


@dataclass(frozen=True)
class Index:
    """The distinct n-grams of evaluation items and whose they are.

    `hashes`: sorted; those of the items `owners[offsets[i]:offsets[i + 1]]`. Of every item read:
    `item_files` (a number in `files`), `item_numbers` and `item_indexes` there, `item_runs` (its
    distinct n-grams, 0 if it is too short to match). `tasks`: the name of each file's task, if any.
    """

    sieve: Sieve
    hashes: Hashes
    offsets: Places
    owners: NDArray[np.int32]
    files: tuple[str, ...]
    tasks: tuple[str | None, ...]
    item_files: Places
    item_numbers: Places
    item_indexes: Places
    item_runs: Places

    @property
    def size_bytes(self) -> int:
        """Memory of what finding needs."""
        parts = (self.hashes, self.offsets, self.owners, self.sieve.filter.bits)
        items = (self.item_files, self.item_numbers, self.item_indexes, self.item_runs)
        return sum(part.nbytes for part in (*parts, *items))

    def name(self, item: int) -> str:
        """`file:number` of an item."""
        return f"{self.files[self.item_files[item]]}:{self.item_numbers[item]}"

    def only(self, wanted: Hashes) -> Index:
        """The index without the n-grams that are not wanted; items keep the numbers they have."""
        stay = np.isin(self.hashes, wanted)
        counts = np.diff(self.offsets)
        return replace(
            self,
            hashes=self.hashes[stay],
            offsets=offsets_of(counts[stay]),
            owners=self.owners[np.repeat(stay, counts)],
        )

    def find(self, texts: Sequence[str | None]) -> Hits:
        """Every place of the texts where a run of the index stands."""
        found = [
            (units.texts[at], units.starts[at], units.ends[at + length - 1], *self._known(hashes))
            for units in blocks(texts, self.sieve.by_chars, overlap=max(self.sieve.lengths) - 1)
            for at, length, hashes in self.sieve.passing(units)
        ]
        rows = [np.stack(row[:4])[:, row[4]] for row in found]
        # the blocks of a long text overlap, so a run may be met twice
        table = np.unique(np.concatenate([np.empty((4, 0), np.int64), *rows], axis=1), axis=1)
        return Hits(*table)

    def owners_of(self, runs: Places) -> tuple[NDArray[np.int32], Places]:
        """(items, position in `runs`): every item that has one of these n-grams."""
        counts = (self.offsets[1:] - self.offsets[:-1])[runs]
        position = np.repeat(np.arange(len(runs)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.owners[self.offsets[runs][position] + within], position

    def _known(self, hashes: Hashes) -> tuple[Places, NDArray[np.bool_]]:
        if not len(self.hashes):
            return np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.bool_)
        places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return places, self.hashes[places] == hashes


def run_hashes(hashes: Hashes, length: int) -> Hashes:
    """The hash of every run of `length` units: a polynomial in theirs modulo 2^64, built by doubling.

    >>> ones = np.ones(5, np.uint64)
    >>> len(run_hashes(ones, 3)), len(run_hashes(ones, 6))
    (3, 0)
    """
    if len(hashes) < length:
        return hashes[:0]
    runs, covered = hashes, 1
    for bit in bin(length)[3:]:
        runs = runs[: len(runs) - covered] * _power(covered) + runs[covered:]
        covered *= 2
        if bit == "1":
            runs = runs[:-1] * _power(1) + hashes[covered:]
            covered += 1
    return runs


def runs_at(hashes: Hashes, places: NDArray[np.intp], length: int) -> Hashes:
    """The same hashes, at a few places only."""
    runs = np.zeros(len(places), np.uint64)
    for offset in range(length):
        runs = runs * _power(1) + hashes[places + offset]
    return runs


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(_BASE, exponent, 1 << 64))


def offsets_of(counts: NDArray[np.integer]) -> Places:
    """Where each of consecutive groups begins, and where the last ends."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))
