"""MosaicML Streaming, llm-foundry: `.mds` files with `id` and `tokens`, and `index.json` a split.

`streaming/base/format/mds/` 0.13, index version 2. A file is u32 n, u32 offsets[n + 1] from the
file's start, the configuration as JSON, then samples; a sample is the u32 sizes of its columns and
their bytes, columns in alphabetical order. An array is one byte (axes x 4 + log2 of the bytes of a
size), its size, its values. The bytes are those that `MDSWriter(hashes=["sha256"])` writes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard, runs

FILE_BYTES = 1 << 26
SHAPES = ("<BB", "<BH", "<BI")


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`SPLIT/shard.SHARD.PART.mds`, each of at most 64 MiB or one document."""
    settings = json.dumps(configuration(shard.dtype), sort_keys=True).encode()
    samples = (sample(identity, tokens, shard.width) for identity, tokens in shard.records())
    files = []
    parts = runs(samples, lambda one: len(one) + 4, FILE_BYTES - 8 - len(settings))
    for part, held in enumerate(parts):
        name = f"{shard.split}/shard.{shard.number:05d}.{part:05d}.mds"
        files.append(_write(held, settings, folder, name))
    return files


def _write(samples: Sequence[bytes], settings: bytes, folder: Folder, name: str) -> File:
    offsets = np.zeros(len(samples) + 1, np.int64)
    np.cumsum([len(one) for one in samples], out=offsets[1:])
    offsets += 4 + 4 * len(offsets) + len(settings)
    with folder.whole(name) as sink:
        sink.write(struct.pack("<I", len(samples)) + offsets.astype("<u4").tobytes() + settings)
        for one in samples:
            sink.write(one)
    return sink.written(len(samples))


def sample(identity: str, tokens: bytes, width: int) -> bytes:
    """A document: the sizes of its two columns, and the columns."""
    columns = identity.encode(), array(tokens, width)
    return struct.pack("<2I", *map(len, columns)) + b"".join(columns)


def array(tokens: bytes, width: int) -> bytes:
    """Tokens as a one-dimensional array whose type the column tells.

    >>> array(bytes([10, 0, 11, 0]), 2).hex()
    '04020a000b00'
    """
    count = len(tokens) // width
    code = 0 if count < 1 << 8 else 1 if count < 1 << 16 else 2
    return struct.pack(SHAPES[code], 1 << 2 | code, count) + tokens


def configuration(dtype: str) -> dict[str, Any]:
    """What every file and the index say of the columns."""
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": ["sha256"],
        "size_limit": FILE_BYTES,
        "column_names": ["id", "tokens"],
        "column_encodings": ["str", f"ndarray:{dtype}"],
        "column_sizes": [None, None],
    }


def finish(
    folder: Folder, split: str, shards: Sequence[TokenShard], files: Sequence[File]
) -> list[File]:
    """`SPLIT/index.json` over the files of all shards."""
    entries = [
        {
            **configuration(shards[0].dtype),
            "samples": file.documents,
            "raw_data": {
                "basename": file.file.rpartition("/")[2],
                "bytes": file.bytes,
                "hashes": {"sha256": file.sha256},
            },
            "zip_data": None,
        }
        for file in files
    ]
    index = json.dumps({"version": 2, "shards": entries}, sort_keys=True)
    return [folder.put(f"{split}/index.json", index.encode())]


MDS = Format(write, finish)
