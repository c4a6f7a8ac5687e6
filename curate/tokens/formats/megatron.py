"""Megatron-LM, NeMo, nanotron: the payload and its index, as `tokenize` always writes them.

`megatron/core/datasets/indexed_dataset.py`; the bytes are in `curate.tokens.shards`. Nothing is left
to be done beside the shard itself; elsewhere the shard is linked or copied, index and ids with it.
"""

from __future__ import annotations

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import IDS, TokenShard


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.bin`, `NAME.idx` and `NAME.ids.parquet`, if the shard stands elsewhere."""
    if folder == shard.folder:
        return []
    files = [folder.bring(shard.folder, shard.payload, shard.payload.file)]
    for ending in (".idx", IDS):
        name = f"{shard.name}{ending}"
        if shard.folder.holds(name):
            with folder.whole(name) as sink:
                for block in shard.folder.blocks(name):
                    sink.write(block)
            files.append(sink.written())
    return files


MEGATRON = Format(write, beside=True)
