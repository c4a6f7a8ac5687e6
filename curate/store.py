"""Where files are: file systems, small JSON put in one piece, the lock on an output.

Enters: a path or URL as a user wrote it. Leaves: the file system and the name in it, or one line
that says what is wrong with it. Everything that opens a path a user gave goes through here.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from curate.errors import InputError, OutputError


def file_system(path: str) -> tuple[Any, str]:
    """The file system of a path and the path's name in it; `InputError` for an unknown protocol."""
    try:
        fs, plain = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from None
    return fs, plain


def absolute(path: str) -> str:
    """Local paths made absolute (Spark has its own idea of relative ones); URLs as they are."""
    return path if "://" in path else str(Path(path).expanduser().absolute())


def read_json(path: str) -> dict[str, Any] | None:
    """A small JSON file; None if it is missing, torn or no object. `InputError`: it may not be read."""
    fs, plain = file_system(path)
    try:
        with fs.open(plain, "rb") as file:
            found = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    return found if isinstance(found, dict) else None


def write_json(path: str, value: Mapping[str, Any]) -> None:
    """Put a small JSON file in one piece, see `write_bytes`."""
    write_bytes(path, json.dumps(value, indent=1, default=str).encode())


def write_bytes(path: str, data: bytes) -> None:
    """Put a small file in one piece: a reader sees the old one or the new one."""
    fs, plain = file_system(path)
    try:
        if isinstance(fs, LocalFileSystem):
            partial = Path(f"{plain}.{uuid.uuid4().hex[:8]}.partial")
            partial.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            os.replace(partial, plain)
        else:
            fs.pipe_file(plain, data)
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: str, error: OSError) -> OutputError:
    """One line for an output that cannot be written."""
    return OutputError(
        f"cannot write to {path}: {error.strerror or error}; choose another --output"
    )


@contextmanager
def locked(folder: str) -> Iterator[Path]:
    """A local folder, made if need be, for this process alone; `OutputError` if it cannot be."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.access(path, os.W_OK):
            raise OutputError(
                f"cannot write to {folder}: permission denied; choose another --output"
            )
        yield path
    except BlockingIOError:
        raise OutputError(
            f"another process is writing to {folder}; wait for it or choose another --output"
        ) from None
    finally:
        os.close(handle)
