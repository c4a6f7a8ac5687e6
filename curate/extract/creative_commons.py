"""Creative Commons licences by their SPDX names.

In: an address or words. Out: a name such as `CC-BY-4.0`. The decision: only what is said is named:
words without a version give a name without one.
"""

from __future__ import annotations

import re

COMMONS = re.compile(
    r"creativecommons\.org/(licenses|publicdomain)/([a-z\-]+)(?:/(\d\.\d))?", re.IGNORECASE
)
COMMONS_WORDS = re.compile(
    r"creative\s+commons\s+([a-z \-]*?)\s*licen[cs]e(?:\s*\(?(CC[ \-][A-Z\-]+))?", re.I
)


def commons_name(address: str) -> str | None:
    """The SPDX name of the Creative Commons licence at an address or named in words.

    >>> commons_name("http://creativecommons.org/licenses/by-nc/4.0/")
    'CC-BY-NC-4.0'
    >>> commons_name("the Creative Commons Attribution License")
    'CC-BY'
    """
    if found := COMMONS.search(address):
        kind, name, version = found[1].lower(), found[2].lower(), found[3]
        if kind == "publicdomain":
            return f"CC0-{version or '1.0'}" if name == "zero" else "CC-PDDC"
        return "-".join(part for part in ("CC", name.upper(), version) if part)
    if found := COMMONS_WORDS.search(address):
        marks = {"attribution": "BY", "noncommercial": "NC", "noderiv": "ND", "sharealike": "SA"}
        said = re.sub(r"[ \-]", "", found[1].lower())
        parts = [mark for word, mark in marks.items() if word in said]
        return "-".join(["CC", *parts]) if parts else None
    return None
