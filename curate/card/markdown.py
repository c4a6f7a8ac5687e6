"""Text from documents and recipes inside Markdown, where it stays text.

Enters: any string. Leaves: Markdown that shows it and nothing else: no heading, cell, link, element
or fence of its own. The decision: what could be markup becomes a character reference, because those
can never stand for structure (CommonMark 0.31, §2.5) and are safe in paragraphs, tables and HTML alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from curate.report.text import shown

MOST_CHARS = 400
_MARKUP = re.compile(r"[\\`*{}\[\]<>|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|@")
_LEADING = re.compile(r"^(?:[-+#=]|\d+(?=[.)](?:\s|$)))")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_SECRET = re.compile(
    r"([?&][^=&#\s]*(?:sig|token|key|secret|passw|credential|auth)[^=&#\s]*=)[^&#\s]+", re.I
)

_ABSOLUTE = re.compile(r"^(?:~|[A-Za-z]:)?[\\/](?:[^\\/]+[\\/])+(?=[^\\/]+[\\/][^\\/]+[\\/]?$)")


def inline(value: object) -> str:
    """A value inside a paragraph, a list or a table.

    >>> inline("a|b <c>\\n# d")
    'a&#124;b &#60;c&#62; # d'
    >>> inline("- gopher.word_count")
    '&#45; gopher.word_count'
    """
    text = _MARKUP.sub(_reference, plain(value))
    return _LEADING.sub(lambda found: "".join(map(_numeric, found[0])), text)


def code(value: object) -> str:
    """A value as code, in backticks where they can hold it.

    >>> code("gopher.word_count"), code("a|`b")
    ('`gopher.word_count`', '<code>a&#124;&#96;b</code>')
    """
    text = plain(value)
    simple = text and not set("`|\\") & set(text)
    return f"`{text}`" if simple else f"<code>{inline(text)}</code>"


def fenced(text: str, language: str = "") -> str:
    """A block of code whose fence is longer than any in the text.

    >>> print(fenced("a", "yaml"))
    ```yaml
    a
    ```
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def documents(number: int) -> str:
    """
    >>> documents(1), documents(2000)
    ('1 document', '2,000 documents')
    """
    return f"{number:,} document{'' if number == 1 else 's'}"


def plain(value: object) -> str:
    """A value on one line, without control characters, not endless.

    >>> plain("  a\\n\\tb ")
    'a b'
    """
    text = " ".join(shown(" ".join(str(value).split())).split())
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"


def as_yaml(value: Mapping[str, Any]) -> str:
    """YAML as a person reads it; characters that would disturb a page are written as escapes."""
    text: str = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)
    if shown(text) != text:
        text = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=False, width=100)
    return text


def publishable(value: Any) -> Any:
    """Plain data whose URLs carry no user, password, signature or key, and whose absolute paths do
    not tell how the folders of this machine are called.

    >>> publishable(["https://me:pw@example.org/a?sig=abc&b=1", "/home/me/crawl/*.warc.gz"])
    ['https://example.org/a?sig=***&b=1', '…/crawl/*.warc.gz']
    """
    if isinstance(value, str):
        if "://" not in value:
            return _ABSOLUTE.sub("…/", value)
        return _SECRET.sub(r"\1***", _CREDENTIALS.sub("", value))
    if isinstance(value, Mapping):
        return {key: publishable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [publishable(item) for item in value]
    return value


def _reference(found: re.Match[str]) -> str:
    return "".join(map(_numeric, found[0]))


def _numeric(character: str) -> str:
    return f"&#{ord(character)};"
