"""The front matter of a Markdown file.

In: a decoded file. Out: what its YAML (`---`), TOML (`+++`) or JSON block says of the document as
labels, and the text without the block. The decision: only a block on the first line that parses to
a mapping is front matter; anything else (a rule, a list, broken YAML) is text and stays. The rest of
the file is Markdown and is not touched.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from curate.extract.iso_date import iso_date

BLOCK = re.compile(
    r"\ufeff?(---|\+\+\+)[ \t]*\r?\n(.*?)(?:^|\n)(?:\1|\.\.\.)[ \t]*(?:\r?\n|$)",
    re.DOTALL | re.MULTILINE,
)
MAX_BLOCK_CHARS = 64 << 10
MAX_LABEL_CHARS = 1000
NAMES: Mapping[str, Sequence[str]] = {  # Jekyll, Hugo, Pandoc, Docusaurus, Hugging Face cards
    "title": ("title",),
    "authors": ("authors", "author", "by"),
    "date": ("date", "pubdate", "published", "publishdate", "created", "lastmod", "updated"),
    "licence": ("license", "licence", "rights", "copyright"),
    "declared_language": ("lang", "language", "locale"),
    "canonical_url": ("canonical_url", "canonicalurl", "canonical", "url"),
    "identifier": ("doi", "identifier", "isbn"),
}


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """Labels, and the text without its front matter.

    >>> split_front_matter("---\\ntitle: A day\\nauthor: [Ann, Ben]\\n---\\n# One\\n")
    ({'title': 'A day', 'authors': 'Ann; Ben'}, '# One\\n')
    """
    found = (
        BLOCK.match(text, 0, MAX_BLOCK_CHARS)
        if text[:4].strip("\ufeff")[:3] in ("---", "+++")
        else None
    )
    labels = _parsed(found[1], found[2]) if found else None
    if found is None or labels is None:
        return {}, text
    return labels, text[found.end() :].lstrip("\r\n")


def _parsed(mark: str, block: str) -> dict[str, str] | None:
    """The labels of the block; None if it is no mapping, or holds a value that is none."""
    block = block.replace("\r", "")
    try:
        stated = tomllib.loads(block) if mark == "+++" else yaml.load(block, PlainLoader)
        if not isinstance(stated, dict):
            return None
        return _labels({str(key).lower(): value for key, value in stated.items()})
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return None  # PyYAML raises all of these for tags that do not suit their values


class PlainLoader(yaml.SafeLoader):
    """YAML without aliases, which let a small block stand for a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias", None)
        return super().compose_node(parent, index)


def _labels(stated: Mapping[str, Any]) -> dict[str, str]:
    labels = {}
    for label, names in NAMES.items():
        values = (stated[name] for name in names if name in stated)
        words = (iso_date(value) if label == "date" else _words(value) for value in values)
        if found := next((word for word in words if word), ""):
            labels[label] = found[:MAX_LABEL_CHARS]
    return labels


def _words(value: Any) -> str:
    """A name, or several; an author may be a mapping with one."""
    if isinstance(value, list):
        return "; ".join(word for one in value if (word := _words(one)))
    if isinstance(value, dict):
        return _words(value.get("name") or value.get("text") or "")
    return "" if value is None or isinstance(value, bool) else " ".join(str(value).split())
