"""What a run reads, found out before any work: files, their stamps, and mistakes about them.

Enters: the sources of a recipe and the other files its steps read. Leaves: one `Entry` a file, the
stamps (place, size, time, how it is read) that fingerprints cover, and the groups of entries that
commit together, large files in pieces. The decision: everything that would fail later for want of a
file fails here, in one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.document import encodable
from curate.errors import InputError
from curate.finished import RUN
from curate.source import FORMATS, FileInfo, detect_format, list_files, pieces
from curate.source.catalogue import list_source
from curate.source.formats import check_options, known_format
from curate.spark import Entry
from curate.store import absolute
from curate.table import MANIFEST, fingerprint

if TYPE_CHECKING:
    from curate.recipe import Source, Step

Stamp = list[Any]
MARKS = (RUN, MANIFEST)


def plan_scan(sources: Sequence[Source], output: str) -> tuple[list[Entry], list[Stamp]]:
    """Every file of the sources with its stamp; `InputError` for a folder that is an output of ours."""
    entries: list[Entry] = []
    stamps: list[Stamp] = []
    for source in sources:
        for path in source.path:
            _check_folder(absolute(path), output)
        listing = list_source(source)
        for warning in listing.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        found = [_entry(source, listing.root, file) for file in listing.files]
        for format in dict.fromkeys(entry.format for entry in found):
            check_options(known_format(format), source.options)
        entries += found
        for entry, file in zip(found, listing.files, strict=True):
            stamp = [entry.source, entry.path, file.size, file.mtime, entry.root, entry.format]
            stamp.append(entry.options)
            stamps.append([*stamp, fingerprint(file.spans)] if file.spans else stamp)
    return entries, stamps


def _entry(source: Source, root: str, file: FileInfo) -> Entry:
    """A file as a scan reads it. One of unknown size is read to its end, whatever that is: it must
    never be cut into pieces, or its tail would be lost."""
    format = source.format or detect_format(file.path)
    can_cut = file.is_exact or FORMATS[format].read_span is None
    spans = file.spans or (() if can_cut else ((0, sys.maxsize),))
    return Entry(source.name, format, root, file.path, file.size, dict(source.options), spans)


def in_pieces(entry: Entry, piece_bytes: int | None = None) -> list[Entry]:
    """A large file as pieces that can be read apart; anything else as it is."""
    format, is_local = FORMATS[entry.format], "://" not in (entry.root or entry.path)
    if entry.spans or format.read_span is None or (format.local_pieces and not is_local):
        return [entry]
    wanted = piece_bytes or format.piece_bytes or pieces.PIECE_BYTES
    least = -(-entry.size // format.local_pieces) if format.local_pieces else 0
    spans = pieces.cut(entry.size, max(wanted, least))
    return [
        replace(entry, size=end - begin, spans=((begin, end),), is_piece=True)
        for begin, end in spans
    ] or [entry]


def plan_slices(
    entries: Iterable[Entry], slice_bytes: int, whole: Set[tuple[str, str]]
) -> list[list[Entry]]:
    """Entries in groups of about `slice_bytes` that commit together. A file in `whole` is one entry
    in the place of its first piece, so that the groups it is not in stay what they were."""
    groups: list[list[Entry]] = []
    size = slice_bytes
    met: set[tuple[str, str]] = set()
    for entry in entries:
        for piece in in_pieces(entry):
            if size + piece.size > slice_bytes and size:
                groups.append([])
                size = 0
            size += piece.size
            file = (piece.source, encodable(piece.path))
            if file not in whole:
                groups[-1].append(piece)
            elif file not in met:
                groups[-1].append(entry)
            met.add(file)
    return [group for group in groups if group]


def stamps_of(entries: Iterable[Entry], stamps: Sequence[Stamp]) -> list[Stamp]:
    """The stamps of some of the files."""
    wanted = {(entry.source, entry.path) for entry in entries}
    return [stamp for stamp in stamps if (stamp[0], stamp[1]) in wanted]


def stamp_inputs(step: Step) -> list[Stamp]:
    """(path, size, time) of the other files a step reads; `InputError` if one is missing."""
    if not step.inputs:
        return []
    _, files = list_files([absolute(path) for path in step.inputs], None)
    return [[file.path, file.size, file.mtime] for file in files]


def _check_folder(path: str, output: str) -> None:
    if "://" in path or not os.path.isdir(path):  # a path that cannot be one raises nothing here
        return
    for mark in MARKS:
        if (Path(path) / mark).exists():
            raise InputError(
                f"{path} is an output of curate, not a source; a step reads it with --input"
            )
    if output == path or output.startswith(f"{path}/"):
        raise InputError(
            f"the output {output} is inside the source {path}; choose another --output"
        )
