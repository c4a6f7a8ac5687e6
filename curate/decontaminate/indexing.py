"""From evaluation items to the index of their n-grams.

Enters: items, a thousand at a time. Leaves: an `Index`. A text shorter than n is one run of its own
length; one too short even for that says nothing. All runs of a thousand items are made at once, in
arrays: a million items take minutes, not hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Hashes, Places
from curate.decontaminate.evaluation_sets import Item
from curate.decontaminate.index import Index, Sieve, offsets_of, runs_at
from curate.decontaminate.units import Units, blocks
from curate.known_hashes import BitFilter

SHORTEST_CHARS = 20
ITEMS_AT_ONCE = 1000


@dataclass(frozen=True)
class Runs:
    """How texts are cut into runs: `length` units each, words or (`by_chars`) letters and digits.

    A text of fewer units is one run, if it has `shortest_words` words (and 20 letters or digits).
    """

    length: int
    shortest_words: int
    by_chars: bool = False

    @property
    def shortest(self) -> int:
        """Units of the shortest run there can be."""
        return min(self.length, SHORTEST_CHARS if self.by_chars else self.shortest_words)


def build_index(items: Iterable[Item], runs: Runs) -> Index:
    """Every n-gram of every text of every item; shorter texts as one run of their length."""
    places: list[tuple[str, str | None, int, int]] = []
    read: list[_Run] = [_Run(0, *np.empty((3, 0), np.uint64))]
    incoming = iter(items)
    while group := list(islice(incoming, ITEMS_AT_ONCE)):
        texts = [(len(places) + n, text) for n, item in enumerate(group) for text in item.texts]
        places += [(item.file, item.task, item.number, item.index) for item in group]
        read += _runs_of(texts, runs)
    hashes, owners = _distinct_pairs(
        np.concatenate([run.hashes for run in read]), np.concatenate([run.owners for run in read])
    )
    distinct, counts = np.unique(hashes, return_counts=True)
    firsts = np.concatenate([run.firsts for run in read])
    held = BitFilter.over(np.concatenate((distinct, np.unique(firsts))))
    tasks = {file: task for file, task, *_ in places}
    numbers = {file: number for number, file in enumerate(tasks)}
    placed = np.array([(numbers[file], *rest) for file, _, *rest in places], np.int64).reshape(
        -1, 3
    )
    return Index(
        Sieve(tuple(sorted({run.length for run in read[1:]})), runs.shortest, runs.by_chars, held),
        distinct,
        offsets_of(counts),
        owners,
        tuple(tasks),
        tuple(tasks.values()),
        item_files=placed[:, 0],
        item_numbers=placed[:, 1],
        item_indexes=placed[:, 2],
        item_runs=np.bincount(owners, minlength=len(places)),
    )


@dataclass(frozen=True)
class _Run:
    """Runs of one length: their hashes, those of their first units, and whose they are."""

    length: int
    hashes: Hashes
    firsts: Hashes
    owners: NDArray[np.integer]


def _runs_of(texts: Sequence[tuple[int, str]], runs: Runs) -> Iterator[_Run]:
    """The runs of (item, text) pairs."""
    items = np.array([item for item, _ in texts], np.int64)
    plain = [text for _, text in texts]
    enough = _counts(plain, by_chars=False) >= runs.shortest_words
    totals = _counts(plain, by_chars=True) if runs.by_chars else _counts(plain, by_chars=False)
    enough &= totals >= runs.shortest
    wanted = [text if use else None for text, use in zip(plain, enough.tolist(), strict=True)]
    for units in blocks(wanted, runs.by_chars, overlap=runs.length - 1):
        for length, at in _places(units, totals, runs.length):
            hashes, firsts = (runs_at(units.hashes, at, n) for n in (length, runs.shortest))
            yield _Run(length, hashes, firsts, items[units.texts[at]])


def _places(units: Units, totals: Places, length: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """(length, where runs of it begin): `length` units, or a text of fewer as a whole."""
    begins = np.arange(max(0, len(units) - length + 1))
    inside = begins[units.texts[begins] == units.texts[begins + length - 1]]
    if len(inside):
        yield length, inside
    texts, first, counts = np.unique(units.texts, return_index=True, return_counts=True)
    is_whole = (counts == totals[texts]) & (counts < length)
    for count in np.unique(counts[is_whole]).tolist():
        yield count, first[is_whole & (counts == count)]


def _counts(texts: Sequence[str], by_chars: bool) -> Places:
    """How many units each text has."""
    counts = np.zeros(len(texts), np.int64)
    for units in blocks(texts, by_chars):
        counts += np.bincount(units.texts, minlength=len(texts))
    return counts


def _distinct_pairs(hashes: Hashes, owners: Places) -> tuple[Hashes, NDArray[np.int32]]:
    """Sorted by hash, then owner."""
    order = np.lexsort((owners, hashes))
    hashes, items = hashes[order], owners[order].astype(np.int32)
    is_new = np.ones(len(hashes), np.bool_)
    is_new[1:] = (hashes[1:] != hashes[:-1]) | (items[1:] != items[:-1])
    return hashes[is_new], items[is_new]
