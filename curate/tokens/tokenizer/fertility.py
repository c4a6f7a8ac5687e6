"""How many tokens a tokenizer needs for texts it has not seen, by source and language.

Enters: texts and tokenizers. Leaves: one `Row` a tokenizer and stratum. Bytes per token say how much
text a window of the model holds; fertility, tokens per word (Rust et al. 2021, §3.1), says which
languages it serves badly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from curate.tokens.tokenizer.encoding import Encoding, load, put_in_front, token_bytes
from curate.tokens.tokenizer.sample import Text
from curate.words import words

ALL = ("", "")


@dataclass
class Row:
    """Sums over the texts of a stratum; source and language are empty for all together.

    `lossless`: texts whose tokens' bytes are the text's.
    """

    tokenizer: str
    source: str
    language: str
    texts: int = 0
    text_bytes: int = 0
    words: int = 0
    tokens: int = 0
    lossless: int = 0

    @property
    def bytes_per_token(self) -> float:
        """0 where there are no tokens."""
        return self.text_bytes / self.tokens if self.tokens else 0.0

    @property
    def tokens_per_word(self) -> float:
        """0 where there are no words."""
        return self.tokens / self.words if self.words else 0.0

    def to_json(self) -> dict[str, Any]:
        """The sums, and the two ratios."""
        ratios = {"bytes_per_token": self.bytes_per_token, "tokens_per_word": self.tokens_per_word}
        return {**asdict(self), **ratios}


def measure(texts: Iterable[Text], tokenizers: Mapping[str, Encoding]) -> list[Row]:
    """One row a stratum and tokenizer, the rows of all texts first; memory does not grow with them."""
    rows: dict[tuple[str, str, str], Row] = {}
    for name in tokenizers:
        rows[(name, *ALL)] = Row(name, *ALL)
    for text in texts:
        size, counted = len(text.text.encode()), len(words(text.text).starts)
        for name, encoding in tokenizers.items():
            ids = load(encoding.json).encode(text.text, add_special_tokens=False).ids
            told = int(token_bytes(encoding.json)[ids].sum()) - put_in_front(encoding.json)
            for at in (ALL, (text.source, text.language)):
                row = rows.setdefault((name, *at), Row(name, *at))
                row.texts += 1
                row.text_bytes += size
                row.words += counted
                row.tokens += len(ids)
                row.lossless += told == size
    order = {name: number for number, name in enumerate(tokenizers)}
    return sorted(rows.values(), key=lambda row: (row.source, row.language, order[row.tokenizer]))


def table(rows: Iterable[Row]) -> Iterator[str]:
    """For a terminal."""
    yield f"{'source':<12} {'language':<8} {'tokenizer':<24} {'texts':>8} {'bytes/token':>11} {'tokens/word':>11}"
    for row in rows:
        source, language = (row.source, row.language) if row.source else ("all", "")
        lost = row.texts - row.lossless
        yield (
            f"{source[:12]:<12} {language[:8]:<8} {row.tokenizer[-24:]:<24} {row.texts:>8,} "
            f"{row.bytes_per_token:>11.3f} {row.tokens_per_word:>11.3f}"
            + (f"   loses text of {lost:,}" if lost else "")
        )
