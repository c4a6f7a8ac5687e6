"""Token shards as training windows.

In: a folder of Megatron-style shards (`<split>-00000.bin/.idx` and `manifest.json`), or a token
array in memory. Out: batches of windows (rows, context + 1), int64, as NumPy arrays.
The decision that matters: a batch is a pure function of (seed, epoch, step), so a resumed run needs
nothing but its step number to read exactly what it would have read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curate.errors import InputError
from model.data.boundaries import Boundaries, begins, boundaries
from model.data.permutation import Numbers, windows_at
from model.data.stored import Shard, Tokens, read_manifest, read_shard

Windows = NDArray[np.int64]


class Batches(Protocol):
    """Anything a model can be trained on."""

    @property
    def token_count(self) -> int:
        """Tokens in one epoch."""

    @property
    def fingerprint(self) -> str:
        """Changes when the data does."""

    def batch(
        self, step: int, size: int, context: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Windows:
        """The rows of batch `step` that belong to `rank`: (size / world, context + 1)."""


@dataclass(frozen=True)
class Shards:
    """The shards of one split, read as windows without replacement within an epoch.

    Windows start every `context` tokens and are `context + 1` long, so each token is predicted once.
    """

    shards: tuple[Shard, ...]
    fingerprint: str

    @cached_property
    def token_count(self) -> int:
        """Tokens in one epoch."""
        return sum(len(shard.tokens) for shard in self.shards)

    def window_starts(self, context: int) -> NDArray[np.int64]:
        """Windows before each shard, and the total as last entry: (shards + 1,)."""
        if context not in self._starts:
            tokens = np.array([len(shard.tokens) for shard in self.shards], np.int64)
            starts = np.zeros(len(tokens) + 1, np.int64)
            np.cumsum(np.maximum(tokens - 1, 0) // context, out=starts[1:])
            self._starts[context] = starts
        return self._starts[context]

    @cached_property
    def _starts(self) -> dict[int, NDArray[np.int64]]:
        return {}

    def batch(
        self, step: int, size: int, context: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Windows:
        """Rows rank, rank + world, ... of batch `step`: (size / world, context + 1); where `world`
        does not divide `size`, the first ranks have a row more.

        Row r of the whole run is number r of the endless sequence "epoch 0 shuffled, epoch 1
        shuffled, ..."; an epoch's order depends on (seed, epoch) alone.
        InputError: the split is shorter than one window.
        """
        return self.windows(self.rows(step, size, context, seed, rank, world), context)

    def rows(
        self, step: int, size: int, context: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Numbers:
        """Which windows of the split `batch` reads."""
        count = self.window_count(context)
        places = np.arange(step * size + rank, (step + 1) * size, world)
        epochs = places // count
        found = np.empty_like(places)
        for epoch in range(step * size // count, ((step + 1) * size - 1) // count + 1):
            of_epoch = epochs == epoch
            found[of_epoch] = windows_at(seed, epoch, count, places[of_epoch] % count)
        return found

    def window_count(self, context: int) -> int:
        """Windows of an epoch. InputError: there is none."""
        count = int(self.window_starts(context)[-1])
        if count == 0:
            raise InputError(
                f"the shards hold {self.token_count} tokens: fewer than one window of {context + 1}"
            )
        return count

    def windows(self, numbers: Numbers, context: int) -> Windows:
        """These windows of the split, numbered from 0 in the order of its tokens."""
        found = np.empty((len(numbers), context + 1), np.int64)
        for row, (shard, first) in enumerate(self._places(numbers, context)):
            found[row] = shard.tokens[first : first + context + 1]
        return found

    def boundaries(self, numbers: Numbers, context: int) -> Boundaries:
        """Which tokens of these windows belong to one document."""
        marks = np.zeros((len(numbers), context + 1), np.bool_)
        for row, (shard, first) in enumerate(self._places(numbers, context)):
            marks[row, begins(shard.document_starts, first, context + 1)] = True
        return boundaries(marks)

    def _places(self, numbers: Numbers, context: int) -> Iterator[tuple[Shard, int]]:
        """The shard and the first token of each window."""
        starts = self.window_starts(context)
        held = np.searchsorted(starts, numbers, side="right") - 1
        firsts = (numbers - starts[held]) * context
        for shard, first in zip(held.tolist(), firsts.tolist(), strict=True):
            yield self.shards[shard], first


@dataclass(frozen=True)
class Stream:
    """Tokens in memory that are already in the order to be read.

    The stream is cut into as many equal lanes as a batch has rows and every row reads its own lane,
    so a batch mixes distant documents while the order within the stream is kept.
    """

    tokens: Tokens

    @property
    def token_count(self) -> int:
        """Tokens in one epoch."""
        return len(self.tokens)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the tokens."""
        return hashlib.sha256(np.ascontiguousarray(self.tokens).tobytes()).hexdigest()

    def steps(self, size: int, context: int) -> int:
        """Batches until every token has been predicted once."""
        return max(0, len(self.tokens) - 1) // (size * context)

    def batch(
        self, step: int, size: int, context: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Windows:
        """Rows rank, rank + world, ... of batch `step`; the order is the stream's own, `seed` is not used.

        InputError: the stream is shorter than one batch.
        """
        steps = self.steps(size, context)
        if steps == 0:
            raise InputError(
                f"{len(self.tokens)} tokens are fewer than one batch of {size} x {context} + 1"
            )
        firsts = np.arange(rank, size, world) * steps * context + (step % steps) * context
        rows: Windows = self.tokens[firsts[:, None] + np.arange(context + 1)].astype(np.int64)
        return rows


def open_shards(folder: str | Path, split: str = "train") -> Shards:
    """Memory-map the shards of `split` below a committed `tokenize` output.

    InputError, one line: no manifest, a shard it names is missing, or a shard contradicts its index.
    """
    about, root = read_manifest(folder)
    names = sorted(str(entry["file"]) for entry in about["shards"] if entry["split"] == split)
    if not names:
        known = ", ".join(sorted({str(entry["split"]) for entry in about["shards"]}))
        raise InputError(f"{folder}: no shards of split {split!r}; known: {known or 'none'}")
    shards = tuple(read_shard(root / name) for name in names)
    # in which other formats the same tokens are stored does not matter
    stored = {name: value for name, value in about.items() if name != "files"}
    digest = hashlib.sha256(json.dumps(stored, sort_keys=True).encode())
    for shard in shards:
        digest.update(shard.document_tokens.tobytes())
    return Shards(shards, digest.hexdigest())
