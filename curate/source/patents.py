"""Patents as the USPTO publishes them: `ipg*.xml` and `ipa*.xml`, one file a week; HUPD's JSON.

In: a file that is many XML documents in a row, each with its own declaration (US patent grants and
applications, version 4). Out: one row a document, with its bytes as content; place = its byte offset.
The decision: a document begins where a line begins with `<?xml`, which no text can contain, so one
damaged patent does not reach the next. Sequence listings (`<sequence-cwu>`) are `record.not_text`.

A JSON object a patent is the Harvard USPTO Patent Dataset's (Suzgun et al., 2022, arXiv:2207.04043).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from curate.document import Document
from curate.extract.iso_date import iso_date
from curate.extract.papers.patent import LICENCE, MEDIA_TYPE
from curate.source.opening import DamagedError, damage
from curate.source.origin import Origin
from curate.source.records import json_records
from curate.source.records.fields import label
from curate.source.records.head import HEAD_BYTES, head_of
from curate.text import Text

START = b"<?xml"
NOT_A_PATENT = b"<sequence-cwu"
NAME_BYTES = 2000
HUPD_PARTS = {
    "abstract": "Abstract", "full_description": "Description", "background": "Background",
    "summary": "Summary", "claims": "Claims",
}  # fmt: skip
HUPD_DATES = ("date_published", "patent_issue_date", "filing_date")


def read_patents(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """One document a patent."""
    rows = 0
    head, reader = head_of(stream)
    json = head.lstrip(json_records.BLANKS).startswith((b"{", b"["))
    found = _from_json if json else _from_xml
    for row in found(reader, origin):
        rows += 1
        yield row
    if rows == 0:
        yield origin.lost("empty_file", None, "the file holds nothing", 0)


def _from_xml(reader: BinaryIO, origin: Origin) -> Iterator[Document]:
    start, place, size, held = 0, 0, 0, list[bytes]()
    try:
        while True:
            with damage():
                line = reader.readline(HEAD_BYTES)
            if (not line or line.lstrip().startswith(START)) and size:
                yield from _patent(held, start, size, origin)
                start, size, held = place, 0, []
            if not line:
                return
            size += len(line)
            place += len(line)
            if size <= origin.max_record_bytes:
                held.append(line)
    except DamagedError as error:
        yield origin.lost("unreadable", start, f"the rest of the file: {error}")


def _patent(held: list[bytes], start: int, size: int, origin: Origin) -> Iterator[Document]:
    content = b"".join(held)
    if size > origin.max_record_bytes:
        reason = f"the patent is longer than {origin.max_record_bytes} bytes"
        yield origin.lost("too_large", start, reason, size)
    elif NOT_A_PATENT in content[:NAME_BYTES]:
        yield origin.lost("not_text", start, "a sequence listing", size)
    elif content.strip():
        row = origin.document(start)
        row.content, row.media_type, row.language = content, MEDIA_TYPE, "en"
        yield row


def _from_json(reader: BinaryIO, origin: Origin) -> Iterator[Document]:
    for number, record in json_records.records(reader, origin):
        yield record if isinstance(record, Document) else _hupd(record, number, origin)


def _hupd(record: Mapping[str, Any], number: int, origin: Origin) -> Document:
    """The description holds background and summary, which stand for it where it is missing."""
    row = origin.document(number)
    title = record.get("title")
    parts = {name: record[name] for name in HUPD_PARTS if isinstance(record.get(name), str)}
    parts = {name: text.strip() for name, text in parts.items() if text.strip()}
    if "full_description" in parts:
        parts = {name: parts[name] for name in parts if name not in ("background", "summary")}
    if not parts:
        row.drop = "record.no_text"
        row.labels["record.reason"] = f"none of {', '.join(HUPD_PARTS)} is filled"
        return row
    blocks = [f"# {title}"] if isinstance(title, str) and title.strip() else []
    blocks += [f"## {HUPD_PARTS[name]}\n\n{text}" for name, text in parts.items()]
    row.text, row.media_type, row.language = Text("\n\n".join(blocks)), "text/markdown", "en"
    row.labels.update(_hupd_labels(record))
    return row


def _hupd_labels(record: Mapping[str, Any]) -> dict[str, str]:
    given = {"title": record.get("title"), "decision": record.get("decision")}
    number = record.get("patent_number") or record.get("publication_number")
    if number and str(number) not in ("None", "nan"):
        given["identifier"] = str(number) if str(number).startswith("US") else f"US{number}"
    dates = (iso_date(record.get(name)) for name in HUPD_DATES)
    given["date"] = next((date for date in dates if date), None)
    people = record.get("inventor_list")
    if isinstance(people, list):
        given["authors"] = "; ".join(filter(None, map(_inventor, people)))
    found = {name: label(value) for name, value in given.items() if value not in (None, "")}
    return {**found, "licence": LICENCE}


def _inventor(person: object) -> str:
    if not isinstance(person, Mapping):
        return ""
    names = (person.get("inventor_name_first"), person.get("inventor_name_last"))
    return " ".join(str(name).title() for name in names if name)
