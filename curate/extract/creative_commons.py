"""Creative Commons licences by their SPDX names.

In: an address or words. Out: a name such as `CC-BY-4.0`. The decision: only what is said is named:
words without a version give a name without one, and an address of anything else gives none.
"""

from __future__ import annotations

import re

COMMONS = re.compile(
    r"creativecommons\.org/(licenses|publicdomain)/([a-z\-]{1,40})(?:/(\d\.\d))?", re.IGNORECASE
)
WORDS = re.compile(
    r"creative\s{1,9}commons\s([a-z\s\-]{1,80}?)(?:(\d\.\d)[a-z\s()]{0,40}?)?\blicen[cs]e", re.I
)
MARKS = re.compile(  # `CC by Jane` is no licence
    r"\b(?:CC (?=BY)|(?i:CC-))((?i:BY(?:-(?:NC|ND|SA)){0,2}))(?:[ -](\d\.\d))?(?![\w-])"
)
ZERO = re.compile(r"\bCC[ -]?0(?![\w.])(?:[ -]1\.0)?", re.I)
TERMS = re.compile("by(?:-(?:nc|nd|sa))*")
SPELT = {"attribution": "BY", "noncommercial": "NC", "noderiv": "ND", "sharealike": "SA"}
PUBLIC_DOMAIN = {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}


def commons_name(stated: str) -> str | None:
    """The SPDX name of the Creative Commons licence at an address or named in words.

    >>> commons_name("http://creativecommons.org/licenses/by-nc/4.0/")
    'CC-BY-NC-4.0'
    >>> commons_name("the Creative Commons Attribution License")
    'CC-BY'
    >>> commons_name("Creative Commons Attribution-ShareAlike 4.0 International License")
    'CC-BY-SA-4.0'
    """
    if found := COMMONS.search(stated):
        return _at_address(found[1].lower(), found[2].lower(), found[3])
    if found := MARKS.search(stated):
        return _joined(found[1].upper(), found[2])
    if found := WORDS.search(stated):
        said = re.sub(r"[\s\-]", "", found[1].lower())
        parts = [mark for word, mark in SPELT.items() if word in said]
        return _joined("-".join(parts), found[2]) if parts else None
    return "CC0-1.0" if ZERO.search(stated) else None


def _at_address(kind: str, name: str, version: str | None) -> str | None:
    if kind == "publicdomain":
        return PUBLIC_DOMAIN.get(name)
    if name == "publicdomain":
        return "CC-PDDC"
    return _joined(name.upper(), version) if TERMS.fullmatch(name) else None


def _joined(terms: str, version: str | None) -> str:
    return "-".join(part for part in ("CC", terms, version) if part)
