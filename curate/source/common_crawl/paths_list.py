"""Lists of files: `warc.paths.gz`, as Common Crawl publishes one for every crawl.

In: a list, local or remote, compressed or not. Out: the names in it, in order. The decision: a name
is relative to `base`, which for a list in a copy of Common Crawl is the root of that copy; a list
that holds anything but names is refused as a whole, before any work.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from curate.errors import CurateError, InputError
from curate.source.opening import DamagedError, damage, decompressed
from curate.source.remote.places import open_file, unreachable

SUFFIXES = (".paths", ".paths.gz")
ROOT_MARKS = ("/crawl-data/", "/cc-index/", "/contrib/")
INDEX_SERVERS = ("https://index.commoncrawl.org/", "http://index.commoncrawl.org/")
COMMON_CRAWL = "https://data.commoncrawl.org"
MAX_NAME_CHARS = 4096


def is_list(path: str) -> bool:
    """Whether a path names a list of files, or by a wildcard several.

    >>> is_list("https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-10/warc.paths.gz")
    True
    """
    return path.endswith(SUFFIXES)


def base_of(path: str) -> str:
    """What the names in a list or index at `path` are relative to, if the recipe does not say.

    >>> base_of("s3://commoncrawl/crawl-data/CC-MAIN-2024-10/wet.paths.gz")
    's3://commoncrawl'
    >>> base_of("/home/me/warc.paths")
    '/home/me'
    """
    if path.startswith(INDEX_SERVERS):
        return COMMON_CRAWL
    roots = [path.partition(mark)[0] for mark in ROOT_MARKS if mark in path]
    return min(roots, key=len) if roots else posixpath.dirname(path)


def full_name(base: str, name: str) -> str:
    """A listed name as a path or URL.

    >>> full_name("s3://commoncrawl/", "crawl-data/a.warc.gz")
    's3://commoncrawl/crawl-data/a.warc.gz'
    """
    if "://" in name or name.startswith("/"):
        return name
    return f"{base.rstrip('/')}/{name}"


def read_list(path: str) -> list[tuple[int, str]]:
    """(line, name) of every line that is not blank. Raises InputError for a list that is empty,
    damaged, or holds a line that is no name."""
    names = []
    for number, line in enumerate(_lines(path), 1):
        try:
            name = line.decode().strip()
        except UnicodeDecodeError:
            name = "\0"
        if len(name) > MAX_NAME_CHARS or not name.isprintable() or name.startswith(("<", "{")):
            raise InputError(f"{path}:{number}: is no path; a list holds one path a line")
        if name:
            names.append((number, name))
    if not names:
        raise InputError(f"{path}: the list is empty")
    return names


def _lines(path: str) -> Iterator[bytes]:
    try:
        with open_file(path) as stream, damage():
            yield from decompressed(stream)
    except DamagedError as error:
        raise InputError(f"{path}: the list is damaged: {error}") from None
    except CurateError:
        raise
    except OSError as error:
        raise unreachable(path, error) from None
