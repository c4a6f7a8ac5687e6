"""Files that are one document each: pages, plain text, books, office documents.

In: a file, compressed or not. Out: one row. The decision: text is decoded here, since there is no
markup to extract it from; a file that holds control characters is `record.binary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from curate.document import Document
from curate.source.file_content import decode_into, fill, open_whole
from curate.source.markdown import split_front_matter
from curate.source.opening import COMPRESSED_SUFFIXES
from curate.source.origin import Origin

TEXT_MEDIA_TYPES = {".md": "text/markdown", ".markdown": "text/markdown", ".rst": "text/x-rst"}


def reader_of(media_type: str) -> Callable[[BinaryIO, Origin], Iterator[Document]]:
    """A reader of files whose bytes are `content`, to be extracted."""

    def read(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
        row, content = open_whole(stream, origin)
        if row.drop is None:
            row.content, row.media_type = content, media_type
        yield row

    return read


read_html = reader_of("text/html")


def read_text(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The decoded file as `text`; a Markdown file's front matter as labels."""
    row, content = open_whole(stream, origin)
    row.media_type = TEXT_MEDIA_TYPES.get(suffix_of(origin.path), "text/plain")
    decode_into(row, content)
    if row.text is not None and row.media_type == "text/markdown":
        labels, text = split_front_matter(row.text)
        row.labels |= labels
        fill(row, text)
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
