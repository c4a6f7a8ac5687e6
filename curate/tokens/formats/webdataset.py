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

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.token_shard import TokenShard

EMPTY = tarfile.TarInfo().tobuf(tarfile.USTAR_FORMAT)


def write(shard: TokenShard, folder: Folder) -> list[File]:
    """`NAME.tar`."""
    with folder.whole(f"{shard.name}.tar") as sink:
        for number, (identity, tokens) in enumerate(shard.records()):
            key = f"{shard.name}-{number:09d}"
            head = npy_header(len(tokens) // shard.width, shard.dtype)
            sink.write(member(f"{key}.json", json.dumps({"id": identity}).encode()))
            sink.write(member(f"{key}.npy", head, tokens))
        sink.write(bytes(2 * tarfile.BLOCKSIZE))
    return [sink.written(shard.payload.documents, shard.payload.tokens)]


def member(name: str, *parts: bytes) -> bytes:
    """A file in a tar: header, content, zeros up to a whole block."""
    size = sum(map(len, parts))
    return b"".join((tar_header(name, size), *parts, bytes(-size % tarfile.BLOCKSIZE)))


def tar_header(name: str, size: int) -> bytes:
    """What `tarfile` makes of a name and a size, several times as fast.

    >>> about = tarfile.TarInfo("train-00000-000000001.npy")
    >>> about.size = 1234
    >>> tar_header(about.name, about.size) == about.tobuf(tarfile.USTAR_FORMAT)
    True
    """
    header = bytearray(EMPTY)
    header[: len(name)] = name.encode("ascii")
    header[124:135] = b"%011o" % size
    header[148:156] = b" " * 8  # its own place counts as blanks
    header[148:155] = b"%06o\0" % sum(header)
    return bytes(header)


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
