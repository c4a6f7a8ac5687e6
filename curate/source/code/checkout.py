"""What a file's surroundings say about it: its repository, commit, path in it, and licence.

In: a source's root, and the path of a file below it. Out: labels. The decision: everything is read
from files (`.git/HEAD`, `config`, `packed-refs`; no `git` is run), at most once a minute and
folder, and nothing found is no label, never an error. The search for `.git` goes up to the top of a
local file system, but on a remote one only to the root.

A password in the remote's address is left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from curate.source.code.licence_files import MAX_FILE_BYTES, folder_licence, matters
from curate.source.code.licences import is_permissive
from curate.source.remote.places import file_system

KEPT_SECONDS = 60
MAX_GIT_FILE_BYTES = 16 << 20
UNLISTED = ("http", "https", "ftp")  # a listing is a page there, or not to be had
REMOTE = re.compile(r'^\[remote "([^"\]]+)"\]([^\[]*)', re.MULTILINE)
URL = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def surroundings(root: str, below_root: str) -> dict[str, str]:
    """Labels `repository`, `commit`, `path`, `licence` of a file below a source's root, as far as
    they are known.
    """
    fs, path = file_system(f"{root.rstrip('/')}/{below_root}")
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    if any(name in UNLISTED for name in protocols):
        return {"path": below_root}
    bucket = int(time.monotonic() // KEPT_SECONDS)
    root = path[: -len(below_root)].rstrip("/") if path.endswith(below_root) else ""
    folders = list(
        _upwards(path.rsplit("/", 1)[0], None if isinstance(fs, LocalFileSystem) else root)
    )
    top = next((folder for folder in folders if ".git" in _names(fs, folder, bucket)), None)
    labels = {"path": path[len(top) + 1 :] if top else below_root}
    if top:
        labels |= dict(_git(fs, top, bucket))
    within = [folder for folder in folders if len(folder) >= len(top or root)]
    found = (_licence(fs, folder, bucket) for folder in within)
    if first := next(filter(None, found), None):
        labels |= licence_labels(*first)
    return labels


def licence_labels(licence: str, said_by: str) -> dict[str, str]:
    """A licence as labels: itself, what says so, and whether it is a permissive one."""
    labels = {"licence": licence, "licence.from": said_by}
    if (permissive := is_permissive(licence)) is not None:
        labels["licence.permissive"] = "yes" if permissive else "no"
    return labels


def _upwards(folder: str, last: str | None) -> Iterator[str]:
    """The folder and those that hold it, up to `last`."""
    while folder and (last is None or len(folder) >= len(last)):
        yield folder
        folder = folder.rpartition("/")[0]


@lru_cache(maxsize=4096)
def _names(fs: Any, folder: str, bucket: int) -> frozenset[str]:
    """The names in a folder; none if it cannot be listed."""
    try:
        listed = fs.ls(folder, detail=False)
    except Exception:  # a file system's own: permission, network, no listing
        return frozenset()
    return frozenset(str(name).rstrip("/").rsplit("/", 1)[-1] for name in listed)


@lru_cache(maxsize=4096)
def _licence(fs: Any, folder: str, bucket: int) -> tuple[str, str] | None:
    names = [name for name in _names(fs, folder, bucket) if matters(name)]
    return folder_licence({name: _read(fs, f"{folder}/{name}", MAX_FILE_BYTES) for name in names})


@lru_cache(maxsize=256)
def _git(fs: Any, top: str, bucket: int) -> tuple[tuple[str, str], ...]:
    """The repository's address and commit, from a `.git` folder, or the one a `.git` file names."""
    git = common = f"{top}/.git"
    if (pointer := _text(fs, git)).startswith("gitdir:"):  # a worktree or a submodule
        git = common = _joined(top, pointer[len("gitdir:") :].strip())
    if shared := _text(fs, f"{git}/commondir").strip():
        common = _joined(git, shared)
    remotes = {
        name: URL.search(body) for name, body in REMOTE.findall(_text(fs, f"{common}/config"))
    }
    url = remotes.get("origin") or next(filter(None, remotes.values()), None)
    labels = {"repository": CREDENTIALS.sub("", url[1])} if url else {}
    if commit := _commit(fs, git, common):
        labels["commit"] = commit
    return tuple(labels.items())


def _commit(fs: Any, git: str, common: str) -> str | None:
    head = _text(fs, f"{git}/HEAD").strip()
    if head.startswith("ref:"):
        name = head[len("ref:") :].strip()
        packed = re.search(rf"^(\w+) {re.escape(name)}$", _text(fs, f"{common}/packed-refs"), re.M)
        head = (_text(fs, f"{git}/{name}") or _text(fs, f"{common}/{name}")).strip()
        head = head or (packed[1] if packed else "")
    return head if COMMIT.fullmatch(head) else None


def _joined(folder: str, name: str) -> str:
    """A path that a file in `folder` names, its `..` resolved.

    >>> _joined("/src/.git/worktrees/a", "../..")
    '/src/.git'
    """
    parts: list[str] = [] if name.startswith("/") else folder.split("/")
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if name.startswith("/") else "") + "/".join(parts)


def _text(fs: Any, path: str) -> str:
    return _read(fs, path, MAX_GIT_FILE_BYTES).decode("utf-8", "replace")


def _read(fs: Any, path: str, max_bytes: int) -> bytes:
    try:
        content: bytes = fs.cat_file(path, end=max_bytes)
    except Exception:  # missing, a folder, no permission, a network's failure: nothing is known
        return b""
    return content
