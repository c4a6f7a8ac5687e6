"""What each pass of `dedup_substrings` costs, how much winnowing saves, and a second opinion.

    python -m tests.benchmarks.dedup_substrings TEXTS.jsonl[.zst|.gz] [--documents 10000] [--spark]

Prints documents a second and core (CPU time) of each Spark-free pass, the share of the windows that is
hashed and moved with and without winnowing, and compares the windows found to repeat with those of a
suffix array over the words (`--checked` documents). `--spark`: the whole step in local Spark too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from curate.dedup.substrings.fingerprints import (
    Int64s,
    Stream,
    UInt64s,
    fingerprints,
    streams,
    tokens,
    windows,
)
from curate.dedup.substrings.passes import remove_spans
from curate.dedup.substrings.step import DedupSubstrings
from curate.document import Document
from tests.benchmarks.texts import read_texts

LENGTH = 50


def main() -> None:
    """Print speed, shares and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--checked", type=int, default=3_000)
    parser.add_argument("--spark", action="store_true")
    given = parser.parse_args()
    texts = read_texts([given.texts])[: given.documents]
    print(f"{len(texts):,} texts, {sum(map(len, texts)) / len(texts):,.0f} characters on average")
    print_passes(texts)
    print_second_opinion(texts[: given.checked])
    if given.spark:
        print_spark(texts)


def print_passes(texts: list[str]) -> None:
    """Documents a second of each pass, and how much of the windows it moves."""
    parts = _timed("words", texts, lambda: plain_streams(texts))
    chosen = _timed("fingerprints", texts, lambda: [fingerprints(p, LENGTH)[1] for p in parts])
    hashes, copies = np.unique(np.concatenate(chosen), return_counts=True)
    repeated = hashes[copies > 1]
    found = _timed("windows", texts, lambda: [windows(p, LENGTH, repeated) for p in parts])
    halves = [_middle_half(text) for text in texts]
    _timed("cut", texts, lambda: list(map(_cut, texts, halves)))
    total = sum(int(np.count_nonzero(part.left >= LENGTH)) for part in parts)
    moved, hashed = sum(map(len, chosen)), sum(len(places) for places, _, _ in found)
    print(f"{total:,} windows; moved as fingerprints {moved / total:.2%}, of those repeated "
          f"{copies[copies > 1].sum() / moved:.2%}; hashed and moved whole {hashed / total:.2%}, "
          "without winnowing 100 %")  # fmt: skip
    repeat = sum(map(len, _repeated_windows(parts, repeated)))
    print(f"{repeat:,} windows ({repeat / total:.2%}) occur at least twice")


def print_second_opinion(texts: list[str]) -> None:
    """The windows that occur twice, by winnowing and by a suffix array over the words."""
    parts = plain_streams(texts)
    hashes, copies = np.unique(
        np.concatenate([fingerprints(p, LENGTH)[1] for p in parts]), return_counts=True
    )
    ours = np.concatenate(_repeated_windows(parts, hashes[copies > 1]))
    started = time.process_time()
    theirs = suffix_array_repeats([tokens(text).hashes for text in texts])
    seconds = time.process_time() - started
    same = np.array_equal(np.unique(ours), np.unique(theirs))
    print(f"{len(texts):,} texts: {len(ours):,} windows by winnowing, {len(theirs):,} by a suffix "
          f"array ({seconds:.1f} s): {'the same' if same else 'DIFFERENT'}")  # fmt: skip


def suffix_array_repeats(rows: list[UInt64s]) -> Int64s:
    """Numbers (document * 2^32 + place) of the windows that occur at least twice: prefix doubling
    (Manber, Myers 1993) over all words, then the longest common prefixes (Kasai et al. 2001)."""
    ends = [np.array([-1 - n]) for n in range(len(rows))]
    _, words = np.unique(np.concatenate(rows), return_inverse=True)
    pieces, at = [], 0
    for row, end in zip(rows, ends, strict=True):
        pieces += [words[at : at + len(row)], end]
        at += len(row)
    text = np.concatenate(pieces)
    order, common = _suffix_array(text)
    alike = np.zeros(len(text) + 1, np.bool_)
    alike[1:-1] = common >= LENGTH
    places = order[alike[:-1] | alike[1:]]
    starts = np.cumsum([0, *(len(row) + 1 for row in rows)])
    document = np.searchsorted(starts, places, "right") - 1
    return document * 2**32 + places - starts[document]


