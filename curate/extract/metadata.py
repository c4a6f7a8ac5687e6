"""What a web page says of itself: title, authors, date, licence, canonical address, language.

In: markup. Out: labels. The decision: what is meant for machines is read (meta and link elements,
JSON-LD, rel=license, the html element's lang), by pattern and not from a tree, so that it costs the
same for every extractor; nothing is guessed from visible text.

Names: HTML Standard §4.2.5, Open Graph (ogp.me), Dublin Core in HTML (DCMI, 2008), Highwire Press
tags as Google Scholar asks for them, schema.org CreativeWork.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from curate.extract.creative_commons import commons_name
from curate.extract.iso_date import iso_date

HEAD_CHARS = 400_000
MAX_CHARS = 300
MAX_AUTHORS = 20
TAG = re.compile(r"<(meta|link)\b([^>]{1,4000})>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
TITLE = re.compile(r"<title\b[^>]*>(.{0,2000}?)</title", re.IGNORECASE | re.DOTALL)
LANGUAGE = re.compile(r"<html\b[^>]*?\blang\s*=\s*[\"']?([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)", re.I)
LICENCE_LINK = re.compile(r"<a\b([^>]*\brel\s*=\s*[\"']?[^\"'>]*\blicense\b[^>]*)>", re.IGNORECASE)
LD_JSON = re.compile(
    r"<script\b[^>]*application/ld\+json[^>]*>(.{0,100000}?)</script", re.IGNORECASE | re.DOTALL
)
MAX_LD_BLOCKS = 10
AUTHORS = (
    "citation_author",
    "author",
    "dc.creator",
    "dcterms.creator",
    "article:author",
    "sailthru.author",
)
DATES = (
    "article:published_time", "citation_publication_date", "citation_date", "datepublished",
    "dc.date", "dcterms.date", "dc.date.issued", "dcterms.created", "date", "pubdate",
    "publish-date", "publication_date", "sailthru.date", "parsely-pub-date",
)  # fmt: skip
LICENCES = ("dc.rights", "dcterms.rights", "dcterms.license", "dc.rights.license", "license")


def page_labels(markup: str, url: str | None = None) -> dict[str, str]:
    """Only what the page does say.

    >>> page_labels('<html lang=en><title>Fish &amp; Chips</title><meta name=author content="A. B.">')
    {'title': 'Fish & Chips', 'authors': 'A. B.', 'declared_language': 'en'}
    """
    head = markup[:HEAD_CHARS]
    meta, links = _elements(head)
    work = next(_works(head), {})
    found = {
        "title": title_of(head) or _first(meta, ("og:title",)) or _text(work.get("headline")),
        "authors": "; ".join(_authors(meta, work)),
        "date": _date(meta, work),
        "licence": _licence(meta, links, work, markup),
        "canonical_url": _canonical(links, meta, url),
        "publisher": _first(meta, ("og:site_name", "citation_journal_title")),
        "declared_language": _language(head),
    }
    return {name: value[:MAX_CHARS] for name, value in found.items() if value}


def title_of(markup: str) -> str:
    """The <title>, white space collapsed.

    >>> title_of("<title>Fish &amp; Chips </title>")
    'Fish & Chips'
    """
    found = TITLE.search(markup)
    return _plain(found[1])[:MAX_CHARS] if found else ""


def _plain(value: str) -> str:
    return " ".join(html.unescape(value).split())


def _elements(head: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Values of meta elements by lower-case name, and addresses of link elements by relation."""
    meta: dict[str, list[str]] = {}
    links: dict[str, str] = {}
    for tag in TAG.finditer(head):
        attributes = _attributes(tag[2])
        if tag[1].lower() == "link":
            for relation in attributes.get("rel", "").lower().split():
                links.setdefault(relation, attributes.get("href", ""))
        elif value := _plain(attributes.get("content", "")):
            for key in ("name", "property", "itemprop"):
                if key in attributes:
                    meta.setdefault(attributes[key].lower(), []).append(value)
    return meta, links


def _attributes(markup: str) -> dict[str, str]:
    return {
        name.lower(): double or single or bare
        for name, double, single, bare in ATTRIBUTE.findall(markup)
    }


def _works(head: str) -> Iterator[Mapping[str, Any]]:
    """The JSON-LD objects that have an author, a date or a licence, in their order."""
    for block in list(LD_JSON.finditer(head))[:MAX_LD_BLOCKS]:
        try:
            value = json.loads(block[1])
        except (ValueError, RecursionError):
            continue
        items = value if isinstance(value, list) else [value]
        for item in items:
            graph = item.get("@graph") if isinstance(item, dict) else None
            for work in graph if isinstance(graph, list) else [item]:
                if isinstance(work, dict) and not work.keys().isdisjoint(
                    ("datePublished", "author", "license")
                ):
                    yield work


def _first(meta: Mapping[str, list[str]], names: tuple[str, ...]) -> str:
    return next((meta[name][0] for name in names if name in meta), "")


def _text(value: object) -> str:
    return _plain(value) if isinstance(value, str) else ""


def _authors(meta: Mapping[str, list[str]], work: Mapping[str, Any]) -> list[str]:
    named = next((meta[name] for name in AUTHORS if name in meta), [])
    if not named:
        people = work.get("author")
        people = people if isinstance(people, list) else [people]
        named = [_text(p.get("name") if isinstance(p, dict) else p) for p in people]
    kept = [name for name in named if name and not name.startswith(("http:", "https:"))]
    return list(dict.fromkeys(kept))[:MAX_AUTHORS]


def _date(meta: Mapping[str, list[str]], work: Mapping[str, Any]) -> str:
    stated = [*(meta[name][0] for name in DATES if name in meta), work.get("datePublished")]
    return next((iso for value in stated if (iso := iso_date(value))), "")


def _licence(
    meta: Mapping[str, list[str]], links: Mapping[str, str], work: Mapping[str, Any], markup: str
) -> str:
    """As SPDX names it where it is Creative Commons, else the address or words given."""
    anchor = LICENCE_LINK.search(markup) if "license" in markup else None
    stated = (
        links.get("license", ""),
        _attributes(anchor[1]).get("href", "") if anchor else "",
        _text(work.get("license")),
        _first(meta, LICENCES),
    )
    value = next((one for one in stated if one), "")
    return commons_name(value) or value


def _canonical(links: Mapping[str, str], meta: Mapping[str, list[str]], url: str | None) -> str:
    stated = links.get("canonical") or _first(meta, ("og:url",))
    try:
        address = urljoin(url or "", html.unescape(stated.strip())) if stated else ""
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) else ""


def _language(head: str) -> str:
    found = LANGUAGE.search(head)
    return found[1] if found else ""
