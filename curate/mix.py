"""The step `mix`: each source's share of the training text.

Enters: kept documents of several sources. Leaves: the same rows; `signals["mix.copies"]` says how
often a document is to be trained on, and a document left out has `drop` = `mix.sampled_out`.
Whether it is left out depends on its id and the seed alone, so the same documents are chosen in
any partitioning, and a larger share keeps every document that a smaller one kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from curate.columns import coin, is_heldout, put
from curate.document import COLUMNS
from curate.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Mix:
    """Sample sources so that they make up the given shares of the training characters.

    `weights`: source -> share (any scale; only their ratio counts; 0 leaves a source out). The
    mixture is the largest in which no document is repeated more than `max_epochs` times; up to 4
    epochs are about as good as new data (Muennighoff et al. 2023, arXiv 2305.16264). Held-out
    documents are neither counted nor sampled.
    """

    name: ClassVar[str] = "mix"
    weights: dict[str, float]
    max_epochs: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights.values()) < 0 or not sum(self.weights.values()):
            raise ValueError("weights must be shares of 0 or more, at least one of them above 0")
        if not self.max_epochs > 0:
            raise ValueError(f"max_epochs must be above 0, got {self.max_epochs}")

    def inputs(self) -> tuple[str, ...]:
        """No other files."""
        return ()

    def __call__(self, df: DataFrame) -> DataFrame:
        """Draw the sample. Raises `InputError` if sources and weights do not match."""
        from pyspark.sql import functions as f

        rates = epochs(self.weights, _available_chars(df), self.max_epochs)
        rate = f.element_at(_literal_map(rates), f.col("source"))
        drawn = (coin("mix", self.seed) < rate - f.floor(rate)).cast("double")
        copies = f.when(is_heldout(), f.lit(1.0)).otherwise(f.floor(rate) + drawn)
        sampled = df.withColumn("copies", copies).withColumns(
            {
                "drop": f.when(f.col("copies") == 0, f.lit("mix.sampled_out")).otherwise(
                    f.col("drop")
                ),
                "signals": put("signals", {"mix.copies": f.col("copies")}),
            }
        )
        return sampled.select(*COLUMNS)


def epochs(
    weights: Mapping[str, float], available_chars: Mapping[str, int], max_epochs: float
) -> dict[str, float]:
    """How often each source is read: S * weight / available characters, with S the largest total
    for which no source exceeds `max_epochs`.

    >>> epochs({"web": 3, "code": 1}, {"web": 300, "code": 400}, max_epochs=1)
    {'web': 1.0, 'code': 0.25}
    """
    unnamed = sorted(set(available_chars) - set(weights))
    if unnamed:
        raise InputError(
            f"mix: no weight for the source{'s'[: len(unnamed) > 1]} {', '.join(unnamed)}; "
            "give one (0 leaves a source out)"
        )
    wanted = {source: weight for source, weight in weights.items() if weight > 0}
    missing = sorted(source for source in wanted if not available_chars.get(source))
    if missing:
        raise InputError(
            f"mix: no text from the source{'s'[: len(missing) > 1]} {', '.join(missing)}; "
            f"there is: {', '.join(sorted(available_chars)) or 'none'}"
        )
    total = min(max_epochs * available_chars[source] / weight for source, weight in wanted.items())
    limit = {source: total * weight / available_chars[source] for source, weight in wanted.items()}
    return {source: min(limit.get(source, 0.0), max_epochs) for source in weights}


def _available_chars(df: DataFrame) -> dict[str, int]:
    from pyspark.sql import functions as f

    chars = f.sum(f.coalesce(f.length("text"), f.lit(0)))
    rows = df.where(~is_heldout()).groupBy("source").agg(chars.alias("chars")).collect()
    return {row["source"]: row["chars"] for row in rows}


def _literal_map(rates: Mapping[str, float]) -> Column:
    from pyspark.sql import functions as f

    return f.create_map(*(f.lit(part) for pair in rates.items() for part in pair))
