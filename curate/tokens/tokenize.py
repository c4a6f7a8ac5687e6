"""The step `tokenize`: documents become token shards.

Enters: kept documents. Leaves, below `output`: `train-00000.bin/.idx` …, `heldout-00000.bin/.idx`,
for each shard the ids of its documents, the same shards in the other formats that were asked for,
`tokenizer.json`, and a dictionary that says what they hold. The order is that of
`curate.tokens.order`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from curate.columns import is_heldout
from curate.errors import InputError, UserError
from curate.split import HELDOUT, TRAIN
from curate.tokens.curriculum import stretches
from curate.tokens.encode import ENCODED, WRITTEN, encoder, shard_writer
from curate.tokens.formats import Folder, check_formats
from curate.tokens.tokenizer import PAD_VOCABULARY, Encoding, Training, read, train
from curate.tokens.tokenizer.sample import training_rates, training_texts
from curate.tokens.written import put_together

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Tokenize:
    """Encode the documents and write Megatron shards (`.bin`, `.idx`) in a seeded order.

    `tokenizer`: "train" for a byte-level BPE (Radford et al. 2019, §2.2) of `vocabulary` tokens on
    about `sample_bytes` of the training documents, or the path of a `tokenizer.json`, SentencePiece
    or tiktoken file with `eos` as its end-of-document token. The bytes of a document's tokens have
    to be as many as its text has: one that normalises text away needs `lossless: false`. A shard holds about `shard_tokens` tokens. Held-out documents go to
    shards of their own; a document that `mix` repeats is written as often. `formats`: what else the
    shards are written as (`curate.tokens.formats`); Megatron's are always there. `order_by`: a signal
    whose values order the documents, `descending` or not, instead of the hash alone (a curriculum,
    Bengio et al. 2009); to be read as it is, not shuffled.
    """

    name: ClassVar[str] = "tokenize"
    tokenizer: str = "train"
    vocabulary: int = 8192
    sample_bytes: int = 32 << 20
    shard_tokens: int = 100_000_000
    eos: str | None = None
    seed: int = 0
    formats: tuple[str, ...] = ("megatron",)
    lossless: bool = True
    order_by: str | None = None
    descending: bool = False

    def __post_init__(self) -> None:
        if self.vocabulary % PAD_VOCABULARY or self.vocabulary < 320:
            raise ValueError(f"vocabulary must be a multiple of 64 from 320, got {self.vocabulary}")
        if min(self.sample_bytes, self.shard_tokens) < 1:
            raise ValueError("sample_bytes and shard_tokens must be at least 1")
        try:
            check_formats(self.formats)
        except UserError as error:  # a recipe adds its line
            raise ValueError(str(error)) from None

    def inputs(self) -> tuple[str, ...]:
        """The tokenizer, if it is a file."""
        return () if self.tokenizer == "train" else (self.tokenizer,)

    def __call__(self, df: DataFrame, output: str) -> dict[str, Any]:
        """Write the shards below `output` (a folder or URL) and say what they hold.

        Raises `InputError` if there is nothing to train a tokenizer on or it cannot be read.
        """
        encoding = self._encoding(df)
        check_formats(self.formats, encoding.dtype)
        folder = Folder.at(output)
        folder.put("tokenizer.json", encoding.json.encode())
        narrow = self._ordered(_narrow(df))
        encoded = narrow.mapInArrow(encoder(encoding, self.seed), ENCODED).persist()
        try:
            totals = _totals(encoded, encoding.dtype)
            lossy = self._lossy(totals)
            ranges = _ranges(totals, self.shard_tokens)
            rows = _write(encoded, ranges, output, encoding, self.formats)
        finally:
            encoded.unpersist()
        folder.clear_attempts()
        return {
            "tokenizer_sha256": encoding.sha256,
            "vocabulary": encoding.vocabulary,
            "eos": encoding.eos,
            "dtype": encoding.dtype,
            "seed": self.seed,
            "order_by": self.order_by,
            "ranges": ranges,
            **put_together(rows, folder, encoding.dtype, encoding.eos, self.formats),
            "tokens": _by_source(totals, "tokens"),
            "text_bytes": _by_source(totals, "text_bytes"),
            "lossy_documents": lossy,
        }

    def _ordered(self, narrow: DataFrame) -> DataFrame:
        if self.order_by is not None:
            narrow = stretches(narrow, self.order_by, self.descending)
        return narrow.drop("signals")

    def _lossy(self, totals: list[dict[str, Any]]) -> int:
        lossy = sum(int(row["lossy"]) for row in totals)
        if lossy and self.lossless:
            first = min(row["first_lossy"] for row in totals if row["first_lossy"])
            raise InputError(
                f"tokenize: the tokens do not hold the whole text of {lossy:,} documents, "
                f"{first} among them: the tokenizer normalises text or does not know a character; "
                "take another, or set lossless: false"
            )
        return lossy

    def _encoding(self, df: DataFrame) -> Encoding:
        if self.tokenizer != "train":
            return read(self.tokenizer, self.eos)
        drawn = training_rates(df, self.sample_bytes)
        if not drawn:
            raise InputError(
                "tokenize: no training documents to train a tokenizer on; give a tokenizer.json"
            )
        texts = training_texts(df, drawn, self.seed, 2 * self.sample_bytes)
        return train(texts, Training(vocabulary=self.vocabulary))


def _narrow(df: DataFrame) -> DataFrame:
    from pyspark.sql import functions as f

    return df.select(
        "id",
        "source",
        f.coalesce("text", f.lit("")).alias("text"),
        "signals",
        f.when(is_heldout(), HELDOUT).otherwise(TRAIN).alias("split"),
        f.coalesce(f.element_at("signals", f.lit("mix.copies")), f.lit(1.0))
        .cast("int")
        .alias("copies"),
    )


def _totals(encoded: DataFrame, dtype: str) -> list[dict[str, Any]]:
    """Tokens, text bytes and documents that lost text by split and source: one short row each."""
    from pyspark.sql import functions as f

    tokens = f.sum(f.octet_length("tokens") / np.dtype(dtype).itemsize).cast("bigint")
    sums = encoded.groupBy("split", "source").agg(
        tokens.alias("tokens"),
        f.sum("text_bytes").alias("text_bytes"),
        f.count_if(~f.col("lossless")).alias("lossy"),
        f.min(f.when(~f.col("lossless"), f.col("id"))).alias("first_lossy"),
    )
    return [row.asDict() for row in sums.orderBy("split", "source").collect()]


def _by_source(totals: list[dict[str, Any]], name: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in totals:
        sums[row["source"]] = sums.get(row["source"], 0) + int(row[name])
    return dict(sorted(sums.items()))


def _ranges(totals: list[dict[str, Any]], shard_tokens: int) -> dict[str, int]:
    """Into how many shards each split is cut, if none stays empty."""
    sums = {
        split: sum(row["tokens"] for row in totals if row["split"] == split)
        for split in (TRAIN, HELDOUT)
    }
    return {split: max(1, -(-tokens // shard_tokens)) for split, tokens in sums.items()}


def _write(
    encoded: DataFrame,
    ranges: dict[str, int],
    output: str,
    encoding: Encoding,
    formats: Sequence[str],
) -> list[dict[str, Any]]:
    """Write every shard in a task of its own; a row for each file. A shard that no document falls
    into is left out."""
    from pyspark.sql import functions as f

    train_shards, heldout_shards = ranges[TRAIN], ranges[HELDOUT]
    heldout = f.col("split") == HELDOUT
    count = f.when(heldout, heldout_shards).otherwise(train_shards)
    upper = f.shiftright("place", 32) + f.lit(2**31)
    shard = f.shiftright(upper * count, 32).cast("int")  # `curate.tokens.order.shard_of`
    task = shard + f.when(heldout, train_shards).otherwise(0)
    placed = encoded.withColumns({"shard": shard, "task": task})
    placed = placed.repartitionById(train_shards + heldout_shards, "task")
    placed = placed.sortWithinPartitions("place", "id")
    placed = placed.select("split", "shard", "id", "source", "tokens")
    writer = shard_writer(output, encoding.dtype, encoding.eos, tuple(dict.fromkeys(formats)))
    return [row.asDict() for row in placed.mapInArrow(writer, WRITTEN).collect()]
