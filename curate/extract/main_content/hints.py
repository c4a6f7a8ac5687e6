"""What an element's tag, class, id and role hint at, as bits.

In: an element. Out: an integer, a bit a hint. The decision: sites name their parts with a small
vocabulary (Peters & Lecocq, WWW 2013, §3.2: class and id tokens are the strongest single feature),
so a word list beats hashing names on a few hundred training pages.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from lxml import etree

SECTIONS: tuple[str, ...] = tuple(
    "nav header footer aside form article main section ul ol table figure blockquote dl details "
    "dialog noscript".split()
)
NAMES: tuple[str, ...] = (  # looked for in " class id ", camelCase split, all else made blanks
    "article", "content", "post|entry", "body", "main", "text|txt",
    "story|prose|richtext|rte|wysiwyg|markdown", "product|item", "desc",
    "summary|excerpt|teaser|intro|lead|abstract", "title|headline|heading", "nav", "menu",
    "sidebar|side bar|rail|aside", "foot", "head", "comment|disqus|reply|replies|respons",
    "share|social|follow",
    "relat|similar|also|more|recommend|suggest|trending|popular|latest|recent",
    "promo|sponsor|advert|banner| ad | ads |adsense", "widget|module|block",
    "cookie|consent|gdpr|privacy", "modal|popup|overlay|dialog|lightbox|tooltip",
    "newsletter|subscri|signup|sign up|login|register", "crumb", "pagina|pager|next|prev",
    "tag|categor|topic", "meta|byline|author|info|date|time|published",
    "card|tile|grid|list|row|col", "hidden|hide|screen reader|sr only|visually|offscreen|collapse|skip",
    "print|toolbar|button|btn|cta|action",
    "forum|thread|message|msg|topic|answer|question|discussion", "review|rating|star|testimonial",
    "price|cart|shop|buy|spec|detail|feature", "toc|contents|index",
    "caption|image|img|photo|gallery|media|figure|video", "code|highlight|syntax|pre",
    "legal|copyright|disclaimer|license", "search|filter|sort|facet",
    "user|profile|avatar|member|signature| sig ", "faq|accordion|tab|panel|step",
    "hero|jumbotron|cover|splash", "quote|pull", "footnote|reference|citation|reflist|note",
    " ref |bio|about",
)  # fmt: skip
ROLES = ("body_property", "main_role", "navigation_role", "hidden")
COUNT = len(SECTIONS) + len(NAMES) + len(ROLES)

SECTION_BITS = {tag: 1 << bit for bit, tag in enumerate(SECTIONS)}
NAME_BITS: dict[str, list[tuple[str, int]]] = defaultdict(list)  # by the first two letters
for _bit, _name in enumerate(NAMES):
    for _part in _name.split("|"):
        NAME_BITS[_part[:2]].append((_part, 1 << (len(SECTIONS) + _bit)))
BODY_PROPERTY, MAIN_ROLE, NAVIGATION_ROLE, HIDDEN = (
    1 << (len(SECTIONS) + len(NAMES) + bit) for bit in range(len(ROLES))
)
NAVIGATION_ROLES = frozenset(
    "navigation complementary contentinfo banner search dialog alert menu".split()
)
CAMEL = re.compile(r"([a-z])([A-Z])")
NOT_WORD = re.compile(r"[^a-z0-9]+")
NOT_SHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
MAX_NAME_CHARS = 300


def hints_of(element: etree._Element) -> int:
    """All hints of one element."""
    get = element.get
    bits = SECTION_BITS.get(element.tag, 0)
    if names := get("class"):
        bits |= names_hints(names[:MAX_NAME_CHARS])
    if names := get("id"):
        bits |= names_hints(names[:MAX_NAME_CHARS])
    if role := get("role"):
        bits |= MAIN_ROLE if role in ("main", "article") else 0
        bits |= NAVIGATION_ROLE if role in NAVIGATION_ROLES else 0
    if (holds := get("itemprop")) and ("Body" in holds or holds in ("text", "description")):
        bits |= BODY_PROPERTY
    style = get("style")
    if (
        get("hidden") is not None
        or get("aria-hidden") == "true"
        or (style and NOT_SHOWN.search(style))
    ):
        bits |= HIDDEN
    return bits


@lru_cache(1 << 14)
def names_hints(names: str) -> int:
    """The hints of a class or id attribute. Those of a page repeat, so they are remembered."""
    bits = 0
    for token in names.split():
        bits |= token_hints(token)
    return bits


@lru_cache(1 << 16)
def token_hints(token: str) -> int:
    """The hints of one class or id. The web shares a vocabulary of them, so they are remembered."""
    split = CAMEL.sub(r"\1 \2", token).lower()
    plain = f" {NOT_WORD.sub(' ', split)} "
    bits = 0
    for start in range(len(plain) - 1):
        for part, bit in NAME_BITS.get(plain[start : start + 2], ()):
            if plain.startswith(part, start):
                bits |= bit
    return bits
