"""JSON Lines and Parquet: one row of the file, one document.

In: objects with a text, an HTML page or raw content, and what they know about it. Out: documents
whose place is the line (from 1) or the row (from 0). The decision: which field holds what is the
recipe's to say (`text`, `html`, `url`, `id`); a line that is no object, or has no text, is a row
that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from curate.document import Document
from curate.source.media import sniff
from curate.source.opening import DamagedError, damage, decompressed, seekable
from curate.source.origin import Origin
from curate.text import Text

OPTIONS: Mapping[str, str] = {"text": "text", "html": "html", "url": "url", "id": "id"}
BATCH_ROWS = 256


def read_jsonl(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a line, compressed or not. Blank lines are no record."""
    number = rows = 0
    try:
        for number, line in _lines(stream, origin.max_record_bytes):
            rows += line is None or bool(line.strip())
            if line is None:
                reason = f"the line is longer than {origin.max_record_bytes} bytes"
                yield origin.lost("too_large", number, reason)
            elif line.strip():
                yield _line(line, number, origin)
    except DamagedError as error:
        rows += 1
        yield origin.lost("unreadable", number + 1, f"the rest of the file: {error}")
    if rows == 0:
        yield origin.lost("empty_file", None, "the file holds nothing", 0)


def _lines(stream: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None for one that is too long."""
    number = 0
    with damage():
        reader = decompressed(stream)
    while True:
        with damage():
            line = reader.readline(max_bytes + 1)
            long = len(line) > max_bytes
            while long and line and not line.endswith(b"\n"):
                line = reader.readline(max_bytes)
        if not line and not long:
            return
        number += 1
        yield number, None if long else line


def _line(line: bytes, number: int, origin: Origin) -> Document:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = f"not JSON: {type(error).__name__}: {error}"[:300]
        return origin.lost("unreadable", number, reason, len(line))
    if not isinstance(value, dict):
        reason = f"not an object but {type(value).__name__}"
        return origin.lost("unreadable", number, reason, len(line))
    return _document(value, number, origin)


def read_parquet(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a row, read a batch at a time."""
    number = 0
    try:
        table = pq.ParquetFile(seekable(stream))
        wanted = {origin.options.get(name, name) for name in OPTIONS}
        wanted |= {"labels", "media_type", "language"}
        columns = [name for name in table.schema_arrow.names if name in wanted]
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            values = batch.to_pylist() if columns else [{} for _ in range(batch.num_rows)]
            for value in values:
                yield _document(value, number, origin)
                number += 1
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        yield origin.lost("unreadable", number, f"the rest of the file: {error}"[:300])
        return
    if number == 0:
        yield origin.lost("empty_file", None, "the file holds no rows", 0)


def _document(value: dict[str, Any], place: int, origin: Origin) -> Document:
    row = origin.document(place)
    named = {name: value.get(origin.options.get(name, name)) for name in OPTIONS}
    row.url = named["url"] if isinstance(named["url"], str) else None
    row.language = value["language"] if isinstance(value.get("language"), str) else None
    if isinstance(value.get("media_type"), str):
        row.media_type = value["media_type"]
    labels = value.get("labels")
    if isinstance(labels, (dict, list)):
        pairs = (
            labels.items()
            if isinstance(labels, dict)
            else [pair for pair in labels if isinstance(pair, (list, tuple)) and len(pair) == 2]
        )
        row.labels.update({str(key): _label(item) for key, item in pairs if item is not None})
    if named["id"] is not None:
        row.labels["id"] = _label(named["id"])
    _fill(row, named["text"], named["html"], origin)
    return row


def _fill(row: Document, text: object, html: object, origin: Origin) -> None:
    """Text if there is one, else the page."""
    if isinstance(text, str) and not text.isspace() and text:
        row.text = Text(text)
        row.media_type = row.media_type or "text/plain"
    elif isinstance(html, (str, bytes)) and html:
        content = html.encode("utf-8", "replace") if isinstance(html, str) else html
        row.content = content
        row.media_type = row.media_type or (
            "text/html" if isinstance(html, str) else sniff(content)
        )
        if isinstance(html, str):
            row.labels["charset"] = "utf-8"
    elif isinstance(text, str):
        row.drop = "record.empty"
    else:
        row.drop = "record.no_text"
        field = origin.options.get("text", "text")
        row.labels["record.reason"] = f"no text in field {field!r}; name the field that has it"


def _label(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
