"""The three readings of the texts that `dedup_substrings` takes, batch by batch. No Spark in here.

Enters: Arrow batches of documents. Leaves: rows of fingerprints; rows of windows; the documents without
the runs of words that repeat. The decision: a hole is a border that no later window spans. The words
on its sides never stood together, and a second run must not find in them what the first one made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from curate.dedup import order
from curate.dedup.holes import cut
from curate.dedup.substrings.fingerprints import (
    Int64s,
    Stream,
    fingerprints,
    streams,
    tokens,
    windows,
)
from curate.document import Document, batches, documents
from curate.text import Text

Batches = Iterator[pa.RecordBatch]
FINGERPRINTS = "fingerprint long, id string, copies int"
WINDOWS = "high long, low long, key binary, place int"
SHOWN_CHARS = 300


def fingerprinter(length: int, scope: str) -> Callable[[Batches], Batches]:
    """(id, source, text, holes) -> `FINGERPRINTS`: `copies` is 2 if the document has several."""

    def run(incoming: Batches) -> Batches:
        for batch in incoming:
            for stream in _streams(batch, length, scope):
                places, hashes = fingerprints(stream, length)
                owner = stream.owner[places]
                by_owner = np.lexsort((hashes, owner))
                hashes, owner = hashes[by_owner], owner[by_owner]
                opens = np.ones(len(hashes) + 1, np.bool_)
                opens[1:-1] = (np.diff(hashes) != 0) | (np.diff(owner) != 0)
                firsts = np.flatnonzero(opens)
                columns = [
                    pa.array(hashes[firsts[:-1]].view(np.int64)),
                    batch.column("id").take(pa.array(owner[firsts[:-1]])),
                    pa.array(np.minimum(np.diff(firsts), 2).astype(np.int32)),
                ]
                yield pa.RecordBatch.from_arrays(columns, ["fingerprint", "id", "copies"])

    return run


def windower(length: int, scope: str, prefer: tuple[str, ...]) -> Callable[[Batches], Batches]:
    """Documents with the fingerprints of theirs that are `repeated` -> `WINDOWS`."""

    def run(incoming: Batches) -> Batches:
        for batch in incoming:
            keys = pa.array(order.keys(batch, prefer), pa.binary())
            repeated = np.unique(np.asarray(batch.column("repeated").flatten()).view(np.uint64))
            for stream in _streams(batch, length, scope):
                places, high, low = windows(stream, length, repeated)
                columns = [
                    pa.array(high.view(np.int64)),
                    pa.array(low.view(np.int64)),
                    keys.take(pa.array(stream.owner[places])),
                    pa.array(stream.place[places].astype(np.int32)),
                ]
                yield pa.RecordBatch.from_arrays(columns, ["high", "low", "key", "place"])

    return run


def cutter(name: str, min_words: int) -> Callable[[Batches], Batches]:
    """Documents with `spans` and `root` -> documents."""

    def run(incoming: Batches) -> Iterator[Document]:
        for batch in incoming:
            found, roots = batch.column("spans").to_pylist(), batch.column("root").to_pylist()
            for document, spans, root in zip(documents(batch), found, roots, strict=True):
                if spans:
                    pairs = [(span["start"], span["end"]) for span in spans]
                    remove_spans(document, pairs, root, name, min_words)
                yield document

    return lambda incoming: batches(run(incoming))


def remove_spans(
    document: Document, spans: list[tuple[int, int]], root: str, name: str, min_words: int
) -> None:
    """Take runs of words, given by their numbers, out of a document's text."""
    text = document.text or ""
    found = tokens(text)
    starts, ends = np.array(spans, np.int64).T
    places = np.stack([found.starts[starts], found.ends[ends - 1]], axis=1).ravel().tolist()
    done = cut(text, [0, *places, len(text)], range(1, len(places), 2))
    document.signals[f"{name}.removed_ratio"] = done.removed_ratio
    document.labels[f"{name}.removed"] = done.first[:SHOWN_CHARS]
    document.labels[f"{name}.duplicate_of"] = root
    left = len(found.hashes) - int((ends - starts).sum())
    if left < max(min_words, 1):
        document.drop = document.drop or f"{name}.empty"
        return
    borders = parse_holes(document.labels.get(f"{name}.holes"))
    moved = moved_borders(borders, starts, ends)
    document.labels[f"{name}.holes"] = ",".join(map(str, moved.tolist()))
    document.text = Text(done.text)


def parse_holes(label: str | None) -> Int64s:
    """The places an earlier run left in a label; none if it is not one of ours.

    >>> parse_holes("12,70").tolist(), parse_holes("12,x").tolist()
    ([12, 70], [])
    """
    numbers = (label or "").split(",")
    right = all(number.isascii() and number.isdigit() and len(number) < 19 for number in numbers)
    return np.unique(np.array(numbers if right else [], np.int64))


def moved_borders(borders: Int64s, starts: Int64s, ends: Int64s) -> Int64s:
    """Where borders are, old ones and those of new holes, once the words of the holes are gone.

    >>> moved_borders(np.array([2, 9]), np.array([4]), np.array([8])).tolist()
    [2, 4, 5]
    """
    gone = np.cumsum(ends - starts)
    corners = np.stack([starts, ends], axis=1).ravel()
    gone_there = np.stack([gone - (ends - starts), gone], axis=1).ravel()
    every = np.union1d(borders, starts)
    return np.unique(every - np.interp(every, corners, gone_there).astype(np.int64))


def _streams(batch: pa.RecordBatch, length: int, scope: str) -> Iterator[Stream]:
    texts = [text or "" for text in batch.column("text").to_pylist()]
    borders = [parse_holes(label) for label in batch.column("holes").to_pylist()]
    salts = np.zeros(len(texts), np.uint64)
    if scope == "source":
        sources = [(name or "").encode("utf-8") for name in batch.column("source").to_pylist()]
        salts = np.array([xxh3_64_intdigest(source) for source in sources], np.uint64)
    return streams(texts, borders, salts, length)
