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
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from curate.extract.creative_commons import commons_name
from curate.extract.iso_date import iso_date

HEAD_CHARS = 400_000
MAX_CHARS = 300
MAX_VALUE_CHARS = 4000  # more is no name; and Python refuses to read a number of more digits
MAX_AUTHORS = 20
# As a browser reads a tag: a quote opens a value only behind an equals sign, and a `>` in one ends
# nothing. Matches whatever follows the name, so that no page makes it look at a place twice.
INSIDE = r"""((?:[^>=]|=\s*+(?:"[^"]{0,4000}"|'[^']{0,4000}')?)*+)"""
TAG = re.compile(rf"<(html|meta|link)\b{INSIDE}", re.IGNORECASE)
ANCHOR = re.compile(rf"<a\b{INSIDE}", re.IGNORECASE)
SCRIPT = re.compile(rf"<script\b{INSIDE}>?", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([\w:.-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
TITLE = re.compile(r"<title\b[^<>]{0,500}>", re.IGNORECASE)
END_TITLE = re.compile(r".{0,2000}?(?=</title)", re.IGNORECASE | re.DOTALL)
END_SCRIPT = re.compile(r"</script", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*")
BY = re.compile(r"^by\s+", re.IGNORECASE)
MAX_LD_BLOCKS = 10
MAX_LD_CHARS = 100_000
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
PUBLISHERS = ("og:site_name", "citation_journal_title")
READ = frozenset((*AUTHORS, *DATES, *LICENCES, *PUBLISHERS, "og:title", "og:url"))
RELATIONS = re.compile("canonical|license", re.IGNORECASE)


def page_labels(markup: str, url: str | None = None) -> dict[str, str]:
    """Only what the page does say.

    >>> page_labels('<html lang=en><title>Fish &amp; Chips</title><meta name=author content="A. B.">')
    {'title': 'Fish & Chips', 'authors': 'A. B.', 'declared_language': 'en'}
    """
    head = markup[:HEAD_CHARS]
    meta, links, language = _elements(head)
    works = list(_works(head))
    found = {
        "title": title_of(head) or _first(meta, ("og:title",)) or _headline(works),
        "authors": "; ".join(_authors(meta, works)),
        "date": _date(meta, works),
        "licence": _licence(meta, links, works, markup),
        "canonical_url": _canonical(links, meta, url),
        "publisher": _first(meta, PUBLISHERS),
        "declared_language": language,
    }
    return {name: value[:MAX_CHARS] for name, value in found.items() if value}


def title_of(markup: str) -> str:
    """The <title>, white space collapsed.

    >>> title_of("<title>Fish &amp; Chips </title>")
    'Fish & Chips'
    """
    begin = TITLE.search(markup)
    found = END_TITLE.match(markup, begin.end()) if begin else None
    return _plain(found[0])[:MAX_CHARS] if found else ""


def _plain(value: str) -> str:
    return " ".join(html.unescape(value[:MAX_VALUE_CHARS]).split())


def _elements(head: str) -> tuple[dict[str, list[str]], dict[str, str], str]:
    """Values of the meta elements in `READ` by lower-case name, addresses of the link elements in
    `RELATIONS` by relation, and the language of the html element."""
    meta: dict[str, list[str]] = {}
    links: dict[str, str] = {}
    language = None
    for tag in TAG.finditer(head):
        kind = tag[1].lower()
        if kind == "link" and not RELATIONS.search(tag[2]):
            continue
        attributes = _attributes(tag[2])
        if kind == "html":
            stated = attributes.get("lang") or attributes.get("xml:lang") or ""
            language = language or LANGUAGE.match(stated.strip())
        elif kind == "link":
            for relation in attributes.get("rel", "").lower().split():
                links.setdefault(relation, attributes.get("href", ""))
        else:
            keys = (attributes.get(key, "").lower() for key in ("name", "property", "itemprop"))
            named = [key for key in keys if key in READ]
            if named and (value := _plain(attributes.get("content", ""))):
                for key in named:
                    meta.setdefault(key, []).append(value)
    return meta, links, language[0] if language else ""


def _attributes(markup: str) -> dict[str, str]:
    return {
        name.lower(): double or single or bare
        for name, double, single, bare in ATTRIBUTE.findall(markup)
    }


def _works(head: str) -> Iterator[Mapping[str, Any]]:
    """The JSON-LD objects that have an author, a date or a licence, in their order."""
    for block in _ld_blocks(head):
        try:
            value = json.loads(block, strict=False)
        except (ValueError, RecursionError):
            continue
        for item in value if isinstance(value, list) else [value]:
            graph = item.get("@graph") if isinstance(item, dict) else None
            given = graph if isinstance(graph, list) else [item]
            nodes = [node for node in given if isinstance(node, dict)]
            by_id = {str(node.get("@id")): node for node in nodes}
            for node in nodes:
                if not node.keys().isdisjoint(("datePublished", "author", "license")):
                    yield {
                        **node,
                        "author": [_person(one, by_id) for one in _listed(node, "author")],
                    }


def _ld_blocks(head: str) -> Iterator[str]:
    """The contents of the first scripts of JSON-LD. What makes a script one is looked for first:
    most pages have scores of other scripts."""
    for named in islice(re.finditer("ld\\+json", head), MAX_LD_BLOCKS):
        begin = head.rfind("<", max(named.start() - MAX_VALUE_CHARS, 0), named.start())
        tag = SCRIPT.match(head, begin) if begin >= 0 else None
        if tag and tag.end(1) >= named.end():
            end = END_SCRIPT.search(head, tag.end(), tag.end() + MAX_LD_CHARS)
            if end:
                yield head[tag.end() : end.start()]


def _listed(node: Mapping[str, Any], name: str) -> list[Any]:
    value = node.get(name)
    return value if isinstance(value, list) else [value]


def _person(stated: object, by_id: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of a person that is written out, or named by its place in the graph."""
    if isinstance(stated, dict):
        return _text(stated.get("name") or by_id.get(str(stated.get("@id")), {}).get("name"))
    return _text(stated)


def _first(meta: Mapping[str, list[str]], names: tuple[str, ...]) -> str:
    return next((meta[name][0] for name in names if name in meta), "")


def _text(value: object) -> str:
    return _plain(value) if isinstance(value, str) else ""


def _headline(works: Sequence[Mapping[str, Any]]) -> str:
    return next((text for work in works if (text := _text(work.get("headline")))), "")


def _authors(meta: Mapping[str, list[str]], works: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first names that are given; a profile's address is no name."""
    stated = [
        *(meta[name] for name in AUTHORS if name in meta),
        *(work["author"] for work in works),
    ]
    kept = ([BY.sub("", one, 1) for one in names if _is_name(one)] for names in stated)
    return list(dict.fromkeys(next(filter(None, kept), [])))[:MAX_AUTHORS]


def _is_name(value: str) -> bool:
    return bool(value) and not value.lower().startswith(("http:", "https:"))


def _date(meta: Mapping[str, list[str]], works: Sequence[Mapping[str, Any]]) -> str:
    stated: list[object] = [meta[name][0] for name in DATES if name in meta]
    stated += [work.get("datePublished") for work in works]
    return next((iso for value in stated if (iso := iso_date(value))), "")


def _licence(
    meta: Mapping[str, list[str]],
    links: Mapping[str, str],
    works: Sequence[Mapping[str, Any]],
    markup: str,
) -> str:
    """As SPDX names it where it is Creative Commons, else the address or words given."""
    stated = (
        links.get("license", ""),
        _linked_licence(markup) if "license" in markup else "",
        next((text for work in works if (text := _text(work.get("license")))), ""),
        _first(meta, LICENCES),
    )
    value = next((one for one in stated if one), "")
    return commons_name(value) or value


def _linked_licence(markup: str) -> str:
    """Where the first link that says rel=license leads."""
    for tag in ANCHOR.finditer(markup):
        if "license" in tag[1]:
            attributes = _attributes(tag[1])
            if "license" in attributes.get("rel", "").lower().split():
                return attributes.get("href", "")
    return ""


def _canonical(links: Mapping[str, str], meta: Mapping[str, list[str]], url: str | None) -> str:
    stated = links.get("canonical") or _first(meta, ("og:url",))
    try:
        address = urljoin(url or "", html.unescape(stated.strip())) if stated else ""
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) else ""
