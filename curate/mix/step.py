"""The step itself: exact sums over coins, and the documents they draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor
from typing import TYPE_CHECKING, ClassVar, get_args

from curate.columns import coin, is_heldout, put
from curate.document import COLUMNS
from curate.errors import InputError
from curate.mix.shares import Draw, Share, cut, epochs, tempered
from curate.mix.strata import TOKENS, Unit, amount, stratum

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BINS = 4096
"""Coins are summed in so many bins, and those of the deciding bin in as many again: 16 million
documents of a stratum are told apart."""
MOST_STRATA = 1000


@dataclass(frozen=True)
class Mix:
    """Sample the corpus so that its parts make up the given shares of the training text.

    `weights`: stratum -> share (any scale; only their ratio counts; 0 leaves one out); or
    `temperature` for shares in proportion to amount ** (1 / temperature) (Conneau et al. 2020,
    arXiv 1911.02116, §3.1). `by`: what a stratum is: "source", "language", "label:NAME", or
    "signal:NAME" with `edges` (bucket "0" below the first, "1" from it on …). `unit`: "chars",
    "documents" or "tokens" of `tokenizer`. The mixture is the largest in which no document is
    repeated more than `max_epochs` times; up to 4 epochs are about as good as new data (Muennighoff
    et al. 2023, arXiv 2305.16264). Held-out documents are neither counted nor sampled.
    """

    name: ClassVar[str] = "mix"
    weights: dict[str, float] = field(default_factory=dict)
    max_epochs: float = 1.0
    seed: int = 0
    by: str = "source"
    edges: tuple[float, ...] = ()
    unit: Unit = "chars"
    tokenizer: str | None = None
    temperature: float | None = None

    def __post_init__(self) -> None:
        if bool(self.weights) == (self.temperature is not None):
            raise ValueError("give weights (a share for each source, by default) or a temperature")
        if self.weights and (min(self.weights.values()) < 0 or not sum(self.weights.values())):
            raise ValueError("weights must be shares of 0 or more, at least one of them above 0")
        if self.temperature is not None and not self.temperature > 0:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")
        if not self.max_epochs > 0:
            raise ValueError(f"max_epochs must be above 0, got {self.max_epochs}")
        kind, _, name = self.by.partition(":")
        if self.by not in ("source", "language") and not (kind in ("label", "signal") and name):
            raise ValueError(
                f"by must be source, language, label:NAME or signal:NAME, got {self.by!r}"
            )
        if (kind == "signal") != bool(self.edges) or list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must be ascending numbers, for by: signal:NAME and only there")
        if self.unit not in get_args(Unit):
            raise ValueError(f"unit must be {', '.join(get_args(Unit))}, got {self.unit!r}")
        if (self.unit == "tokens") != (self.tokenizer is not None):
            raise ValueError("a tokenizer must be named for unit: tokens, and only there")

    def inputs(self) -> tuple[str, ...]:
        """The tokenizer, if tokens are counted."""
        return () if self.tokenizer is None else (self.tokenizer,)

    def __call__(self, df: DataFrame) -> DataFrame:
        """Draw the sample. Raises `InputError` if strata and weights do not match."""
        from pyspark.sql import functions as f

        if self.unit == "tokens":
            counted = amount(self.unit, self.tokenizer)
            df = df.withColumn("signals", put("signals", {TOKENS: counted}))
        rows = self._train(df).withColumn("coin", coin("mix", self.seed))
        rows = rows.select("stratum", "amount", "coin").persist()
        try:
            draws = self._draws(rows)
        finally:
            rows.unpersist()
        at = self._stratum()
        extra = (coin("mix", self.seed) < _value(draws, "bound", at)).cast("double")
        drawn = _value(draws, "copies", at) + extra
        copies = f.when(is_heldout(), f.lit(1.0)).otherwise(drawn)
        left_out = f.when(f.col("copies") == 0, f.lit("mix.sampled_out")).otherwise(f.col("drop"))
        sampled = df.withColumn("copies", copies).withColumns(
            {"drop": left_out, "signals": put("signals", {"mix.copies": f.col("copies")})}
        )
        return sampled.select(*COLUMNS)

    def shares(self, written: DataFrame) -> list[Share]:
        """What became of the mixture, from the rows it wrote."""
        from pyspark.sql import functions as f

        copies = f.element_at("signals", f.lit("mix.copies"))
        rows = self._train(written, copies.alias("copies"))
        sums = (
            rows.groupBy("stratum")
            .agg(
                f.sum("amount").alias("there"),
                f.sum(f.col("amount") * f.col("copies")).alias("drawn"),
                f.count("*").alias("documents"),
                f.sum("copies").alias("documents_drawn"),
            )
            .orderBy("stratum")
            .collect()
        )
        whole = sum(row["drawn"] for row in sums) or 1.0
        asked = self._weights({row["stratum"]: row["there"] for row in sums})
        scale = sum(asked.values())
        return [
            Share(
                row["stratum"], asked[row["stratum"]] / scale, row["drawn"] / whole,
                row["drawn"] / row["there"] if row["there"] else 0.0, row["documents"],
                int(row["documents_drawn"]), row["drawn"],
            )
            for row in sums
        ]  # fmt: skip

    def _stratum(self) -> Column:
        return stratum(self.by, self.edges)

    def _train(self, df: DataFrame, *more: Column) -> DataFrame:
        """`stratum`, `amount` and `id` of the documents that are trained on."""
        from pyspark.sql import functions as f

        size = f.element_at("signals", f.lit(TOKENS)) if self.tokenizer else amount(self.unit, None)
        at = self._stratum().alias("stratum")
        return df.where(~is_heldout()).select(at, size.alias("amount"), f.col("id"), *more)

    def _weights(self, available: Mapping[str, float]) -> Mapping[str, float]:
        return self.weights or tempered(available, self.temperature or 1.0)

    def _draws(self, rows: DataFrame) -> dict[str, Draw]:
        sums = _sums(rows, {})
        if len(sums) > MOST_STRATA:
            raise InputError(f"mix: {len(sums):,} strata by {self.by}; at most {MOST_STRATA:,}")
        available = {name: sum(bins) for name, bins in sums.items()}
        rates = epochs(self._weights(available), available, self.max_epochs)
        wanted = {name: available[name] * (rates[name] - floor(rates[name])) for name in sums}
        coarse = {name: cut(sums[name], wanted[name]) for name in sums}
        fine = _sums(rows, {name: number for name, (number, _) in coarse.items()})
        return {name: _draw(floor(rates[name]), *coarse[name], fine.get(name)) for name in sums}


def _draw(copies: int, number: int, left: float, fine: list[float] | None) -> Draw:
    """The bound at the edge of a fine bin that comes nearest to what is wanted."""
    if left <= 0 or fine is None:
        return Draw(copies, number / BINS)
    at, rest = cut(fine, left)
    above = 1 if rest > fine[at] / 2 else 0
    return Draw(copies, (number + (at + above) / BINS) / BINS)


def _sums(rows: DataFrame, within: Mapping[str, int]) -> dict[str, list[float]]:
    """Of each stratum the amounts by bins of the coin; of one bin `within`, if it is given."""
    from pyspark.sql import functions as f

    place = f.col("coin") * BINS
    if within:
        bounds = f.create_map(*(f.lit(part) for pair in within.items() for part in pair))
        rows = rows.where(f.floor(place) == f.element_at(bounds, f.col("stratum")))
        place = (place - f.floor(place)) * BINS
    bins = f.floor(place).cast("int").alias("bin")
    found: dict[str, list[float]] = {}
    sums = rows.groupBy("stratum", bins).agg(f.sum("amount").alias("amount"))
    for row in sums.orderBy("stratum", "bin").toLocalIterator():
        found.setdefault(row["stratum"], [0.0] * BINS)[row["bin"]] = row["amount"]
    return found


def _value(draws: Mapping[str, Draw], name: str, at: Column) -> Column:
    from pyspark.sql import functions as f

    pairs = [(f.lit(one), f.lit(float(getattr(draw, name)))) for one, draw in draws.items()]
    if not pairs:
        return f.lit(0.0)
    return f.element_at(f.create_map(*(part for pair in pairs for part in pair)), at)
