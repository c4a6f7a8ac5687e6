"""Common Crawl's index of its index: which blocks of the CDXJ files hold a host.

In: `cluster.idx` (a line for every 3,000 captures: the first one's key and time, then file, offset,
length and number of the gzip member that holds them) and the criteria. Out: the lines of the blocks
that may hold a match. The decision: hosts are found by their place in the order of keys, so a domain
costs the reading of `cluster.idx` and a few ranges, not of 300 files.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

from curate.errors import InputError
from curate.source.common_crawl.selection import Select
from curate.source.opening import DamagedError
from curate.source.pieces import Span
from curate.source.remote.places import open_file

NAME = "cluster.idx"
WWW = re.compile(r"^www\d*\.(?=[^.]+\.)")  # keys leave it out
LAST = b"\xff"


def is_cluster(path: str) -> bool:
    """Whether a path names such a file."""
    return path.rsplit("/", 1)[-1] == NAME


def lines(path: str, select: Select) -> Iterator[bytes]:
    """Lines of the CDXJ files next to `path`, among them all that may meet the criteria."""
    if not (select.domain or select.host):
        raise InputError(f"{path}: is ordered by host; select a `domain` or a `host`")
    with open_file(path) as stream:
        blocks = _blocks(path, stream, [key_of(host) for host in select.domain + select.host])
    for name in sorted(blocks):
        yield from _members(f"{path.rpartition('/')[0]}/{name}", sorted(blocks[name]))


def key_of(host: str) -> bytes:
    """How the keys of a host, and of the hosts below it, begin (SURT without www).

    >>> key_of("www.example.org")
    b'org,example'
    """
    return ",".join(reversed(WWW.sub("", host).split("."))).encode()


def _blocks(path: str, stream: Iterable[bytes], keys: list[bytes]) -> dict[str, list[Span]]:
    """The places of the blocks that keys which begin so can be in, by file."""
    found: dict[str, list[Span]] = defaultdict(list)
    held: tuple[bytes, str, Span] | None = None
    for number, line in enumerate(stream, 1):
        columns = line.decode("utf-8", "surrogateescape").rstrip("\n").split("\t")
        if len(columns) < 4 or not (columns[2].isdecimal() and columns[3].isdecimal()):
            raise InputError(f"{path}:{number}: is no line of a {NAME}")
        key = line.partition(b" ")[0]
        if held and any(held[0] <= low + LAST and key >= low for low in keys):
            found[held[1]].append(held[2])
        held = key, columns[1], (int(columns[2]), int(columns[2]) + int(columns[3]))
    if held and any(held[0] <= low + LAST for low in keys):
        found[held[1]].append(held[2])
    return found


def _members(path: str, blocks: list[Span]) -> Iterator[bytes]:
    """The lines of some gzip members of a file."""
    with open_file(path, blocks) as stream:
        for start, stop in blocks:
            stream.seek(start)
            packed = b""
            while len(packed) < stop - start and (part := stream.read(stop - start - len(packed))):
                packed += part
            try:
                yield from zlib.decompress(packed, 31).splitlines(keepends=True)
            except zlib.error as error:
                raise DamagedError(f"{path}, byte {start}: {error}") from None
