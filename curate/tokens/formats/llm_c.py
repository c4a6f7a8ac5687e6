"""llm.c, modded-nanogpt: a header of 256 int32, then tokens, the end token ahead of each document.

`llm.c/dev/data/data_common.py` (`write_datafile`): magic 20240520, version 1, uint16 as for GPT-2;
magic 20240801, version 7, uint32 as for Llama 3; then the number of tokens. Because the end token
leads (`dev/data/fineweb.py`), the file is the payload with its last token put first.
"""

from __future__ import annotations

import numpy as np

from curate.errors import UserError
from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard

HEADER_INTS = 256
MAGIC_AND_VERSION = {"uint16": (20240520, 1), "int32": (20240801, 7)}
MOST_TOKENS = 2**31 - 1


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.bin`. `UserError` if the tokens are more than its header can count."""
    tokens = shard.payload.tokens
    if tokens > MOST_TOKENS:
        raise UserError(
            f"{shard.name} holds {tokens:,} tokens, llm.c counts up to {MOST_TOKENS:,}; "
            "tokenize with a smaller shard_tokens"
        )
    header = np.zeros(HEADER_INTS, "<i4")
    header[:3] = *MAGIC_AND_VERSION[shard.dtype], tokens
    with folder.whole(f"{shard.name}.bin") as sink:
        sink.write(header.tobytes())
        if tokens:
            sink.write(np.array([shard.eos], shard.dtype).tobytes())
        left = max(0, shard.payload.bytes - shard.width)
        for block in shard.blocks():
            sink.write(block[:left])
            left -= min(left, len(block))
    return [sink.written(shard.payload.documents, tokens)]


LLM_C = Format(write)