def _suffix_array(text: Int64s) -> tuple[Int64s, Int64s]:
    """(n,) the suffixes in order, (n - 1,) the words that neighbours have in common."""
    _, rank = np.unique(text, return_inverse=True)
    span, size = 1, len(text)
    order = np.argsort(rank, kind="stable")
    while rank.max() < size - 1:
        following = np.full(size, -1)
        following[:-span] = rank[span:]
        order = np.lexsort((following, rank))
        new = (np.diff(rank[order]) != 0) | (np.diff(following[order]) != 0)
        rank = np.empty(size, np.int64)
        rank[order] = np.concatenate([[0], np.cumsum(new)])
        span *= 2
    return order, _common_prefixes(text.tolist(), order.tolist(), rank.tolist())


def _common_prefixes(text: list[int], order: list[int], rank: list[int]) -> Int64s:
    common, known = [0] * (len(text) - 1), 0
    for place in range(len(text)):
        if rank[place] == 0:
            known = 0
            continue
        other = order[rank[place] - 1]
        while max(place, other) + known < len(text) and text[place + known] == text[other + known]:
            known += 1
        common[rank[place] - 1] = known
        known = max(known - 1, 0)
    return np.array(common)


def print_spark(texts: list[str]) -> None:
    """The whole step on two local cores, written nowhere."""
    import tempfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    from curate.document import SCHEMA, SPARK_SCHEMA, batches, document_id
    from curate.spark import session

    rows = (Document(document_id("s", str(n)), "s", str(n), text=t) for n, t in enumerate(texts))
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(pa.Table.from_batches(list(batches(rows)), SCHEMA), f"{folder}/t.parquet")
        spark = session("local[2]", f"{folder}/log")
        df = spark.read.schema(SPARK_SCHEMA).parquet(folder + "/t.parquet").repartition(4)
        df.count()
        started = time.perf_counter()
        after = DedupSubstrings()(df)
        after.write.format("noop").mode("overwrite").save()
        seconds = time.perf_counter() - started
        name = "dedup_substrings"
        counts = after.selectExpr(
            f"count_if(signals['{name}.removed_ratio'] is not null) as cut",
            "count(drop) as dropped",
        ).first()
        print(
            f"Spark, two cores: {seconds:.1f} s, {len(texts) / seconds:,.0f} documents a second; {counts}"
        )


def plain_streams(texts: list[str]) -> list[Stream]:
    """All words, of one scope."""
    no_borders = [np.zeros(0, np.int64)] * len(texts)
    return list(streams(texts, no_borders, np.zeros(len(texts), np.uint64), LENGTH))


def _timed(name: str, texts: list[str], run: Callable[[], Any]) -> Any:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        result = run()
        best = min(best, time.process_time() - started)
    print(f"  {name:14} {len(texts) / best:10,.0f} documents a second and core")
    return result


def _repeated_windows(parts: list[Stream], repeated: UInt64s) -> list[Int64s]:
    """Numbers (document * 2^32 + place) of the windows that occur at least twice."""
    places, contents = [], []
    for part in parts:
        found, high, low = windows(part, LENGTH, repeated)
        places.append(part.owner[found] * 2**32 + part.place[found])
        contents.append(np.stack([high, low], axis=1))
    _, which, copies = np.unique(
        np.concatenate(contents), axis=0, return_inverse=True, return_counts=True
    )
    return [np.concatenate(places)[copies[which.ravel()] > 1]]


def _middle_half(text: str) -> tuple[int, int]:
    words = len(tokens(text).hashes)
    return words // 4, words // 4 + words // 2


def _cut(text: str, span: tuple[int, int]) -> None:
    if span[1] > span[0]:
        remove_spans(Document("0", "s", "0", text=text), [span], "1", "d", 0)


if __name__ == "__main__":
    main()
