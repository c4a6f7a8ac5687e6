"""Which documents hold evaluation items, and which items are therefore dirty: both sides, as files.

Enters: documents, and evaluation files. Leaves, in a folder:
    contamination.json      of every evaluation file: items, too short ones, dirty ones by their share
    dirty.jsonl             every dirty item: the share of its n-grams that the documents hold, how many
                            documents have one, and the one with most of them, with the words
    clean.jsonl             every clean item, to give scores on the clean part
    lm_eval_samples.json    the clean items of task files, as `lm_eval --samples` takes them
    documents/*.parquet     every document with a hit, its items (the first 100) and the words

The decision: nothing is judged away. GPT-3 (arXiv:2005.14165, appendix C) calls an item dirty from
one n-gram on, Llama 2 (arXiv:2307.09288, appendix A.6) from 20 % of its words, and very dirty from
80 %; the shares are there for all of these. What the driver holds is bound by the evaluation sets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.decontaminate.evidence import Judge, excerpt, merged
from curate.decontaminate.index import Hits, Index
from curate.decontaminate.step import Decontaminate
from curate.document import encodable
from curate.errors import InputError
from curate.store import file_system, unwritable, write_json

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Batches = Iterator[pa.RecordBatch]
Shares = NDArray[np.float64]
SUMMARY, DIRTY, CLEAN, SAMPLES, DOCUMENTS = (
    "contamination.json", "dirty.jsonl", "clean.jsonl", "lm_eval_samples.json", "documents"
)  # fmt: skip
ITEMS_A_DOCUMENT = 100
BY_SHARE = {"under_20_percent": 0.0, "20_to_80_percent": 0.2, "from_80_percent": 0.8}
"""The least share of each group; Llama 2's borders."""

_HIT = pa.struct(
    [("item", pa.string()), ("shared", pa.int64()), ("share", pa.float64()), ("words", pa.string())]
)
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("source", pa.string()),
        ("matches", pa.int64()),
        ("items", pa.list_(_HIT)),
        ("ngrams", pa.list_(pa.int64())),
    ]
)
_SPARK_SCHEMA = (
    "id string, url string, source string, matches bigint, "
    "items array<struct<item: string, shared: bigint, share: double, words: string>>, "
    "ngrams array<bigint>"
)


@dataclass(frozen=True)
class DirtyItem:
    """An evaluation item with n-grams in the documents. `share`: of its `ngrams`, those found in any
    document; `documents`: how many have one (and it among their first 100 items); `document`: the one
    with most of them, `document_share` of the item's, and its words."""

    file: str
    number: int
    index: int
    share: float
    ngrams: int
    documents: int
    document: str
    document_share: float
    words: str


@dataclass(frozen=True)
class FileSummary:
    """An evaluation file: its items, those too short to be matched, the dirty ones, also by share."""

    file: str
    items: int
    too_short: int
    dirty: int
    by_share: dict[str, int]


