"""Code and books that every machine with Python already has.

In: the interpreter's standard library. Out: a folder of `.py` files, and a folder with one `.txt`
for each topic of the language reference that `help()` shows. The decision that matters: a limited
choice of code files is made by a hash of their names, so it is the same everywhere and as mixed as
the library is.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePath
from pydoc_data.topics import topics
from typing import NamedTuple

from curate.document import share
from curate.errors import OutputError

# Not the library itself: what is installed beside it, its test suite, two applications, a frozen
# copy of an old parser, the build's own files, and the topics that `write_books` writes.
_LEFT_OUT = re.compile(
    r"(site-packages|dist-packages|tests?|idlelib|turtledemo|lib2to3|__pycache__|lib-dynload"
    r"|config-.*|ensurepip|pydoc_data|_sysconfigdata.*)"
)


class Written(NamedTuple):
    """How much was written."""

    files: int
    size_bytes: int


def write_code(folder: Path, limit: int | None = None) -> Written:
    """Copies the standard library's sources to `folder`, under the paths they have in the library.

    With a `limit`, that many files. Empty files are left out. Errors: OutputError.
    """
    root = Path(sysconfig.get_path("stdlib"))
    names = sorted(_sources(root), key=lambda name: share(name.as_posix(), "demo"))
    return _write(folder, ((name, (root / name).read_bytes()) for name in names[:limit]))


def write_books(folder: Path) -> Written:
    """Writes each topic of the language reference to `folder` as UTF-8 text. Errors: OutputError."""
    texts = ((name, text.strip("\n").rstrip()) for name, text in sorted(topics.items()))
    books = ((re.sub(r"[^\w-]+", "_", name), text) for name, text in texts if text)
    return _write(folder, ((PurePath(f"{name}.txt"), f"{text}\n".encode()) for name, text in books))


def _sources(root: Path) -> Iterator[PurePath]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _LEFT_OUT.fullmatch(name)]
        for name in names:
            path = Path(folder, name)
            kept = path.suffix == ".py" and not _LEFT_OUT.fullmatch(path.stem)
            if kept and path.stat().st_size:
                yield path.relative_to(root)


def _write(folder: Path, contents: Iterator[tuple[PurePath, bytes]]) -> Written:
    files = size_bytes = 0
    try:
        for name, content in contents:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            files, size_bytes = files + 1, size_bytes + len(content)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error
    return Written(files, size_bytes)
