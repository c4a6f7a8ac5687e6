"""Which parts of which archive files an index selects.

In: index files (CDXJ, also by its `cluster.idx`; classic CDX; a CDX server's JSON lines; Common
Crawl's Parquet table) and criteria. Out: for every archive file the spans of the records that meet them. The decision: the
bytes say what kind of index it is; a malformed line is counted, and the count is told.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from curate.errors import CurateError, InputError
from curate.source.common_crawl import cdx, cluster, index_table
from curate.source.common_crawl.selection import Capture, Select, Tally
from curate.source.opening import DamagedError, damage, decompressed
from curate.source.pieces import Span
from curate.source.remote.places import open_file, unreachable
from curate.source.remote.ranges import disjoint

PARQUET = b"PAR1"


def select_spans(
    indexes: Iterable[str], select: Select
) -> tuple[dict[str, tuple[Span, ...]], list[str]]:
    """(spans of every archive file, both in order, warnings).

    A record of unknown length is a span of one byte: a record belongs to the span in which it
    starts. Captures of the same page are different records and are all kept. Raises InputError for
    a file that is no index, and if nothing is selected.
    """
    found: dict[str, list[Span]] = defaultdict(list)
    warnings = []
    for path in indexes:
        tally = Tally()
        for capture in _captures(path, select, tally):
            stop = capture.offset + (capture.length or 1)
            found[capture.filename].append((capture.offset, stop))
        if tally.malformed == tally.lines > 0:
            raise InputError(
                f"{path}: is no index of captures: none of its {tally.lines} lines is one"
            )
        if tally.malformed:
            warnings.append(
                f"{path}: {tally.malformed} of {tally.lines} lines are malformed, left out"
            )
    if not found:
        raise InputError(f"{path}: nothing in the index meets the `select`")
    return {name: tuple(disjoint(found[name])) for name in sorted(found)}, warnings


def _captures(path: str, select: Select, tally: Tally) -> Iterator[Capture]:
    """The captures of an index file that meet the criteria."""
    try:
        if cluster.is_cluster(path):
            yield from cdx.captures(cluster.lines(path, select), select, tally)
            return
        with open_file(path) as stream, damage():
            buffered = cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream)))
            if cast(io.BufferedReader, buffered).peek(4)[:4] == PARQUET:
                yield from index_table.captures(buffered, select, tally)
            else:
                yield from cdx.captures(decompressed(buffered), select, tally)
    except DamagedError as error:
        raise InputError(f"{path}: the index is damaged: {error}") from None
    except index_table.NotAnIndexError as error:
        raise InputError(f"{path}: is no index of captures: {error}") from None
    except CurateError:
        raise
    except OSError as error:
        raise unreachable(path, error) from None
