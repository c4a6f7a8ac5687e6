"""Which part of the corpus a document belongs to, and how much of it there is.

Enters: the names a recipe gives. Leaves: Spark columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from curate.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column

Unit = Literal["chars", "documents", "tokens"]
NONE = "none"
TOKENS = "mix.tokens"


def stratum(by: str, edges: Sequence[float]) -> Column:
    """`source`, `language`, `label:NAME`, or the bucket of `signal:NAME` between `edges`: "0" below
    the first, "1" from it to the second …; "none" where a document has no such value."""
    from pyspark.sql import functions as f

    kind, _, name = by.partition(":")
    if kind == "signal":
        value = f.element_at("signals", f.lit(name))
        bucket = sum((f.when(value >= edge, 1).otherwise(0) for edge in edges), f.lit(0))
        return f.when(value.isNull() | f.isnan(value), f.lit(NONE)).otherwise(bucket.cast("string"))
    value = f.element_at("labels", f.lit(name)) if kind == "label" else f.col(by)
    return f.when(f.coalesce(value, f.lit("")) == "", f.lit(NONE)).otherwise(value)


def amount(unit: Unit, tokenizer: str | None) -> Column:
    """How much a document is, in `unit`."""
    from pyspark.sql import functions as f
    from pyspark.sql import types as t
    from pyspark.sql.pandas.functions import arrow_udf

    if unit == "documents":
        return f.lit(1.0)
    if unit == "chars":
        return f.coalesce(f.length("text"), f.lit(0)).cast("double")
    if tokenizer is None:
        raise InputError("mix: tokens are counted by a tokenizer; name its file as `tokenizer`")
    makes: Any = arrow_udf  # its overloads know no function of arrays
    counted: Column = makes(_counter(tokenizer), t.DoubleType())("text")
    return counted


def _counter(tokenizer: str) -> Callable[[pa.Array], pa.Array]:
    """Tokens of each text, the end of the document among them."""
    import pyarrow as pa

    from curate.tokens.tokenizer import read

    json = read(tokenizer).json

    def count(texts: pa.Array) -> pa.Array:
        from curate.tokens.tokenizer import load

        known = load(json)
        given = ((text.as_py() or "") for text in texts)
        counts = [len(known.encode(text, add_special_tokens=False).ids) + 1.0 for text in given]
        return pa.array(counts, pa.float64())

    count.__annotations__ = {"texts": pa.Array, "return": pa.Array}  # Spark reads them as objects
    return count
