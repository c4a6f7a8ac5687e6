"""The bytes of a token shard: Megatron-LM's `.bin` and `.idx`.

Enters: the tokens of documents, one after the other, each ending in its end-of-document token.
Leaves: `NAME.bin` (bare tokens, little-endian: the same bytes nanoGPT, OLMo-core and datatrove
read) and `NAME.idx` (`megatron/core/datasets/indexed_dataset.py`, version 1: one sequence a
document). Both are written under a name of their own and renamed when complete, so a file with the
final name is whole, and a task that runs twice leaves the same bytes.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

MAGIC = b"MMIDIDX\0\0"
VERSION = 1
DTYPE_CODES = {"int32": 4, "uint16": 8}
ATTEMPT = ".attempt-"


@dataclass(frozen=True)
class Shard:
    """What was written: `bytes` and `sha256` are those of the `.bin`."""

    file: str
    documents: int
    tokens: int
    bytes: int
    sha256: str


def write_shard(documents: Iterable[bytes], folder: str, name: str, dtype: str) -> Shard:
    """Write `folder/name.bin` and `folder/name.idx`; each document is its tokens as bytes."""
    fs, root = fsspec.core.url_to_fs(folder)
    attempt = f"{ATTEMPT}{uuid.uuid4().hex}"
    payload, index = f"{root}/{name}.bin", f"{root}/{name}.idx"
    width, digest, lengths = np.dtype(dtype).itemsize, hashlib.sha256(), []
    try:
        with fs.open(payload + attempt, "wb") as file:
            for document in documents:
                file.write(document)
                digest.update(document)
                lengths.append(len(document) // width)
        fs.pipe_file(index + attempt, index_bytes(lengths, dtype))
        for path in (payload, index):
            fs.mv(path + attempt, path)
    except BaseException:
        clear_attempts(fs, f"{root}/{name}")
        raise
    tokens = sum(lengths)
    return Shard(f"{name}.bin", len(lengths), tokens, tokens * width, digest.hexdigest())


def index_bytes(lengths: Iterable[int], dtype: str) -> bytes:
    """The `.idx` of documents of `lengths` tokens: header, lengths, byte offsets, document ends."""
    sizes: NDArray[np.int32] = np.fromiter(lengths, "<i4")
    offsets = np.zeros(len(sizes), "<i8")
    np.cumsum(sizes[:-1] * np.int64(np.dtype(dtype).itemsize), out=offsets[1:])
    ends = np.arange(len(sizes) + 1, dtype="<i8")
    header = MAGIC + struct.pack("<QBQQ", VERSION, DTYPE_CODES[dtype], len(sizes), len(ends))
    return header + sizes.tobytes() + offsets.tobytes() + ends.tobytes()


def clear_attempts(fs: Any, prefix: str) -> None:
    """Remove what unfinished attempts left under names that start with `prefix`."""
    for path in fs.glob(f"{prefix}*{ATTEMPT}*"):
        fs.rm(path)
