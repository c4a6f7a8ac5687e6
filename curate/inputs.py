"""What a run reads, found out before any work: files, their stamps, and mistakes about them.

Enters: the sources of a recipe and the other files its steps read. Leaves: one `Entry` a file and
the stamps (place, size, time, how it is read) that fingerprints cover. The decision: everything
that would fail later for want of a file fails here, in one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import InputError
from curate.finished import RUN
from curate.source import detect_format, list_files
from curate.spark import Entry
from curate.store import absolute
from curate.table import MANIFEST

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
        root, files = list_files([absolute(path) for path in source.path], source.format)
        for file in files:
            format = source.format or detect_format(file.path)
            entry = Entry(source.name, format, root, file.path, file.size, dict(source.options))
            entries.append(entry)
            stamps.append(
                [entry.source, entry.path, file.size, file.mtime, root, format, entry.options]
            )
    return entries, stamps


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
    folder = Path(path)
    if "://" in path or not folder.is_dir():
        return
    for mark in MARKS:
        if (folder / mark).exists():
            raise InputError(
                f"{path} is an output of curate, not a source; a step reads it with --input"
            )
    if output == path or output.startswith(f"{path}/"):
        raise InputError(
            f"the output {output} is inside the source {path}; choose another --output"
        )
