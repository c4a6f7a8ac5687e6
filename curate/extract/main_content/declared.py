"""What a page says of itself: its title, description, kind and address, and its text in JSON-LD.

In: the page's title, meta elements and arrays, its markup and its address. Out: columns. The decision: a page that
repeats its text for machines (`articleBody`) is believed only segment by segment, as one feature
among others: the copy is often cut short, or of another page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

import numpy as np

from curate.extract.main_content import structure
from curate.extract.main_content.arrays import TAG_INDEX, Columns, Page, log_distance
from curate.extract.main_content.characters import Array

HEAD_CHARS = 200_000
OG_TYPE = re.compile(r"[\"'][^>]{0,40}content=[\"']([\w.:]+)")
OG_GROUPS = ("article", "website", "product")
LD_TYPE = re.compile(r'\s*:\s*"(\w+)"')
LD_GROUPS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "Article NewsArticle BlogPosting TechArticle Report",
        "Product Offer",
        "DiscussionForumPosting QAPage Question",
        "CollectionPage ItemList",
        "Organization LocalBusiness Service",
        "FAQPage",
        "Recipe",
        "WebPage",
    )
)
LD_BODY = re.compile(r'\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
ADDRESS_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"forum|thread|topic|/t/|discussion|questions",
        r"product|shop|/p/|/dp/",
        r"categor|collection|/tag|archive",
        r"blog|news|article|/20\d\d/",
        r"docs|documentation|/api|guide|reference|manual",
        r"service|about|contact",
    )
)
DESCRIPTIONS = frozenset(("description", "og:description", "twitter:description"))
WORD = re.compile(r"\w+")
START_WORDS, START_CHARS = 8, 200
MIN_BODY_WORDS = 20
MAX_BODY_CHARS = 100_000  # each segment is looked for in it
TITLE_LIKE_WORDS = 60


def title(page: Page, stated: str) -> Iterator[Columns]:
    """Words shared with the title, and the distance to the segment that shows it on the page."""
    words = set(stated.lower().split())
    common, own = page.in_common(words), np.maximum(page.counts.words, 1)
    yield ["of_title", "is_title"], (common / max(len(words), 1), common / own)
    f1 = 2 * common / (len(words) + np.clip(page.counts.words, 1, TITLE_LIKE_WORDS))
    first = page.tag == TAG_INDEX["h1"]
    rank = f1 + 0.3 * first + 0.1 * page.heading
    shown = int(rank.argmax()) if words else 0
    away = page.row - shown
    yield ["title_f1", "title_rank"], (f1, rank / max(rank.max(), 0.01))
    yield ["title_distance", "after_title"], (log_distance(away), away > 0)
    h1 = int(first.argmax())
    present = bool(first[h1])
    yield ["h1_distance"], log_distance(page.row - h1) * present
    yield ["page_title_f1"], f1[shown]
    yield ["page_has_h1"], present


def description(page: Page, metas: Iterable[Mapping[str, str]]) -> Iterator[Columns]:
    """Words shared with the description in the page's head, which often is the text's beginning."""
    words: set[str] = set()
    for meta in metas:
        if (meta.get("name") or meta.get("property") or "").lower() in DESCRIPTIONS:
            words.update((meta.get("content") or "").lower().split())
    common = page.in_common(words)
    covered = common / max(len(words), 1)
    yield ["of_description", "is_description"], (covered, common / np.maximum(page.counts.words, 5))
    distance = log_distance(page.row - int(common.argmax())) * bool(words)
    yield ["description_distance"], distance
    yield ["page_shows_description"], covered.max()


def body(page: Page, markup: str) -> Iterator[Columns]:
    """Does the text in JSON-LD hold the segment's first words?"""
    found = max((_body(markup, at) for at in _ends(markup, '"articleBody"')), key=len, default="")
    words = WORD.findall(found.lower())
    inside = np.zeros(len(page.texts))
    if len(words) > MIN_BODY_WORDS:
        text = f" {' '.join(words)} "[:MAX_BODY_CHARS]
        for row, own in enumerate(page.texts):
            start = WORD.findall(own[:START_CHARS].lower())[:START_WORDS]
            inside[row] = len(start) > 2 and f" {' '.join(start)} " in text
    yield ["in_body"], inside
    yield ["page_in_body"], inside.any()
    prose_words = page.counts.words[structure.sentence_chars(page) > 0].sum()
    yield ["page_body_ratio"], min(len(words) / max(prose_words, 1), 2)


def kind(markup: str) -> Iterator[Columns]:
    """Which sort of page the head says it is."""
    found = (OG_TYPE.match(markup, at) for at in _ends(markup[:HEAD_CHARS], "og:type"))
    declared = next((match[1] for match in found if match), "")
    yield [f"og_{group}" for group in OG_GROUPS], _rows(map(declared.startswith, OG_GROUPS))
    matches = (LD_TYPE.match(markup, at) for at in _ends(markup, '"@type"'))
    types = frozenset(match[1] for match in matches if match)
    names = [f"ld_{index}" for index in range(len(LD_GROUPS))]
    yield names, _rows(not types.isdisjoint(group) for group in LD_GROUPS)


def address(url: str | None) -> Iterator[Columns]:
    """The shape of the page's address."""
    url = url or ""
    try:
        path = urlsplit(url).path.strip("/")
    except ValueError:  # a bracket that is no IPv6 address
        path = ""
    yield ["address_depth"], path.count("/") + bool(path)
    yield ["address_chars"], len(path) / 20
    yield ["address_root"], not path
    yield ["address_hyphens"], path.count("-")
    names = [f"address_{index}" for index in range(len(ADDRESS_PATTERNS))]
    yield names, _rows(pattern.search(url) is not None for pattern in ADDRESS_PATTERNS)


def _rows(values: Iterable[bool]) -> Array:
    return np.array(list(values), np.float64)[:, None]


def _ends(markup: str, key: str) -> Iterator[int]:
    """Where each occurrence of a key ends; far faster than a regular expression that begins with it."""
    at = markup.find(key)
    while at >= 0:
        yield at + len(key)
        at = markup.find(key, at + len(key))


def _body(markup: str, at: int) -> str:
    """The JSON string after a key; "" if there is none."""
    match = LD_BODY.match(markup, at)
    try:
        return str(json.loads(match[1], strict=False)) if match else ""
    except ValueError:
        return ""
