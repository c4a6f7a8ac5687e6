"""Vectors of documents, as whole numbers that are the same on every machine.

Enters: Parquet files with an id and a vector a row (a list of numbers, or the bytes of one).
Leaves: (id, vector, unusable): the vector at length 32,000, its components rounded to 16 bits, or one
word that says why there is none: `missing`, `ambiguous` (an id with several vectors), `not_finite`,
`zero`, `length` (another one than most).

The decision: rounded vectors. A sum of floating-point numbers depends on the order it is taken in, so
on the batch, the partition and the processor; with whole numbers everything after this module is
exact. A cosine of two rounded vectors is off by about 0.00001, less than a model in half precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.errors import InputError
from curate.source import list_files
from curate.store import absolute, file_system

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Bits = Literal["float32", "float16"]
Matrix = NDArray[np.int16]
Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
SCALE = 32_000
MAX_DIMENSIONS = 16_384
READ_ROWS = 1000
SPARK_SCHEMA = "id string, vector binary, unusable string"
SCHEMA = pa.schema([("id", pa.string()), ("vector", pa.binary()), ("unusable", pa.string())])
_IS_LIST = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_IS_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)


def rounded(rows: NDArray[np.floating[Any]], scale: int = SCALE) -> Matrix:
    """Rows as whole numbers, of length `scale` but for the rounding; a row without direction
    (zero, or not finite) is all zeros. Shape (n, dimensions).

    Every operation is exact or rounded correctly (IEEE 754), so the result is the same everywhere.

    >>> rounded(np.array([[3.0, 4.0], [0.0, 0.0]]), 10).tolist()
    [[6, 8], [0, 0]]
    """
    exact = rows.astype(np.float64)
    largest = np.abs(exact).max(axis=1, initial=0.0)
    directed = np.isfinite(largest) & (largest > 0)
    exact = exact[directed] / largest[directed, None]
    # so many bits that a sum of squares stays below 2**53, where float64 holds every whole number
    bits = (52 - (rows.shape[1] - 1).bit_length()) // 2
    whole = np.rint(exact * 2.0**bits)
    lengths = np.sqrt(np.einsum("ij,ij->i", whole, whole))
    result = np.zeros(rows.shape, np.int16)
    result[directed] = np.rint(whole / lengths[:, None] * scale)
    return result


def matrix(vectors: pa.Array, dimensions: int | None = None) -> Matrix:
    """A column of rounded vectors, all of one length, as rows. `dimensions`: of none at all."""
    joined = np.frombuffer(b"".join(vectors.to_pylist()), "<i2")
    return joined.reshape(len(vectors), -1 if len(vectors) else dimensions or 0)


def encode(ids: pa.Array, vectors: pa.Array, bits: Bits = "float32") -> pa.RecordBatch:
    """Vectors as a file holds them -> a batch of `SCHEMA`; `bits`: of the numbers, where they are bytes."""
    values, lengths = _flat(vectors, bits)
    held = np.maximum(lengths, 0)
    starts = np.cumsum(held) - held
    encoded: list[bytes | None] = [None] * len(ids)
    unusable: list[str | None] = ["missing" if length == 0 else "length" for length in lengths]
    for length in np.unique(lengths[(lengths > 0) & (lengths <= MAX_DIMENSIONS)]):
        places = np.flatnonzero(lengths == length)
        rows = values[starts[places, None] + np.arange(length)]
        finite: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
        whole = rounded(np.where(finite[:, None], rows, 0.0))
        directed: NDArray[np.bool_] = np.asarray(whole.any(axis=1))
        for place, row, is_finite, is_good in zip(places, whole, finite, directed, strict=True):
            encoded[place] = row.astype("<i2").tobytes() if is_good else None
            unusable[place] = None if is_good else "zero" if is_finite else "not_finite"
    columns = [
        ids.cast(pa.string()),
        pa.array(encoded, pa.binary()),
        pa.array(unusable, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _flat(vectors: pa.Array, bits: Bits) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All numbers in one array, and how many each row has; 0 for null, -1 for broken bytes."""
    if any(is_list(vectors.type) for is_list in _IS_LIST):
        numbers = vectors.flatten().to_numpy(zero_copy_only=False)
        counts = pc.if_else(pc.is_null(vectors), 0, pc.fill_null(pc.list_value_length(vectors), 0))
        return numbers, np.asarray(counts).astype(np.int64)
    dtype = np.dtype("<f4" if bits == "float32" else "<f2")
    cells = [cell or b"" for cell in vectors.to_pylist()]
    broken = np.array([len(cell) % dtype.itemsize > 0 for cell in cells], bool)
    numbers = b"".join(cell for cell, is_broken in zip(cells, broken, strict=True) if not is_broken)
    counts = np.array([len(cell) // dtype.itemsize for cell in cells], np.int64)
    return np.frombuffer(numbers, dtype), np.where(broken, -1, counts)


def read_vectors(
    spark: SparkSession, path: str, id_column: str, vector_column: str, bits: Bits
) -> DataFrame:
    """The vectors of all Parquet files below `path`, one row an id. Raises `InputError` for a file that
    cannot be read, a column that is not there, and numbers that are none."""
    from pyspark.sql import functions as f

    root, files = list_files(absolute(path), "parquet")
    names = [(f"{root.rstrip('/')}/{file.path}",) for file in files]
    _open(names[0][0], id_column, vector_column)
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    paths = spark.createDataFrame(names, "path string").repartition(min(tasks, len(names)))
    listed = paths.mapInArrow(_row_groups(id_column, vector_column), "path string, row_group int")
    spread = listed.repartition(tasks)
    read = spread.mapInArrow(_reader(id_column, vector_column, bits), SPARK_SCHEMA)
    same = f.expr("count(vector) = count(*) and min(vector) = max(vector)")
    found = read.where("id is not null").groupBy("id").agg(
        f.count("*").alias("rows"), f.min("vector").alias("vector"),
        f.max("unusable").alias("unusable"), same.alias("same"),
    )  # fmt: skip
    several = f.expr("rows > 1 and not coalesce(same, false)")
    return found.select(
        "id",
        f.when(~several, f.col("vector")).alias("vector"),
        f.when(several, f.lit("ambiguous")).otherwise(f.col("unusable")).alias("unusable"),
    )


def _open(path: str, id_column: str, vector_column: str) -> Any:
    """A Parquet file; `InputError` unless it can be read and has both columns, of types of use."""
    import pyarrow.parquet as pq

    fs, plain = file_system(path)
    try:
        file = pq.ParquetFile(fs.open(plain, "rb"))
    except (OSError, pa.ArrowInvalid) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as Parquet: {line}") from None
    schema = file.schema_arrow
    for name in (id_column, vector_column):
        if name not in schema.names:
            raise InputError(
                f"{path} has no column '{name}'; it has {', '.join(schema.names)}"
                " (id_column and vector_column name them)"
            )
    kind = schema.field(vector_column).type
    if any(is_list(kind) for is_list in _IS_LIST):
        usable = pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    else:
        usable = any(is_binary(kind) for is_binary in _IS_BINARY)
    if not usable:
        raise InputError(
            f"{path}: column '{vector_column}' is {kind}; give lists of numbers, or bytes of float32"
        )
    return file


def _row_groups(id_column: str, vector_column: str) -> Pass:
    """(path) -> (path, row_group): what one task reads."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            for path in batch.column("path").to_pylist():
                groups = range(_open(path, id_column, vector_column).num_row_groups)
                columns = [
                    pa.array([path] * len(groups), pa.string()),
                    pa.array(groups, pa.int32()),
                ]
                yield pa.RecordBatch.from_arrays(columns, names=["path", "row_group"])

    return run


def _reader(id_column: str, vector_column: str, bits: Bits) -> Pass:
    """(path, row_group) -> the vectors in it."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            for row in batch.to_pylist():
                file = _open(row["path"], id_column, vector_column)
                columns = [id_column, vector_column]
                for part in file.iter_batches(READ_ROWS, [row["row_group"]], columns):
                    yield encode(part.column(id_column), part.column(vector_column), bits)

    return run
