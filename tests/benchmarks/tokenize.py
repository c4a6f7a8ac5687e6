"""Texts to shards on Spark against bare `encode_batch`, on as many processes, in one run.

    python -m tests.benchmarks.tokenize TEXTS.jsonl … [--field text] [--copies 4] [--tokenizer FILE]

In: texts. Out: megabytes a second of the encoding pass, of the whole step (encode, shuffle, write)
and of the bare loop, their ratios, and whether two partitionings gave equal shards. All do the work
twice, once on the texts and once on several copies of them; the difference of the two times is that
of the additional texts alone, so starting up Spark and workers counts for neither side.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.document import SCHEMA, SPARK_SCHEMA, Document, batches, document_id
from curate.spark import session
from curate.tokens import Tokenize
from curate.tokens.encode import ENCODED, encoder
from curate.tokens.tokenize import _narrow
from curate.tokens.tokenizer import Encoding, Training, load, read, train
from tests.benchmarks.texts import read_texts

PROCESSES = os.cpu_count() or 1
FILES = 4 * PROCESSES
BATCH = 256


def write_documents(texts: Sequence[str], copies: int, folder: Path) -> None:
    """Kept documents in several Parquet files."""
    folder.mkdir()
    for number in range(FILES):
        rows = [
            Document(document_id("bench", f"{copy} {at}"), "bench", f"{copy} {at}", text=texts[at])
            for copy in range(copies)
            for at in range(number, len(texts), FILES)
        ]
        table = pa.Table.from_batches(list(batches(rows)), SCHEMA)
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=2000)


def bare_seconds(texts: Sequence[str], copies: int, encoding: Encoding) -> float:
    """`encode_batch_fast` over texts in memory, nothing written."""
    work = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)] * copies
    with get_context("fork").Pool(PROCESSES, _prepare, (encoding.json,)) as pool:
        pool.map(_encode, [["warm"]] * PROCESSES * 4)
        start = time.perf_counter()
        for _ in pool.imap_unordered(_encode, work):
            pass
        return time.perf_counter() - start


def _prepare(json: str) -> None:
    global _tokenizer
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _tokenizer = load(json)


def _encode(texts: Sequence[str]) -> int:
    encoded = _tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return sum(len(part.ids) for part in encoded)


def pass_seconds(df: Any, encoding: Encoding) -> float:
    """The encoding pass alone, its rows thrown away."""
    start = time.perf_counter()
    rows = _narrow(df).drop("signals").mapInArrow(encoder(encoding, 0), ENCODED)
    rows.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def step_seconds(df: Any, tokenizer: str, output: Path) -> tuple[float, list[str]]:
    """The whole step, and the checksums of its shards."""
    start = time.perf_counter()
    about = Tokenize(tokenizer, shard_tokens=4_000_000)(df, str(output))
    return time.perf_counter() - start, [shard["sha256"] for shard in about["shards"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--field", default="text")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--tokenizer", help="default: a BPE of 32,768 tokens trained on the texts")
    arguments = parser.parse_args()
    texts = [text for text in read_texts(arguments.texts, arguments.field) if text]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.tokenizer:
            encoding = read(arguments.tokenizer)
        else:
            encoding = train(texts, Training(vocabulary=32_768))
        path = folder / "tokenizer.json"
        path.write_text(encoding.json)
        spark = session(f"local[{PROCESSES}]", str(folder / "spark.log"))
        seconds = {}
        for copies in (1, arguments.copies):
            write_documents(texts, copies, folder / f"in{copies}")
            df = spark.read.schema(SPARK_SCHEMA).parquet(str(folder / f"in{copies}"))
            if copies == 1:  # workers start here
                pass_seconds(df, encoding)
                _, first = step_seconds(df.repartition(3), str(path), folder / "three")
                _, second = step_seconds(df.repartition(11), str(path), folder / "eleven")
            seconds[copies] = (
                pass_seconds(df, encoding),
                step_seconds(df, str(path), folder / f"out{copies}")[0],
                bare_seconds(texts, copies, encoding),
            )
        spark.stop()
    rates = [
        megabytes * (arguments.copies - 1) / (seconds[arguments.copies][side] - seconds[1][side])
        for side in range(3)
    ]
    print(
        f"{len(texts):,} texts, {megabytes:.1f} MB, x{arguments.copies}, {PROCESSES} processes: "
        f"bare {rates[2]:.2f} MB/s; encoding pass {rates[0]:.2f} = {rates[0] / rates[2]:.0%}; "
        f"whole step {rates[1]:.2f} = {rates[1] / rates[2]:.0%}; "
        f"3 and 11 partitions: shards {'equal' if first == second else 'DIFFERENT'}"
    )


if __name__ == "__main__":
    main()
