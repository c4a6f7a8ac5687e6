"""The one list of formats.

In: a file's path. Out: its documents. The decision: a format is its name, the file names it
recognises, the options it takes and a function from a stream to rows. Adding one adds a line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from typing import BinaryIO

from curate.document import Document
from curate.errors import InputError, MissingError
from curate.source import articles, courts, gutenberg, patents, whole_file
from curate.source.code import archive, languages, reader
from curate.source.media import DOCX, EPUB
from curate.source.opening import COMPRESSED_SUFFIXES
from curate.source.origin import Origin, names_in
from curate.source.pieces import SMALL_PIECE_BYTES, Joint, Span
from curate.source.records import columnar, delimited, fields, json_records
from curate.source.remote.places import open_file
from curate.source.web_archive import warc


@dataclass(frozen=True)
class Format:
    """How one kind of file is recognised and read.

    `suffixes` are without a compression's; `names` are whole file names. `options` are the ones a
    recipe may set, with their defaults; `choices` are the values of those that take few, `several`
    the options that take more than one of them. Where `read_span` is given, a file can be read in
    pieces of `piece_bytes` (see `pieces`); with `local_pieces` only a local file, in so many at most,
    since the reader of a piece looks at other parts of the file too. `by_name`: only read as this
    where the recipe says so, since other files end so too. `extra`: a module it needs, and the extra
    of this package that brings it.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[BinaryIO, Origin], Iterator[Document]]
    names: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    skipped_folders: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several: frozenset[str] = frozenset()
    read_span: Callable[[BinaryIO, Origin, int, int], Generator[Document, None, Joint]] | None = (
        None
    )
    piece_bytes: int | None = None
    local_pieces: int | None = None
    by_name: bool = False
    extra: tuple[str, str] | None = None

    def recognises(self, path: str) -> bool:
        """Whether a file's name says it is of this format, compressed or not."""
        name = path.rsplit("/", 1)[-1]
        bare = name.lower()
        while bare.endswith(COMPRESSED_SUFFIXES):
            bare = bare.rsplit(".", 1)[0]
        return name in self.names or bare.endswith(self.suffixes)


SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "CVS"})
FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        Format(
            "warc",
            (".warc", ".arc", ".wet", ".wat", ".warc.open"),
            warc.read,
            options=warc.OPTIONS,
            choices=warc.CHOICES,
            read_span=warc.read_span,
        ),
        Format(
            "jsonl",
            (".jsonl", ".json", ".ndjson"),
            json_records.read_json,
            options=fields.OPTIONS,
            read_span=json_records.read_span,
            piece_bytes=SMALL_PIECE_BYTES,
            local_pieces=8,
        ),
        Format(
            "parquet",
            (".parquet", ".pq"),
            columnar.read_parquet,
            options=fields.OPTIONS,
            read_span=columnar.read_parquet_span,
            piece_bytes=SMALL_PIECE_BYTES,
            local_pieces=64,
        ),
        Format(
            "arrow", (".arrow", ".feather", ".ipc"), columnar.read_arrow, options=fields.OPTIONS
        ),
        Format("csv", (".csv", ".tsv", ".tab"), delimited.read_csv, options=delimited.OPTIONS),
        Format("html", (".html", ".htm", ".xhtml"), whole_file.read_html),
        Format("text", (".txt", ".text", ".md", ".markdown", ".rst"), whole_file.read_text),
        Format(
            "pdf", (".pdf",), whole_file.reader_of("application/pdf"), extra=("pypdfium2", "pdf")
        ),
        Format("docx", (".docx",), whole_file.reader_of(DOCX)),
        Format("epub", (".epub",), whole_file.reader_of(EPUB)),
        Format("jats", (".nxml", ".xml"), articles.read_jats, by_name=True),
        Format("latex", (".tex", ".ltx", ".latex"), articles.read_latex, by_name=True),
        Format(
            "gutenberg",
            (".txt",),
            gutenberg.read_gutenberg,
            options=gutenberg.OPTIONS,
            choices=gutenberg.CHOICES,
            by_name=True,
        ),
        Format("courts", (".json", ".jsonl", ".csv"), courts.read_courts, by_name=True),
        Format("patents", (".xml", ".json"), patents.read_patents, by_name=True),
        Format(
            "archive",
            archive.SUFFIXES_OF_ARCHIVES,
            archive.read,
            options=archive.OPTIONS,
            choices={"members": tuple(archive.READERS)},
            several=frozenset({"members"}),
        ),
        Format(
            "code",
            languages.CODE_SUFFIXES,
            reader.read_code,
            names=tuple(languages.NAMES),
            skipped_folders=SKIPPED,
        ),
    )
}


