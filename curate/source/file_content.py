"""The bytes of a file that is one document, and their text.

In: a stream, compressed or not. Out: a row and bytes. The decision: whatever cannot be a document
(damaged, too large, empty, binary) is decided here once, for every format that reads whole files.
"""

from __future__ import annotations

from typing import BinaryIO

from curate.document import Document
from curate.extract.charset import decode
from curate.source.media import is_binary
from curate.source.opening import DamagedError, read_whole
from curate.source.origin import Origin
from curate.text import Text


def open_whole(stream: BinaryIO, origin: Origin) -> tuple[Document, bytes]:
    """The row of a file and its bytes; a file that cannot be read is a row that says so."""
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


def decode_into(row: Document, content: bytes) -> None:
    """Bytes as the row's text, unless it is dropped already or they are no text."""
    if row.drop is not None:
        return
    if is_binary(content):
        row.drop = "record.binary"
        return
    decoded = decode(content)
    row.labels["charset"] = decoded.encoding
    fill(row, decoded.text)


def fill(row: Document, text: str) -> None:
    """The text of a file; one without a letter in it (a byte order mark, front matter) is no document."""
    if text.strip():
        row.text = Text(text)
    else:
        row.text, row.drop = None, "record.empty"
