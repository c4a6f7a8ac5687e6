"""Named values to a document.

In: one record as a mapping (a JSON object, a row of a table) and the recipe's names for its fields.
Out: one row. The decision: which field holds what is the recipe's to say (`text`, `html`, `url`,
`id`, `title`, `date`, `licence`, `language`; `metadata.url` is a field within a field), and what
else should stay with the document is listed in `labels`; a record without text is a row that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from curate.document import Document
from curate.extract.iso_date import iso_date
from curate.source.media import sniff
from curate.source.origin import Origin
from curate.text import Text

OPTIONS: Mapping[str, str] = {
    "text": "text",
    "html": "html",
    "url": "url",
    "id": "id",
    "title": "title",
    "date": "date",
    "licence": "license",
    "language": "language",
    "labels": "",
}
NAMED = {name: default for name, default in OPTIONS.items() if name != "labels"}
CARRIED = ("labels", "media_type")  # read under these names always: a table of ours has them
NOTHING = (None, "")


def wanted(options: Mapping[str, str]) -> set[str]:
    """The names of all fields that can matter, dotted ones as they were given."""
    named = {options.get(name, default) for name, default in NAMED.items()}
    return named | set(labelled(options).values()) | set(CARRIED)


def labelled(options: Mapping[str, str]) -> dict[str, str]:
    """Further labels and the fields they come from: `field` or `label=field`, parted by white
    space, or by commas if there is one.

    >>> labelled({"labels": "path code.language=lang"})
    {'path': 'path', 'code.language': 'lang'}
    """
    listed = options.get("labels", "")
    names = [name.strip() for name in (listed.split(",") if "," in listed else listed.split())]
    pairs = (name.partition("=") for name in names if name)
    return {label: field or label for label, _, field in pairs}


def documents(
    records: Iterable[tuple[int, Mapping[str, Any] | Document]], origin: Origin, if_none: str
) -> Iterator[Document]:
    """Numbered records as rows; a record that is a row already stays one. `if_none` is the reason of
    a file without records."""
    rows = 0
    document = Fields(origin).document
    for number, record in records:
        rows += 1
        yield record if isinstance(record, Document) else document(record, number)
    if rows == 0:
        yield origin.lost("empty_file", None, if_none, 0)


class Fields:
    """What the recipe calls the fields of a file, told once for all its records."""

    def __init__(self, origin: Origin) -> None:
        options = origin.options
        self._origin = origin
        self._names = [options.get(name, default) for name, default in NAMED.items()]
        self._dotted = any("." in name for name in self._names)
        self._labelled = tuple(labelled(options).items())

    def document(self, value: Mapping[str, Any], place: int) -> Document:
        """The record at `place` as a row, with text, or content to extract, or the reason for
        neither."""
        row = self._origin.document(place)
        text, html, url, id, title, date, licence, language = self._values(value)
        row.url = url if isinstance(url, str) and url else None
        row.language = language if isinstance(language, str) else None
        if isinstance(media_type := value.get("media_type"), str):
            row.media_type = media_type
        if (labels := value.get("labels")) is not None:
            row.labels.update(_own_labels(labels))
        for name, item in (("id", id), ("title", title), ("licence", licence)):
            if item not in NOTHING:
                row.labels[name] = label(item)
        if date not in NOTHING:
            row.labels["date"] = iso_date(date) or label(date)
        for name, source in self._labelled:
            if (item := field(value, source)) is not None:
                row.labels[name] = label(item)
        fill(row, text, html, self._origin)
        return row

    def _values(self, value: Mapping[str, Any]) -> Iterable[Any]:
        if self._dotted:
            return [field(value, name) for name in self._names]
        return map(value.get, self._names)


def field(value: Mapping[str, Any], name: str) -> Any:
    """The field `name`; if there is none, the one its dots lead to.

    >>> field({"metadata": {"url": "u"}}, "metadata.url")
    'u'
    """
    if name in value or "." not in name:
        return value.get(name)
    found: Any = value
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def fill(row: Document, text: object, html: object, origin: Origin) -> None:
    """Text if there is one, else the page."""
    if isinstance(text, str) and not text.isspace() and text:
        row.text = Text(text)
        row.media_type = row.media_type or "text/plain"
    elif isinstance(html, (str, bytes)) and html:
        content = html.encode("utf-8", "replace") if isinstance(html, str) else html
        row.content = content
        row.media_type = row.media_type or (
            "text/html" if isinstance(html, str) else sniff(content)
        )
        if isinstance(html, str):
            row.labels["charset"] = "utf-8"
    elif isinstance(text, str):
        row.drop = "record.empty"
    else:
        row.drop = "record.no_text"
        name = origin.options.get("text", OPTIONS["text"])
        row.labels["record.reason"] = f"no text in field {name!r}; name the field that has it"


def label(value: object) -> str:
    """A value as a label: a string as it is, anything else as JSON."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _own_labels(labels: object) -> dict[str, str]:
    """The labels of a record that has a field of that name: an object, or pairs."""
    if isinstance(labels, Mapping):
        labels = [*labels.items()]
    if not isinstance(labels, list):
        return {}
    pairs = [pair for pair in labels if isinstance(pair, (list, tuple)) and len(pair) == 2]
    return {str(key): label(item) for key, item in pairs if item is not None}
