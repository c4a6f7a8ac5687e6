"""What a manifest promises of token shards.

Enters: the folder or URL of a tokens table, of a run that ends in one, or of an export. Leaves: the
files with their sizes and checksums, and the shards that can be looked into. The decision: a name in a
manifest is only ever opened below its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from curate.errors import InputError
from curate.split import HELDOUT, TRAIN
from curate.store import read_json
from curate.table import MANIFEST
from curate.tokens.formats import File, Folder, TokenShard
from curate.tokens.formats.token_shard import IDS
from curate.tokens.stored import open_tokens

TOKENIZER = "tokenizer.json"
LLM_C_HEADER_BYTES = 1024
BARE = {"datatrove": ".bin", "olmo": ".npy", "nanogpt": ".bin", "llm.c": ".bin"}


@dataclass(frozen=True)
class Promise:
    """A file; None where the manifest says nothing."""

    file: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Bare:
    """Tokens without an index beside them, after `header_bytes`. `leads`: the end token stands ahead of
    each document."""

    shard: TokenShard
    header_bytes: int
    leads: bool


@dataclass(frozen=True)
class Claim:
    """`shards` have an index and ids; `bare` have none. `manifest` is None for an export."""

    path: str
    folder: Folder
    about: Mapping[str, Any]
    files: tuple[Promise, ...]
    shards: tuple[TokenShard, ...]
    bare: tuple[Bare, ...]
    manifest: Mapping[str, Any] | None
    mend: str

    @property
    def keeps_ids(self) -> bool:
        """False for shards of versions that wrote none."""
        return "seed" in self.about or any(one.file.endswith(IDS) for one in self.files)

    def of_split(self, split: str) -> list[TokenShard]:
        """The shards of a split."""
        return [shard for shard in self.shards if shard.split == split]


def claim(path: str) -> Claim:
    """What is promised of the tokens at `path`. `InputError` if there are none."""
    path = str(path).rstrip("/")
    found = read_json(f"{path}/{MANIFEST}") or {}
    try:
        return _of_export(path, found) if "export" in found else _of_table(path)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"{path}: its {MANIFEST} speaks of no token shards; run tokenize or export again"
        ) from None


def _of_table(path: str) -> Claim:
    tokens = open_tokens(path)
    manifest = read_json(f"{tokens.path}/{MANIFEST}") or {}
    (part,) = manifest["slices"]
    listed = [entry for files in tokens.about.get("files", {}).values() for entry in files]
    stored = (name.partition("/")[2] for name in part["files"])
    files = _promises([*tokens.about["shards"], *listed], tokens.about, stored)
    again = "run tokenize again"
    return Claim(
        tokens.path, tokens.folder, tokens.about, files, tokens.shards, (), manifest, again
    )


def _of_export(path: str, found: Mapping[str, Any]) -> Claim:
    folder, to = Folder.at(path), found["export"]["format"]
    names = File.__dataclass_fields__
    files = [File(**{name: entry[name] for name in names}) for entry in found["files"]]
    ending = ".bin" if to == "megatron" else BARE.get(to)
    shards = [
        TokenShard(folder, _split(file.file), found["dtype"], found["eos"], file)
        for file in files
        if ending is not None and file.file.endswith(ending)
    ]
    header = LLM_C_HEADER_BYTES if to == "llm.c" else 0
    bare = [] if to == "megatron" else [Bare(shard, header, to == "llm.c") for shard in shards]
    return Claim(
        path,
        folder,
        found,
        _promises(found["files"], found, ()),
        () if bare else tuple(shards),
        tuple(bare),
        None,
        "remove the folder and export again",
    )


def _split(name: str) -> str:
    return TRAIN if name.startswith(TRAIN) else HELDOUT


def _promises(
    entries: Iterable[Mapping[str, Any]], about: Mapping[str, Any], stored: Iterable[str]
) -> tuple[Promise, ...]:
    """By name; what is said of a file twice is held to both."""
    found: dict[Promise, None] = {
        Promise(str(entry["file"]), int(entry["bytes"]), str(entry["sha256"])): None
        for entry in entries
    }
    known = {promise.file for promise in found}
    if TOKENIZER not in known:
        found[Promise(TOKENIZER, None, str(about["tokenizer_sha256"]))] = None
    rest = (name for name in stored if name not in known | {TOKENIZER})
    return (*found, *(Promise(name) for name in rest))


def leaves_the_folder(name: str) -> bool:
    """Whether a name would be opened outside its folder.

    >>> [leaves_the_folder(name) for name in ("mds/a.mds", "../a", "/a", "a/../../b", "")]
    [False, True, True, True, True]
    """
    return not name or name.startswith("/") or ".." in name.replace("\\", "/").split("/")
