"""What deduplication needs to know of a document, in four narrow columns. No Spark in here.

Enters: Arrow batches of documents. Leaves: Arrow batches with
    node      the id behind a prefix that sorts the better of two documents first
    key       hash of the normalised text, or of the bytes as they came: equal for exact duplicates;
              null for a blank text
    bands     the MinHash band keys; null for a text too short to compare
    shingles  64-bit hashes of its word n-grams, sorted
The order lives in the bytes of `node`, so "the best document of a group" is a plain minimum in
every later step, and the same in every run and partitioning.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from curate.dedup.minhash import band_keys, signature
from curate.dedup.shingles import hash64, ngrams, words
from curate.document import Document, documents
from curate.split import HELDOUT

Preference = Literal["heldout", "longest", "shortest", "newest", "oldest"]
COLUMNS = ("id", "source", "origin", "fetched", "text", "labels")
PAYLOAD_COLUMNS = (*COLUMNS, "content")
SPARK_SCHEMA = "node binary, key binary, bands array<bigint>, shingles array<bigint>"
SCHEMA = pa.schema(
    [
        ("node", pa.binary()),
        ("key", pa.binary()),
        ("bands", pa.list_(pa.int64())),
        ("shingles", pa.list_(pa.int64())),
    ]
)
_WORST = 2**64 - 1
_NONE: NDArray[np.int64] = np.empty(0, np.int64)


@dataclass(frozen=True)
class Banding:
    """The shingles and the MinHash bands of near-deduplication."""

    ngram_words: int
    permutations: int
    bands: int
    rows: int
    seed: int

    def __call__(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(band keys, shingle hashes); both empty if there are fewer than `ngram_words` shingles."""
        hashes = hash64(ngrams(words(text), self.ngram_words))
        if len(hashes) < self.ngram_words:
            return _NONE, _NONE
        values = signature(hashes, self.permutations, self.seed)
        return band_keys(values, self.bands, self.rows), hashes.view(np.int64)


def exact_key(text: str) -> bytes | None:
    """128-bit hash of the text, case folded and white space collapsed; None for a blank text.

    >>> exact_key("One  Text ") == exact_key("one\\ntext")
    True
    """
    normal = " ".join(text.casefold().split())
    return xxhash.xxh3_128_digest(normal.encode("utf-8", "surrogatepass")) if normal else None


def payload_key(document: Document) -> bytes | None:
    """128-bit hash of the bytes before extraction, of the text if there are none; None for nothing."""
    payload = document.content or (document.text or "").encode("utf-8", "surrogatepass")
    return xxhash.xxh3_128_digest(payload) if payload else None


def node(document: Document, prefer: tuple[Preference, ...]) -> bytes:
    """Bytes that sort the preferred document first: 8 big-endian bytes a preference, then the id."""
    ranks = (_rank(document, preference) for preference in prefer)
    return struct.pack(f">{len(prefer)}Q", *ranks) + document.id.encode()


def marker(
    prefer: tuple[Preference, ...], banding: Banding | None, payload: bool = False
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The pass over Arrow batches, as `mapInArrow` wants it; without `banding` for exact only, with
    `payload` by the bytes before extraction."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            yield _marks(list(documents(batch)), prefer, banding, payload)

    return run


def _marks(
    rows: list[Document],
    prefer: tuple[Preference, ...],
    banding: Banding | None,
    payload: bool,
) -> pa.RecordBatch:
    nodes = [node(row, prefer) for row in rows]
    keys = [payload_key(row) if payload else exact_key(row.text or "") for row in rows]
    near = [banding(row.text or "") if banding else (_NONE, _NONE) for row in rows]
    columns = [
        pa.array(nodes, pa.binary()),
        pa.array(keys, pa.binary()),
        _lists([bands for bands, _ in near]),
        _lists([shingles for _, shingles in near]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _lists(arrays: list[NDArray[np.int64]]) -> pa.ListArray:
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    values = np.concatenate([_NONE, *arrays])
    empty = pa.array([len(array) == 0 for array in arrays], pa.bool_())
    return pa.ListArray.from_arrays(offsets, values, mask=empty)


def _rank(document: Document, preference: Preference) -> int:
    if preference == "heldout":
        return int(document.labels.get("split") != HELDOUT)
    if preference in ("longest", "shortest"):
        chars = len(document.text or "")
        return chars if preference == "shortest" else _WORST - chars
    if document.fetched is None:
        return _WORST
    microseconds = int(document.fetched.timestamp() * 1e6) + 2**62
    return microseconds if preference == "oldest" else _WORST - 1 - microseconds