@dataclass(frozen=True)
class Contamination:
    """What was found: `documents` have text, `documents_hit` of them hold an n-gram of an item."""

    documents: int
    documents_hit: int
    files: tuple[FileSummary, ...]
    dirty: tuple[DirtyItem, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data: the summary, without the items."""
        counts = {"documents": self.documents, "documents_hit": self.documents_hit}
        return {**counts, "files": [asdict(file) for file in self.files]}

    def lines(self) -> list[str]:
        """For the terminal: a line for each file, and the five dirtiest items."""
        found = [f"{self.documents:,} documents, {self.documents_hit:,} with words of an item"]
        for file in self.files:
            share = file.dirty / max(1, file.items - file.too_short)
            found.append(
                f"{file.file}: {file.items:,} items, {file.too_short:,} too short, {file.dirty:,} dirty "
                f"({share:.1%}); from 80 % of their n-grams: {file.by_share['from_80_percent']:,}"
            )
        worst = sorted(self.dirty, key=lambda item: (-item.share, item.file, item.number))[:5]
        return found + [
            f"  {item.file}:{item.number} {item.share:.0%}, in {item.document}: {item.words[:80]}"
            for item in worst
        ]


def contamination_report(df: DataFrame, step: Decontaminate, output: str) -> Contamination:
    """Compare documents with evaluation files by the n-grams of a step, and write the files of the
    report below the folder `output`. Its `ignore_above` counts; its `threshold` and `action` do not.

    Raises `InputError` if no document has text.
    """
    from pyspark.sql import functions as f

    documents = df.where("text is not null and text != ''").count()
    if not documents:
        raise InputError("none of the documents has text; give a table made by extract or later")
    index = step.evidential(df, step.index())
    shared = df.sparkSession.sparkContext.broadcast(index)
    hits = df.select("id", "url", "source", "text").mapInArrow(_lister(shared), _SPARK_SCHEMA)
    hits.write.mode("overwrite").parquet(f"{output}/{DOCUMENTS}")
    listed = df.sparkSession.read.schema(_SPARK_SCHEMA).parquet(f"{output}/{DOCUMENTS}")
    ngrams = listed.select(f.explode("ngrams").alias("ngram")).distinct().toArrow()
    shares = shares_of_items(index, ngrams.column("ngram").to_numpy().view(np.uint64))
    dirty = tuple(_dirty(index, shares, _examples(listed)))
    report = Contamination(documents, listed.count(), tuple(_summaries(index, shares)), dirty)
    _write(report, index, shares, {"rule": asdict(step), **report.to_json()}, output)
    return report


def shared_with(text: str, hits: Hits, index: Index) -> dict[str, Any]:
    """What one document shares: places, the items most concerned, and n-grams as signed numbers."""
    runs, run_at = np.unique(hits.runs, return_inverse=True)
    owners, position = index.owners_of(runs)
    found = Judge().evidence(index, hits)
    rows = [] if found is None else list(zip(found.items, found.shared, found.shares, strict=True))
    items = []
    for item, count, share in rows[:ITEMS_A_DOCUMENT]:
        of_item = np.isin(run_at, position[owners == item])
        begin, end = merged(hits.starts[of_item], hits.ends[of_item])[0].tolist()
        words, name = encodable(excerpt(text, (begin, end))), encodable(index.name(int(item)))
        items.append({"item": name, "shared": int(count), "share": float(share), "words": words})
    ngrams = index.hashes[runs].view(np.int64).tolist()
    return {"matches": len(hits.runs), "items": items, "ngrams": ngrams}


def shares_of_items(index: Index, found: NDArray[np.uint64]) -> Shares:
    """Of every item, the share of its n-grams that are among those found; NaN for one too short."""
    held = np.repeat(np.isin(index.hashes, found), np.diff(index.offsets))
    counts = np.bincount(index.owners[held], minlength=len(index.item_runs))
    with np.errstate(invalid="ignore"):
        shares: Shares = counts / index.item_runs
    return shares


def _lister(shared: Any) -> Callable[[Batches], Batches]:
    """(id, url, source, text) -> the documents with a hit, and what they share with which items."""

    def run(incoming: Batches) -> Batches:
        index: Index = shared.value
        for batch in incoming:
            texts = batch.column("text").to_pylist()
            rows = [
                {
                    **{key: batch.column(key)[number].as_py() for key in ("id", "url", "source")},
                    **shared_with(texts[number], hits, index),
                }
                for number, hits in index.find(texts).by_text()
            ]
            yield pa.RecordBatch.from_pylist(rows, _SCHEMA)

    return run


def _examples(listed: DataFrame) -> dict[str, tuple[int, float, str, str]]:
    """Of every dirty item: documents with it, and of the one with most of it share, id and words."""
    from pyspark.sql import functions as f

    hit = listed.select("id", f.explode("items").alias("hit")).select("id", "hit.*")
    most = f.max(f.struct("share", "id", "words")).alias("most")
    rows = hit.groupBy("item").agg(f.count("*").alias("documents"), most).collect()
    return {row["item"]: (row["documents"], *row["most"]) for row in rows}


def _dirty(
    index: Index, shares: Shares, examples: dict[str, tuple[int, float, str, str]]
) -> Iterator[DirtyItem]:
    """The dirty items in the order they were read."""
    for item in np.flatnonzero(shares > 0).tolist():
        documents, share, document, words = examples.get(
            encodable(index.name(item)), (0, 0.0, "", "")
        )
        yield DirtyItem(
            **_place(index, item),
            share=round(float(shares[item]), 4),
            ngrams=int(index.item_runs[item]),
            documents=documents,
            document=document,
            document_share=round(share, 4),
            words=words,
        )


def _place(index: Index, item: int) -> dict[str, Any]:
    return {
        "file": index.files[index.item_files[item]],
        "number": int(index.item_numbers[item]),
        "index": int(index.item_indexes[item]),
    }


def _summaries(index: Index, shares: Shares) -> Iterator[FileSummary]:
    for number, name in enumerate(index.files):
        own = shares[index.item_files == number]
        dirty = own[own > 0]
        groups = np.digitize(dirty, list(BY_SHARE.values())[1:])
        counts = np.bincount(groups, minlength=len(BY_SHARE)).tolist()
        too_short = int(np.count_nonzero(np.isnan(own)))
        by_share = dict(zip(BY_SHARE, counts, strict=True))
        yield FileSummary(name, len(own), too_short, len(dirty), by_share)


def _write(
    report: Contamination, index: Index, shares: Shares, summary: dict[str, Any], output: str
) -> None:
    """The files of the report, the summary last."""
    clean, samples = [], dict[str, list[int]]()
    for item in np.flatnonzero(~(shares > 0)).tolist():
        clean.append({**_place(index, item), "too_short": bool(np.isnan(shares[item]))})
    for task, file in zip(index.tasks, index.files, strict=True):
        if task is not None:
            samples[task] = [entry["index"] for entry in clean if entry["file"] == file]
    _put_lines(f"{output}/{DIRTY}", map(asdict, report.dirty))
    _put_lines(f"{output}/{CLEAN}", clean)
    if samples:
        write_json(f"{output}/{SAMPLES}", samples)
    write_json(f"{output}/{SUMMARY}", summary)


def _put_lines(path: str, records: Iterable[dict[str, Any]]) -> None:
    fs, plain = file_system(path)
    try:
        with fs.open(plain, "wt", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
    except OSError as error:
        raise unwritable(path, error) from None
