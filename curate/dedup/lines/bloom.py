"""A published memory of what a corpus holds: a Bloom filter in pieces, written once, never changed.

Enters: distinct 64-bit hashes. Leaves: a folder with `header.json` and one file a shard, or, of other
hashes, whether a filter holds them (Bloom 1970, doi:10.1145/362686.362692; double hashing after Kirsch
& Mitzenmacher 2006). The decision: a filter belongs to one corpus and is sized by the number of units
it really holds. It is not updated in place: a job that failed half-way, or ran twice, would meet its own
units and remove everything. A later crawl reads the filters of all earlier ones and writes its own.

Shards are told apart by the hash, and each has its own bits, so a task holds one shard (8 MiB) at a time.
A filter never misses what it holds; it claims to hold other units with `false_positive_rate`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.code_points import mixed
from curate.errors import InputError
from curate.store import file_system, read_json, unwritable, write_json

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FORMAT = "curate-bloom-1"
HEADER = "header.json"
SHARD_BITS = 1 << 26
_SECOND = np.uint64(0xD6E8FEB86659FD93)
Hashes = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """How many shards, bits in each, and bits set for each unit."""

    shards: int
    bits: int
    hashes: int

    def places(self, units: Hashes) -> NDArray[np.int64]:
        """(n, hashes) the bits of n units in their shard."""
        keys = units.view(np.uint64)
        first, step = mixed(keys), mixed(keys ^ _SECOND) | np.uint64(1)
        turns = np.arange(self.hashes, dtype=np.uint64)
        spots = (first[:, None] + turns * step[:, None]) % np.uint64(self.bits)
        return spots.astype(np.int64)


@dataclass(frozen=True)
class Published:
    """A filter on disk."""

    path: str
    units: int
    shape: Shape

    def shard_path(self, shard: int) -> str:
        """The file of a shard."""
        return f"{self.path.rstrip('/')}/{shard:05d}.bits"


def shape_for(units: int, false_positive_rate: float) -> Shape:
    """The least bits for so many units at this rate: -n ln p / (ln 2)², k = (m / n) ln 2.

    >>> shape_for(1_000_000, 0.001)
    Shape(shards=1, bits=14377592, hashes=10)
    """
    units = max(units, 1)
    bits = math.ceil(-units * math.log(false_positive_rate) / math.log(2) ** 2)
    shards = math.ceil(bits / SHARD_BITS)
    each = 8 * math.ceil(bits / shards / 8)
    return Shape(shards, each, max(1, round(-math.log2(false_positive_rate))))


def fill(shape: Shape, units: Iterable[Hashes]) -> NDArray[np.uint8]:
    """The bytes of a shard that holds all these units."""
    flags = np.zeros(shape.bits, np.bool_)
    for some in units:
        flags[shape.places(some)] = True
    return np.packbits(flags, bitorder="little")


def holds(shape: Shape, shard: NDArray[np.uint8], units: Hashes) -> NDArray[np.bool_]:
    """(n,) whether the shard holds each of n units."""
    spots = shape.places(units)
    found: NDArray[np.bool_] = ((shard[spots >> 3] >> (spots & 7)) & 1).all(axis=1)
    return found


def header_path(path: str) -> str:
    """The file that makes a folder a filter."""
    return f"{path.rstrip('/')}/{HEADER}"


def open_filter(path: str, compared: dict[str, Any]) -> Published:
    """A published filter; `InputError` if it is none, is incomplete, or compares other units."""
    header = read_json(header_path(path)) or {}
    if header.get("format") != FORMAT:
        raise InputError(f"{path} is no published filter; give a folder that publish wrote")
    for name, value in compared.items():
        if (there := header["compared"].get(name)) != value:
            raise InputError(
                f"{path} holds units of {name}: {there}, this step compares {name}: {value}; "
                "use the same parameters"
            )
    found = Published(path, header["units"], Shape(**header["shape"]))
    fs, _ = file_system(path)
    for shard in range(found.shape.shards):
        _, plain = file_system(found.shard_path(shard))
        if not fs.exists(plain) or fs.size(plain) != found.shape.bits // 8:
            raise InputError(f"{plain} is missing or cut short; copy the filter {path} again")
    return found


def publish(
    units: DataFrame, path: str, false_positive_rate: float, compared: dict[str, Any]
) -> Published:
    """Write a filter of the distinct hashes in the column `unit`; a filter at `path` is replaced.

    The header is the first to go and the last to come, so a filter half-written is none.
    """
    number = units.count()
    found = Published(path, number, shape_for(number, false_positive_rate))
    empty = bytes(found.shape.bits // 8)
    fs, plain = file_system(path)
    try:
        fs.makedirs(plain, exist_ok=True)
        old = [name for name in fs.find(plain) if name.endswith((HEADER, ".bits"))]
        for name in sorted(old, key=lambda name: not name.endswith(HEADER)):
            fs.rm_file(name)
        for shard in range(found.shape.shards if not number else 0):
            fs.pipe_file(file_system(found.shard_path(shard))[1], empty)
    except OSError as error:
        raise unwritable(path, error) from None
    _by_shard(units, found.shape).mapInArrow(_writer(found), "shard int").count()
    facts = {"format": FORMAT, "units": number, "false_positive_rate": false_positive_rate}
    write_json(header_path(path), facts | {"shape": asdict(found.shape), "compared": compared})
    return found


def members(units: DataFrame, published: Published) -> DataFrame:
    """The rows of `units` (column `unit`) that the filter holds."""
    return _by_shard(units, published.shape).mapInArrow(_reader(published), "unit bigint")


def _by_shard(units: DataFrame, shape: Shape) -> DataFrame:
    from pyspark.sql import functions as f

    shard = f.pmod("unit", f.lit(shape.shards)).cast("int")
    sharded = units.select("unit", shard.alias("shard"))
    return sharded.repartition("shard").sortWithinPartitions("shard")


def _shards(incoming: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, Hashes]]:
    """Rows sorted by shard, as (shard, units), one or more a shard."""
    for batch in incoming:
        shard = np.asarray(batch.column("shard"))
        units = np.asarray(batch.column("unit"))
        for number in np.unique(shard).tolist():
            yield number, units[shard == number]


def _writer(
    published: Published,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Writes the shards it is given, and returns their numbers. A retry writes the same bytes."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, group in groupby(_shards(incoming), itemgetter(0)):
            data = fill(published.shape, (units for _, units in group))
            fs, plain = file_system(published.shard_path(shard))
            fs.pipe_file(plain, data.tobytes())
            yield pa.RecordBatch.from_pydict({"shard": pa.array([shard], pa.int32())})

    return run


def _reader(
    published: Published,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The units that the filter holds."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, group in groupby(_shards(incoming), itemgetter(0)):
            fs, plain = file_system(published.shard_path(shard))
            data = np.frombuffer(fs.cat_file(plain), np.uint8)
            for _, units in group:
                found = units[holds(published.shape, data, units)]
                yield pa.RecordBatch.from_pydict({"unit": pa.array(found, pa.int64())})

    return run
