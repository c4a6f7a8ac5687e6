"""The two passes over Arrow batches of `tokenize`: texts to tokens, tokens to shards. No Spark here.

Enters and leaves the encoding pass: documents (`id source text split copies`), and a row of tokens
for every copy of a document, with its place in the order. Enters the writing pass: the rows of one
shard, sorted by place. Leaves: the shard's files, and one row that says what they hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from curate.tokens.shards import write_shard
from curate.tokens.tokenizer import Encoding, load

Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
ENCODED = "split string, place bigint, id string, source string, text_bytes bigint, tokens binary"
ENCODED_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("place", pa.int64()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("text_bytes", pa.int64()),
        ("tokens", pa.binary()),
    ]
)
WRITTEN = "split string, file string, documents bigint, tokens bigint, bytes bigint, sha256 string"
CHUNK_CHARS = 1 << 20


def encoder(encoding: Encoding, seed: int) -> Pass:
    """The pass that encodes; a row comes out for every copy of a document."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        tokenizer = load(encoding.json)
        for batch in incoming:
            for rows in _chunks(batch.to_pylist()):
                texts = [row["text"] for row in rows]
                encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
                tokens = [np.array([*part.ids, encoding.eos], encoding.dtype) for part in encoded]
                yield _encoded_batch(rows, tokens, seed)

    return run


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in runs of about a million characters: an encoding takes much more memory than its text."""
    held: list[dict[str, Any]] = []
    chars = 0
    for row in rows:
        held.append(row)
        chars += len(row["text"])
        if chars >= CHUNK_CHARS:
            yield held
            held, chars = [], 0
    if held:
        yield held


def _encoded_batch(
    rows: list[dict[str, Any]], tokens: list[NDArray[Any]], seed: int
) -> pa.RecordBatch:
    copies = [
        {
            "split": row["split"],
            "place": place(row["id"], seed, copy),
            "id": row["id"],
            "source": row["source"],
            "text_bytes": len(row["text"].encode()),
            "tokens": part.tobytes(),
        }
        for row, part in zip(rows, tokens, strict=True)
        for copy in range(row["copies"])
    ]
    return pa.RecordBatch.from_pylist(copies, schema=ENCODED_SCHEMA)


def place(identity: str, seed: int, copy: int) -> int:
    """Where a copy of a document stands: a signed 64-bit hash."""
    key = f"{seed}\0{identity}\0{copy}".encode("utf-8", "surrogatepass")
    return xxhash.xxh3_64_intdigest(key) - 2**63


def shard_writer(output: str, dtype: str) -> Pass:
    """The pass that writes the shard whose rows it is given; nothing comes of an empty partition."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        batches = (batch for batch in incoming if batch.num_rows)
        first = next(batches, None)
        if first is None:
            return
        split, number = first.column("split")[0].as_py(), first.column("shard")[0].as_py()

        def documents() -> Iterator[bytes]:
            yield from first.column("tokens").to_pylist()
            for batch in batches:
                yield from batch.column("tokens").to_pylist()

        shard = write_shard(documents(), output, f"{split}-{number:05d}", dtype)
        yield pa.RecordBatch.from_pylist([{"split": split, **asdict(shard)}])

    return run
