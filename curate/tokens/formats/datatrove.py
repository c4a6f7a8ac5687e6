"""datatrove and nanotron: where documents end, beside the payload.

`datatrove/pipeline/tokens/tokenizer.py` (`TokenizedFile`), 0.10. `NAME.bin.index`: where every
document ends, in tokens, u64, no header. `NAME.bin.metadata`: tokenizer and bytes of a token, tokens,
and the same for people. `DatatroveFolderDataset(filename_pattern="*.bin")` reads the payload itself.
"""

from __future__ import annotations

from math import floor, log10

import numpy as np

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.bin.index` and `NAME.bin.metadata`; the payload too, if the shard stands elsewhere."""
    payload = folder.bring(shard.folder, shard.payload, shard.payload.file)
    ends = np.cumsum(shard.lengths(), dtype="<u8")
    tokens = shard.payload.tokens
    told = f"tokenizer.json|{shard.width}\n{tokens}\n{metric(tokens)} T"
    return [
        *([payload] if folder != shard.folder else []),
        folder.put(f"{payload.file}.index", ends.tobytes()),
        folder.put(f"{payload.file}.metadata", told.encode()),
    ]


def metric(count: int) -> str:
    """A count as `humanize.metric` writes it, three digits and a prefix.

    >>> metric(0), metric(9), metric(1500), metric(100_000_000)
    ('0.00', '9.00', '1.50 k', '100 M')
    """
    exponent = floor(log10(count)) if count else 0
    power = exponent // 3
    digits = f"{count / 10 ** (3 * power):.{2 - exponent % 3}f}"
    return f"{digits} {'kMGTP'[power - 1]}" if power else digits


DATATROVE = Format(write, beside=True)
