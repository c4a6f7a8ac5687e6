"""The bytes of a token shard: Megatron-LM's `.bin` and `.idx`.

Enters: the tokens of documents, one after the other, each ending in its end-of-document token.
Leaves: `NAME.bin` (bare tokens, little-endian: the same bytes nanoGPT, OLMo-core and datatrove
read) and `NAME.idx` (`megatron/core/datasets/indexed_dataset.py`, version 1: one sequence a
document). Every other format is made from these two, see `curate.tokens.formats`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from curate.tokens.formats import File, Folder

MAGIC = b"MMIDIDX\0\0"
HEADER = struct.Struct("<9sQBQQ")  # magic, version, token type, documents, borders of documents
VERSION = 1
DTYPE_CODES = {"int32": 4, "uint16": 8}


def write_shard(
    documents: Iterable[bytes], folder: Folder, name: str, dtype: str
) -> tuple[File, File]:
    """Write `name.bin` and `name.idx`, whole; each document is its tokens as bytes."""
    width, lengths = np.dtype(dtype).itemsize, array("q")
    with folder.whole(f"{name}.bin") as sink:
        for document in documents:
            sink.write(document)
            lengths.append(len(document) // width)
    index = folder.put(f"{name}.idx", index_bytes(lengths, dtype))
    return sink.written(len(lengths), sink.bytes // width), index


def index_bytes(lengths: Iterable[int], dtype: str) -> bytes:
    """The `.idx` of documents of `lengths` tokens: header, lengths, byte offsets, document ends."""
    sizes: NDArray[np.int32] = np.fromiter(lengths, "<i4")
    offsets = np.zeros(len(sizes), "<i8")
    np.cumsum(sizes[:-1] * np.int64(np.dtype(dtype).itemsize), out=offsets[1:])
    ends = np.arange(len(sizes) + 1, dtype="<i8")
    header = HEADER.pack(MAGIC, VERSION, DTYPE_CODES[dtype], len(sizes), len(ends))
    return header + sizes.tobytes() + offsets.tobytes() + ends.tobytes()
