"""datatrove and nanotron: where documents end, beside the payload.

`datatrove/pipeline/tokens/tokenizer.py` (`TokenizedFile`), 0.10. `NAME.bin.index`: where every
document ends, in tokens, u64, no header. `NAME.bin.metadata`: tokenizer and bytes of a token, tokens,
and the same for people. `DatatroveFolderDataset(filename_pattern="*.bin")` reads the payload itself.
"""

from __future__ import annotations

import numpy as np

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.bin.index` and `NAME.bin.metadata`; the payload too, if the shard stands elsewhere."""
    payload = folder.bring(shard.folder, shard.payload, shard.payload.file)
    ends = np.cumsum(shard.lengths(), dtype="<u8")
    tokens = shard.payload.tokens
    told = f"tokenizer.json|{shard.width}\n{tokens}\n{metric(tokens)}"
    return [
        *([payload] if folder != shard.folder else []),
        folder.put(f"{payload.file}.index", ends.tobytes()),
        folder.put(f"{payload.file}.metadata", told.encode()),
    ]


def metric(tokens: int) -> str:
    """A number of tokens as `humanize.metric(tokens, unit="T")` writes it: three digits, a prefix.

    >>> metric(0), metric(9), metric(1500), metric(9999), metric(99_999_999)
    ('0.00 T', '9.00 T', '1.50 kT', '10.0 kT', '100 MT')
    """
    exponent = len(f"{tokens}") - 1
    if round(tokens / 1000 ** (exponent // 3), 2 - exponent % 3) == 10 ** (exponent % 3 + 1):
        exponent += 1
    power = exponent // 3
    value = f"{tokens / 1000**power:.{2 - exponent % 3}f}"
    return f"{value} {' kMGTPE'[power].strip()}T"


DATATROVE = Format(write, beside=True)
