"""C4's cleaning: keep the lines that are sentences, drop the pages that are not prose.

In: any text. Out: the text without the lines C4 removes, or the untouched text and a drop; signals
`c4.sentence_count`, `c4.removed_lines_ratio` and the number of lines each rule removed. The
decision: line rules come first and page rules judge what they left, as in the code that made C4
(TensorFlow Datasets, `c4_utils.py`): a stray `{` in a menu costs a line, one in a sentence the page.

Limits: end marks of other scripts count as terminal punctuation, and where words are not set apart
three characters count as three words. Poetry, lists and code lose their lines: that is what C4 is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import fsspec

from curate.document import Document
from curate.errors import InputError
from curate.filters.language import unspaced_chars
from curate.text import Text

TERMINAL = (
    ".",
    "!",
    "?",
    '"',
    "'",
    "”",
    "’",
    "»",
    "。",
    "！",
    "？",
    "」",
    "』",
    "؟",
    "۔",
    "।",
    "።",
)
ELLIPSES = ("...", "…")
POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")


@dataclass(frozen=True)
class C4:
    """C4's line and page rules (Raffel et al. 2020, JMLR 21(140), §2.2).

    Lines go that end without terminal punctuation, hold fewer than `words_per_line` words or a word
    of more than `word_chars` characters, or speak of JavaScript or of policies; citation marks are
    cut out. Pages go that hold "lorem ipsum", a curly bracket, an entry of `bad_words` (a file, one a
    line; C4's own is the LDNOOBW list) or fewer than `sentences` sentences. None switches a bound
    off. Drops: `c4.lorem_ipsum`, `c4.curly_bracket`, `c4.bad_words`, `c4.sentence_count`, `c4.empty`.
    """

    terminal_punctuation: bool = True
    words_per_line: int | None = 3
    word_chars: int | None = 1000
    sentences: int | None = 5
    javascript: bool = True
    policy: bool = True
    citations: bool = True
    lorem_ipsum: bool = True
    curly_bracket: bool = True
    bad_words: str | None = None
    name: ClassVar[str] = "c4"

    def __post_init__(self) -> None:
        for path in self.inputs():
            file_system, place = fsspec.core.url_to_fs(path)
            if not file_system.exists(place):
                raise InputError(
                    f"c4.bad_words: {path} does not exist; give a text file, one entry a line"
                )

    def inputs(self) -> Iterator[str]:
        """The files this step reads."""
        yield from filter(None, (self.bad_words,))

    def __call__(self, document: Document) -> None:
        """Remove lines, then judge the page; a dropped page keeps its text as it came."""
        removed: Counter[str] = Counter()
        kept, total = [], 0
        for raw in (document.text or "").split("\n"):
            if line := raw.strip():
                total += 1
                line = _CITATION.sub("", line).rstrip() if self.citations and "[" in line else line
                if reason := self._line_fault(line):
                    removed[reason] += 1
                else:
                    kept.append(line)
        text = Text("\n".join(kept))
        document.signals |= {
            f"{self.name}.{reason}_lines": float(n) for reason, n in removed.items()
        }
        document.signals[f"{self.name}.removed_lines_ratio"] = removed.total() / (total or 1)
        document.signals[f"{self.name}.sentence_count"] = float(sentence_count(text))
        if fault := self._page_fault(text):
            document.drop = document.drop or f"{self.name}.{fault}"
        else:
            document.text = text

    def _line_fault(self, line: str) -> str | None:
        if self.terminal_punctuation and (not line.endswith(TERMINAL) or line.endswith(ELLIPSES)):
            return "unterminated"
        if self.words_per_line is not None or self.word_chars is not None:
            words = line.split()
            if self.words_per_line is not None and len(
                words
            ) < self.words_per_line > unspaced_chars(line):
                return "short"
            if self.word_chars is not None and max(
                map(len, words), default=0
            ) > self.word_chars > unspaced_chars(line):
                return "long_word"
        lowered = line.lower()
        if self.javascript and "javascript" in lowered:
            return "javascript"
        if self.policy and any(phrase in lowered for phrase in POLICY_PHRASES):
            return "policy"
        return None

    def _page_fault(self, text: Text) -> str | None:
        if self.lorem_ipsum and "lorem ipsum" in text.lower():
            return "lorem_ipsum"
        if self.curly_bracket and "{" in text:
            return "curly_bracket"
        if self.bad_words is not None and _bad_words(self.bad_words).search(text):
            return "bad_words"
        if self.sentences is not None and sentence_count(text) < self.sentences:
            return "sentence_count"
        return None if text else "empty"


def sentence_count(text: Text) -> int:
    """Sentences of a text; the full stops of Chinese and Japanese need no space after them."""
    return max(text.sentence_count, sum(map(text.count, "。！？")))


@cache
def _bad_words(path: str) -> re.Pattern[str]:
    with fsspec.open(path, "rt", encoding="utf-8", compression="infer") as file:
        entries = sorted({line.strip().lower() for line in file if line.strip()})
    if not entries:
        raise InputError(f"c4.bad_words: {path} holds no entry; put one on each line")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, entries))})(?!\w)", re.IGNORECASE)
