"""A committed table: what a step leaves behind, and how it is known to be whole.

    TABLE/
      attempt-<slice>-<random>/   kept=true/*.parquet  kept=false/*.parquet   (written by executors)
      slice-<slice>.json          files, counts; put when its attempt is complete and balanced
      whole.json                  input files that turned out not to be readable in pieces
      manifest.json               put last; readers trust only what it names

The decision: nothing is renamed and nothing half-written is ever read. An input is cut into slices
that commit one by one; a re-run keeps the committed slices whose fingerprint still fits and does
the rest. A fingerprint covers the inputs (path, size, time), the steps and this package's code.
Local paths and fsspec URLs (`s3://` …) alike.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from curate.document import RECORD
from curate.errors import InputError
from curate.store import absolute, file_system, read_json, unwritable, write_json

MANIFEST = "manifest.json"
WHOLE = "whole.json"
FORMAT = 1
LIBRARIES = (
    "alt-profanity-check", "detoxify", "emoji", "fasttext-community", "ftfy",
    "phonenumbers", "resiliparse", "tokenizers", "trafilatura",
)  # fmt: skip


@dataclass
class Counts:
    """The ledger of a table: records read = kept + dropped by reason + non-documents by kind.
    `bytes_by_reason`: text of the dropped; manifests of earlier versions lack it."""

    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    non_documents: dict[str, int] = field(default_factory=dict)
    kept_bytes: int = 0
    dropped_bytes: int = 0
    bytes_by_reason: dict[str, int] = field(default_factory=dict)

    def add(self, drop: str | None, rows: int, text_bytes: int) -> None:
        """Count `rows` rows with one outcome."""
        if drop is None:
            self.kept += rows
            self.kept_bytes += text_bytes
        elif drop.startswith(RECORD):
            kind = drop.removeprefix(RECORD)
            self.non_documents[kind] = self.non_documents.get(kind, 0) + rows
        else:
            self.dropped[drop] = self.dropped.get(drop, 0) + rows
            self.dropped_bytes += text_bytes
            self.bytes_by_reason[drop] = self.bytes_by_reason.get(drop, 0) + text_bytes

    @property
    def accounted(self) -> int:
        """Rows with a known outcome."""
        return self.kept + sum(self.dropped.values()) + sum(self.non_documents.values())

    def merge(self, other: Counts) -> Counts:
        """The sum of two ledgers."""
        return Counts(
            self.read + other.read,
            self.kept + other.kept,
            _sum(self.dropped, other.dropped),
            _sum(self.non_documents, other.non_documents),
            self.kept_bytes + other.kept_bytes,
            self.dropped_bytes + other.dropped_bytes,
            _sum(self.bytes_by_reason, other.bytes_by_reason),
        )


@dataclass(frozen=True)
class Slice:
    """One committed part of a table. `files` are relative to the table; `joints` (see
    `curate.source.pieces`) are those of the input's pieces, for the slices that come after."""

    key: str
    fingerprint: str
    files: tuple[str, ...]
    counts: dict[str, Counts]
    seconds: float
    extra: Mapping[str, Any] = field(default_factory=dict)
    joints: list[Any] = field(default_factory=list)


