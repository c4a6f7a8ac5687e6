"""What deduplication needs to know of a document, in narrow columns. No Spark in here.

Enters: Arrow batches of documents. Leaves: Arrow batches with
    node   the id behind a prefix that sorts the better of two documents first; documents of an index
           of earlier crawls sort before all others
    key    hash of what exact duplicates have in common; null for a blank text
    bands  the MinHash band keys; null for a text too short to compare
and, in a second pass over those documents only that share a band with another one,
    shingles  64-bit hashes of the n-grams, distinct
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from curate.dedup import order
from curate.dedup.signatures.banding import Banding
from curate.dedup.signatures.tokens import Ragged, offsets, tokenize

Method = Literal["payload", "url", "exact", "near"]
Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
INDEX, NEW = b"\0", b"\1"  # the first byte of a node
TEXT_CHARS = 1 << 22  # texts handled at once: bounds the memory of their n-grams
MARKS = pa.schema([("node", pa.binary()), ("key", pa.binary()), ("bands", pa.list_(pa.int64()))])
MARKS_SPARK = "node binary, key binary, bands array<bigint>"
INDEXED = pa.schema([("id", pa.string()), *list(MARKS)[1:], ("shingles", pa.list_(pa.int64()))])
INDEXED_SPARK = "id string, key binary, bands array<bigint>, shingles array<bigint>"
SHINGLES = pa.schema([("node", pa.binary()), ("shingles", pa.list_(pa.int64()))])
SHINGLES_SPARK = "node binary, shingles array<bigint>"


@dataclass(frozen=True)
class Marker:
    """The pass over Arrow batches of documents, as `mapInArrow` wants it. `banding`: None for all
    methods but "near". `by_source`: documents of different sources are never duplicates."""

    method: Method
    prefer: tuple[str, ...]
    banding: Banding | None
    by_source: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a document it reads."""
        own = {"payload": ("content", "text"), "url": ("url",)}.get(self.method, ("text",))
        ordering = order.columns(self.prefer, self._weighed)
        return tuple(dict.fromkeys((*ordering, *own, "source")))

    def __call__(self, incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Documents -> `MARKS`."""
        for batch in incoming:
            for part in portions(batch):
                nodes = [NEW + key for key in order.keys(part, self.prefer, self._weighed)]
                keys, bands, _ = self._hashes(part)
                columns = [pa.array(nodes, pa.binary()), keys, bands]
                yield pa.RecordBatch.from_arrays(columns, schema=MARKS)

    def index(self, incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Documents -> `INDEXED`."""
        for batch in incoming:
            for part in portions(batch):
                keys, bands, shingles = self._hashes(part)
                columns = [part.column("id"), keys, bands, shingles]
                yield pa.RecordBatch.from_arrays(columns, schema=INDEXED)

    @property
    def _weighed(self) -> tuple[str, ...]:
        """The columns whose length counts, the first that is not null."""
        known = {"payload": ("content", "text"), "url": ("text", "content")}
        return known.get(self.method, ("text",))

    def _hashes(self, batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array, pa.Array]:
        """The columns `key`, `bands` and `shingles`."""
        salts = _salts(batch.column("source"), self.by_source)
        bands = shingles = pa.nulls(len(batch), pa.list_(pa.int64()))
        if self.method == "payload":
            values = _payloads(batch)
        elif self.method == "url":
            values = _urls(batch)
        else:
            texts = [text or "" for text in batch.column("text").to_pylist()]
            tokens = tokenize(texts)
            values = [tokens.hashes[row].tobytes() for row in range(len(texts))]
            if self.banding is not None:
                found = self.banding.shingles(texts, tokens)
                bands, shingles = self.banding.keys(texts, found, salts), _lists(found)
                if not self.banding.sees_tokens:  # equal tokens need not be equal shingles
                    values = [
                        (value or b"") + found[row].tobytes() for row, value in enumerate(values)
                    ]
        keys = [
            xxhash.xxh3_128_digest(value, seed=salt) if value else None
            for value, salt in zip(values, salts.tolist(), strict=True)
        ]
        return pa.array(keys, pa.binary()), bands, shingles


def _payloads(batch: pa.RecordBatch) -> list[bytes | None]:
    """The bytes before extraction, else those of the text."""
    texts = batch.column("text").cast(pa.binary()).to_pylist()
    contents = batch.column("content").to_pylist()
    return [content or text for content, text in zip(contents, texts, strict=True)]


def _urls(batch: pa.RecordBatch) -> list[bytes | None]:
    from curate.dedup.documents.urls import canonical_url  # loads the crawler's libraries

    urls = batch.column("url").to_pylist()
    return [
        canonical_url(url).encode("utf-8", "surrogatepass") if url and url.strip() else None
        for url in urls
    ]


def shingler(banding: Banding) -> Pass:
    """The second pass: (node, text) -> `SHINGLES`."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            for part in portions(batch):
                texts = [text or "" for text in part.column("text").to_pylist()]
                found = banding.shingles(texts)
                columns = [part.column("node"), _lists(found)]
                yield pa.RecordBatch.from_arrays(columns, schema=SHINGLES)

    return run


def portions(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts of about `TEXT_CHARS` of text, or of one longer text."""
    if "text" not in batch.schema.names:
        yield batch
        return
    lengths = pc.fill_null(pc.binary_length(batch.column("text")), 0)
    ends = offsets(np.asarray(lengths))
    start = 0
    while start < len(batch):
        stop = int(np.searchsorted(ends, ends[start] + TEXT_CHARS, side="right")) - 1
        stop = min(max(stop, start + 1), len(batch))
        yield batch.slice(start, stop - start)
        start = stop


def _salts(sources: pa.Array, by_source: bool) -> NDArray[np.uint64]:
    """0 for every row, or a hash of its source."""
    if not by_source:
        return np.zeros(len(sources), np.uint64)
    names = sources.to_pylist()
    known = {name: xxhash.xxh3_64_intdigest(name.encode()) for name in set(names)}
    return np.array([known[name] for name in names], np.uint64)


def _lists(rows: Ragged) -> pa.ListArray:
    return pa.ListArray.from_arrays(rows.offsets.astype(np.int32), rows.values.view(np.int64))
