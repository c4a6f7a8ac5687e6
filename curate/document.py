"""The one row that travels through `curate`: a document and everything known about it.

In: anything a source reads. Out: Arrow batches of `SCHEMA`, the same columns in every table.
`signals` and `labels` are maps, so a new filter changes no schema. `drop` decides everything:

    None              kept
    "record.<kind>"   a record that is not a document (a WARC request, an image, an unreadable span)
    "<step>.<reason>" dropped by that step for that reason

`id` is a 128-bit hash of where the document came from, never a row number, so it is the same in
every run, partitioning and retry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, chain, repeat
from operator import attrgetter
from typing import Any

import pyarrow as pa
import xxhash

from curate.text import Text

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("origin", pa.string()),
        ("url", pa.string()),
        ("fetched", pa.timestamp("us", tz="UTC")),
        ("media_type", pa.string()),
        ("content", pa.binary()),
        ("text", pa.string()),
        ("language", pa.string()),
        ("signals", pa.map_(pa.string(), pa.float64())),
        ("labels", pa.map_(pa.string(), pa.string())),
        ("drop", pa.string()),
    ]
)
COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)
SPARK_SCHEMA = (
    "id string, source string, origin string, url string, fetched timestamp, media_type string, "
    "content binary, text string, language string, signals map<string,double>, "
    "labels map<string,string>, drop string"
)
RECORD = "record."
PLACE = "#[0-9]+([+][0-9]+)?$"  # of a record, behind the file in `origin`: for Spark and for Python
BATCH_ROWS = 500
BATCH_BYTES = 32 << 20
ROW_BYTES = 256
_VALUES = attrgetter(*COLUMNS)


@dataclass(slots=True)
class Document:
    """One row. `origin` is `path#offset` relative to the root of its source.

    `content` (raw bytes) is present only before extraction, `text` only after it.
    """

    id: str
    source: str
    origin: str
    url: str | None = None
    fetched: datetime | None = None
    media_type: str | None = None
    content: bytes | None = None
    text: str | None = None
    language: str | None = None
    signals: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    drop: str | None = None

    @property
    def size_bytes(self) -> int:
        """About how much memory the row takes in a batch."""
        return len(self.content or b"") + len(self.text or "") + ROW_BYTES


def document_id(source: str, origin: str) -> str:
    """128-bit hash (hex) of the source's name and the place in it.

    >>> document_id("web", "part-0.warc.gz#512") == document_id("web", "part-0.warc.gz#512")
    True
    """
    return xxhash.xxh3_128_hexdigest(f"{source}\0{origin}".encode("utf-8", "surrogatepass"))


def is_record(drop: str | None) -> bool:
    """Whether a `drop` value names a non-document rather than a dropped document."""
    return drop is not None and drop.startswith(RECORD)


def share(key: str, seed: str) -> float:
    """A number in [0, 1) fixed by `key` and `seed`: the coin of every sampling decision.

    >>> share("a", "split") == share("a", "split")
    True
    """
    return xxhash.xxh3_64_intdigest(f"{seed}\0{key}".encode("utf-8", "surrogatepass")) / 2**64


def documents(batch: pa.RecordBatch) -> Iterator[Document]:
    """The rows of an Arrow batch; columns the batch lacks are empty."""
    present = set(batch.schema.names)
    columns: dict[str, Iterable[Any]] = {
        name: batch.column(name).to_pylist() if name in present else repeat(None, batch.num_rows)
        for name in COLUMNS
    }
    columns["text"] = (None if text is None else Text(text) for text in columns["text"])
    for name in ("signals", "labels"):
        columns[name] = (dict(pairs or ()) for pairs in columns[name])
    for values in zip(*columns.values(), strict=True):
        yield Document(*values)


def batches(
    rows: Iterable[Document], max_rows: int = BATCH_ROWS, max_bytes: int = BATCH_BYTES
) -> Iterator[pa.RecordBatch]:
    """Rows as Arrow batches of at most `max_rows` rows and about `max_bytes` bytes."""
    held: list[Document] = []
    size = 0
    for row in rows:
        row_bytes = row.size_bytes
        if held and (len(held) >= max_rows or size + row_bytes > max_bytes):
            yield _batch(held)
            held, size = [], 0
        held.append(row)
        size += row_bytes
    if held:
        yield _batch(held)


def _batch(rows: list[Document]) -> pa.RecordBatch:
    try:
        return _arrow(rows)
    except UnicodeEncodeError:
        for row in rows:
            _replace_surrogates(row)
        return _arrow(rows)


def _arrow(rows: list[Document]) -> pa.RecordBatch:
    columns = zip(SCHEMA, zip(*map(_VALUES, rows), strict=True), strict=True)
    return pa.RecordBatch.from_arrays(
        [_column(values, field.type) for field, values in columns], schema=SCHEMA
    )


def _column(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    """One column. Maps are laid out here, keys and values each in one array, which is cheaper than
    a list of pairs a row."""
    if not pa.types.is_map(type):
        return pa.array(values, type)
    edges = pa.array(accumulate(map(len, values), initial=0), pa.int32())
    keys = pa.array(list(chain.from_iterable(values)), type.key_type)
    items = list(chain.from_iterable(map(dict.values, values)))
    return pa.MapArray.from_arrays(edges, keys, pa.array(items, type.item_type))


def _replace_surrogates(row: Document) -> None:
    """Unpaired surrogates (legal in JSON, not in UTF-8) become U+FFFD, and the row says so."""
    for name in ("source", "origin", "url", "media_type", "text", "language", "drop"):
        value = getattr(row, name)
        if value is not None and (clean := encodable(value)) != value:
            setattr(row, name, clean)
            row.labels["replaced_surrogates"] = name
    row.labels = {encodable(key): encodable(value) for key, value in row.labels.items()}


def encodable(value: str) -> str:
    """The string as UTF-8 can hold it."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
