"""Court opinions as CourtListener gives them: REST pages, JSON Lines, and the bulk CSV.

In: opinions as JSON objects, alone or inside their cluster, or records of `opinions-DATE.csv`. Out:
documents with the best markup there is as content, or the plain text; case, court and date as labels.
The decision: of the seven fields that may hold the opinion the first filled one is taken, in the order
that CourtListener's documentation prefers them; the bulk CSV is PostgreSQL's, with `\\` as its escape
(`COPY … WITH (FORMAT csv, ENCODING utf8, ESCAPE '\\', HEADER)`, courtlistener.com/help/api/bulk-data).

Opinions of American federal and state courts are public domain (Wheaton v. Peters, 33 U.S. 591;
Banks v. Manchester, 128 U.S. 244).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

from curate.document import Document
from curate.extract.iso_date import iso_date
from curate.source.origin import Origin
from curate.source.records import delimited, json_records
from curate.source.records.fields import field, label
from curate.source.records.head import head_of
from curate.text import Text

SITE = "https://www.courtlistener.com"
MARKUP = (  # in the order of CourtListener's REST documentation, "Opinions"
    "html_with_citations", "html_columbia", "html_lawbox", "xml_harvard", "html_anon_2020", "html",
)  # fmt: skip
PLAIN = ("plain_text", "text")
LABELS: Mapping[str, tuple[str, ...]] = {
    "title": (
        "case_name",
        "caseName",
        "cluster.case_name",
        "case_name_full",
        "cluster.case_name_full",
    ),
    "court": (
        "court_id",
        "court",
        "cluster.court",
        "cluster.docket.court_id",
        "cluster.docket.court",
    ),
    "authors": ("author_str", "judges", "cluster.judges"),
    "docket": ("docket_number", "docketNumber", "cluster.docket.docket_number"),
    "opinion.type": ("type",),
    "id": ("id",),
}
DATES = ("date_filed", "dateFiled", "cluster.date_filed")
ADDRESSES = ("absolute_url", "cluster.absolute_url")
NESTED = ("results", "sub_opinions", "opinions")


def read_courts(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document an opinion."""
    rows = 0
    for number, record in _records(stream, origin):
        if isinstance(record, Document):
            rows += 1
            yield record
            continue
        for part, opinion in enumerate(_opinions(record)):
            rows += 1
            yield _document(opinion, f"{number}+{part}" if part else number, origin)
    if rows == 0:
        yield origin.lost("empty_file", None, "the file holds nothing", 0)


def _records(
    stream: BinaryIO, origin: Origin
) -> Iterator[tuple[int, dict[str, Any] | dict[str, str] | Document]]:
    """JSON if the file begins like it, else CSV."""
    head, reader = head_of(stream)
    if head.lstrip(json_records.BLANKS).startswith((b"{", b"[")):
        yield from json_records.records(reader, origin)
    else:
        options = {"escape": "\\", **origin.options}
        yield from delimited.records(reader, replace(origin, options=options))


def _opinions(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The opinions of a page of results or of a cluster; a record that is neither is one itself."""
    for name in NESTED:
        inner = record.get(name)
        if isinstance(inner, list) and any(isinstance(item, dict) for item in inner):
            around = {key: value for key, value in record.items() if key != name}
            for item in inner:
                if isinstance(item, dict):
                    yield from _opinions({"cluster": around, **item} if name != "results" else item)
            return
    yield record


def _document(opinion: Mapping[str, Any], place: int | str, origin: Origin) -> Document:
    row = origin.document(place)
    for name, fields in LABELS.items():
        if (value := _first(opinion, fields)) is not None:
            row.labels[name] = label(value)
    if (filed := _first(opinion, DATES)) is not None:
        row.labels["date"] = iso_date(filed) or label(filed)
    if isinstance(address := _first(opinion, ADDRESSES), str):
        row.url = address if "://" in address else SITE + address
        row.labels["canonical_url"] = row.url
    row.labels["licence"] = "public domain"
    row.language = "en"
    _fill(row, opinion)
    return row


def _fill(row: Document, opinion: Mapping[str, Any]) -> None:
    for name in (*MARKUP, *PLAIN):
        value = opinion.get(name)
        if not isinstance(value, str) or not value.strip():
            continue
        row.labels["opinion.field"] = name
        if name in PLAIN:
            row.text, row.media_type = Text(value), "text/plain"
        else:
            row.content, row.media_type = value.encode("utf-8", "replace"), "text/html"
            row.labels["charset"] = "utf-8"
        return
    row.drop = "record.no_text"
    row.labels["record.reason"] = f"none of {', '.join((*MARKUP, *PLAIN))} is filled"


def _first(opinion: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first of the fields that says something."""
    return next(
        (v for name in names if (v := field(opinion, name)) not in (None, "", [], {})), None
    )
