"""C4's cleaning: keep the lines that are sentences, drop the pages that are not prose.

In: any text. Out: the text without the lines C4 removes, or the untouched text and a drop; signals
`c4.sentence_count`, `c4.removed_lines_ratio` and the number of lines each rule removed. The
decision: line rules come first and page rules judge what they left, as in the code that made C4
(TensorFlow Datasets, `c4_utils.py`): a stray `{` in a menu costs a line, one in a sentence the page.
The bounds (5 words a line, 3 sentences a page) are those of that code and of the paper's last version;
its first version and datatrove have 3 words and 5 sentences (`variant: datatrove`).

Limits: end marks of other scripts count as terminal punctuation, and where words are not set apart
as many characters count as words. Thai has no end marks: set `terminal_punctuation: false` and
`sentences: null` for it. Poetry, lists and code lose their lines: that is what C4 is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import fsspec

from curate.document import Document
from curate.errors import InputError
from curate.once import once
from curate.step import FILTER_CPU_SECONDS
from curate.text import Text
from curate.words import SENTENCE_TERMINALS, token_count, unspaced_chars

# The paper's and those of other scripts: Unicode's Sentence_Terminal, and quotation marks.
TERMINAL = SENTENCE_TERMINALS.union("\"'”’»」』")
POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
LOREM_IPSUM, CURLY_BRACKET = "lorem ipsum", "{"
CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class C4:
    """C4's line and page rules (Raffel et al. 2020, JMLR 21(140), §2.2).

    Lines go that end without terminal punctuation, hold fewer than `words_per_line` words or a word
    of more than `word_chars` characters, or speak of JavaScript or of policies; citation marks are
    cut out. Pages go that hold "lorem ipsum", a curly bracket, an entry of `bad_words` (a file, one a
    line; C4's own is the LDNOOBW list; the one found is in the label `c4.match`) or fewer than
    `sentences` sentences. None switches a bound off. Drops: `c4.lorem_ipsum`, `c4.curly_bracket`, `c4.bad_words`, `c4.sentence_count`, `c4.empty`.
    """

    terminal_punctuation: bool = True
    words_per_line: int | None = 5
    word_chars: int | None = 1000
    sentences: int | None = 3
    javascript: bool = True
    policy: bool = True
    citations: bool = True
    lorem_ipsum: bool = True
    curly_bracket: bool = True
    bad_words: str | None = None
    name: ClassVar[str] = "c4"
    cpu_seconds: ClassVar[float] = FILTER_CPU_SECONDS

    def __post_init__(self) -> None:
        if self.bad_words == "":
            raise InputError("c4.bad_words: empty; give the path of a file, or null")
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
        kept = []
        before = document.text or ""
        phrases = self._phrases(before)
        for line in filter(None, map(str.strip, before.splitlines())):
            line, fault = self._judge(line, phrases)
            if fault:
                removed[fault] += 1
            else:
                kept.append(line)
        cleaned = "\n".join(kept)
        text = before if isinstance(before, Text) and cleaned == before else Text(cleaned)
        lines, sentences = len(kept) + removed.total(), self._sentence_count(text)
        document.signals |= {f"{self.name}.{fault}_lines": float(n) for fault, n in removed.items()}
        document.signals[f"{self.name}.removed_lines_ratio"] = removed.total() / (lines or 1)
        document.signals[f"{self.name}.sentence_count"] = float(sentences)
        if fault := self._page_fault(text, sentences):
            document.drop = document.drop or f"{self.name}.{fault}"
            if fault == "bad_words":
                document.labels[f"{self.name}.match"] = found_entry(text, self._entries()) or ""
        else:
            document.text = text

    def _phrases(self, text: str) -> tuple[tuple[str, str], ...]:
        """What condemns a line, as far as it occurs in the text at all: phrase, fault."""
        lowered = text.lower()
        known = (("javascript", "javascript"),) * self.javascript
        known += tuple((phrase, "policy") for phrase in POLICY_PHRASES) * self.policy
        return tuple(pair for pair in known if pair[0] in lowered)

    def _judge(self, line: str, phrases: tuple[tuple[str, str], ...]) -> tuple[str, str | None]:
        """A line without citation marks, and why it has to go."""
        if self.citations and "[" in line:
            line = CITATION.sub("", line).rstrip()
        if self.terminal_punctuation and (line[-1:] not in TERMINAL or line.endswith("...")):
            return line, "unterminated"
        least, most = self.words_per_line, self.word_chars
        if least is not None and len(line.split(None, least)) < least > token_count(line):
            return line, "short"
        if most is not None and longest_token(line, most) > most > unspaced_chars(line):
            return line, "long_word"
        return line, condemned(line, phrases)

    def _sentence_count(self, text: Text) -> int:
        """Sentences of a text; the full stops of Chinese and Japanese need no space after them."""
        return max(text.sentence_count, sum(map(text.count, "。！？")))

    def _entries(self) -> Mapping[str, Sequence[str]]:
        return {} if self.bad_words is None else _bad_words(self.bad_words)

    def _page_fault(self, text: Text, sentences: int) -> str | None:
        if self.lorem_ipsum and LOREM_IPSUM in text.lower():
            return "lorem_ipsum"
        if self.curly_bracket and CURLY_BRACKET in text:
            return "curly_bracket"
        if found_entry(text, self._entries()):
            return "bad_words"
        if self.sentences is not None and sentences < self.sentences:
            return "sentence_count"
        return None if text else "empty"


def longest_token(line: str, most: int) -> int:
    """Characters of the longest token; 0 if none can be longer than `most`."""
    return max(map(len, line.split()), default=0) if len(line) > most else 0


def condemned(line: str, phrases: tuple[tuple[str, str], ...]) -> str | None:
    """The fault of the first phrase that occurs in the line."""
    if not phrases:
        return None
    lowered = line.lower()
    return next((fault for phrase, fault in phrases if phrase in lowered), None)


def found_entry(text: str, entries: Mapping[str, Sequence[str]]) -> str | None:
    """The first entry (by its first word) that stands in a text with no letter or digit next to it.
    Only those are looked for whose first word the text has: a list may be long.

    >>> found_entry("Zwei Worte.", {"zwei": ["zwei worte"]}), found_entry("Zwei", {"we": ["we"]})
    ('zwei worte', None)
    """
    if not entries:
        return None
    text = text.lower()
    first_words = sorted(entries.keys() & {"", *_WORD.findall(text)})
    known = (entry for word in first_words for entry in entries[word] if entry in text)
    return next((entry for entry in known if whole_entry(entry).search(text)), None)


def whole_entry(entry: str) -> re.Pattern[str]:
    """What finds an entry with no letter or digit next to it."""
    return re.compile(rf"(?<!\w){re.escape(entry)}(?!\w)", re.IGNORECASE)


@once
def _bad_words(path: str) -> dict[str, list[str]]:
    """The entries of a list by their first words ("" for one of signs)."""
    try:
        with fsspec.open(path, "rt", encoding="utf-8-sig", compression="infer") as file:
            entries = sorted({line.strip().lower() for line in file if line.strip()})
    except (OSError, ValueError) as error:
        raise InputError(
            f"c4.bad_words: {path} cannot be read ({error}); give UTF-8 text, one entry a line"
        ) from None
    if not entries:
        raise InputError(f"c4.bad_words: {path} holds no entry; put one on each line")
    found: dict[str, list[str]] = {}
    for entry in entries:
        word = _WORD.search(entry)
        found.setdefault(word[0] if word else "", []).append(entry)
    return found
