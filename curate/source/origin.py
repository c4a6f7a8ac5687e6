"""What a format reader is told about its file, and the rows it makes.

In: the source's name, the file's path and the options of the recipe. Out: rows whose `origin` is
`path#place`. The decision: a reader never raises for what is in a file; it calls `lost`, and the
damage becomes a row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from curate.document import RECORD, Document, document_id

MAX_RECORD_BYTES = 64 << 20


@dataclass(frozen=True)
class Origin:
    """One file of a source. `path` is relative to `root`, the folder or URL that the source lists;
    a member of an archive has no root.
    """

    source: str
    path: str
    options: Mapping[str, str] = field(default_factory=dict)
    max_record_bytes: int = MAX_RECORD_BYTES
    root: str = ""

    def document(self, place: str | int | None = None) -> Document:
        """An empty row for the record at `place` (byte offset, line, row; None for a whole file)."""
        origin = self.path if place is None else f"{self.path}#{place}"
        return Document(document_id(self.source, origin), self.source, origin)

    def lost(
        self, kind: str, place: str | int | None, reason: str, length_bytes: int | None = None
    ) -> Document:
        """A row for something that is no document: `drop` is `record.<kind>`."""
        row = self.document(place)
        row.drop = RECORD + kind
        row.labels["record.reason"] = reason
        if length_bytes is not None:
            row.labels["record.length_bytes"] = str(length_bytes)
        return row


def names_in(value: str) -> list[str]:
    """The names that an option lists, parted by white space or commas.

    >>> names_in("html, text code")
    ['html', 'text', 'code']
    """
    return value.replace(",", " ").split()