class Table:
    """A folder of attempts and, once it is whole, its manifest."""

    def __init__(self, path: str) -> None:
        self.fs, self.root = file_system(path)
        self.path = str(path).rstrip("/")

    @property
    def manifest(self) -> dict[str, Any] | None:
        """What the committed table holds; None if there is none (or another tool's manifest)."""
        found = self._json(MANIFEST)
        return found if found and found.get("format") == FORMAT else None

    def require(self) -> dict[str, Any]:
        """The manifest, or one line that says this is not a finished table."""
        manifest = self.manifest
        if manifest is None:
            raise InputError(
                f"{self.path} is not a finished table (no {MANIFEST}); run its step to the end"
            )
        return manifest

    def is_current(self, fingerprint: str) -> bool:
        """Whether the table is complete, made from exactly this, and its files are all there."""
        manifest = self.manifest
        if manifest is None or manifest["fingerprint"] != fingerprint:
            return False
        return self._has(name for part in manifest["slices"] for name in part["files"])

    def counts(self) -> dict[str, Counts]:
        """The ledger by source."""
        return {source: Counts(**counts) for source, counts in self.require()["counts"].items()}

    def total(self) -> Counts:
        """The ledger over all sources."""
        total = Counts()
        for counts in self.counts().values():
            total = total.merge(counts)
        return total

    def files(self, kept: bool | None = None) -> list[str]:
        """Full paths of the committed Parquet files: kept rows, dropped rows, or (None) both."""
        wanted = {True: "/kept=true/", False: "/kept=false/", None: "/kept="}[kept]
        return [
            f"{self.path}/{name}"
            for part in self.require()["slices"]
            for name in part["files"]
            if wanted in name
        ]

    def dataset(self, kept: bool | None = None) -> ds.Dataset:
        """The committed rows, read without Spark."""
        from curate.document import SCHEMA

        paths = [file_system(path)[1] for path in self.files(kept)]
        return ds.dataset(paths, schema=SCHEMA, format="parquet", filesystem=self.fs)

    def new_attempt(self, key: str) -> str:
        """A fresh folder for one attempt; an unwritable output is found here, before any work."""
        name = f"attempt-{key}-{uuid.uuid4().hex[:8]}"
        try:
            self.fs.makedirs(f"{self.root}/{name}", exist_ok=True)
            with self.fs.open(f"{self.root}/{name}/.probe", "wb") as probe:
                probe.write(b"curate")
            self.fs.rm(f"{self.root}/{name}/.probe")
        except OSError as error:
            raise unwritable(self.path, error) from None
        return name

    def committed_slice(self, key: str, fingerprint: str) -> Slice | None:
        """The slice, if an earlier run committed it from the same inputs, steps and code."""
        found = self._json(f"slice-{key}.json")
        if found is None or found["fingerprint"] != fingerprint or not self._has(found["files"]):
            return None
        counts = {name: Counts(**value) for name, value in found.pop("counts").items()}
        return Slice(**{**found, "files": tuple(found["files"])}, counts=counts)

    def commit_slice(self, part: Slice) -> None:
        """Make one slice count; its files have to be complete."""
        self._put(f"slice-{part.key}.json", asdict(part))

    def read_whole(self) -> set[tuple[str, str]]:
        """(source, path) of the input files that are not to be read in pieces."""
        return {(source, path) for source, path in (self._json(WHOLE) or {}).get("files", ())}

    def remember_whole(self, files: Iterable[tuple[str, str]]) -> None:
        """From now on these input files are read whole."""
        self._put(WHOLE, {"files": sorted(self.read_whole() | set(files))})

    def commit(self, fingerprint: str, slices: list[Slice], about: Mapping[str, Any]) -> None:
        """Put the manifest: from here on the table exists. Left-overs of other attempts go."""
        counts: dict[str, Counts] = {}
        for part in slices:
            for source, value in part.counts.items():
                counts[source] = counts.get(source, Counts()).merge(value)
        self._put(
            MANIFEST,
            {
                "format": FORMAT,
                "fingerprint": fingerprint,
                "code": code_version(),
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(sum(part.seconds for part in slices), 2),
                "counts": {source: asdict(value) for source, value in sorted(counts.items())},
                "slices": [{"key": p.key, "files": list(p.files), **p.extra} for p in slices],
                **about,
            },
        )
        self._sweep(slices)

    def forget(self, folder: str) -> None:
        """Remove what an attempt needed on its way, if there is any."""
        if self.fs.exists(f"{self.root}/{folder}"):
            self.fs.rm(f"{self.root}/{folder}", recursive=True)

    def begin(self) -> None:
        """Take back the manifest of an older state before work on a new one starts."""
        if self.fs.exists(f"{self.root}/{MANIFEST}"):
            self.fs.rm(f"{self.root}/{MANIFEST}")

    def list_files(self, folder: str) -> Iterator[tuple[str, int]]:
        """(path relative to the table, bytes) of the files below one of its folders."""
        found = self.fs.find(f"{self.root}/{folder}".rstrip("/"), detail=True)
        for path in sorted(found):
            yield str(path)[len(self.root) :].lstrip("/"), int(found[path]["size"])

    def _has(self, files: Iterable[str]) -> bool:
        return set(files) <= {path for path, _ in self.list_files("")}

    def _sweep(self, slices: list[Slice]) -> None:
        used = {name.partition("/")[0] for part in slices for name in part.files}
        keys = {f"slice-{part.key}.json" for part in slices}
        for path in self.fs.ls(self.root, detail=False):
            name = str(path).rstrip("/").rpartition("/")[2]
            stale = name.startswith("attempt-") and name not in used
            if stale or (name.startswith("slice-") and name not in keys):
                self.fs.rm(path, recursive=True)

    def _json(self, name: str) -> dict[str, Any] | None:
        return read_json(f"{self.path}/{name}")

    def _put(self, name: str, value: Mapping[str, Any]) -> None:
        write_json(f"{self.path}/{name}", value)


def committed(paths: Sequence[str]) -> Table | None:
    """The table, if that is what the paths name; None for source files."""
    table = Table(absolute(paths[0])) if len(paths) == 1 else None
    return table if table is not None and table.manifest is not None else None


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON-able parts and of this package's code."""
    data = json.dumps([*parts, code_version()], sort_keys=True, default=str)
    return hashlib.sha256(data.encode()).hexdigest()[:24]


@cache
def code_version() -> str:
    """Version and digest of the installed package and of the libraries that make or judge text:
    other code, other tables."""
    from curate import __version__

    digest = hashlib.sha256()
    for name in LIBRARIES:
        digest.update(f"{name} {installed(name)}\0".encode())
    root = Path(__file__).parent
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def installed(name: str) -> str:
    """The version of a library here, or "none"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def by_count(counts: Mapping[str, int]) -> dict[str, int]:
    """The largest first, of equal ones the first by name.

    >>> by_count({"b": 1, "a": 1, "c": 2})
    {'c': 2, 'a': 1, 'b': 1}
    """
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _sum(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {key: a.get(key, 0) + b.get(key, 0) for key in sorted({*a, *b})}
