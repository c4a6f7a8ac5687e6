"""The XML files in a zip archive: what DOCX and EPUB are made of.

In: an archive's bytes. Out: its members' bytes and XML trees. The decision: nothing is unpacked
that declares more than `MAX_MEMBER_BYTES`, or lets the whole pass `MAX_TOTAL_BYTES` (zip bombs; a
member never gives more than it declares).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from urllib.parse import unquote

from lxml import etree

from curate.extract.xml_tree import parse

MAX_MEMBER_BYTES = 64 << 20
MAX_TOTAL_BYTES = 512 << 20


class PackedError(Exception):
    """The archive, or a file in it, cannot be read; the message says which and why."""


class Packed:
    """An open archive. Raises PackedError if it is none."""

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise PackedError(f"not a zip archive: {error}") from None
        self._left_bytes = MAX_TOTAL_BYTES
        self._names = {name.lower(): name for name in reversed(self._archive.namelist())}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members."""
        return tuple(self._names.values())

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def read(self, name: str) -> bytes:
        """A member's bytes, its name in any case. Raises PackedError."""
        try:
            member = self._archive.getinfo(self._names[name.lower()])
        except KeyError:
            raise PackedError(f"{name} is missing") from None
        if member.file_size > min(MAX_MEMBER_BYTES, self._left_bytes):
            raise PackedError(f"{name} declares {member.file_size} bytes, too many")
        self._left_bytes -= member.file_size
        try:
            return self._archive.read(member)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            raise PackedError(f"{name} cannot be read: {error}") from None

    def tree(self, name: str) -> etree._Element:
        """A member as an XML tree. Raises PackedError."""
        return parse_xml(self.read(name), name)


def parse_xml(content: bytes, name: str) -> etree._Element:
    """A well-formed or damaged document's root, without comments. Raises PackedError."""
    tree = parse(content)
    if tree.root is None:
        raise PackedError(f"{name} is not XML: {tree.error or 'no element'}")
    root: etree._Element = tree.root
    etree.strip_elements(root, etree.Comment, etree.PI, etree.Entity, with_tail=False)
    return root


def resolve(base: str, reference: str) -> str:
    """A reference in the file `base` as a member's name.

    >>> resolve("OEBPS/content.opf", "../text/a%20b.xhtml#top")
    'text/a b.xhtml'
    """
    parts = base.split("/")[:-1]
    for part in unquote(reference.split("#")[0]).split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
