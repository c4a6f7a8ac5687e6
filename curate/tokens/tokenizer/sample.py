"""The texts a tokenizer is trained and measured on, drawn in Spark.

Enters: documents. Leaves: texts, streamed. The decision: strata are (source, language), each gets a
share of the bytes, and a document is drawn if a coin fixed by its id is below its stratum's rate, so
the sample is the same however the documents are partitioned. Held-out documents train nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from curate.columns import coin, is_heldout

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FEWEST_DOCUMENTS = 200
Stratum = tuple[str, str]


@dataclass(frozen=True)
class Size:
    """What a stratum holds: documents with a text, and the UTF-8 bytes of the texts."""

    documents: int
    text_bytes: int


@dataclass(frozen=True)
class Text:
    """A text with its stratum."""

    source: str
    language: str
    text: str


def training_rates(df: DataFrame, sample_bytes: int, exponent: float = 1.0) -> dict[Stratum, float]:
    """Which share of each stratum's training documents is drawn; empty if there are none."""
    return rates(_sizes(df, heldout=False), sample_bytes, exponent)


def rates(
    sizes: Mapping[Stratum, Size], sample_bytes: int, exponent: float = 1.0
) -> dict[Stratum, float]:
    """Shares of the strata in proportion to bytes ** `exponent`: 1 as they are, less to hear small
    languages better (.3 in XLM-R, Conneau et al. 2020, §3.1). What a small stratum cannot give, the
    others give. Where the bytes are few, more than asked: about `FEWEST_DOCUMENTS` in all.

    >>> rates({("web", "en"): Size(900, 9_000), ("web", "fi"): Size(100, 1_000)}, 4_000, exponent=0)
    {('web', 'fi'): 1.0, ('web', 'en'): 0.3333333333333333}
    """
    found: dict[Stratum, float] = {}
    weights = {one: float(size.text_bytes) ** exponent for one, size in sorted(sizes.items())}
    left = float(sample_bytes)
    for one in sorted(sizes, key=lambda one: (sizes[one].text_bytes / weights[one], one)):
        given = min(sizes[one].text_bytes, left * weights[one] / fsum(weights.values()))
        found[one] = given / sizes[one].text_bytes
        left = max(0.0, left - given)
        del weights[one]
    expected = fsum(share * sizes[one].documents for one, share in found.items())
    more = max(1.0, FEWEST_DOCUMENTS / expected) if expected else 1.0
    return {one: min(1.0, share * more) for one, share in found.items()}


def training_texts(
    df: DataFrame, drawn: Mapping[Stratum, float], seed: int, most_bytes: int
) -> Iterator[str]:
    """The drawn training texts in the order of their coins, at most about `most_bytes`."""
    for text in _texts(_tossed(df, drawn, seed, heldout=False).where("coin <= rate"), most_bytes):
        yield text.text


def unseen_texts(
    df: DataFrame, drawn: Mapping[Stratum, float], seed: int, most_bytes: int
) -> Iterator[Text]:
    """Texts that `training_texts` did not draw, held-out ones among them, a share of each stratum."""
    sizes = _sizes(df, heldout=None)
    share = rates(sizes, most_bytes)
    rest = _tossed(df, drawn, seed, heldout=None).where("heldout or coin > rate")
    if (spared := _rates_frame(df.sparkSession, share, "share")) is not None:
        rest = rest.join(spared, ["source", "language"]).withColumn("coin", coin("measure", seed))
        yield from _texts(rest.where("coin <= share"), most_bytes)


def _sizes(df: DataFrame, heldout: bool | None) -> dict[Stratum, Size]:
    from pyspark.sql import functions as f

    sums = (
        _strata(df, heldout)
        .groupBy("source", "language")
        .agg(f.count("*").alias("documents"), f.sum(f.octet_length("text")).alias("bytes"))
    )
    return {
        (row["source"], row["language"]): Size(row["documents"], row["bytes"])
        for row in sums.collect()
    }


def _strata(df: DataFrame, heldout: bool | None) -> DataFrame:
    """Documents with a text: id, source, language, text, heldout."""
    from pyspark.sql import functions as f

    narrow = df.select(
        "id",
        f.coalesce("source", f.lit("")).alias("source"),
        f.coalesce("language", f.lit("")).alias("language"),
        "text",
        is_heldout().alias("heldout"),
    ).where("length(text) > 0")
    return narrow if heldout is None else narrow.where(f.col("heldout") == heldout)


def _tossed(
    df: DataFrame, drawn: Mapping[Stratum, float], seed: int, heldout: bool | None
) -> DataFrame:
    from pyspark.sql import functions as f

    known = _rates_frame(df.sparkSession, drawn, "rate")
    strata = _strata(df, heldout).withColumn("coin", coin("tokenizer", seed))
    if known is None:
        return strata.withColumn("rate", f.lit(0.0))
    return strata.join(f.broadcast(known), ["source", "language"], "left").fillna(0.0, ["rate"])


def _rates_frame(
    spark: SparkSession, shares: Mapping[Stratum, float], name: str
) -> DataFrame | None:
    rows = [(source, language, share) for (source, language), share in sorted(shares.items())]
    schema = f"source string, language string, {name} double"
    return spark.createDataFrame(rows, schema) if rows else None


def _texts(df: DataFrame, most_bytes: int) -> Iterator[Text]:
    left = most_bytes
    for row in df.orderBy("coin", "id").select("source", "language", "text").toLocalIterator():
        yield Text(row["source"], row["language"], row["text"])
        left -= len(row["text"].encode())
        if left <= 0:
            return
