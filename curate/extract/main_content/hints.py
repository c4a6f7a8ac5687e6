"""What an element's tag, class, id and role hint at, as bits.

In: an element. Out: an integer, a bit a hint. The decision: sites name their parts with a small
vocabulary (Peters & Lecocq, WWW 2013, §3.2: class and id tokens are the strongest single feature),
so a word list beats hashing names on a few hundred training pages.

Names are remembered whole, by token and by word: of a page never seen, most names are new and most
of their words are not. By word, a new token takes 9 µs and not 16.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

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
PAIR_BITS: list[tuple[str, int]] = []  # of two words
for _bit, _name in enumerate(NAMES):
    for _part in _name.split("|"):
        if " " in _part.strip():
            PAIR_BITS.append((_part, 1 << (len(SECTIONS) + _bit)))
        else:
            NAME_BITS[_part[:2]].append((_part, 1 << (len(SECTIONS) + _bit)))
BODY_PROPERTY, MAIN_ROLE, NAVIGATION_ROLE, HIDDEN = (
    1 << (len(SECTIONS) + len(NAMES) + bit) for bit in range(len(ROLES))
)
NAVIGATION_ROLES = frozenset(
    "navigation complementary contentinfo banner search dialog alert menu".split()
)
MAIN_ROLES = frozenset(("main", "article"))
BODY_PROPERTIES = frozenset(("text", "description"))
OTHER_HINTS = frozenset(("role", "itemprop", "style", "hidden", "aria-hidden"))
CAMEL = re.compile(r"([a-z])([A-Z])")
WORD = re.compile(r"[a-z0-9]+")
NOT_SHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
MAX_NAME_CHARS = 300


def hints_of(tag: str, attributes: Mapping[str, str]) -> int:
    """All hints of one element."""
    bits = SECTION_BITS.get(tag, 0)
    for name, value in attributes.items():
        if name == "class" or name == "id":
            bits |= names_hints(value[:MAX_NAME_CHARS])
        elif name in OTHER_HINTS:
            bits |= _other_hint(name, value)
    return bits


def _other_hint(name: str, value: str) -> int:
    if name == "role":
        navigation = NAVIGATION_ROLE if value in NAVIGATION_ROLES else 0
        return MAIN_ROLE if value in MAIN_ROLES else navigation
    if name == "itemprop":
        return BODY_PROPERTY if "Body" in value or value in BODY_PROPERTIES else 0
    if name == "style":
        return HIDDEN if NOT_SHOWN.search(value) else 0
    return HIDDEN if name == "hidden" or value == "true" else 0  # aria-hidden


@lru_cache(1 << 14)
def names_hints(names: str) -> int:
    """The hints of a class or id attribute. Those of a page repeat, so they are remembered."""
    bits = 0
    for token in names.split():
        bits |= token_hints(token)
    return bits


@lru_cache(1 << 16)
def token_hints(token: str) -> int:
    """The hints of one class or id. Most of a page's are new (`post-4711`), their words are not."""
    lower = token if token.islower() else CAMEL.sub(r"\1 \2", token).lower()
    words = WORD.findall(lower)
    bits = 0
    for word in words:
        if not word.isdigit():
            bits |= word_hints(word)
    if len(words) > 1:
        plain = " ".join(words)
        for part, bit in PAIR_BITS:
            if part in plain:
                bits |= bit
    return bits


@lru_cache(1 << 16)
def word_hints(word: str) -> int:
    """The hints of one word of a class or id. The web shares a vocabulary of them.

    >>> token_hints("post-4711") == word_hints("post") != 0
    True
    """
    plain = f" {word} "
    bits = 0
    for start in range(len(plain) - 1):
        for part, bit in NAME_BITS.get(plain[start : start + 2], ()):
            if plain.startswith(part, start):
                bits |= bit
    return bits
