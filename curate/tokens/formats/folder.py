"""Files that are whole or not there, on any file system.

Enters: bytes as they come. Leaves: a file under its final name, its size and checksum. The decision:
a file is written under an attempt's name and renamed when it is complete, so that a file with the
final name is whole, and a task that runs twice leaves the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from curate.errors import WorkError
from curate.store import file_system

ATTEMPT = ".attempt-"
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class File:
    """What was written: its name in its folder, what it holds, its size and checksum."""

    file: str
    documents: int
    tokens: int
    bytes: int
    sha256: str


class Sink(io.RawIOBase):
    """Where the bytes of a file go; counts and hashes them."""

    def __init__(self, name: str, file: Any) -> None:
        self.name = name
        self.bytes = 0
        self._file = file
        self._digest = hashlib.sha256()

    def writable(self) -> bool:
        """A sink takes bytes and gives none back."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes, or anything that lies in memory as bytes."""
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._digest.update(view)
        self.bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Bytes so far."""
        return self.bytes

    def written(self, documents: int = 0, tokens: int = 0) -> File:
        """What the file is, once everything is in it."""
        return File(self.name, documents, tokens, self.bytes, self._digest.hexdigest())


@dataclass(frozen=True)
class Folder:
    """A folder on a file system; names in it are relative and may hold `/`."""

    fs: Any
    root: str

    @classmethod
    def at(cls, url: str) -> Folder:
        """The folder of a path or URL."""
        fs, root = file_system(url)
        return cls(fs, str(root).rstrip("/"))

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine's disks."""
        return isinstance(self.fs, LocalFileSystem)

    def below(self, name: str) -> Folder:
        """A folder in this one."""
        return replace(self, root=f"{self.root}/{name}")

    def path(self, name: str) -> str:
        """The file system's own name of a file."""
        return f"{self.root}/{name}"

    def open(self, name: str) -> Any:
        """A file to be read."""
        return self.fs.open(self.path(name), "rb")

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return bool(self.fs.exists(self.path(name)))

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, a few megabytes at a time."""
        with self.open(name) as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    @contextmanager
    def whole(self, name: str) -> Iterator[Sink]:
        """A file to be written; it gets its name when the block ends, and goes if it fails."""
        attempt = self._attempt(name)
        try:
            with self.fs.open(attempt, "wb") as file:
                yield Sink(name, file)
            self.fs.mv(attempt, self.path(name))
        except BaseException:
            with suppress(FileNotFoundError):
                self.fs.rm_file(attempt)
            raise

    def put(self, name: str, data: bytes) -> File:
        """Write a small file."""
        with self.whole(name) as sink:
            sink.write(data)
        return sink.written()

    def bring(self, source: Folder, known: File, name: str) -> File:
        """A known file of another folder, as `name` in this one: a hard link where both are on one
        disk, else a copy. `WorkError` if what is copied is not what it was."""
        found = replace(known, file=name)
        if source.fs == self.fs and source.path(known.file) == self.path(name):
            return found
        if self.is_local and source.is_local:
            attempt = self._attempt(name)
            with suppress(OSError):
                os.link(source.path(known.file), attempt)
                os.replace(attempt, self.path(name))
                # which does nothing where both are links to one file already
                Path(attempt).unlink(missing_ok=True)
                return found
        with self.whole(name) as sink:
            for block in source.blocks(known.file):
                sink.write(block)
            if sink.written(known.documents, known.tokens) != found:
                raise WorkError(f"{source.path(known.file)} is not the file its manifest tells of")
        return found

    def clear_attempts(self) -> None:
        """Remove what unfinished attempts left."""
        for path in self.fs.find(self.root):
            if ATTEMPT in str(path).rpartition("/")[2]:
                self.fs.rm_file(path)

    def _attempt(self, name: str) -> str:
        self.fs.makedirs(self.path(name).rpartition("/")[0], exist_ok=True)
        return f"{self.path(name)}{ATTEMPT}{uuid.uuid4().hex}"
