"""Sizes and checksums.

Enters: a file and what was promised of it. Leaves: problems. The decision: whoever reads the bytes of a
file reads them through `Reading`, so that a payload is hashed and looked into in one pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from curate.tokens.formats import Folder
from curate.tokens.verification.claims import Promise
from curate.tokens.verification.findings import Problem


class Reading:
    """The bytes of a file, counted and hashed as they pass."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.folder, self.name = folder, name
        self.bytes = 0
        self._digest = hashlib.sha256()

    def blocks(self) -> Iterator[bytes]:
        """A few megabytes at a time."""
        for block in self.folder.blocks(self.name):
            self.bytes += len(block)
            self._digest.update(block)
            yield block

    @property
    def sha256(self) -> str:
        """Of what was read."""
        return self._digest.hexdigest()


def compare(
    promise: Promise, found: Reading, owners: Mapping[str, Sequence[str]], mend: str
) -> Iterator[Problem]:
    """Problems of a file that was read. `owners`: which files a checksum was promised of."""
    where = found.folder.path(promise.file)
    others = [name for name in owners.get(found.sha256, ()) if name != promise.file]
    if promise.sha256 is not None and found.sha256 != promise.sha256 and others:
        yield Problem(where, f"holds the bytes of {others[0]}: swapped", "swap them back")
    elif promise.bytes is not None and found.bytes != promise.bytes:
        what = "cut short" if found.bytes < promise.bytes else "too long"
        yield Problem(
            where, f"{what}: {found.bytes:,} bytes, the manifest says {promise.bytes:,}", mend
        )
    elif promise.sha256 is not None and found.sha256 != promise.sha256:
        sums = f"sha256 {found.sha256[:12]}…, the manifest says {promise.sha256[:12]}…"
        yield Problem(where, f"its bytes have changed ({sums})", mend)


def unreadable(folder: Folder, name: str, error: OSError, mend: str) -> Problem:
    """A file that is not there, or may not be read."""
    if isinstance(error, FileNotFoundError):
        return Problem(folder.path(name), "missing", mend)
    return Problem(folder.path(name), f"cannot be read ({error.strerror or error})", mend)
