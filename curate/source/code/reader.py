"""Source code: one file, one document.

In: a file of a checkout or folder, or a member of an archive. Out: its text, and labels that say
what is known of it: `code.language`, marks (`code.generated`, `code.minified`, `code.vendored`),
`repository`, `commit`, `path`, `licence`. The decision: what the file says of its licence at its top
wins over the licence of the folders around it; and a notebook is read as its cells, not as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from curate.document import Document
from curate.source.code.checkout import licence_labels, surroundings
from curate.source.code.languages import language_of
from curate.source.code.licences import declared
from curate.source.code.marks import marks
from curate.source.code.notebook import read_notebook
from curate.source.file_content import decode_into, fill, open_whole
from curate.source.origin import Origin


def read_code(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The decoded file as `text`, with the labels of the module's first lines."""
    row, content = open_whole(stream, origin)
    row.media_type = "text/plain"
    decode_into(row, content)
    if origin.root:
        row.labels |= surroundings(origin.root, origin.path)
    if row.text is None:
        if language := language_of(origin.path):
            row.labels["code.language"] = language
    elif origin.path.lower().endswith(".ipynb"):
        _read_cells(row)
    else:
        _describe(row, origin.path, row.text)
    yield row


def _describe(row: Document, path: str, text: str) -> None:
    """What a file's text and name say of it, as labels."""
    if language := language_of(path, text):
        row.labels["code.language"] = language
    row.labels |= marks(row.labels.get("path", path), text)
    if licence := declared(text):
        row.labels.pop("licence.permissive", None)
        row.labels |= licence_labels(licence, "the file")


def _read_cells(row: Document) -> None:
    try:
        text, language = read_notebook(row.text or "")
    except ValueError as error:
        row.text, row.drop = None, "record.unreadable"
        row.labels["record.reason"] = f"{error}"[:300]
        return
    row.media_type = "text/markdown"
    row.labels["code.language"] = language
    fill(row, text)
