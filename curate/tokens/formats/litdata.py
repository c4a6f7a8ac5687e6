"""litdata and litgpt: chunks for `TokensLoader`, and `index.json` a split.

`litdata/streaming/writer.py` 0.2.76 (`_create_chunk`). A chunk is u32 n, u32 offsets[n + 1] from the
chunk's start, then the documents' tokens one after the other; the index names each chunk's bytes,
documents and tokens. The type is that of a tensor without header: 20 is uint16, 16 is int32
(`litdata/constants.py`). `TokensLoader` leaves the end of a chunk that fills no block unread.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import numpy as np

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard, runs

CHUNK_BYTES = 1 << 26
TENSOR_TYPES = {"uint16": 20, "int32": 16}
LEAF = json.dumps([1, {"type": None, "context": None, "children_spec": []}])


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`SPLIT/chunk-SHARD-PART.bin`, each of about 64 MiB at most, or one document."""
    files = []
    for part, held in enumerate(runs(shard.documents(), weight, CHUNK_BYTES)):
        ends = np.zeros(len(held) + 1, np.int64)
        np.cumsum([len(tokens) for tokens in held], out=ends[1:])
        offsets = ends + 4 + 4 * len(ends)
        with folder.whole(f"{shard.split}/chunk-{shard.number}-{part}.bin") as sink:
            sink.write(struct.pack("<I", len(held)) + offsets.astype("<u4").tobytes())
            for tokens in held:
                sink.write(tokens)
        files.append(sink.written(len(held), int(ends[-1]) // shard.width))
    return files


def weight(tokens: bytes) -> int:
    """Bytes that a document takes, its offset included."""
    return len(tokens) + 4


def finish(
    folder: Folder, split: str, shards: Sequence[TokenShard], files: Sequence[File]
) -> list[File]:
    """`SPLIT/index.json` over the chunks of all shards."""
    chunks = [
        {
            "chunk_bytes": file.bytes,
            "chunk_size": file.documents,
            "dim": file.tokens,
            "filename": file.file.rpartition("/")[2],
        }
        for file in files
    ]
    config = {
        "chunk_bytes": CHUNK_BYTES,
        "chunk_size": None,
        "compression": None,
        "data_format": [f"no_header_tensor:{TENSOR_TYPES[shards[0].dtype]}"],
        "data_spec": LEAF,
        "encryption": None,
        "item_loader": "TokensLoader",
    }
    index = json.dumps({"chunks": chunks, "config": config}, sort_keys=True)
    return [folder.put(f"{split}/index.json", index.encode())]


LITDATA = Format(write, finish)
