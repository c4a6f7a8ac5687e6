"""Bytes to text: which character encoding they are in.

In: bytes and what the HTTP header said. Out: text, the encoding (WHATWG's name as Python's codec)
and where it was named. Never raises.

The decision: the order of the HTML Standard §13.2.3 (byte order mark, transport, <meta>, then
detection), but a declaration counts only if the bytes agree with it: bytes that are valid UTF-8 and
not ASCII are UTF-8 whatever a header says, since other encodings do not look so by accident.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Literal

from resiliparse.parse.encoding import map_encoding_to_html5

from curate.extract.letters import guess

By = Literal["bom", "http", "meta", "valid", "detected"]
BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
META = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,512}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""",
    re.IGNORECASE,
)
LANGUAGE = re.compile(
    rb"""<(?:html|body)\b[^>]{0,512}?\blang\s*=\s*["']?([a-z]{2})\b""", re.IGNORECASE
)
SHIFTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x1b\$[@B](?:[!-~]{2})+\x1b\("), "iso2022_jp"),
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"~\{(?:[0-w][!-~]){2}|(?:~\{[0-w][!-~]~\}\s+){2}"), "hz"),
)
META_BYTES = 4096  # the Standard looks at 1,024; real pages put scripts before it
WIDER: dict[str, str] = {  # WHATWG Encoding Standard: the encoding a label stands for on the web
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
    "latin-1": "cp1252",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
}
STATEFUL = ("utf-16", "utf-32", "iso2022", "hz")  # their bytes are valid ASCII or UTF-8 too
NOT_ON_THE_WEB = frozenset(  # Python's own codecs, and UTF-7, which the Standard forbids
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap", "utf_7"}
)
FEW_BROKEN_RATIO = 0.1  # of the non-ASCII characters: damaged UTF-8 rather than another encoding


@dataclass(frozen=True)
class Decoded:
    """`replaced` counts the characters that could not be decoded (U+FFFD stands for them)."""

    text: str
    encoding: str
    by: By
    replaced: int = 0


def decode(content: bytes, declared: str | None = None) -> Decoded:
    """Bytes as text. `declared` is the HTTP header's charset.

    >>> decode(b"caf\\xe9", "ISO-8859-1").text
    'café'
    """
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return _replaced(content[len(mark) :], encoding, "bom")
    candidates = _declared(content, declared)
    for encoding, by in candidates[:1]:
        if encoding.startswith(STATEFUL) and (text := _strict(content, encoding)) is not None:
            return Decoded(text, encoding, by)
    if not candidates and (shifted := _shifted(content)):
        return shifted
    if (text := _strict(content, "utf-8")) is not None:
        named: By = next((by for encoding, by in candidates if encoding == "utf-8"), "valid")
        return Decoded(text, "utf-8", named)
    return _not_utf8(content, candidates)


def _not_utf8(content: bytes, candidates: list[tuple[str, By]]) -> Decoded:
    """The first declared encoding that the bytes agree with, else the one that fits best."""
    tried: list[Decoded] = []
    attempts: list[tuple[str | None, By]] = [
        *candidates,
        (None, "detected"),
        ("cp1252", "detected"),
    ]
    for encoding, by in attempts:
        decoded = _replaced(content, encoding or guess(content, _language(content)), by)
        foreign = len(decoded.text) - len(decoded.text.encode("ascii", "ignore"))
        allowed = FEW_BROKEN_RATIO * foreign if encoding in ("utf-8", None) else 0
        if decoded.replaced <= allowed:
            return decoded
        tried.append(decoded)
    return min(tried, key=lambda decoded: decoded.replaced)


def _shifted(content: bytes) -> Decoded | None:
    """Seven-bit Japanese, Korean or Chinese, known by its escape sequences."""
    if b"\x1b$" not in content and b"~{" not in content:
        return None
    for mark, encoding in SHIFTS:
        if mark.search(content) and (text := _strict(content, encoding)) is not None:
            return Decoded(text, encoding, "detected")
    return None


def _language(content: bytes) -> str | None:
    found = LANGUAGE.search(content[:META_BYTES])
    return found[1].decode("ascii").lower() if found else None


def _declared(content: bytes, http: str | None) -> list[tuple[str, By]]:
    """Declared encodings that can be true, in the order of their authority."""
    found: list[tuple[str, By]] = []
    head = content[:META_BYTES]
    meta = META.search(head)
    wide = b"\0" in head
    if encoding := _codec(http):
        found.append((encoding, "http"))
    if meta and (encoding := _codec(meta[1].decode("ascii", "ignore"))):
        found.append((encoding, "meta"))
    return [pair for pair in found if wide or not pair[0].startswith(("utf-16", "utf-32"))]


def _codec(label: str | None) -> str | None:
    """Python's codec for a label as the web means it; None for an unknown one."""
    if not label:
        return None
    name = map_encoding_to_html5(label, False) or label
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    name = WIDER.get(codec.name, codec.name)
    return (
        name if codec._is_text_encoding and name.replace("-", "_") not in NOT_ON_THE_WEB else None
    )


def _strict(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeError, ValueError):
        return None


def _replaced(content: bytes, encoding: str, by: By) -> Decoded:
    text = content.decode(encoding, "replace")
    return Decoded(text, encoding, by, text.count("\ufffd"))
