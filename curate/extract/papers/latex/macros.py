"""The author's own commands: collected, and put where they are used.

In: TeX. Out: TeX without the definitions, the commands replaced by what they stand for. The
decision: definitions are taken in the order they stand, the last wins, and only plain ones (up to
nine arguments, one of them optional) are followed; expansion is bounded in depth and in what it may
add, so a bomb stays as it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from curate.extract.papers.latex.braces import argument, match_braces, option, skip_blank

DEFINITION = re.compile(
    r"\\(?P<kind>(?:re|provide)?newcommand|providecommand|DeclareRobustCommand|DeclareMathOperator"
    r"|[gex]?def|let|newtheorem|(?:re)?newenvironment)\b\*?"
)
NAME = re.compile(r"\s*\{?\s*(\\[a-zA-Z@]+)\s*\}?")
PARAMETERS = re.compile(r"((?:#\d)*)\s*(?=\{)")
COUNT = re.compile(r"\s*\[\s*(\d)\s*\]")
LET = re.compile(r"\s*\\([a-zA-Z@]+)\s*=?\s*(\\[a-zA-Z@]+|.)")
PLACE = re.compile(r"#(\d)")
TOKEN = re.compile(r"\\[a-zA-Z]+|[^\\{}\s$&]")
COMMAND = re.compile(r"\\([a-zA-Z]+)")
MAX_BODY_CHARS = 4000
MAX_DEPTH = 10
ADDED_CHARS, ADDED_RATIO = 500_000, 2  # what macros may add: this much, and of the text
FREE_DEPTH = 3  # deeper ones count
MAX_NESTED = 10_000
NEVER = frozenset(
    ["begin", "end", "item", "section", "subsection", "subsubsection", "chapter", "part", "title",
     "author", "date", "abstract", "cite", "citep", "citet", "ref", "eqref", "label", "caption",
     "footnote", "paragraph", "input", "include", "documentclass", "usepackage", "maketitle",
     "bibliography", "textbf", "emph", "thanks", "and", "par", "left", "right", "frac", "url", "href"]
)  # fmt: skip


@dataclass(frozen=True)
class Macro:
    """`default` is the first argument's, which is optional then."""

    body: str
    arguments: int = 0
    default: str | None = None


def collect(text: str) -> tuple[str, dict[str, Macro], dict[str, str]]:
    """The text without its definitions, the macros, and the titles of theorem environments."""
    pairs = match_braces(text)
    macros: dict[str, Macro] = {}
    theorems: dict[str, str] = {}
    parts, at = [], 0
    for found in DEFINITION.finditer(text):
        if found.start() < at:
            continue
        end = _define(text, found, pairs, macros, theorems)
        if end is not None:
            parts.append(text[at : found.start()])
            at = end
    return "".join([*parts, text[at:]]), macros, theorems


def _define(
    text: str,
    found: re.Match[str],
    pairs: dict[int, int],
    macros: dict[str, Macro],
    theorems: dict[str, str],
) -> int | None:
    """Behind the definition; None if it is not one that can be followed."""
    kind, at = found["kind"], found.end()
    if kind == "newtheorem":
        return _theorem(text, at, pairs, theorems)
    if kind.endswith("newenvironment"):
        return _environment(text, at, pairs)
    if kind == "let":
        given = LET.match(text, at)
        if given:
            _add(macros, given[1], Macro(given[2]))
        return given.end() if given else None
    name = NAME.match(text, at)
    if not name:
        return None
    at, count, default = name.end(), 0, None
    if kind.endswith("def"):
        parameters = PARAMETERS.match(text, at)
        if not parameters:
            return None
        at, count = parameters.end(), len(parameters[1]) // 2
    elif number := COUNT.match(text, at):
        at, count = number.end(), int(number[1])
        if given_default := option(text, at):
            default, at = text[given_default[0] : given_default[1]], given_default[2]
    body = argument(text, at, pairs)
    if body is None:
        return None
    content = text[body[0] : body[1]]
    if kind == "DeclareMathOperator":
        content = f"\\operatorname{{{content}}}"
    _add(macros, name[1][1:], Macro(content, count, default))
    return body[2]


