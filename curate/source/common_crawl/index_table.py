"""Common Crawl's columnar index: what was captured, and where the record lies.

In: one Parquet file of the table (github.com/commoncrawl/cc-index-table, flat schema) and the
criteria. Out: the `Capture`s that meet them. The decision: the criteria become a filter inside
Parquet, so that row groups that cannot hold a match are never read; a domain is looked for among
the registered domains first, because the table is sorted by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from curate.source.common_crawl.selection import Capture, Select, Tally

PLACE = ("warc_filename", "warc_record_offset", "warc_record_length")
COLUMNS = {
    "domain": ("url_host_registered_domain", "url_host_name"),
    "host": ("url_host_name",),
    "language": ("content_languages",),
    "mime": ("content_mime_detected",),
    "status": ("fetch_status",),
    "url_prefix": ("url",),
}


class NotAnIndexError(ValueError):
    """The file is no such table; the message says what it lacks."""


def captures(stream: BinaryIO, select: Select, tally: Tally) -> Iterator[Capture]:
    """The captures that meet the criteria, in order; `tally` counts only these."""
    try:
        fragment = ds.ParquetFileFormat().make_fragment(pa.PythonFile(stream, mode="r"))
        there = set(fragment.physical_schema.names)
        needed = [*PLACE, *(column for key in select.describe() for column in COLUMNS[key])]
        for column in needed:
            if column not in there:
                raise NotAnIndexError(f"has no column {column}")
        scanner = fragment.scanner(
            columns=list(PLACE), filter=_filter(select), use_threads=False, batch_readahead=1
        )
        for batch in scanner.to_batches():
            for name, offset, length in zip(*(batch[c].to_pylist() for c in PLACE), strict=True):
                tally.lines += 1
                if not name or offset is None or offset < 0 or (length is not None and length <= 0):
                    tally.malformed += 1
                else:
                    yield Capture(name, offset, length)
    except pa.ArrowInvalid as error:
        raise NotAnIndexError(str(error).splitlines()[0]) from None


def _filter(select: Select) -> Any:
    """The criteria as an expression; None for no criterion."""
    wanted = [_host_filter(select)] if select.domain or select.host else []
    if select.language:
        wanted.append(_any(_starts("content_languages", code) for code in select.language))
    if select.mime:
        wanted.append(ds.field("content_mime_detected").isin(list(select.mime)))
    if select.status:
        wanted.append(ds.field("fetch_status").isin(list(select.status)))
    if select.url_prefix:
        wanted.append(_any(_starts("url", prefix) for prefix in select.url_prefix))
    return _all(wanted) if wanted else None


def _host_filter(select: Select) -> Any:
    host = ds.field("url_host_name")
    wanted = [host.isin(list(select.host))] if select.host else []
    if select.domain:
        # the registered domain of `docs.python.org` is one of `docs.python.org`, `python.org`, `org`
        parts = [domain.split(".") for domain in select.domain]
        registered = sorted({".".join(part[i:]) for part in parts for i in range(len(part))})
        below = [pc.ends_with(host, pattern=ending) for ending in select.below()]
        wanted.append(ds.field("url_host_registered_domain").isin(registered))
        wanted.append(_any([host.isin(list(select.domain)), *below]))
    return _all(wanted)


def _starts(column: str, prefix: str) -> Any:
    return pc.starts_with(ds.field(column), pattern=prefix)


def _any(expressions: Any) -> Any:
    first, *others = expressions
    for other in others:
        first = first | other
    return first


def _all(expressions: Any) -> Any:
    first, *others = expressions
    for other in others:
        first = first & other
    return first
