"""OLMo-core and Dolma: the payload called `.npy`, and where documents start and end.

`olmo_core/data/utils.py` (`iter_document_indices`), 3.0. The `.npy` is no NumPy file but the bare
tokens. `NAME.csv.gz`, found by replacing that ending, has a line `start,end` a document; it is needed
where the data is read from a URL. The payload is linked, not copied, where it can be.
"""

from __future__ import annotations

import gzip

import numpy as np

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard

LINES_AT_ONCE = 1 << 16


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.npy` and `NAME.csv.gz`."""
    payload = folder.bring(shard.folder, shard.payload, f"{shard.name}.npy")
    ends = np.cumsum(shard.lengths(), dtype=np.int64)
    starts = ends - shard.lengths()
    # without a time and a name in it, the same lines are the same bytes
    with (
        folder.whole(f"{shard.name}.csv.gz") as sink,
        gzip.GzipFile("", "wb", fileobj=sink, mtime=0) as file,
    ):
        for first in range(0, len(ends), LINES_AT_ONCE):
            part = slice(first, first + LINES_AT_ONCE)
            pairs = zip(starts[part].tolist(), ends[part].tolist(), strict=True)
            file.write("".join(f"{start},{end}\n" for start, end in pairs).encode())
    return [payload, sink.written()]


OLMO = Format(write)
