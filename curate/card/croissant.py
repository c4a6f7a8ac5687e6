"""Croissant 1.0 metadata (MLCommons, http://mlcommons.org/croissant/1.0) of a card's data files.

Enters: names, and the files with their digests. Leaves: JSON-LD. The decision: every file is a
`FileObject` with size and SHA-256, and a split of several files a `FileSet` over them. Of a run's own
table only the text columns are described: Parquet maps (`signals`, `labels`) have no Croissant type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curate.card.data_files import DATA, Data, DataFile
from curate.card.front_matter import COLUMNS

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
PARQUET = "application/x-parquet"  # the name that mlcroissant and the hub use
MAPS = ("signals", "labels")
_OWN = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes "
    "isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
    "samplingRate separator source subField transform"
).split()  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _OWN},
}
"""The context of the specification's appendix, "JSON-LD context"."""


@dataclass(frozen=True)
class Naming:
    """What the metadata says of the dataset as a whole; dates are ISO 8601."""

    name: str
    description: str
    licence: str | None
    published: str
    version: str
    cite_as: str


def croissant(naming: Naming, data: Data) -> dict[str, Any]:
    """The whole document."""
    groups = list(_groups(data))
    columns = [name for name in COLUMNS if data.is_export or name not in MAPS]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": naming.name,
        "description": naming.description,
        "license": naming.licence or "not determined",
        "datePublished": naming.published,
        "version": naming.version,
        "citeAs": naming.cite_as,
        "distribution": [
            *(_file_object(file) for file in data.files),
            *(_file_set(name, pattern) for name, pattern, files in groups if len(files) > 1),
        ],
        "recordSet": [_record_set(name, files, columns) for name, _, files in groups],
    }


def _groups(data: Data) -> Iterator[tuple[str, list[str], Sequence[DataFile]]]:
    """(name, patterns, files) of each record set. Files outside the card's folder cannot be matched
    by a pattern, so each is a record set of its own."""
    if data.is_export:
        for split in data.splits:
            yield split.name, [f"{DATA}/{split.name}-*.parquet"], split.files
    elif data.is_below:
        yield "documents", [file.path for file in data.files], data.files
    else:
        for number, file in enumerate(data.files):
            yield f"documents-{number:05d}", [], [file]


def _file_object(file: DataFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.size_bytes} B",
        "encodingFormat": PARQUET,
        "sha256": file.sha256,
    }


def _file_set(name: str, patterns: Sequence[str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}-files",
        "name": f"{name}-files",
        "encodingFormat": PARQUET,
        "includes": patterns[0] if len(patterns) == 1 else list(patterns),
    }


def _record_set(name: str, files: Sequence[DataFile], columns: Sequence[str]) -> dict[str, Any]:
    place = {"fileSet": {"@id": f"{name}-files"}}
    if len(files) == 1:
        place = {"fileObject": {"@id": files[0].path}}
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "key": {"@id": f"{name}/id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": COLUMNS[column],
                "dataType": "sc:Text",
                "source": {**place, "extract": {"column": column}},
            }
            for column in columns
        ],
    }
