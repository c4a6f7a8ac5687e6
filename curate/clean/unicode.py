"""Characters as their author meant them: mojibake mended, NFC, nothing invisible.

In: any text. Out: text whose every character can be seen, except newline, tab and the joiners that
change how scripts are drawn. The decision: mend what is broken, never restyle what is right.

Of ftfy (Speer 2019, doi:10.5281/zenodo.2591652), on: mojibake (with all its sub-fixes), C1 controls
read as Windows-1252, Latin ligatures (`ﬁ` of PDFs), line breaks, surrogate pairs, terminal escapes,
control characters. Off, because it would destroy wanted characters:

* `uncurl_quotes`: typographic quotes are orthography;
* `fix_character_width`: `，！？（）` are the standard punctuation of Chinese and Japanese;
* `unescape_html`: an extractor has decoded entities already; the `&amp;` that is left is the subject
  of a text about HTML, or code;
* NFKC: turns 10³ into 103.

Then every invisible character goes: C0 (newline and tab stay), zero-width space, soft hyphen,
bidirectional controls, byte order marks, tag characters (they can carry hidden text; they stay in
flag emoji), noncharacters, Hangul fillers, and private-use code points (icon fonts). Zero-width
joiner and non-joiner stay: Persian, Indic scripts and emoji need them.
"""

from __future__ import annotations

import re
import unicodedata

from ftfy import TextFixerConfig, fix_text

from curate.step import Edit

CONFIG = TextFixerConfig(
    unescape_html=False,
    uncurl_quotes=False,
    fix_character_width=False,
    normalization="NFC",
    explain=False,
)
_PAGE_BREAKS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_TERMINAL_ESCAPE = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]")
# A line whose only non-ASCII characters are these holds no mojibake: that needs a lead byte, which is
# a letter or a sign in every encoding.
_SUSPECT = re.compile("[^\x00-\x7f\xa0\u2010-\u2015\u2018-\u201d\u2022\u2026]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\ue000-\uf8ff"
    "\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
    "|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0000-\U000e007f]+"
)


def fix(text: str) -> str:
    """Mend encoding faults, compose (NFC) and remove what cannot be seen.

    Lines are mended one by one; those of ASCII and typographic punctuation are left out.

    >>> fix("schÃ¶n\\u200b â\\x80\\x94 \\u201c10³\\u201d")
    'schön — “10³”'
    """
    text = _PAGE_BREAKS.sub("\n", text) if text.isascii() else _mend(text)
    if "\x1b" in text:
        text = _TERMINAL_ESCAPE.sub("", text)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def _mend(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        _PAGE_BREAKS.sub("\n", fix_text(line, CONFIG) if _SUSPECT.search(line) else line)
        for line in lines
    )


UNICODE = Edit(
    "unicode",
    fix,
    "ftfy (Speer 2019, doi:10.5281/zenodo.2591652); Unicode Standard Annex #15 (NFC)",
)
