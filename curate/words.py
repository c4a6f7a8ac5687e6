"""The words of a text in NumPy arrays: the one tokenisation that feeds all measures.

In: a text. Out: where its words begin and end, a 64-bit hash of each, and what is counted per token
(what stands between two pieces of white space). The decision: characters are classified by a table
and everything else is arithmetic on arrays, so a 10 kB page costs .3 ms; regular expressions over the
text and loops over its words cost 2.3 ms.

A word is a run of letters, digits, underscores and combining marks (without the marks, every vowel
sign would end a word of Hindi or Tamil), with single apostrophes and hyphens inside. Memory is bound:
blocks of a quarter million characters, cut at white space; only a longer token is cut inside.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.code_points import Table, code_points, span_hashes, spans

BLOCK_CHARS = 1 << 18

_KNOWN, _WORD, _LETTER, _SPACE, _JOINER, _MARK, _CLOSER, _STOP, _UNSPACED = (
    1 << bit for bit in range(9)
)
_JOINERS = "'’-\u200c\u200d"  # and the (non-)joiners inside words of Persian and Indic scripts
# Unicode's Sentence_Terminal (Unicode Standard Annex #44), with the full-width and half-width stops.
SENTENCE_TERMINALS = frozenset(
    "!.?\u0589\u061d\u061e\u061f\u06d4\u0700\u0701\u0702\u07f9\u0837\u0839\u083d\u083e\u0964"
    "\u0965\u104a\u104b\u1362\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u17d6\u17d9\u17da\u1803"
    "\u1809\u1944\u1945\u1aa8\u1aa9\u1aaa\u1aab\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d\u1b7e\u1c3b\u1c3c"
    "\u1c7e\u1c7f\u203c\u203d\u2047\u2048\u2049\u2e2e\u2e3c\u2e53\u2e54\u3002\ua4ff\ua60e\ua60f"
    "\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d\uaa5e\uaa5f\uaaf0\uaaf1\uabeb"
    "\ufe52\ufe56\ufe57\uff01\uff0e\uff1f\uff61\U00010a56\U00010a57\U00010f55\U00010f56"
    "\U00010f57\U00010f58\U00010f59\U00010f86\U00010f87\U00010f88\U00010f89\U00011047\U00011048"
    "\U000110be\U000110bf\U000110c0\U000110c1\U00011141\U00011142\U00011143\U000111c5\U000111c6"
    "\U000111cd\U000111de\U000111df\U00011238\U00011239\U0001123b\U0001123c\U000112a9\U0001144b"
    "\U0001144c\U000115c2\U000115c3\U000115c9\U000115ca\U000115cb\U000115cc\U000115cd\U000115ce"
    "\U000115cf\U000115d0\U000115d1\U000115d2\U000115d3\U000115d4\U000115d5\U000115d6\U000115d7"
    "\U00011641\U00011642\U0001173c\U0001173d\U0001173e\U00011944\U00011946\U00011a42\U00011a43"
    "\U00011a9b\U00011a9c\U00011c41\U00011c42\U00011ef7\U00011ef8\U00011f43\U00011f44\U00016a6e"
    "\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016e98\U0001bc9f\U0001da88"
)
_STOPS = "。！？"  # these end a sentence wherever they stand
_CLOSERS = "\"'”’)]"
# Scripts that put no space between words: those of Unicode's line breaking class SA (UAX #14: Thai to
# Myanmar, Khmer, Tai), Tibetan, kana, Han and Yi.
UNSPACED_BLOCKS = (
    (0x0E00, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19FF),
    (0x1A20, 0x1AAF),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),
    (0xA000, 0xA4CF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)
_WORDSPACE = "\u1361"  # between the words of Amharic and Tigrinya, where there is no space
_UNSPACED_RUN = re.compile(f"[{''.join(f'{chr(a)}-{chr(b)}' for a, b in UNSPACED_BLOCKS)}]+")


@dataclass(frozen=True)
class Words:
    """Of a text with n words. `starts`, `ends`: (n,) places in the text; `hashes`: (n,) equal for
    equal words; `tokens`, `letter_tokens`: how many there are, and how many hold a letter;
    `sentence_ends`: terminal punctuation before white space or the end, of Chinese and Japanese
    anywhere; `unspaced_chars`: characters of scripts that put no space between words."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    tokens: int
    letter_tokens: int
    sentence_ends: int
    unspaced_chars: int

    @property
    def chars(self) -> NDArray[np.int64]:
        """(n,) lengths of the words in characters."""
        return self.ends - self.starts


