"""Tar and zip archives: one member, one row.

In: a GitHub tarball, an sdist, a wheel, an npm package, a zip of pages; compressed or not. Out: a row
a member, whose place is the member's number from 0 and whose label `path` is its name as it stands,
top folder included. The decision: a member is read by what its name says (a page, a text, code), and
one that no reader takes is a row too. Of a licence file, all members of its folder and those below
learn, also the ones before it: the archive is read twice if it can be, once for licences. From a
stream that cannot go back only members after the licence file have the label.

A folder's `.dist-info` or `.egg-info` speaks for the folder it is in, as in wheels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO

from curate.document import Document
from curate.source.articles import read_jats
from curate.source.code.checkout import licence_labels
from curate.source.code.languages import CODE_SUFFIXES, language_of
from curate.source.code.licence_files import MAX_FILE_BYTES, folder_licence, matters
from curate.source.code.members import Member, MemberError, members
from curate.source.code.reader import read_code
from curate.source.file_content import decode_into
from curate.source.media import DOCX, EPUB
from curate.source.opening import DamagedError
from curate.source.origin import Origin, names_in
from curate.source.whole_file import (
    TEXT_MEDIA_TYPES,
    read_html,
    read_text,
    reader_of,
    suffix_of,
)

OPTIONS: Mapping[str, str] = {"members": "html text code pdf epub docx jats"}
SUFFIXES_OF_ARCHIVES = (".tar", ".tgz", ".tbz2", ".txz", ".tzst", ".zip", ".whl", ".egg", ".crate")
Reader = Callable[[BinaryIO, Origin], Iterator[Document]]
READERS: Mapping[str, Reader] = {
    "html": read_html,
    "text": read_text,
    "code": read_code,
    "pdf": reader_of("application/pdf"),
    "epub": reader_of(EPUB),
    "docx": reader_of(DOCX),
    "jats": read_jats,
}
DOCUMENTS = {".pdf": "pdf", ".epub": "epub", ".docx": "docx", ".nxml": "jats"}
HTML_SUFFIXES = (".html", ".htm", ".xhtml")
TEXT_SUFFIXES = (".txt", ".text", *TEXT_MEDIA_TYPES)
TEXT_NAME = re.compile(
    r"(?:readme|changes|changelog|news|authors|contributing|copying|licen[sc]e|notice|install|todo"
    r"|history)(?:[-.]\w+)?",
    re.IGNORECASE,
)
METADATA_FOLDER = re.compile(r"(?:^|/)[^/]+\.(?:dist|egg)-info(?:/licenses)?$")
SNIFFED_BYTES = 4096
JATS_ROOT = re.compile(
    rb"<(?:\w+:)?article\b[^>]*\b(?:article-type|dtd-version)=|//NLM//DTD|-//NLM"
)


@dataclass(frozen=True)
class MemberOrigin(Origin):
    """A member: its path is its name in the archive, its place the archive's and a number."""

    archive: Origin = field(default=Origin("", ""))
    number: int = 0

    def document(self, place: str | int | None = None) -> Document:
        """An empty row for the member."""
        row = self.archive.document(self.number)
        row.labels["path"] = self.path
        return row


@dataclass
class Licences:
    """The licence files met so far, by folder."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    found: dict[str, tuple[str, str] | None] = field(default_factory=dict)

    def add(self, path: str, content: bytes) -> None:
        """Remember a licence file or manifest."""
        folder, _, name = path.rpartition("/")
        folder = METADATA_FOLDER.sub("", folder)
        self.files.setdefault(folder, {})[name] = content
        self.found.clear()

    def labels(self, path: str) -> dict[str, str]:
        """The licence of the nearest folder upwards that has one, as labels."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self.files:
                if folder not in self.found:
                    self.found[folder] = folder_licence(self.files[folder])
                if (licence := self.found[folder]) is not None:
                    return licence_labels(*licence)
        return {}


def read(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """A row a member; damage is one more row for the rest of the archive."""
    licences, number = Licences(), 0
    chosen = names_in(origin.options.get("members", OPTIONS["members"]))
    if _can_go_back(stream):
        _collect(stream, licences)
        stream.seek(0)
    try:
        for member in members(stream):
            yield _row(
                member,
                MemberOrigin(
                    origin.source,
                    member.name,
                    origin.options,
                    origin.max_record_bytes,
                    archive=origin,
                    number=number,
                ),
                licences,
                chosen,
            )
            number += 1
    except DamagedError as error:
        place = number or None
        yield origin.lost("unreadable", place, f"the rest of the archive: {error}"[:300])
        return
    if number == 0:
        yield origin.lost("empty_file", None, "the archive holds no members", 0)


def _can_go_back(stream: BinaryIO) -> bool:
    try:
        return stream.seekable() and stream.seek(0) == 0
    except (OSError, ValueError):
        return False


def _collect(stream: BinaryIO, licences: Licences) -> None:
    """The licence files of the whole archive, as far as it can be read."""
    try:
        for member in members(stream):
            _learn(member, licences)
    except DamagedError:
        return


def _learn(member: Member, licences: Licences) -> bytes | None:
    """The content of a licence file, remembered; None for another member."""
    named = matters(member.name.rpartition("/")[2])
    if member.kind != "file" or not named or member.size > MAX_FILE_BYTES:
        return None
    try:
        content = member.read(MAX_FILE_BYTES)
    except MemberError:
        return None
    licences.add(member.name, content)
    return content


def _row(member: Member, origin: MemberOrigin, licences: Licences, chosen: list[str]) -> Document:
    if member.kind != "file":
        return origin.lost(member.kind, None, f"a {member.kind}, which holds no bytes")
    if member.size > origin.max_record_bytes:
        reason = f"the member is larger than {origin.max_record_bytes} bytes"
        return origin.lost("too_large", None, reason, member.size)
    try:
        content = _learn(member, licences)
        content = member.read(origin.max_record_bytes + 1) if content is None else content
    except MemberError as error:
        return origin.lost("unreadable", None, str(error), member.size)
    row = _read_member(content, origin, chosen)
    row.labels = licences.labels(member.name) | row.labels
    if member.commit:
        row.labels["commit"] = member.commit
    return row


def _read_member(content: bytes, origin: MemberOrigin, chosen: list[str]) -> Document:
    """The row that the reader makes whom the member's name, or else its content, asks for."""
    kind = kind_of(origin.path, content)
    if kind in chosen:
        return next(READERS[kind](BytesIO(content), origin))
    row = origin.document()
    decode_into(row, content)
    if row.drop is None:
        row = origin.lost("other_format", None, f"no member of: {' '.join(chosen)}", len(content))
    return row


def kind_of(path: str, content: bytes) -> str:
    """A name of `READERS`, or nothing for a member that none of them takes.

    >>> kind_of("a/b.htm", b""), kind_of("bin/run", b"#!/bin/sh"), kind_of("x.json", b"{}")
    ('html', 'code', '')
    """
    suffix, name = suffix_of(path), path.rpartition("/")[2]
    if suffix in DOCUMENTS or (suffix == ".xml" and JATS_ROOT.search(content[:SNIFFED_BYTES])):
        return DOCUMENTS.get(suffix, "jats")
    if suffix in HTML_SUFFIXES:
        return "html"
    if suffix in TEXT_SUFFIXES and not language_of(path):
        return "text"
    head = content[:SNIFFED_BYTES].decode("utf-8", "replace")
    if suffix in CODE_SUFFIXES or language_of(path, head):
        return "code"
    return "text" if TEXT_NAME.fullmatch(name) else ""
