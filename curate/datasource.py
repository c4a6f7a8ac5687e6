"""`spark.read.format("warc")`: archive files as a DataFrame, without a recipe.

In: paths, folders or globs, given to `load`. Out: the rows of `formats.read`, a partition a file or
piece of a large one. The decision: the same reader and the same cuts as in a run, so every record is
a row here too, with the same id. Every other format is read as `format("curate")`, by its option
`format` or by each file's name. `source` names the source (default "input"), `piece_bytes` is the
size from which a file is cut; all other options are the format's own.

    curate.datasource.register(spark)
    spark.read.format("warc").option("digests", "check").load("crawl/*.warc.gz")
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from curate.document import SPARK_SCHEMA, Document, batches
from curate.errors import InputError, LedgerError
from curate.inputs import in_pieces, plan_scan
from curate.recipe import Source
from curate.source.formats import check_options, known_format
from curate.source.pieces import PIECE_BYTES, Joint, fit
from curate.spark import PARTITION_BYTES, Entry, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

OURS = frozenset({"path", "paths", "source", "format", "piece_bytes"})
OPENING_BYTES = 4 << 20  # as spark.sql.files.openCostInBytes: what opening a file costs, in bytes


def register(spark: SparkSession) -> None:
    """Make the formats `warc` and `curate` known to a session."""
    for kind in (WarcSource, AnySource):
        spark.dataSource.register(kind)


class AnySource(DataSource):
    """Files of any format that `curate` reads."""

    @classmethod
    def name(cls) -> str:
        return "curate"

    def schema(self) -> str:
        """That of every table; what is wrong with the paths or options is told here."""
        self.reader(None)
        return SPARK_SCHEMA

    def reader(self, schema: StructType | None) -> Reader:
        return Reader(_entries(self.options, self._format()), _piece_bytes(self.options))

    def _format(self) -> str | None:
        return self.options.get("format")


class WarcSource(AnySource):
    """WARC, ARC and WET files."""

    @classmethod
    def name(cls) -> str:
        return "warc"

    def _format(self) -> str:
        return "warc"


@dataclass(frozen=True)
class Share(InputPartition):
    """Files that one task reads; `following` are the pieces behind the last of them."""

    entries: tuple[Entry, ...]
    following: tuple[Entry, ...] = ()


class Reader(DataSourceReader):
    """Small files go together into one partition."""

    def __init__(self, entries: Sequence[Entry], piece_bytes: int) -> None:
        self._entries, self._piece_bytes = entries, piece_bytes

    def partitions(self) -> list[InputPartition]:
        """One for each piece of a large file, one for several small files."""
        shares: list[InputPartition] = []
        small: list[Entry] = []
        for entry in self._entries:
            pieces = in_pieces(entry, self._piece_bytes)
            if len(pieces) > 1:
                shares += [Share((p,), tuple(pieces[n:])) for n, p in enumerate(pieces, 1)]
                continue
            if small and sum(one.size + OPENING_BYTES for one in [*small, entry]) > PARTITION_BYTES:
                shares.append(Share(tuple(small)))
                small = []
            small.append(entry)
        return [*shares, Share(tuple(small))] if small else shares

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow batches."""
        assert isinstance(partition, Share)
        return batches(_rows(partition))


def _entries(options: Mapping[str, str], format: str | None) -> list[Entry]:
    named = json.loads(options["paths"]) if "paths" in options else [options.get("path")]
    paths = tuple(path for path in named if path)
    if not paths:
        raise InputError("no input path was given; name it in load(…)")
    chosen = {key: value for key, value in options.items() if key.lower() not in OURS}
    if format is not None:
        check_options(known_format(format), chosen)
    source = Source(options.get("source", "input"), paths, format, chosen)
    return plan_scan((source,), "")[0]


def _piece_bytes(options: Mapping[str, str]) -> int:
    given = options.get("piece_bytes", str(PIECE_BYTES))
    if not given.isdecimal() or int(given) == 0:
        raise InputError(f"option piece_bytes: expected a number of bytes, got {given!r}")
    return int(given)


def _rows(share: Share) -> Iterator[Document]:
    for entry in share.entries:
        joints: list[Joint] = []
        yield from rows_of(entry, joints)
        if entry.is_piece and not _meets(joints[0], share.following):
            ((_, size),) = share.following[-1].spans
            raise LedgerError(
                f"{entry.root}/{entry.path}: the file cannot be read in pieces; read it whole with "
                f'.option("piece_bytes", {size})'
            )


def _meets(joint: Joint, following: Sequence[Entry]) -> bool:
    """Whether the next piece that has records begins where this one ended. Spark's tasks do not see
    each other, so every one looks for itself: at the first record of its neighbour."""
    met = [joint]
    for entry in following:
        row = next(rows_of(entry), None)
        place = None if row is None else int(row.origin.rpartition("#")[2].partition("+")[0])
        ((begin, end),) = entry.spans
        met.append(Joint(begin, end, place, None))
        if place is not None:
            break
    return joint.first is None or fit(met)
