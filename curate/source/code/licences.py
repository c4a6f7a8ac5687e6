"""Which licence a text is, or says it is under.

In: the text of a licence file, the head of a source file, a package manifest. Out: an SPDX licence
expression. The decision: a licence is recognised by phrases that no other licence has: titles
to the letter, of longer ones `MATCH_RATIO` of the three-word runs, so that wrapping, comment marks,
punctuation and a changed word do not matter. Several licences in one text are joined by AND, since nothing says
that one may choose. A text with a licence's words and a restriction on top, or with none that is
known, is `NOASSERTION`, as SPDX and GitHub call it.

`GPL-3.0` is said of a text that does not say whether later versions may be chosen too; a notice
that does is `GPL-3.0-only` or `GPL-3.0-or-later`. This is no legal advice.
"""

from __future__ import annotations

import re
from functools import lru_cache

from curate.source.code.licence_texts import (
    ALIASES,
    CREATIVE_COMMONS,
    GNU_NOTICE,
    NOTICES,
    PERMISSIVE,
    PHRASES,
    RIDERS,
)

UNKNOWN = "NOASSERTION"
MATCH_RATIO = 0.8
TITLE_WORDS = 14
MAX_CHARS = 200_000
HEADER_CHARS = 4_000  # a source file names its licence at its top; a BSD text has 1,500
EXPRESSION = re.compile(
    r"[(]*[A-Za-z0-9][\w.+-]*[)]*(?: (?:AND|OR|WITH) [(]*[A-Za-z0-9][\w.+-]*[)]*)*"
)
TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([^\n*#<>\"';]+)")
KNOWN = {name.lower(): name for name in (*PERMISSIVE, *(wording.licence for wording in PHRASES))}
GNU = {None: "GPL", "lesser ": "LGPL", "library ": "LGPL", "affero ": "AGPL"}
CC_PARTS = {"noncommercial": "NC", "sharealike": "SA", "noderivatives": "ND", "noderivs": "ND"}


def licence_of(text: str) -> str:
    """The licences that a licence file holds, as an SPDX expression.

    >>> licence_of("GNU LESSER GENERAL PUBLIC LICENSE\\n  Version 3, 29 June 2007 ...")
    'LGPL-3.0'
    >>> licence_of("All rights reserved.")
    'NOASSERTION'
    """
    found = full_texts(text) or notices(text)
    said = words(text)
    if any(rider in said for rider in RIDERS) and not any("-NC-" in name for name in found):
        return UNKNOWN
    if "LGPL-3.0" in found:  # its text is a supplement to the GPL's, which stands beside it
        found = [licence for licence in found if licence != "GPL-3.0"]
    return " AND ".join(found) or UNKNOWN


def declared(text: str) -> str | None:
    """The licence that a source file names at its top: its SPDX tag, or a licence's words."""
    head = text[:HEADER_CHARS]
    tags = [said for tag in TAG.findall(head) if (said := expression(tag.strip(" \t\r/-")))]
    if tags:
        return _joined(tags)
    lower = head.lower()
    if "licen" not in lower and "permi" not in lower and "copyright" not in lower:
        return None
    return " AND ".join(full_texts(head) or notices(head)) or None


def expression(value: str) -> str | None:
    """What a manifest or tag says, as an SPDX expression; None if it is none.

    >>> expression("mit"), expression("MIT/Apache-2.0"), expression("Apache License, Version 2.0")
    ('MIT', 'MIT OR Apache-2.0', 'Apache-2.0')
    >>> expression("SEE LICENSE IN LICENSE.txt")
    """
    value = " ".join(value.split())
    if alias := ALIASES.get(words(value)):
        return alias
    value = re.sub(r"(?<=[\w.])/(?=\w)", " OR ", value)
    value = re.sub(r" (and|or|with) ", lambda joined: joined[0].upper(), value, flags=re.IGNORECASE)
    if value.count("(") != value.count(")"):
        return None
    if not EXPRESSION.fullmatch(value) or value.upper() in ("UNLICENSED", "NONE", "UNKNOWN"):
        return None
    named = re.sub(r"[\w.+-]+", lambda name: KNOWN.get(name[0].lower(), name[0]), value)
    ids = [name for name in re.findall(r"[\w.+-]+", named) if name not in ("AND", "OR", "WITH")]
    bare = len(ids) == 1 and ids[0] not in KNOWN.values() and not re.search(r"\d", ids[0])
    return None if bare else named


def _joined(expressions: list[str]) -> str:
    """All of several expressions; a choice among them stands in brackets."""
    several = list(dict.fromkeys(expressions))
    if len(several) == 1:
        return several[0]
    return " AND ".join(f"({one})" if " OR " in one else one for one in several)


def is_permissive(licence: str) -> bool | None:
    """Whether the Blue Oak Council lists it: all licences joined by AND, one of those by OR.

    >>> is_permissive("MIT OR GPL-3.0-only"), is_permissive("MIT AND GPL-3.0-only")
    (True, False)
    >>> is_permissive("GPL-2.0-only AND (MIT OR ISC)")
    False
    """
    if licence == UNKNOWN:
        return None
    inner = re.compile(r"\(([^()]*)\)")
    while found := inner.search(licence):
        within = "0BSD" if _all_listed(found[1]) else UNKNOWN
        licence = licence[: found.start()] + within + licence[found.end() :]
    return _all_listed(licence)


def _all_listed(flat: str) -> bool:
    """Whether one of the choices holds only licences on the list, in an expression without brackets."""
    return any(
        all(
            name.split(" WITH ")[0].strip().rstrip("+") in PERMISSIVE
            for name in choice.split(" AND ")
        )
        for choice in flat.split(" OR ")
    )


def words(text: str) -> str:
    """The words of a text in lower case, one space between them."""
    return " ".join(
        re.findall(r"[a-z0-9]+", text[:MAX_CHARS].lower().replace("licence", "license"))
    )


def shingles(said: str, size: int = 3) -> frozenset[tuple[str, ...]]:
    """The runs of three words."""
    parts = said.split()
    return frozenset(zip(*(parts[at:] for at in range(size)), strict=False))


@lru_cache(maxsize=512)
def _phrase(phrase: str) -> frozenset[tuple[str, ...]]:
    return shingles(phrase)


def full_texts(text: str) -> list[str]:
    """The licences whose own words are in the text."""
    all_words = words(text)
    runs = shingles(all_words)

    def said(phrase: str) -> bool:
        if phrase.count(" ") < TITLE_WORDS:
            return phrase in all_words
        wanted = _phrase(phrase)
        return len(wanted & runs) >= MATCH_RATIO * len(wanted)

    found = (
        wording.licence
        for wording in PHRASES
        if all(map(said, wording.phrases)) and not any(map(said, wording.lacks))
    )
    return list(dict.fromkeys([*found, *_creative_commons(all_words)]))


def notices(text: str) -> list[str]:
    """The licences that the text says something is under."""
    said = words(text)
    found = [licence for licence, pattern in NOTICES if re.search(pattern, said)]
    for kind, version, later in re.findall(GNU_NOTICE, said):
        number = version.replace(" ", ".") if " " in version else f"{version}.0"
        found.append(f"{GNU[kind or None]}-{number}-{'or-later' if later else 'only'}")
    return list(dict.fromkeys(found))


def _creative_commons(said: str) -> list[str]:
    found = []
    for parts, version, short, numbers in re.findall(CREATIVE_COMMONS, said):
        kinds = [CC_PARTS[part] for part in parts.split()] or short.upper().split()[1:]
        number = (version or numbers).replace(" ", ".")
        found.append("-".join(["CC", "BY", *kinds, number]))
    return list(dict.fromkeys(found))
