"""Which files, and which parts of them, a source means.

In: a source of a recipe. Out: a root and the files below it, with their sizes and the spans that are
to be read. The decision: of the files that a list or an index names, a few are asked for, evenly
spread; so a wrong `base` is found before any work without a request for each of 90,000 files. The
others are taken to be as large as those on average; that only decides how the work is cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from curate.document import share
from curate.errors import CurateError, InputError
from curate.source.common_crawl.capture_index import select_spans
from curate.source.common_crawl.paths_list import (
    COMMON_CRAWL,
    base_of,
    full_name,
    is_list,
    read_list,
)
from curate.source.listing import FileInfo, common_folder, file_info, list_files
from curate.source.pieces import Span
from curate.source.remote.places import file_system, is_web, unreachable
from curate.store import absolute

if TYPE_CHECKING:
    from curate.recipe import Source

ASKED_FILES = 64
ASKED_TOGETHER = 8


@dataclass(frozen=True)
class Listing:
    """Files below a root; `warnings` are lines for the user."""

    root: str
    files: tuple[FileInfo, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Named:
    """Files that a list or an index names: where each is named, and its spans."""

    base: str
    places: Mapping[str, str]
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def list_source(source: Source) -> Listing:
    """The files of a source in order. Raises InputError for one that is missing or means nothing."""
    paths = [absolute(path) for path in source.path]
    base = None if source.base is None else absolute(source.base)
    lists = [path for path in paths if is_list(path)]
    if source.select is not None:
        return _measured(_selected(source, paths, base), source.files)
    for path in paths:
        if _looks_like_index(path):
            raise InputError(f"{path}: is an index; `select: {{}}` reads all the records it names")
    if not lists:
        root, files = list_files(paths, source.format)
        return Listing(root, tuple(chosen(files, source.files)))
    if len(lists) < len(paths):
        raise InputError(f"{lists[0]}: is a list of files; make lists a source of their own")
    return _measured(_listed(lists, base), source.files)


def chosen(files: Sequence[FileInfo], number: int | None) -> list[FileInfo]:
    """`number` of the files (None: all), in order: those whose paths have the smallest hashes, so
    that a larger number only adds files.

    >>> files = [FileInfo(str(i), 0, None) for i in range(9)]
    >>> {f.path for f in chosen(files, 2)} < {f.path for f in chosen(files, 3)}
    True
    """
    if number is None:
        return list(files)
    kept = sorted(files, key=lambda file: (share(file.path, "files"), file.path))
    return sorted(kept[:number], key=lambda file: file.path)


def _listed(lists: Sequence[str], base: str | None) -> _Named:
    """The files that lists name; a name that is repeated is one file."""
    places: dict[str, str] = {}
    repeated, bases = 0, set()
    for path in _files_at(lists, None):
        bases.add(base or base_of(path))
        for number, name in read_list(path):
            full = full_name(base or base_of(path), name)
            repeated += full in places
            places.setdefault(full, f"{path}:{number}")
    warning = f"{lists[0]}: {repeated} repeated lines are read once"
    return _Named(bases.pop() if len(bases) == 1 else "", places, {}, (warning,) * bool(repeated))


def _selected(source: Source, paths: Sequence[str], base: str | None) -> _Named:
    """The archive files, and their spans, that an index selects."""
    assert source.select is not None
    lists = [path for path in paths if is_list(path)]
    indexes = list(_listed(lists, base).places) if lists else []
    indexes += _files_at([path for path in paths if not is_list(path)], "parquet")
    base = base or base_of(indexes[0])
    found, warnings = select_spans(indexes, source.select)
    spans = {full_name(base, name): places for name, places in found.items()}
    return _Named(base, dict.fromkeys(spans, indexes[0]), spans, tuple(warnings))


def _files_at(paths: Sequence[str], format: str | None) -> list[str]:
    """Paths with folders and wildcards resolved. A query to a web server is no file to be listed."""
    names = []
    for path in paths:
        if is_web(path) and "?" in path:
            names.append(path)
        else:
            root, files = list_files(path, format)
            names += [f"{root.rstrip('/')}/{file.path}" for file in files]
    return names


def _measured(named: _Named, number: int | None) -> Listing:
    """The named files below one root, with their sizes, some of which are estimates."""
    root = _root(named)
    cut = len(root.rstrip("/")) + 1
    files = [FileInfo(name[cut:], 0, None, named.spans.get(name, ())) for name in named.places]
    files = chosen(sorted(files, key=lambda file: file.path), number)
    asked = _evenly(files, ASKED_FILES if "://" in root else len(files))
    known = {file.path: file for file in _asked(root, asked, named)}
    mean = sum(file.size for file in known.values()) // len(known)
    full = [known.get(file.path, replace(file, size=mean, is_exact=False)) for file in files]
    return Listing(
        root,
        tuple(_of_spans(file) if file.spans else file for file in full),
        named.warnings,
    )


def _of_spans(file: FileInfo) -> FileInfo:
    return replace(file, size=sum(stop - start for start, stop in file.spans), is_exact=True)


def _root(named: _Named) -> str:
    """The base, if every file is below it; else the longest folder that holds all of them."""
    base = named.base.rstrip("/")
    if base and all(name.startswith(f"{base}/") for name in named.places):
        return base
    root = common_folder([name.rpartition("/")[0] for name in named.places])
    first, place = next(iter(named.places.items()))
    if "://" in first and len(root.split("/")) < 3:
        raise InputError(f"{place}: names files on different servers; make them two sources")
    return root


def _evenly(files: Sequence[FileInfo], number: int) -> list[FileInfo]:
    """`number` files, evenly spread, the first and the last among them."""
    if len(files) <= number:
        return list(files)
    places = {round(i * (len(files) - 1) / (number - 1)) for i in range(number)}
    return [files[place] for place in sorted(places)]


def _asked(root: str, files: Sequence[FileInfo], named: _Named) -> list[FileInfo]:
    """The files with size and time. Raises InputError for one that is missing."""
    fs, bare = file_system(root)
    with ThreadPoolExecutor(ASKED_TOGETHER) as pool:
        answers = list(pool.map(lambda file: _ask(fs, bare, root, file, named), files))
    for answer in answers:
        if isinstance(answer, CurateError):
            raise answer
    return [answer for answer in answers if isinstance(answer, FileInfo)]


def _ask(fs: Any, bare: str, root: str, file: FileInfo, named: _Named) -> FileInfo | CurateError:
    """What the file system says of one file, or what is wrong with it."""
    full = f"{root.rstrip('/')}/{file.path}"
    try:
        info = fs.info(f"{bare.rstrip('/')}/{file.path}")
        found = file_info(info, file.path)
    except (FileNotFoundError, NotADirectoryError):
        hint = f"; set `base: {COMMON_CRAWL}`" if _is_elsewhere(file.path, full) else ""
        return InputError(f"{named.places[full]}: names {full}, which is missing{hint}")
    except CurateError as error:
        return error
    except Exception as error:  # each file system has its own
        return unreachable(full, error)
    if info["type"] == "directory":
        return InputError(f"{named.places[full]}: names {full}, which is a folder; name its files")
    if file.spans and file.spans[-1][1] > found.size > 0:
        return InputError(
            f"{named.places[full]}: names byte {file.spans[-1][1] - 1} of {full}, which holds "
            f"{found.size}; the index belongs to another file"
        )
    return replace(found, spans=file.spans)


def _is_elsewhere(path: str, full: str) -> bool:
    return path.startswith("crawl-data/") and not full.startswith(COMMON_CRAWL)


def _looks_like_index(path: str) -> bool:
    name = path.rsplit("/", 1)[-1].removesuffix(".gz")
    return name.endswith((".cdx", ".cdxj", ".idx")) or (name.startswith("cdx-") and "." not in name)
