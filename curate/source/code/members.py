"""The members of a tar or zip archive, one after the other.

In: a binary stream. Out: `Member`s, whose bytes are read on demand. The decision: nothing is written
to disk and no name is followed, so a hostile path is only a label; what a header claims is not
believed until it is read, and a header that asks for more than `MAX_HEADER_BYTES` is damage.
"""

from __future__ import annotations

import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Self, cast

import zstandard

from curate.source.code.checkout import COMMIT
from curate.source.opening import BUFFER_BYTES, DamagedError, decompressed, seekable

MAX_HEADER_BYTES = 1 << 20
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
HEADER_TYPES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class MemberError(Exception):
    """One member that cannot be read; those after it can."""


@dataclass(frozen=True)
class Member:
    """`kind` is "file", or what else it is; `commit` the one that `git archive` made it from.

    `read(limit)` gives the content, at most `limit` bytes. It raises DamagedError if the rest of the
    archive is lost too, else MemberError, and is valid until the next member is asked for.
    """

    name: str
    kind: str
    size: int
    read: Callable[[int], bytes]
    commit: str | None = None


class _Header(tarfile.TarInfo):
    """A header that does not end the archive in silence when it is damaged, nor fill the memory."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise DamagedError(f"a damaged header: {error}") from None

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADER_TYPES and self.size > MAX_HEADER_BYTES:
            raise DamagedError(f"a header of {self.size} bytes")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found


def members(stream: BinaryIO) -> Iterator[Member]:
    """Every member of an archive, in its order. Raises DamagedError where it cannot be read on."""
    buffered = io.BufferedReader(cast(io.RawIOBase, stream), BUFFER_BYTES)
    whole = cast(BinaryIO, buffered)
    try:
        zipped = buffered.peek(4)[:4] in ZIP_MAGIC
        yield from _zip_members(seekable(whole)) if zipped else _tar_members(whole)
    finally:
        buffered.detach()


@contextmanager
def _damage(raised: type[Exception]) -> Iterator[None]:
    """What the libraries raise on damaged or hostile bytes; a disk's or network's error stays."""
    try:
        yield
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        zstandard.ZstdError,
        struct.error,
        EOFError,
        ValueError,
        OverflowError,
        IndexError,
        RuntimeError,  # zipfile: a password is needed; NotImplementedError: a method it lacks
        RecursionError,
    ) as error:
        raise raised(f"{error}"[:300] or type(error).__name__) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise raised(f"{error}"[:300]) from None


def _tar_members(stream: BinaryIO) -> Iterator[Member]:
    with _damage(DamagedError):
        archive = tarfile.open(  # noqa: SIM115
            fileobj=decompressed(stream), mode="r|", bufsize=BUFFER_BYTES, tarinfo=_Header
        )
    while True:
        with _damage(DamagedError):
            header = archive.next()
        if header is None:
            return
        archive.members.clear()  # type: ignore[attr-defined]  # else a list of all headers grows
        yield _tar_member(archive, header)


def _tar_member(archive: tarfile.TarFile, header: tarfile.TarInfo) -> Member:
    def read(limit: int) -> bytes:
        with _damage(DamagedError):
            opened = archive.extractfile(header)
            return opened.read(limit) if opened else b""

    if header.isfile():
        kind = "file"
    elif header.isdir():
        kind = "directory"
    else:
        kind = "link" if header.issym() or header.islnk() else "device"
    comment = str(archive.pax_headers.get("comment", ""))
    return Member(
        header.name, kind, header.size, read, comment if COMMIT.fullmatch(comment) else None
    )


def _zip_members(stream: BinaryIO) -> Iterator[Member]:
    with _damage(DamagedError):
        archive = zipfile.ZipFile(stream)  # noqa: SIM115
    comment = archive.comment.decode("ascii", "replace")
    commit = comment if COMMIT.fullmatch(comment) else None
    for info in archive.infolist():
        yield _zip_member(archive, info, commit)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, commit: str | None) -> Member:
    def read(limit: int) -> bytes:
        with _damage(MemberError), archive.open(info) as opened:
            return opened.read(limit)

    mode = info.external_attr >> 16
    kind = "directory" if info.is_dir() else "link" if stat.S_ISLNK(mode) else "file"
    return Member(info.filename, kind, info.file_size, read, commit)
