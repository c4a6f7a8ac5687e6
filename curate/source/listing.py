"""Which files an input means.

In: files, folders and globs, local or remote. Out: a root and the files below it, sorted, so that
`origin`s are the same on every machine that holds the same tree. The decision: a folder gives the
files whose names its format recognises; a file that is named, or matched by a glob, is always read.
Folders that begin with a dot (.git) are never entered, and for code neither are vendored ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from curate.errors import CurateError, InputError
from curate.source.formats import Format, known_format, told_by_files
from curate.source.pieces import Span
from curate.source.remote.places import file_system, unreachable

MAX_SUFFIXES = 20


@dataclass(frozen=True)
class FileInfo:
    """A file below the root: size in bytes, modification time in seconds (None if unknown).

    `spans`: the parts of it that are to be read (then `size` is theirs); () for all of it. Without
    `is_exact` the size is an estimate, by which no file may be cut.
    """

    path: str
    size: int
    mtime: float | None
    spans: tuple[Span, ...] = ()
    is_exact: bool = True


def list_files(path: str | Sequence[str], format: str | None = None) -> tuple[str, list[FileInfo]]:
    """The root (longest folder without a wildcard that holds everything) and the files below it.

    `format=None` takes every known format. Raises InputError for a path that is missing, a glob
    that matches nothing, and a folder without files of the format.
    """
    formats = [known_format(format)] if format else told_by_files()
    paths = [path] if isinstance(path, str) else list(path)
    if not paths:
        raise InputError("no input path was given")
    places = [(*_file_system(one), one) for one in paths]
    fs = places[0][0]
    if any(type(other) is not type(fs) for other, _, _ in places):
        raise InputError(
            f"{paths[0]} and others are on different file systems; make them two sources"
        )
    found: dict[str, FileInfo] = {}
    roots = []
    for _, bare, one in places:
        root, files = _expand(fs, bare, one, formats)
        roots.append(root)
        found.update({file.path: file for file in files})
    root = common_folder(roots)
    cut = len(root.rstrip("/")) + 1
    listed = [FileInfo(name[cut:], found[name].size, found[name].mtime) for name in sorted(found)]
    return _full_name(fs, root), listed


def _file_system(path: str) -> tuple[Any, str]:
    """The file system of a path, and the path's name in it."""
    return file_system(path if "://" in path else os.path.abspath(path))


def _full_name(fs: Any, root: str) -> str:
    return root or "/" if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(root))


def _expand(fs: Any, bare: str, path: str, formats: list[Format]) -> tuple[str, list[FileInfo]]:
    """The folder and the files (names as the file system has them) of one path."""
    try:
        info = _info(fs, bare)
        if info is not None and info["type"] != "directory":
            return bare.rsplit("/", 1)[0], [file_info(info, bare)]
        if info is not None:
            return bare.rstrip("/"), _in_folder(fs, bare, path, formats)
        if _is_glob(bare):
            return _before_wildcard(bare), _matches(fs, bare, path, formats)
        near = _near(fs, bare)
    except CurateError:
        raise
    except Exception as error:  # a file system's own: credentials, network, permission
        raise unreachable(path, error) from None
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise InputError(f"{path}: no such file or folder{hint}")


def _info(fs: Any, bare: str) -> dict[str, Any] | None:
    try:
        info: dict[str, Any] = fs.info(bare)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return info


def _in_folder(fs: Any, bare: str, path: str, formats: list[Format]) -> list[FileInfo]:
    files = list(_walk(fs, bare, formats))
    if not files:
        known = [suffix for format in formats for suffix in format.suffixes]
        more = f" and {len(known) - MAX_SUFFIXES} more" if len(known) > MAX_SUFFIXES else ""
        named = " ".join(known[:MAX_SUFFIXES]) + more
        raise InputError(f"{path}: the folder holds no file that ends in {named}")
    return files


def _matches(fs: Any, bare: str, path: str, formats: list[Format]) -> list[FileInfo]:
    files: list[FileInfo] = []
    for name, info in fs.glob(bare, detail=True).items():
        if info["type"] == "directory":
            files += _walk(fs, name, formats)
        else:
            files.append(file_info(info, name))
    if not files:
        raise InputError(f"{path}: nothing matches; write ** to look into folders of folders")
    return files


def _walk(fs: Any, folder: str, formats: list[Format]) -> Iterator[FileInfo]:
    """Files of a folder and the folders in it, those of no interest left out."""
    skipped = frozenset[str]().union(*(format.skipped_folders for format in formats))
    for name, info in fs.find(folder, detail=True).items():
        *folders, last = name[len(folder.rstrip("/")) + 1 :].split("/")
        hidden = last.startswith(".") or any(f.startswith(".") or f in skipped for f in folders)
        special = info["type"] == "other" and not info.get("islink")  # a pipe would be waited for
        if not (hidden or special) and any(format.recognises(name) for format in formats):
            yield file_info(info, name)


def file_info(info: dict[str, Any], name: str) -> FileInfo:
    """What a file system says of a file, in our words."""
    when = info.get("mtime") or info.get("LastModified") or info.get("last_modified")
    mtime = when.timestamp() if isinstance(when, datetime) else when
    return FileInfo(name, int(info.get("size") or 0), float(mtime) if mtime else None)


def _is_glob(bare: str) -> bool:
    """In a web address a question mark begins the query, and is no wildcard."""
    return any(mark in bare for mark in ("*" if bare.startswith("http") else "*?["))


def _before_wildcard(bare: str) -> str:
    parts = bare.split("/")
    first = next(at for at, part in enumerate(parts) if _is_glob(part))
    return "/".join(parts[:first])


def _near(fs: Any, bare: str) -> list[str]:
    """Names in the same folder that look like the missing one."""
    folder, _, name = bare.rpartition("/")
    try:
        there = [str(item).rstrip("/").rsplit("/", 1)[-1] for item in fs.ls(folder, detail=False)]
    except OSError:
        return []
    return [f"{folder}/{match}" for match in get_close_matches(name, there, 2)]


def common_folder(roots: list[str]) -> str:
    """The longest folder that holds all of these.

    >>> common_folder(["a/b/c", "a/bc"])
    'a'
    """
    parts = [root.split("/") for root in roots]
    shared = os.path.commonprefix(parts)
    return "/".join(shared)
