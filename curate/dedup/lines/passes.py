"""The passes of `dedup_lines` over Arrow batches. No Spark in here.

Enters: batches of documents, or of their marks. Leaves:
    marker   documents -> (node, units, words): the order key of a document, hashes and word counts of
             its tiles
    spanner  marks and the tiles that are gone -> (node, runs, closed): hashes of the runs of sentences
             that are left, in the place of their first tile, and of those that have closed up over a hole
    eraser   marks, the tiles that are gone, the runs to remove -> the tiles that are gone then
    cutter   documents and the tiles that are gone -> documents
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from curate.dedup import order
from curate.dedup.holes import cut
from curate.dedup.lines.spans import Bools, covered, runs
from curate.dedup.lines.units import MOST_WORDS, NORMALISATION, Unit, hashed, tiles
from curate.dedup.signatures.tokens import offsets
from curate.document import COLUMNS, PLACE, SCHEMA, Document, batches, documents, encodable
from curate.text import Text
from curate.words import token_count

Scope = Literal["all", "source", "file"]
Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
MARKS = "node binary, units array<bigint>, words array<smallint>"
RUNS = "node binary, runs array<bigint>, closed array<bigint>"
GONE = "node binary, gone array<int>, place int, root binary"
SHOWN_CHARS = 300


@dataclass(frozen=True)
class Compared:
    """What is compared with what: two runs understand each other's hashes if these are equal."""

    unit: Unit
    span: int
    min_words: int
    scope: Scope
    normalisation: str = NORMALISATION

    def columns(self, prefer: tuple[str, ...]) -> tuple[str, ...]:
        """The columns of a document that `marker` reads."""
        names = {*order.columns(prefer), "text", "source", "origin"}
        return tuple(name for name in COLUMNS if name in names)

    def marker(self, prefer: tuple[str, ...]) -> Pass:
        """Documents -> marks. What is too short to be compared alone gets the hash 0."""

        def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in incoming:
                units, words = self._hashed(batch)
                columns = [pa.array(order.keys(batch, prefer), pa.binary()), units, words]
                yield pa.RecordBatch.from_arrays(columns, names=["node", "units", "words"])

        return run

    def spanner(self) -> Pass:
        """Marks, with `gone` or without -> runs."""

        def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in incoming:
                units, owner, lengths = _flat(batch.column("units"))
                words, _, _ = _flat(batch.column("words"))
                gone = _gone(batch, lengths)
                found, closed = runs(units, words, owner, gone, self.span, self.min_words)
                columns = [
                    batch.column("node"),
                    _lists(found, lengths),
                    _lists(found[closed], np.bincount(owner[closed], minlength=len(lengths))),
                ]
                yield pa.RecordBatch.from_arrays(columns, names=["node", "runs", "closed"])

        return run

    def eraser(self) -> Pass:
        """(node, units, gone, places, place, root) -> (node, gone, place, root)."""

        def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in incoming:
                columns = [batch.column(name) for name in ("units", "gone", "places")]
                erased = [
                    self._erased(*(_array(column[row].values) for column in columns))
                    for row in range(len(batch))
                ]
                names = ("node", "gone", "place", "root")
                kept = {name: batch.column(name) for name in names}
                kept["gone"] = pa.array(erased, pa.list_(pa.int32()))
                yield pa.RecordBatch.from_pydict(kept)

        return run

    def _erased(
        self, units: NDArray[np.int64], gone: NDArray[np.int64], places: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        mask = np.zeros(len(units), np.bool_)
        mask[gone] = True
        return np.flatnonzero(covered(units, mask, places, self.span)).astype(np.int32)

    def _hashed(self, batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
        texts = batch.column("text").to_pylist()
        most = min(max(self.min_words, 1), MOST_WORDS)
        pairs = [
            hashed(text or "", self.unit, most, seed)
            for text, seed in zip(texts, self._seeds(batch), strict=True)
        ]
        lengths = np.array([len(units) for units, _ in pairs], np.int64)
        flat = chain.from_iterable(units for units, _ in pairs)
        units = np.fromiter(flat, np.uint64, int(lengths.sum())).view(np.int64)
        words = np.concatenate([np.empty(0, np.int16), *(counts for _, counts in pairs)])
        if self.span == 1:
            units[words < self.min_words] = 0
        return _lists(units, lengths), _lists(words, lengths)

    def _seeds(self, batch: pa.RecordBatch) -> list[int]:
        """What the hashes of a document begin with: equal for documents that are compared."""
        if self.scope == "all":
            return [0] * len(batch)
        sources = batch.column("source").to_pylist()
        files = [""] * len(batch)
        if self.scope == "file":
            files = [re.sub(PLACE, "", place or "") for place in batch.column("origin").to_pylist()]
        return [
            xxhash.xxh3_64_intdigest(f"{source}\0{file}".encode("utf-8", "surrogatepass"))
            for source, file in zip(sources, files, strict=True)
        ]


@dataclass(frozen=True)
class Cutter:
    """Takes the tiles that are gone out of the texts, and judges what is left."""

    name: str
    unit: Unit
    min_left_words: int | None
    min_left_ratio: float | None

    def __call__(self, incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Documents with `gone` and `root`; batches of documents without holes pass as they are."""
        for batch in incoming:
            holes, roots = batch.column("gone"), batch.column("root").to_pylist()
            rows = batch.select(list(COLUMNS))
            if holes.null_count == len(batch):
                yield rows.cast(SCHEMA)
                continue
            found = list(documents(rows))
            for document, gone, root in zip(found, holes.to_pylist(), roots, strict=True):
                if gone:
                    self.remove(document, gone, root)
            yield from batches(found)

    def remove(self, document: Document, gone: list[int], root: str | None) -> None:
        """Remove tiles of one document."""
        text = document.text or ""
        left = cut(text, tiles(text, self.unit), gone)
        document.signals[f"{self.name}.removed_ratio"] = left.removed_ratio
        document.labels[f"{self.name}.removed"] = encodable(left.first[:SHOWN_CHARS])
        if root is not None:
            document.labels[f"{self.name}.duplicate_of"] = root
        if self._is_empty(left.text, left.removed_ratio):
            document.drop = f"{self.name}.empty"
        else:
            document.text = Text(left.text)

    def _is_empty(self, text: str, removed_ratio: float) -> bool:
        if not text or text.isspace():
            return True
        if self.min_left_ratio is not None and 1 - removed_ratio < self.min_left_ratio:
            return True
        return self.min_left_words is not None and token_count(text) < self.min_left_words


def _flat(lists: pa.ListArray) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """The values of all rows, the row each is from, and how many each row has."""
    lengths = np.asarray(lists.value_lengths().fill_null(0)).astype(np.int64)
    return np.asarray(lists.flatten()), np.repeat(np.arange(len(lists)), lengths), lengths


def _gone(batch: pa.RecordBatch, lengths: NDArray[np.int64]) -> Bools:
    """Of the tiles of all rows, which are gone."""
    mask = np.zeros(int(lengths.sum()), np.bool_)
    if "gone" in batch.schema.names:
        places, row, _ = _flat(batch.column("gone"))
        mask[(np.cumsum(lengths) - lengths)[row] + places] = True
    return mask


def _lists(values: NDArray[Any], lengths: NDArray[np.int64]) -> pa.ListArray:
    return pa.ListArray.from_arrays(offsets(lengths).astype(np.int32), pa.array(values))


def _array(values: pa.Array | None) -> NDArray[np.int64]:
    return np.asarray([] if values is None else values).astype(np.int64)