def words(text: str) -> Words:
    """The words of a text; linear in its length.

    >>> found = words("It's a well-known fact (2nd).")
    >>> found.chars.tolist(), found.tokens, found.sentence_ends
    ([4, 1, 10, 4, 3], 5, 1)
    """
    blocks = [_block(text[start:end], start) for start, end in spans(text, BLOCK_CHARS)]
    if len(blocks) == 1:
        return blocks[0]
    return Words(
        np.concatenate([block.starts for block in blocks]),
        np.concatenate([block.ends for block in blocks]),
        np.concatenate([block.hashes for block in blocks]),
        sum(block.tokens for block in blocks),
        sum(block.letter_tokens for block in blocks),
        sum(block.sentence_ends for block in blocks),
        sum(block.unspaced_chars for block in blocks),
    )


def unspaced_chars(text: str) -> int:
    """Characters of scripts without spaces, where rules that count words mean nothing.

    >>> unspaced_chars("Tokyo 東京")
    2
    """
    return 0 if text.isascii() else sum(map(len, _UNSPACED_RUN.findall(text)))


def token_count(line: str) -> int:
    """What stands between white space, or the characters of scripts without spaces.

    >>> token_count("read more ..."), token_count("東京 の本"), token_count("ሰው፡ልጅ፡ሁሉ።")
    (3, 4, 3)
    """
    if line.isascii():
        return len(line.split())
    return max(len(line.replace(_WORDSPACE, " ").split()), unspaced_chars(line))


def word_hash(word: str) -> int:
    """The hash that `words` gives a word."""
    return int(_block(word, 0).hashes[0])


def _block(text: str, offset: int) -> Words:
    codes = code_points(text)
    kinds = _kinds[codes]
    inside = _flag(kinds, _WORD)
    joiners = np.flatnonzero(_flag(kinds, _JOINER)[1:-1]) + 1
    inside[joiners[inside[joiners - 1] & inside[joiners + 1]]] = True
    starts, ends = _runs(inside)
    token_starts, token_ends = _runs(~_flag(kinds, _SPACE))
    letters = np.concatenate(([0], np.cumsum(_flag(kinds, _LETTER))))
    return Words(
        starts + offset,
        ends + offset,
        span_hashes(codes, starts, ends),
        len(token_starts),
        int(np.count_nonzero(letters[token_ends] > letters[token_starts])),
        _sentence_ends(kinds, token_starts, token_ends),
        int(np.count_nonzero(kinds & _UNSPACED)),
    )


def _kind(char: str) -> int:
    category = unicodedata.category(char)
    mark = category in ("Mn", "Mc") and not unicodedata.name(char, "").startswith("VARIATION")
    return (
        _KNOWN
        | _WORD * (char.isalnum() or char == "_" or mark)
        | _LETTER * char.isalpha()
        | _SPACE * char.isspace()
        | _JOINER * (char in _JOINERS)
        | _MARK * (char in SENTENCE_TERMINALS and char not in _STOPS)
        | _CLOSER * (char in _CLOSERS)
        | _STOP * (char in _STOPS)
        | _UNSPACED * any(low <= ord(char) <= high for low, high in UNSPACED_BLOCKS)
    )


_kinds = Table(_kind, np.uint16)


def _flag(kinds: NDArray[np.uint16], kind: int) -> NDArray[np.bool_]:
    return (kinds & kind).astype(np.bool_)


def _runs(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where runs of True begin and end (behind their last place)."""
    borders = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    return borders[::2], borders[1::2]


def _sentence_ends(
    kinds: NDArray[np.uint16], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> int:
    """Tokens that end in a sentence mark, closing quotes and brackets aside, and runs of wide stops."""
    last = ends - 1
    if (kinds[last] & _CLOSER).any():
        places = np.where(kinds & _CLOSER, 0, np.arange(len(kinds)))
        last = np.maximum(np.maximum.accumulate(places)[last], starts)
    terminal = np.count_nonzero(kinds[last] & _MARK)
    stops = _flag(kinds, _STOP)
    return int(terminal) + (len(_runs(stops)[0]) if stops.any() else 0)
