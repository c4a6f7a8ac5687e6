"""Token shards as they lie on disk, mapped into memory.

In: a folder of Megatron-style shards (`<split>-00000.bin/.idx` and `manifest.json`). Out: for each
shard its tokens and where its documents start. The decision that matters: a payload is mapped, never
read, and checked against its index only by size; `curate verify` checks the rest.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import InputError

Tokens = NDArray[np.integer]

# Megatron-LM core/datasets/indexed_dataset.py: magic, version, dtype code, sequences, document entries
INDEX_HEADER = struct.Struct("<9sQBQQ")
INDEX_MAGIC = b"MMIDIDX\0\0"
INDEX_DTYPES: dict[int, np.dtype[Any]] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}


@dataclass(frozen=True)
class Shard:
    """One memory-mapped `.bin` with the token count of each document from its `.idx`."""

    tokens: Tokens
    document_tokens: NDArray[np.int32]

    def documents(self) -> Iterator[Tokens]:
        """Each document's tokens, its closing EOS included."""
        ends = np.cumsum(self.document_tokens, dtype=np.int64)
        yield from np.split(self.tokens, ends)[:-1]

    @cached_property
    def document_starts(self) -> NDArray[np.int64]:
        """The first token of each document."""
        starts = np.zeros(len(self.document_tokens), np.int64)
        np.cumsum(self.document_tokens[:-1], dtype=np.int64, out=starts[1:])
        return starts


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
    if not expected:  # which cannot be mapped
        return Shard(np.empty(0, INDEX_DTYPES[code]), lengths)
    # a plain view: slicing np.memmap itself takes longer than copying a window
    return Shard(np.memmap(payload, INDEX_DTYPES[code], "r").view(np.ndarray), lengths)
