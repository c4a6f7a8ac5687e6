"""The two passes over Arrow batches of `tokenize`: texts to tokens, tokens to shards. No Spark here.

Enters and leaves the encoding pass: documents (`id source text split copies`), and a row of tokens
for every copy of a document, with its place in the order. Enters the writing pass: the rows of one
shard, sorted by place. Leaves: the shard's files in every format that is wanted, and a row for each
file that says what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.tokens.formats import FORMATS, File, Folder, TokenShard, home
from curate.tokens.formats.token_shard import IDS
from curate.tokens.order import place, within
from curate.tokens.provenance import Provenance
from curate.tokens.shards import write_shard
from curate.tokens.tokenizer import Encoding, load, token_bytes
from curate.tokens.tokenizer.encoding import put_in_front

Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
ENCODED = (
    "split string, place bigint, id string, source string, text_bytes bigint, lossless boolean, "
    "tokens binary"
)
ENCODED_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("place", pa.int64()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("text_bytes", pa.int64()),
        ("lossless", pa.bool_()),
        ("tokens", pa.binary()),
    ]
)
WRITTEN = (
    "split string, shard string, format string, "
    "file string, documents bigint, tokens bigint, bytes bigint, sha256 string"
)
CHUNK_CHARS = 1 << 20
PAYLOAD, PROVENANCE = "megatron", "ids"


def encoder(encoding: Encoding, seed: int) -> Pass:
    """The pass that encodes; a row comes out for every copy of a document. `lossless`: whether the
    bytes of its tokens are as many as the text has."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        tokenizer, lengths = load(encoding.json), token_bytes(encoding.json)
        in_front = put_in_front(encoding.json)
        for batch in incoming:
            for rows in _chunks(batch.to_pylist()):
                texts = [row["text"] for row in rows]
                encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
                tokens = [np.array([*part.ids, encoding.eos], encoding.dtype) for part in encoded]
                told = [int(lengths[part[:-1]].sum()) for part in tokens]
                yield _encoded_batch(rows, tokens, told, in_front, seed)

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
    rows: list[dict[str, Any]],
    tokens: list[NDArray[Any]],
    told: list[int],
    in_front: int,
    seed: int,
) -> pa.RecordBatch:
    sizes = [len(row["text"].encode()) for row in rows]
    copies = [
        {
            "split": row["split"],
            "place": within(place(row["id"], seed, copy), row["start"], row["width"])
            if "start" in row
            else place(row["id"], seed, copy),
            "id": row["id"],
            "source": row["source"],
            "text_bytes": size,
            "lossless": bytes_told == size + (in_front if size else 0),
            "tokens": part.tobytes(),
        }
        for row, part, size, bytes_told in zip(rows, tokens, sizes, told, strict=True)
        for copy in range(row["copies"])
    ]
    return pa.RecordBatch.from_pylist(copies, schema=ENCODED_SCHEMA)


def shard_writer(url: str, dtype: str, eos: int, formats: Sequence[str]) -> Pass:
    """The pass that writes the shard whose rows it is given; nothing comes of an empty partition."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        batches = (batch for batch in incoming if batch.num_rows)
        first = next(batches, None)
        if first is None:
            return
        split, number = first.column("split")[0].as_py(), first.column("shard")[0].as_py()
        folder, name = Folder.at(url), f"{split}-{number:05d}"
        files = _write_shard(chain([first], batches), folder, name, dtype)
        shard = TokenShard(folder, split, dtype, eos, files[PAYLOAD][0])
        for to in formats:
            files[to] = [*files.get(to, ()), *FORMATS[to].write(shard, home(to, folder))]
        rows = [
            {"split": split, "shard": name, "format": to, **asdict(file)}
            for to, made in files.items()
            for file in made
        ]
        yield pa.RecordBatch.from_pylist(rows)

    return run


def _write_shard(
    batches: Iterable[pa.RecordBatch], folder: Folder, name: str, dtype: str
) -> dict[str, list[File]]:
    """The shard itself, and which document stands where in it."""
    width = np.dtype(dtype).itemsize
    with folder.whole(f"{name}{IDS}") as sink, Provenance(sink) as rows:

        def documents() -> Iterator[bytes]:
            for batch in batches:
                columns = (batch.column(name).to_pylist() for name in ("id", "source", "tokens"))
                for identity, source, tokens in zip(*columns, strict=True):
                    rows.add(identity, source, len(tokens) // width)
                    yield tokens

        payload, index = write_shard(documents(), folder, name, dtype)
    ids = sink.written(payload.documents)
    return {PAYLOAD: [payload, index], PROVENANCE: [ids]}
