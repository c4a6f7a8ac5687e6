"""Token shards as training windows.

In: a folder of Megatron-style shards (`<split>-00000.bin/.idx` and `manifest.json`), or a token
array in memory. Out: batches of windows (rows, context + 1), int64, as NumPy arrays.
The decision that matters: a batch is a pure function of (seed, epoch, step), so a resumed run needs
nothing but its step number to read exactly what it would have read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from curate.errors import InputError

Tokens = NDArray[np.integer]
Windows = NDArray[np.int64]

# Megatron-LM core/datasets/indexed_dataset.py: magic, version, dtype code, sequences, document entries
INDEX_HEADER = struct.Struct("<9sQBQQ")
INDEX_MAGIC = b"MMIDIDX\0\0"
INDEX_DTYPES: dict[int, np.dtype[Any]] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}


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
class Shard:
    """One memory-mapped `.bin` with the token count of each document from its `.idx`."""

    tokens: Tokens
    document_tokens: NDArray[np.int32]

    def documents(self) -> Iterator[Tokens]:
        """Each document's tokens, its closing EOS included."""
        ends = np.cumsum(self.document_tokens, dtype=np.int64)
        yield from np.split(self.tokens, ends)[:-1]


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
        counts = [max(0, len(shard.tokens) - 1) // context for shard in self.shards]
        return np.concatenate(([0], np.cumsum(counts)))

    def batch(
        self, step: int, size: int, context: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Windows:
        """Rows rank, rank + world, ... of batch `step`: (size / world, context + 1).

        Row r of the whole run is number r of the endless sequence "epoch 0 shuffled, epoch 1
        shuffled, ..."; an epoch's order depends on (seed, epoch) alone.
        InputError: the split is shorter than one window.
        """
        starts = self.window_starts(context)
        count = int(starts[-1])
        if count == 0:
            raise InputError(
                f"the shards hold {self.token_count} tokens: fewer than one window of {context + 1}"
            )
        rows = [
            order(seed, number // count, count)[number % count]
            for number in range(step * size + rank, (step + 1) * size, world)
        ]
        return np.stack([self._window(int(row), context, starts) for row in rows])

    def _window(self, number: int, context: int, starts: NDArray[np.int64]) -> Windows:
        shard = int(np.searchsorted(starts, number, side="right")) - 1
        first = (number - int(starts[shard])) * context
        return self.shards[shard].tokens[first : first + context + 1].astype(np.int64)


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


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The permutation of `count` windows in one epoch: a pure function of its arguments."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


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


def read_manifest(folder: str | Path) -> tuple[dict[str, Any], Path]:
    """What `folder/manifest.json` says of its tokens, and the folder that holds the shards.

    Keys: vocabulary, eos, dtype, shards (split, file, documents, tokens, bytes, sha256) and more.
    InputError: no manifest there, or not one of `tokenize`.
    """
    folder = Path(folder)
    try:
        part = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["slices"][0]
        about, attempt = dict(part["tokens"]), Path(part["files"][0]).parts[0]
        _ = about["shards"], about["vocabulary"], about["eos"]
    except OSError as error:
        raise InputError(
            f"{folder}: no manifest.json ({error.strerror}); give the output of `tokenize`"
        ) from None
    except (ValueError, TypeError, LookupError):
        raise InputError(
            f"{folder}: its manifest.json speaks of no token shards; give the output of `tokenize`"
        ) from None
    return about, folder / attempt


def read_shard(payload: Path) -> Shard:
    """Map a `.bin` after checking it against its `.idx` (layout: INDEX_HEADER, lengths, offsets).

    InputError: missing, not a Megatron index, another version or token type, or a cut file.
    """
    index = payload.with_suffix(".idx")
    try:
        raw = index.read_bytes()
        payload_bytes = payload.stat().st_size
    except OSError as error:
        raise InputError(
            f"{payload}: shard incomplete ({error.strerror}: {error.filename})"
        ) from None
    if len(raw) < INDEX_HEADER.size or not raw.startswith(INDEX_MAGIC):
        raise InputError(f"{index}: not a Megatron index")
    _, version, code, sequences, entries = INDEX_HEADER.unpack_from(raw)
    if version != 1 or code not in INDEX_DTYPES:
        raise InputError(
            f"{index}: version {version}, token type {code}; known: version 1, types 4 and 8"
        )
    if len(raw) < INDEX_HEADER.size + 12 * sequences + 8 * entries:
        raise InputError(f"{index}: cut short at {len(raw)} bytes")
    lengths = np.frombuffer(raw, "<i4", sequences, INDEX_HEADER.size)
    expected = int(lengths.sum(dtype=np.int64)) * INDEX_DTYPES[code].itemsize
    if payload_bytes != expected:
        raise InputError(f"{payload}: {payload_bytes} bytes where its index promises {expected}")
    tokens = (
        np.memmap(payload, INDEX_DTYPES[code], "r") if expected else np.empty(0, INDEX_DTYPES[code])
    )
    return Shard(tokens, lengths)