def detect_format(path: str) -> str:
    """The name of the first format that recognises a file's name.

    Raises InputError if none does.
    """
    for format in told_by_files():
        if format.recognises(path):
            return format.name
    known = " ".join(suffix for f in told_by_files() if f.name != "code" for suffix in f.suffixes)
    raise InputError(f"{path}: unknown format; name it with `format:`, or use one of {known}")


def told_by_files() -> list[Format]:
    """The formats that a file's name is enough for."""
    return [format for format in FORMATS.values() if not format.by_name]


def known_format(name: str) -> Format:
    """A format by its name. Raises InputError with the known ones, MissingError for a missing extra."""
    if name not in FORMATS:
        raise InputError(f"format {name!r} is unknown; known are: {', '.join(FORMATS)}")
    format = FORMATS[name]
    if format.extra and find_spec(format.extra[0]) is None:
        module, extra = format.extra
        raise MissingError(f"format {name} needs {module}: pip install 'curate[{extra}]'")
    return format


def check_options(format: Format, options: Mapping[str, str]) -> None:
    """Raises InputError for an option that the format does not take, or not with this value."""
    for name, value in options.items():
        if name not in format.options:
            near = get_close_matches(name, format.options, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            takes = ", ".join(format.options) or "none"
            raise InputError(
                f"format {format.name} has no option {name!r}; {hint}it takes: {takes}"
            )
        known = format.choices.get(name, ())
        given = names_in(value) if name in format.several else [value]
        if known and (wrong := [one for one in given if one not in known]):
            takes = "some of " + ", ".join(known) if name in format.several else " or ".join(known)
            raise InputError(
                f"format {format.name}, option {name}: it is {takes}, not {wrong[0]!r}"
            )


def read(
    source: str,
    format: str,
    root: str,
    path: str,
    options: Mapping[str, str] | None = None,
    spans: Sequence[Span] = (),
    joints: list[Joint] | None = None,
    named: bool = False,
) -> Iterator[Document]:
    """The documents of one file, `path` below `root`, in order: one row a record. With `spans`,
    only the records that start in one of these half-open byte spans of the file; what their readers
    met is put into `joints`. `named`: each span begins with a record, as an index says; if it does
    not, the index belongs to another version of the file, and a row says so.

    A row's `origin` is `path#place`, its id `document_id(source, origin)`. Raises InputError if the
    file cannot be opened or an option is unknown; never for what is in the file.
    """
    known, options = known_format(format), options or {}
    check_options(known, options)
    if spans and known.read_span is None:
        raise InputError(f"{path}: a file of format {format} cannot be read in pieces")
    where = f"{root.rstrip('/')}/{path}" if root else path
    origin = Origin(source, path, options, root=root)
    try:
        opened = open_file(where, spans)
    except PermissionError as error:
        place = spans[0][0] or None if spans else None  # one row a piece, and their ids differ
        yield origin.lost("unreadable", place, str(error.strerror or error))
        return
    except (FileNotFoundError, IsADirectoryError) as error:
        if os.path.islink(where):
            yield origin.lost("unreadable", None, "a link to nothing")
            return
        raise InputError(f"{where}: {error.strerror or error}; it cannot be opened") from None
    with opened as stream:
        if not spans or known.read_span is None:
            yield from known.read(stream, origin)
            return
        for number, (begin, end) in enumerate(spans):
            if number:
                stream.seek(0)
            joint = yield from known.read_span(stream, origin, begin, end)
            if named and begin and joint.first != begin:
                yield origin.lost(
                    "moved", begin, "no record begins where the index says", end - begin
                )
            if joints is not None:
                joints.append(joint)