def _add(macros: dict[str, Macro], name: str, macro: Macro) -> None:
    if (
        name.isalpha()
        and name not in NEVER
        and "@" not in macro.body
        and len(macro.body) <= MAX_BODY_CHARS
    ):
        macros[name] = macro


def _theorem(text: str, at: int, pairs: dict[int, int], theorems: dict[str, str]) -> int | None:
    name = argument(text, at, pairs)
    if name is None:
        return None
    numbered = option(text, name[2])
    title = argument(text, numbered[2] if numbered else name[2], pairs)
    if title is None:
        return name[2]
    theorems[text[name[0] : name[1]]] = text[title[0] : title[1]]
    within = option(text, title[2])
    return within[2] if within else title[2]


def _environment(text: str, at: int, pairs: dict[int, int]) -> int | None:
    """Behind an environment's definition: what it puts around its content is left out."""
    if (name := argument(text, at, pairs)) is None:
        return None
    at = name[2]
    while given := option(text, at):
        at = given[2]
    for _ in ("begin", "end"):
        if part := argument(text, at, pairs):
            at = part[2]
    return at


class Expansion:
    """Replaces macros by their bodies, within bounds for one document."""

    def __init__(self, macros: dict[str, Macro], size_chars: int) -> None:
        self._macros = macros
        self._left_chars = ADDED_CHARS + ADDED_RATIO * size_chars
        self._left = MAX_NESTED

    def expand(self, text: str, depth: int = 0, within: frozenset[str] = frozenset()) -> str:
        """The text with its macros expanded. `within` are those being expanded, left as they are."""
        if not self._macros or "\\" not in text or depth >= MAX_DEPTH:
            return text
        pairs = match_braces(text)
        parts: list[str] = []
        at = 0
        for found in COMMAND.finditer(text):
            macro = self._macros.get(found[1])
            if macro is None or found.start() < at or found[1] in within:
                continue
            if self._left_chars <= 0 or self._left <= 0:
                break
            taken = (
                None
                if _escaped(text, found.start())
                else _arguments(text, found.end(), macro, pairs)
            )
            if taken is None:
                continue
            values, end = taken
            self._left -= depth >= FREE_DEPTH
            given = [self.expand(value, depth + 1, within) for value in values]
            filled = self._filled(macro.body, given)
            if filled is None:
                break
            body = self.expand(filled, depth + 1, within | {found[1]})
            joined = end == found.end() and body[-1:].isalpha() and text[end : end + 1].isalpha()
            parts += [text[at : found.start()], body, " " if joined else ""]
            at = end
        return "".join([*parts, text[at:]])

    def _filled(self, body: str, given: list[str]) -> str | None:
        """The body with its arguments; None beyond the bound."""
        places = [int(place) for place in PLACE.findall(body)]
        size = len(body) + sum(len(given[n - 1]) for n in places if 0 < n <= len(given))
        self._left_chars -= size
        if self._left_chars < 0:
            return None
        return PLACE.sub(
            lambda place: given[int(place[1]) - 1] if 0 < int(place[1]) <= len(given) else "", body
        )


def _escaped(text: str, at: int) -> bool:
    """Whether the backslash here belongs to the one before it, as in `\\\\newline`."""
    count = 0
    while at > count and text[at - count - 1] == "\\" and count < 16:
        count += 1
    return count % 2 == 1


def _arguments(
    text: str, at: int, macro: Macro, pairs: dict[int, int]
) -> tuple[list[str], int] | None:
    """The arguments of a macro used at `at`, and the place behind them; None if they are not there."""
    values: list[str] = []
    if macro.default is not None:
        given = option(text, at)
        values.append(text[given[0] : given[1]] if given else macro.default)
        at = given[2] if given else at
    while len(values) < macro.arguments:
        if found := argument(text, at, pairs):
            values.append(text[found[0] : found[1]])
            at = found[2]
            continue
        at = skip_blank(text, at)
        token = TOKEN.match(text, at)
        if token is None:
            return None
        values.append(token[0])
        at = token.end()
    return values, at
