"""The one list of formats.

In: a file's path. Out: its documents. The decision: a format is its name, the file names it
recognises, the options it takes and a function from a stream to rows. Adding one adds a line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import BinaryIO, cast

import fsspec

from curate.document import Document
from curate.errors import InputError
from curate.source import languages, tabular, warc, whole_file
from curate.source.opening import COMPRESSED_SUFFIXES
from curate.source.origin import Origin


@dataclass(frozen=True)
class Format:
    """How one kind of file is recognised and read.

    `suffixes` are without a compression's; `names` are whole file names. `options` are the ones a
    recipe may set, with their defaults.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[BinaryIO, Origin], Iterator[Document]]
    names: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    skipped_folders: frozenset[str] = frozenset()

    def recognises(self, path: str) -> bool:
        """Whether a file's name says it is of this format, compressed or not."""
        name = path.rsplit("/", 1)[-1]
        bare = name.lower()
        while bare.endswith(COMPRESSED_SUFFIXES):
            bare = bare.rsplit(".", 1)[0]
        return name in self.names or bare.endswith(self.suffixes)


VENDORED = frozenset(
    {"node_modules", "vendor", "third_party", "__pycache__", "venv", "site-packages", "CVS"}
)
FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        Format("warc", (".warc", ".arc", ".wet", ".wat", ".warc.open"), warc.read),
        Format(
            "jsonl", (".jsonl", ".json", ".ndjson"), tabular.read_jsonl, options=tabular.OPTIONS
        ),
        Format("parquet", (".parquet", ".pq"), tabular.read_parquet, options=tabular.OPTIONS),
        Format("html", (".html", ".htm", ".xhtml"), whole_file.read_html),
        Format("text", (".txt", ".text", ".md", ".markdown", ".rst"), whole_file.read_text),
        Format(
            "code",
            tuple(languages.SUFFIXES),
            whole_file.read_code,
            names=tuple(languages.NAMES),
            skipped_folders=VENDORED,
        ),
    )
}


def detect_format(path: str) -> str:
    """The name of the first format that recognises a file's name.

    Raises InputError if none does.
    """
    for name, format in FORMATS.items():
        if format.recognises(path):
            return name
    known = " ".join(suffix for f in FORMATS.values() if f.name != "code" for suffix in f.suffixes)
    raise InputError(f"{path}: unknown format; name it with `format:`, or use one of {known}")


def known_format(name: str) -> Format:
    """A format by its name. Raises InputError with the known ones."""
    if name not in FORMATS:
        raise InputError(f"format {name!r} is unknown; known are: {', '.join(FORMATS)}")
    return FORMATS[name]


def check_options(format: Format, options: Mapping[str, str]) -> None:
    """Raises InputError for an option that the format does not take."""
    for name in options:
        if name not in format.options:
            near = get_close_matches(name, format.options, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            takes = ", ".join(format.options) or "none"
            raise InputError(
                f"format {format.name} has no option {name!r}; {hint}it takes: {takes}"
            )


def read(
    source: str, format: str, root: str, path: str, options: Mapping[str, str] | None = None
) -> Iterator[Document]:
    """The documents of one file, `path` below `root`, in order: one row a record.

    A row's `origin` is `path#place`, its id `document_id(source, origin)`. Raises InputError if the
    file cannot be opened or an option is unknown; never for what is in the file.
    """
    reader, options = known_format(format), options or {}
    check_options(reader, options)
    where = f"{root.rstrip('/')}/{path}" if root else path
    try:
        opened = fsspec.open(where, "rb").open()
    except PermissionError as error:
        yield Origin(source, path, options).lost("unreadable", None, str(error.strerror or error))
        return
    except (FileNotFoundError, IsADirectoryError) as error:
        if os.path.islink(where):
            yield Origin(source, path, options).lost("unreadable", None, "a link to nothing")
            return
        raise InputError(f"{where}: {error.strerror or error}; it cannot be opened") from None
    with opened as stream:
        yield from reader.read(cast(BinaryIO, stream), Origin(source, path, options))
