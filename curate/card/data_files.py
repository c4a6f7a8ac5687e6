"""The Parquet files that a card describes, with their sizes and digests.

Enters: a folder, and the run the card is of. Leaves: `Data`. The decision: an export is known by its
file names, `data/<split>-00000-of-00001.parquet`, and everything about it is read from its files, so
the card that an export writes and one that is written later are the same. Without an export, the
files are those of the run's own last table.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from curate.card.facts import Facts
from curate.card.markdown import publishable
from curate.errors import InputError
from curate.finished import FinishedTable
from curate.split import HELDOUT, TRAIN
from curate.store import absolute, file_system

DATA = "data"
SHARD = re.compile(rf"({TRAIN}|{HELDOUT})-(\d{{5,}})-of-(\d{{5,}})\.parquet")
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class DataFile:
    """A Parquet file; `path` is relative to the card, or a URL."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Split:
    """`num_bytes`: of an export, its Parquet data before compression; of a run's table, the UTF-8
    bytes of its texts. `files` are empty for a run's table: there a file holds documents of any split."""

    name: str
    documents: int
    num_bytes: int
    files: tuple[DataFile, ...] = ()


@dataclass(frozen=True)
class Data:
    """`files`: all of them, in order. `is_below`: whether they lie in the folder of the card."""

    is_export: bool
    splits: tuple[Split, ...]
    files: tuple[DataFile, ...]
    is_below: bool

    @property
    def documents(self) -> int:
        """Of all splits."""
        return sum(split.documents for split in self.splits)

    @property
    def size_bytes(self) -> int:
        """What there is to download."""
        return sum(file.size_bytes for file in self.files)


def shards(folder: Path) -> list[Path]:
    """The files of an export in a folder, in order; empty if there is none."""
    data = folder / DATA
    if not data.is_dir():
        return []
    return sorted(path for path in data.iterdir() if SHARD.fullmatch(path.name))


def of_export(folder: Path) -> Data:
    """An export as its files say. `InputError`: shards are missing or cannot be read."""
    groups: dict[str, list[Path]] = {}
    for path in shards(folder):
        groups.setdefault(path.name.partition("-")[0], []).append(path)
    splits = tuple(_split(name, groups[name]) for name in (TRAIN, HELDOUT) if name in groups)
    return Data(True, splits, tuple(file for split in splits for file in split.files), True)


def of_run(table: FinishedTable, facts: Facts, folder: Path) -> Data:
    """The kept rows of a run's table, where they lie."""
    splits = tuple(
        Split(name, facts.splits[name].documents, facts.splits[name].text_bytes)
        for name in (TRAIN, HELDOUT)
        if name in facts.splits
    )
    paths = table.table.files(True)
    places = [_place(path, folder) for path in paths]
    below = not any("://" in place or place.startswith("..") for place in places)
    files = [_file(path, place) for path, place in zip(paths, places, strict=True)]
    return Data(False, splits, tuple(files), below)


def _split(name: str, paths: list[Path]) -> Split:
    expected = [f"{name}-{i:05d}-of-{len(paths):05d}.parquet" for i in range(len(paths))]
    if [path.name for path in paths] != expected:
        raise InputError(
            f"{paths[0].parent}: the {name} shards are not complete; export to another folder"
        )
    documents = num_bytes = 0
    for path in paths:
        try:
            footer = pq.read_metadata(path)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from None
        documents += footer.num_rows
        num_bytes += sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
    files = tuple(_file(str(path), f"{DATA}/{path.name}") for path in paths)
    return Split(name, documents, num_bytes, files)


def _place(path: str, folder: Path) -> str:
    if "://" in path:
        return str(publishable(path))
    return Path(os.path.relpath(absolute(path), folder.absolute())).as_posix()


def _file(path: str, place: str) -> DataFile:
    fs, plain = file_system(path)
    digest, size_bytes = hashlib.sha256(), 0
    with fs.open(plain, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size_bytes += len(block)
    return DataFile(place, size_bytes, digest.hexdigest())
