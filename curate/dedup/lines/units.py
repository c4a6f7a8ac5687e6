"""Lines, paragraphs and sentences of a text: where they are, and one number each to compare by.

Enters: a text. Leaves: the tiles it is made of (each with the white space behind it, so that together
they are the text) and, tile by tile, a 64-bit hash of its normalised form and its number of words; the
hash is 0 where there is nothing to compare. The decision: a text is normalised once, as a whole, by a
table of characters, and the tiles are told apart by the line feeds between them; only the hash itself
is a call per tile.

Normalised as Wenzek et al. 2020 (CCNet, arXiv:1911.00359, §3.1) write it: lower case, every digit 0,
no punctuation, no accents. `cc_net`'s own `normalize_for_dedup` keeps accents and ASCII punctuation.
Here symbols go with the punctuation and white space is one space; the vowel signs of Indic scripts are
letters, not accents. What then holds no letter (blank lines, rules, bare numbers) is never compared.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from curate.words import SENTENCE_TERMINALS, unspaced_chars

Unit = Literal["line", "paragraph", "sentences"]
NORMALISATION = (
    "ccnet-1"  # another rule of comparison is another name: published hashes depend on it
)
BLOCK_CHARS = 1 << 20
MOST_WORDS = 2**15 - 1
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_ANYWHERE = "。！？｡"  # these end a sentence without white space behind them
_CLOSERS = "\"'”’»)\\]」』）】"
# `re` tries the marks beyond the basic plane (of historic scripts) one by one at every character, which
# makes it ten times slower: a text in those ends its sentences at line ends.
_MARKS = re.escape("".join(sorted(mark for mark in {*SENTENCE_TERMINALS, "…"} if mark < "\uffff")))
# Runs of marks are bounded, so that a line of a million full stops is not looked at a million times.
_SENTENCE_END = re.compile(
    rf"""[{_MARKS}\n] (?:
      (?<=\n)
    | (?<=[{_ANYWHERE}]) [{_MARKS}{_CLOSERS}]{{0,64}}+ (?!\s*+[a-z])
    | (?<!\b[A-Z]\.) (?<!\b(?:Mr|Dr|St|Nr|No|vs|cf|al)\.) (?<!\b(?:Mrs|Fig|etc|bzw)\.)
      (?<!\b(?:e\.g|i\.e|z\.B)\.) (?<!\bProf\.) [{_MARKS}{_CLOSERS}]{{0,64}}+ (?=\s) (?![^\S\n]++[a-z])
    )\s*+""",
    re.VERBOSE,
)
_LETTER = re.compile(r"[^\W\d_]")
_ACCENTS = ((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE2F))
_UNKNOWN = 0xFFFFFFFF
_table = np.full(0x110000, _UNKNOWN, np.uint32)  # a code point as it is compared; 0: it goes


def tiles(text: str, unit: Unit) -> list[int]:
    """Where each tile begins, and the end of the text: n + 1 places for n tiles.

    A line ends at a line feed, a paragraph at a blank line (as in `Text`), a sentence at a line feed
    too: headings and list entries have no full stop. A number with a stop ("1.") begins a sentence.

    >>> tiles("One. Two.\\nThree", "sentences"), tiles("One.\\nTwo.\\n\\nThree", "paragraph")
    ([0, 5, 10, 15], [0, 11, 16])
    """
    if unit == "sentences":
        ends = _sentence_ends(text)
    else:
        border = "\n" if unit == "line" else _PARAGRAPH_END
        ends = [match.end() for match in re.finditer(border, text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return [0, *ends]


def _sentence_ends(text: str) -> list[int]:
    ends = []
    looked = 0  # there is no letter between the last end and here
    for match in _SENTENCE_END.finditer(text):
        if "\n" in match.group() or _LETTER.search(text, looked, match.start()):
            ends.append(match.end())
        looked = match.end()
    return ends


def hashed(
    text: str, unit: Unit, most_words: int, seed: int = 0
) -> tuple[list[int], NDArray[np.int16]]:
    """Of n tiles: n hashes (0: not compared), and (n,) words, counted up to `most_words`.

    A character of a script without spaces is a word. `seed`: equal tiles of different seeds differ.
    """
    found, counts = [], []
    for piece in normalised(text, unit):
        if not piece.strip(b"0 "):
            found.append(0)
            counts.append(0)
            continue
        number = len(piece.split(None, most_words))
        if number < most_words and not piece.isascii():
            number = max(number, unspaced_chars(piece.decode()))
        counts.append(min(number, most_words))
        found.append(xxh3_64_intdigest(piece.strip(), seed) or 1)
    return found, np.array(counts, np.int16)


def normalised(text: str, unit: Unit) -> list[bytes]:
    """The tiles as they are compared, in UTF-8, but for a space around them.

    >>> normalised("Élan, 1999!\\n--\\nDON’T", "line")
    [b'elan 0000', b'', b'dont']
    """
    if unit == "line":
        lines = text[:-1] if text.endswith("\n") else text
    else:
        flat, places = text.replace("\n", " "), tiles(text, unit)
        lines = "\n".join([flat[start:end] for start, end in zip(places, places[1:], strict=False)])
    if lines.isascii():
        found = lines.encode().translate(_ASCII, _ASCII_GONE)
    else:
        lines = unicodedata.normalize("NFC", lines)
        blocks = range(0, len(lines), BLOCK_CHARS)
        found = b"".join(_mapped(lines[start : start + BLOCK_CHARS]) for start in blocks)
    while b"  " in found:
        found = found.replace(b"  ", b" ")
    return found.split(b"\n")


def _mapped(text: str) -> bytes:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    mapped = _table[codes]
    if (mapped == _UNKNOWN).any():
        for code in np.unique(codes[mapped == _UNKNOWN]).tolist():
            _table[code] = _compared(chr(code))
        mapped = _table[codes]
    kept: bytes = mapped[mapped != 0].tobytes()
    return kept.decode("utf-32-le").encode()


def _compared(char: str) -> int:
    """The code point that stands for a character; 0 for one that is left out. One for one, because
    the context of a character must not change what it is compared as."""
    if char.isspace():
        return ord("\n" if char == "\n" else " ")
    if char.isdecimal():
        return ord("0")
    if not (char.isalnum() or unicodedata.category(char) in ("Mn", "Mc")) or _is_accent(char):
        return 0
    parts = unicodedata.normalize("NFD", char.casefold())
    plain = "".join(part for part in parts if not _is_accent(part))
    whole = unicodedata.normalize("NFC", plain)
    return ord(whole) if len(whole) == 1 else ord(char)


def _is_accent(char: str) -> bool:
    """A combining mark that is no letter's part, or a variation selector."""
    code = ord(char)
    return any(low <= code <= high for low, high in _ACCENTS) or 0xE0100 <= code <= 0xE01EF


_ASCII = bytes(_compared(chr(code)) or 0x20 for code in range(128)) + bytes(128)
_ASCII_GONE = bytes(code for code in range(128) if not _compared(chr(code)))
