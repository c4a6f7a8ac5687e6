"""HTML, plain text and source code: one file, one document.

In: a file, compressed or not. Out: one row. The decision: text and code are decoded here, since
there is no markup to extract them from; a file that holds control characters is `record.binary`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from curate.document import Document
from curate.extract.charset import decode
from curate.source.languages import language_of
from curate.source.media import is_binary
from curate.source.opening import COMPRESSED_SUFFIXES, DamagedError, read_whole
from curate.source.origin import Origin
from curate.text import Text

TEXT_MEDIA_TYPES = {".md": "text/markdown", ".markdown": "text/markdown", ".rst": "text/x-rst"}


def read_html(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The page as `content`, to be extracted."""
    row, content = _open(stream, origin)
    if row.drop is None:
        row.content, row.media_type = content, "text/html"
    yield row


def read_text(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The decoded file as `text`."""
    row, content = _open(stream, origin)
    row.media_type = TEXT_MEDIA_TYPES.get(suffix_of(origin.path), "text/plain")
    _decode(row, content)
    yield row


def read_code(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The decoded file as `text`, its programming language as label `code.language`."""
    row, content = _open(stream, origin)
    row.media_type = "text/plain"
    if language := language_of(origin.path):
        row.labels["code.language"] = language
    _decode(row, content)
    yield row


def suffix_of(path: str) -> str:
    """The last suffix that is no compression's, in lower case.

    >>> suffix_of("a/b.MD.gz")
    '.md'
    """
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _open(stream: BinaryIO, origin: Origin) -> tuple[Document, bytes]:
    try:
        content = read_whole(stream, origin.max_record_bytes)
    except DamagedError as error:
        return origin.lost("unreadable", None, str(error)), b""
    if len(content) > origin.max_record_bytes:
        reason = f"the file is larger than {origin.max_record_bytes} bytes"
        return origin.lost("too_large", None, reason), b""
    if not content.strip():
        return origin.lost("empty_file", None, "the file holds nothing", len(content)), b""
    return origin.document(), content


def _decode(row: Document, content: bytes) -> None:
    if row.drop is not None:
        return
    if is_binary(content):
        row.drop = "record.binary"
        return
    decoded = decode(content)
    row.text = Text(decoded.text)
    row.labels["charset"] = decoded.encoding
