"""What became of the same documents in two runs: a join of two sets of ids on one machine.

In: two finished runs. Out: `Fates`: how many documents went from which outcome to which, and a few of
each pair. The decision: a Grace hash join (Kitsuregawa et al. 1983). The narrow columns of both runs
are read once and dealt by a coin on the key into files in the temporary folder (about 100 bytes a
document), 250,000 rows each; then one pair of files at a time is joined in memory, about 300 MB. So
memory does not grow with the runs (from 125 million documents on it does, as only so many files can be
open at once: a billion take 2 GB), and no Spark is needed.

Documents are matched by id. An id says where a document lay, `source` and `origin`, so two crawls can
give one id to two pages: pairs whose URLs differ are no match. Where there are more of those than of
matches, or none at all, documents are matched by URL instead.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.document import RECORD, share
from curate.finished import FinishedRun
from curate.reading import ends

KEPT = "kept"
BUCKET_ROWS = 250_000
MOST_BUCKETS = 500
SAMPLES = 3
COIN = "compare"
_SPILLED = pa.schema([("key", pa.string()), ("fate", pa.string()), ("url", pa.string())])
Pair = tuple[str | None, str | None]


@dataclass
class Fates:
    """`counts`: documents by (outcome in A, outcome in B), `KEPT` or the reason of the drop, None where
    the other run alone has them. `samples`: keys of some that one run kept and the other did not.
    `other_url`: pairs of one id with two URLs; `repeated`: rows whose key a run has twice."""

    key: str
    counts: Counter[Pair] = field(default_factory=Counter)
    samples: dict[Pair, list[str]] = field(default_factory=dict)
    other_url: int = 0
    repeated: int = 0

    @property
    def matched(self) -> int:
        """Documents that both runs have."""
        return sum(n for (a, b), n in self.counts.items() if a is not None and b is not None)


def fates(a: FinishedRun, b: FinishedRun, bucket_rows: int = BUCKET_ROWS) -> Fates:
    """Match by id, or by URL where ids say nothing."""
    by_id = _join(a, b, "id", bucket_rows)
    if by_id.matched > by_id.other_url:
        return by_id
    by_url = _join(a, b, "url", bucket_rows)
    return by_url if by_url.matched > by_id.matched else by_id


def _join(a: FinishedRun, b: FinishedRun, key: str, bucket_rows: int) -> Fates:
    rows = max(_records(a), _records(b))
    buckets = min(MOST_BUCKETS, max(1, -(-rows // bucket_rows)))
    found = Fates(key)
    with tempfile.TemporaryDirectory(prefix="curate-compare-") as folder:
        for side, run in (("a", a), ("b", b)):
            _deal(_rows(run, key), f"{folder}/{side}", buckets)
        for bucket in range(buckets):
            sides = [_load(f"{folder}/{side}-{bucket}") for side in "ab"]
            _add(found, *sides)
    return found


def _records(run: FinishedRun) -> int:
    return run.documents[0].table.total().accounted


def _rows(run: FinishedRun, key: str) -> Iterator[pa.RecordBatch]:
    """Key, fate and URL of all records; "" is kept, which sorts before any reason. By URL only
    documents: the request and the response of a capture have one URL."""
    for batch in ends(run, ["id", "url", "drop"]):
        fate = pc.fill_null(batch["drop"], "")
        rows = pa.RecordBatch.from_arrays([batch[key], fate, batch["url"]], schema=_SPILLED)
        if key == "url":
            is_document = pc.invert(pc.starts_with(fate, RECORD))
            rows = rows.filter(pc.and_(is_document, pc.is_valid(batch["url"])))
        yield rows


def _deal(batches: Iterator[pa.RecordBatch], path: str, buckets: int) -> None:
    """Write rows to `path-BUCKET` by the coin of their keys."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(pa.ipc.new_stream(f"{path}-{bucket}", _SPILLED))
            for bucket in range(buckets)
        ]
        for batch in batches:
            coins = np.array([share(key, COIN) for key in batch["key"].to_pylist()])
            bucket = (coins * buckets).astype(np.int64)
            order = np.argsort(bucket, kind="stable")
            cuts = np.searchsorted(bucket[order], np.arange(buckets + 1))
            dealt = batch.take(pa.array(order))
            for number in np.flatnonzero(np.diff(cuts)):
                writers[number].write_batch(
                    dealt.slice(cuts[number], cuts[number + 1] - cuts[number])
                )


def _load(path: str) -> pa.Table:
    with pa.OSFile(path) as file:
        return pa.ipc.open_stream(file).read_all()


def _add(found: Fates, a: pa.Table, b: pa.Table) -> None:
    """Join one pair of files, and count."""
    sides = [
        side.group_by("key")
        .aggregate([("fate", "min"), ("url", "min")])
        .rename_columns(["key", name, f"url_{name}"])
        for side, name in ((a, "a"), (b, "b"))
    ]
    found.repeated += sum(len(side) for side in (a, b)) - sum(len(side) for side in sides)
    joined = sides[0].join(sides[1], "key", join_type="full outer")
    is_other = pc.fill_null(pc.not_equal(joined["url_a"], joined["url_b"]), False)
    found.other_url += pc.sum(is_other).as_py() or 0
    joined = joined.filter(pc.invert(is_other))
    for row in joined.group_by(["a", "b"]).aggregate([([], "count_all")]).to_pylist():
        pair = _named(row["a"]), _named(row["b"])
        if not _of_records(pair):
            found.counts[pair] += row["count_all"]
    _draw(found, joined)


def _named(fate: str | None) -> str | None:
    return KEPT if fate == "" else fate


def _of_records(pair: Pair) -> bool:
    """Whether nobody took it for a document."""
    return all(fate is None or fate.startswith(RECORD) for fate in pair)


def _draw(found: Fates, joined: pa.Table) -> None:
    """Of each pair of outcomes, the `SAMPLES` documents with the smallest coins so far."""
    kept_a, kept_b = pc.equal(joined["a"], ""), pc.equal(joined["b"], "")
    rows = joined.filter(pc.fill_null(pc.xor(kept_a, kept_b), False)).select(["key", "a", "b"])
    drawn: dict[Pair, list[tuple[float, str]]] = {
        pair: [(share(key, COIN), key) for key in keys] for pair, keys in found.samples.items()
    }
    columns: list[list[Any]] = [column.to_pylist() for column in rows.columns]
    for key, a, b in zip(*columns, strict=True):
        drawn.setdefault((_named(a), _named(b)), []).append((share(key, COIN), key))
    for pair, coins in drawn.items():
        found.samples[pair] = [key for _, key in sorted(coins)[:SAMPLES]]
