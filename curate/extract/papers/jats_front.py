"""The front matter of a JATS article to labels.

In: the `article` element. Out: title, authors, date, licence, identifier, canonical_url, journal,
publisher, declared_language, article_type. The decision: of several dates the earliest is taken, a
full date before a year; a Creative Commons licence is named as SPDX does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from curate.extract.creative_commons import commons_name
from curate.extract.xml_tree import attribute, find, find_all, tag_of, words

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PUBLISHED = ("pub-date", "date")
RECEIVED = ("received", "accepted", "rev-recd", "rev-request", "retracted", "corrected")
IDENTIFIERS = (("doi", "doi:"), ("pmcid", "PMC"), ("pmc", "PMC"), ("pmid", "PMID:"))
MAX_LICENCE_CHARS = 200


def labels(article: Any) -> dict[str, str]:
    """What the article says of itself; only what it does say."""
    found = {
        "declared_language": attribute(article, "lang"),
        "article_type": article.get("article-type") or "",
        "journal": words(find(article, "journal-title")),
        "publisher": words(find(article, "publisher-name")),
    }
    meta = find(article, "article-meta", "front-stub")
    if meta is not None:
        identifiers = _identifiers(meta)
        doi = identifiers.get("doi:", "")
        found |= {
            "title": _title(meta),
            "authors": "; ".join(_authors(meta)),
            "date": _date(meta),
            "licence": _licence(meta),
            "identifier": next((mark + value for mark, value in identifiers.items()), ""),
            "pmcid": f"PMC{identifiers['PMC']}" if "PMC" in identifiers else "",
            "canonical_url": f"https://doi.org/{doi}" if doi else "",
        }
    return {name: value for name, value in found.items() if value}


def _title(meta: Any) -> str:
    title = find(meta, "article-title")
    if title is None:
        return ""
    parts = [title.text or ""]
    for child in title:
        note = tag_of(child) in ("fn", "xref")
        parts += ["" if note else "".join(child.itertext()), child.tail or ""]
    return " ".join("".join(parts).split())


def _identifiers(meta: Any) -> dict[str, str]:
    """The identifiers by their marks, a DOI first."""
    given = {
        (element.get("pub-id-type") or "").lower(): words(element)
        for element in meta
        if tag_of(element) == "article-id"
    }
    found: dict[str, str] = {}
    for kind, mark in IDENTIFIERS:
        if value := given.get(kind):
            found.setdefault(mark, value.removeprefix("PMC") if mark == "PMC" else value)
    return found


def _authors(meta: Any) -> Iterator[str]:
    for person in find_all(meta, "contrib"):
        if person.get("contrib-type") not in ("author", None):
            continue
        name = find(person, "name", "string-name")
        if name is not None:
            given, family = words(find(name, "given-names")), words(find(name, "surname"))
            yield f"{given} {family}".strip() or words(name)
        elif collaboration := words(find(person, "collab")):
            yield collaboration


def _date(meta: Any) -> str:
    """The earliest date of publication."""
    dates = [
        _parts(element)
        for element in find_all(meta, *PUBLISHED)
        if not {element.get("date-type"), element.get("pub-type")} & set(RECEIVED)
    ]
    known = [parts for parts in dates if parts]
    return "-".join(min(known, key=lambda parts: (*parts, "99", "99")[:3], default=()))


def _parts(element: Any) -> tuple[str, ...]:
    """Year, month and day as far as they are given."""
    year = words(find(element, "year"))
    if not re.fullmatch(r"\d{4}", year):
        return ()
    month = words(find(element, "month"))
    if month[:3].lower() in MONTHS:
        month = str(MONTHS.index(month[:3].lower()) + 1)
    if not re.fullmatch(r"0?[1-9]|1[0-2]", month):
        return (year,)
    day = words(find(element, "day"))
    if not re.fullmatch(r"0?[1-9]|[12]\d|3[01]", day):
        return (year, month.zfill(2))
    return (year, month.zfill(2), day.zfill(2))


def _licence(meta: Any) -> str:
    """The licence as SPDX names it, else in its own words."""
    for licence in find_all(meta, "license"):
        addresses = [attribute(element, "href") for element in licence.iter()]
        addresses += [words(reference) for reference in find_all(licence, "license_ref")]
        stated = words(licence)
        for words_or_address in (*addresses, stated):
            if name := commons_name(words_or_address):
                return name
        if stated or licence.get("license-type"):
            return (stated or licence.get("license-type") or "")[:MAX_LICENCE_CHARS]
    return next((words(reference) for reference in find_all(meta, "license_ref")), "")
