"""nanoGPT: one headerless file a split, `train.bin` and `val.bin`.

`nanoGPT/train.py` maps them as uint16. A split of one shard is linked to its payload where it can be;
the payloads of several are put one after the other by one process, which is meant for corpora of the
size that nanoGPT is used for.
"""

from __future__ import annotations

from collections.abc import Sequence

from curate.split import TRAIN
from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """Nothing: a file holds all shards of a split."""
    return []


def finish(
    folder: Folder, split: str, shards: Sequence[TokenShard], files: Sequence[File]
) -> list[File]:
    """`train.bin` of the training shards, `val.bin` of the held-out ones."""
    name = "train.bin" if split == TRAIN else "val.bin"
    if len(shards) == 1:
        return [folder.bring(shards[0].folder, shards[0].payload, name)]
    with folder.whole(name) as sink:
        for shard in shards:
            for block in shard.blocks():
                sink.write(block)
    documents = sum(shard.payload.documents for shard in shards)
    return [sink.written(documents, sum(shard.payload.tokens for shard in shards))]


NANOGPT = Format(write, finish, dtypes=("uint16",))
