"""WebDataset: a tar with two members a document, `KEY.npy` (tokens) and `KEY.json` (its id).

https://github.com/webdataset/webdataset: members that share a name up to its first dot are a sample.
The key is the shard and the document's number in it, never text of the document. The tar is POSIX
ustar with all times 0 and nobody as owner, so the same documents are the same bytes.
"""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np

from curate.tokens.formats.folder import File, Folder, Sink
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.tar`."""
    with folder.whole(f"{shard.name}.tar") as sink:
        for number, (identity, tokens) in enumerate(shard.records()):
            key = f"{shard.name}-{number:09d}"
            _member(sink, f"{key}.json", json.dumps({"id": identity}).encode())
            _member(sink, f"{key}.npy", npy_header(len(tokens) // shard.width, shard.dtype), tokens)
        sink.write(bytes(2 * tarfile.BLOCKSIZE))
    return [sink.written(shard.payload.documents, shard.payload.tokens)]


def _member(sink: Sink, name: str, *parts: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = sum(map(len, parts))
    sink.write(about.tobuf(tarfile.USTAR_FORMAT))
    for part in parts:
        sink.write(part)
    sink.write(bytes(-about.size % tarfile.BLOCKSIZE))


def npy_header(tokens: int, dtype: str) -> bytes:
    """The head of a `.npy` file with one axis.

    >>> npy_header(4, "uint16")[:8], len(npy_header(4, "uint16"))
    (b'\\x93NUMPY\\x01\\x00', 128)
    """
    head = io.BytesIO()
    about = {
        "descr": np.dtype(dtype).newbyteorder("<").str,
        "fortran_order": False,
        "shape": (tokens,),
    }
    np.lib.format.write_array_header_1_0(head, about)
    return head.getvalue()


WEBDATASET = Format(write)
