"""A formula of XML to one line of text.

In: an element that holds `tex-math` or MathML. Out: TeX if there is any, else what one would type:
`(a+b)/(2c)`, `x^2`, `√(y)`. The decision: a group of several symbols is put in brackets where the
line would otherwise be ambiguous, and nowhere else.
"""

from __future__ import annotations

import re
from typing import Any

from curate.extract.xml_tree import find, find_all, tag_of

TEX_BODY = re.compile(r"\\begin\s*\{document\}(.*?)\\end\s*\{document\}", re.DOTALL)
SPACED = frozenset("=<>≤≥≈≠≡∼→←⇒∈∉⊂⊆∪∩±×")
SKIPPED = ("annotation", "annotation-xml", "mphantom", "mspace", "none", "mprescripts")


def formula_of(element: Any) -> str:
    """TeX if there is any, else MathML as a line; empty if it is a picture or plain text."""
    if (tex := find(element, "tex-math")) is not None:
        source = "".join(tex.itertext())
        inner = TEX_BODY.search(source)
        body = " ".join((inner[1] if inner else source).split())
        body = body.removeprefix("\\[").removesuffix("\\]").strip().strip("$").strip()
        return f"${body}$" if body else ""
    math = find(element, "math")
    return "" if math is None else linear(math)


def linear(math: Any) -> str:
    """The formula as one line.

    >>> from lxml import etree
    >>> linear(etree.fromstring("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac></math>"))
    '(a+b)/2'
    """
    for note in find_all(math, "annotation"):
        if "tex" in (note.get("encoding") or "").lower() and note.text:
            return f"${' '.join(note.text.strip().strip('$').split())}$"
    return " ".join(_line(math).split())


def _line(element: Any) -> str:
    tag = tag_of(element)
    if not tag or tag in SKIPPED:
        return ""
    parts = [_line(child) for child in element if tag_of(child) not in ("", *SKIPPED)]
    if not parts:
        own = "".join((element.text or "").split()) if tag != "mtext" else element.text or ""
        return f" {own} " if tag == "mo" and own in SPACED else own
    return _layout(tag, parts, element)


def _layout(tag: str, parts: list[str], element: Any) -> str:
    first, rest = parts[0], parts[1:]
    if tag == "mfrac" and rest:
        return f"{_group(first)}/{_group(rest[0])}"
    if tag == "msqrt":
        return f"√({''.join(parts)})"
    if tag == "mroot" and rest:
        return f"root({first}, {rest[0]})"
    if tag in ("msup", "mover") and rest:
        return f"{_group(first)}^{_group(rest[0])}"
    if tag in ("msub", "munder") and rest:
        return f"{_group(first)}_{_group(rest[0])}"
    if tag in ("msubsup", "munderover") and len(rest) > 1:
        return f"{_group(first)}_{_group(rest[0])}^{_group(rest[1])}"
    if tag == "mtable":
        return f"[{'; '.join(parts)}]"
    if tag == "mtr":
        return ", ".join(parts)
    if tag == "mfenced":
        separator = f"{element.get('separators', ',')[:1]} "
        return f"{element.get('open', '(')}{separator.join(parts)}{element.get('close', ')')}"
    return "".join(parts)


def _group(part: str) -> str:
    part = part.strip()
    return (
        part
        if len(part) < 2 or part.isalnum() or (part[0], part[-1]) == ("(", ")")
        else f"({part})"
    )
