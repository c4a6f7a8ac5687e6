"""MinHash as published tools compute it, bit for bit, so that signatures can be exchanged with them.

Enters: texts, or shingles (the bytes a tool hashes). Leaves: the tool's signatures and the bytes of
its band keys. A mode is data: how a text becomes words, the base hash of a shingle, the
permutations and how their constants are drawn, the order of bytes in a key, and the defaults.

The formulas were read in the tools' own code and are held to what it computes by
tests/cases/minhash/published.json.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from itertools import accumulate, chain
from typing import Any, Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

from curate.dedup.signatures.permutations import (
    Hashes,
    Offsets,
    Signatures,
    affine_signatures,
    mersenne_signatures,
    prime32_signatures,
)
from curate.dedup.signatures.sha1 import digests
from curate.dedup.signatures.shingles import Shingles, of_bytes, of_words
from curate.errors import MissingError
from curate.filters.datatrove.english import words as spacy_words


def _sha1_32(shingles: Shingles, seed: int) -> NDArray[np.uint32]:
    """The first four bytes, little-endian; what datasketch, BigCode and others copied from it use."""
    return digests(*shingles[:3]).astype(np.uint32)


def _sha1_64(shingles: Shingles, seed: int) -> NDArray[np.uint64]:
    return digests(*shingles[:3])


def _xxhash(
    shingles: Shingles, seed: int, *, digest: Callable[[bytes, int], int], bits: int, seeded: bool
) -> Hashes:
    raw = shingles.buffer.tobytes()
    spans = zip(shingles.starts.tolist(), shingles.ends.tolist(), strict=True)
    used = seed if seeded else 0
    values = (digest(raw[start:end], used) for start, end in spans)
    hashes = np.fromiter(values, np.uint64, len(shingles.starts))
    return hashes if bits == 64 else hashes.astype(np.uint32)


_XXH64 = partial(_xxhash, digest=xxhash.xxh64_intdigest, bits=64, seeded=False)
_XXH32 = partial(_xxhash, digest=xxhash.xxh32_intdigest, bits=32, seeded=False)
_XXH3_32 = partial(_xxhash, digest=xxhash.xxh3_64_intdigest, bits=32, seeded=False)
_XXH3_32_SEEDED = partial(_xxhash, digest=xxhash.xxh3_64_intdigest, bits=32, seeded=True)

_NOT_WORD = re.compile(r"\W")
_NOT_ASCII_WORD = re.compile("[^A-Za-z_0-9]")
_WHITESPACE = re.compile(r"\s+")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CONTROLS = "".join(map(chr, [*range(9), *range(11, 13), *range(13, 32), *range(127, 160)]))
_DATATROVE_PUNCTUATION = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + _CONTROLS
)
_DATATROVE_SPACES = str.maketrans(dict.fromkeys(_DATATROVE_PUNCTUATION, " "))

# Category So in Unicode 12 to 15.1; spaCy 3.8 lists those of Unicode 11.
_YOUNGER_SYMBOL = re.compile(
    "[\u166d\u2b97\u2bc9\u2bff\u2e50-\u2e51\u2ffc-\u2fff\u31ef\u32ff\ufd40-\ufd4f\ufdcf\ufdfe-\ufdff"
    "\U0001019c\U00011fd5-\U00011fdc\U00011fe1-\U00011ff1\U0001cf50-\U0001cfc3\U0001d1e9-\U0001d1ea"
    "\U0001e14f\U0001ed2e\U0001f10d-\U0001f10f\U0001f16c-\U0001f16f\U0001f1ad\U0001f6d5-\U0001f6d7"
    "\U0001f6dc-\U0001f6df\U0001f6fa-\U0001f6fc\U0001f774-\U0001f776\U0001f77b-\U0001f77f\U0001f7d9"
    "\U0001f7e0-\U0001f7eb\U0001f7f0\U0001f8b0-\U0001f8b1\U0001f90c-\U0001f90f\U0001f93f"
    "\U0001f971-\U0001f972\U0001f977-\U0001f979\U0001f97b\U0001f9a3-\U0001f9af\U0001f9ba-\U0001f9bf"
    "\U0001f9c3-\U0001f9cf\U0001fa00-\U0001fa53]"
)
_NO_SYMBOL = "\U000f0000"  # private use


@cache
def _pattern(pattern: str, needed_by: str) -> Any:
    """`regex` knows more of Unicode than `re`: its words include combining marks."""
    try:
        return import_module("regex").compile(pattern)
    except ImportError:
        raise MissingError(f"MinHash as {needed_by} needs regex: pip install regex") from None


def _datatrove_simple(text: str) -> str:
    """`simplify_text`: lower case, numbers to 0, no punctuation, one space, no diacritics."""
    text = _pattern(r"\p{Nd}+([.,،٫⎖⎗⎘]{1}\p{Nd}+)?", "datatrove").sub("0", text.lower())
    text = _WHITESPACE.sub(" ", text.translate(_DATATROVE_SPACES).strip())
    decomposed = unicodedata.normalize("NFD", text)
    marks = [char for char in set(decomposed) if unicodedata.category(char) == "Mn"]
    return decomposed.translate(dict.fromkeys(map(ord, marks))).strip()


def _datatrove_words(text: str) -> list[str]:
    """For English. Other languages need datatrove's own: `replace(mode, words=lambda text:
    load_word_tokenizer(language).word_tokenize(simplify_text(text)))`."""
    return list(chain.from_iterable(map(_cut, _datatrove_simple(text).split())))


def _cut(token: str) -> list[str]:
    """spaCy's cuts; symbols that are younger than its tables are no symbols to it."""
    older = _YOUNGER_SYMBOL.sub(_NO_SYMBOL, token)
    cut = spacy_words(older)
    if older == token:
        return cut
    ends = list(accumulate(map(len, cut)))
    return [token[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _text_dedup_words(text: str) -> list[str]:
    return _pattern(r"\W", "text-dedup").split(text.lower())  # type: ignore[no-any-return]


def _text_dedup_04_words(text: str) -> list[str]:
    return _NOT_WORD.split(text.lower())


def _data_juicer_words(text: str) -> list[str]:
    return list(filter(None, text.lower().split(" ")))


def _redpajama_words(text: str) -> list[str]:
    text = _WHITESPACE.sub(" ", text.translate(_NO_PUNCTUATION).lower().strip())
    return unicodedata.normalize("NFD", text).split()


@dataclass(frozen=True)
class Published:
    """One tool's MinHash. `n` is the words in a shingle; `short` says what the tool does with a
    document that has no shingle, whose signature here is the largest value everywhere.

    Another tokeniser (another language, say) is `dataclasses.replace(mode, words=...)`.
    """

    source: str
    words: Callable[[str], list[str]]
    hashes: Callable[[Shingles, int], Any]
    permute: Callable[[Any, Offsets, int, int], Any]
    key_order: Literal["<", ">"]
    n: int
    seed: int
    permutations: int
    bands: int
    rows: int
    short: str
    distinct: bool = True
    fewest_words: int | None = None

    def shingled(self, texts: Sequence[str], n: int) -> Shingles:
        """The shingles of a batch of texts, repeated ones repeated."""
        return of_words([self.words(text) for text in texts], n, self.fewest_words)

    def shingles(self, text: str, n: int) -> list[bytes]:
        """What the tool hashes, in the order of the text; once each if the tool collects a set."""
        buffer, starts, ends, _ = self.shingled([text], n)
        raw = buffer.tobytes()
        found = [raw[start:end] for start, end in zip(starts, ends, strict=True)]
        return list(dict.fromkeys(found)) if self.distinct else found

    def signatures(self, shingles: Shingles, permutations: int, seed: int) -> Signatures:
        """The signatures of a batch of documents; shape (documents, permutations)."""
        hashes = self.hashes(shingles, seed)
        found: Signatures = self.permute(hashes, shingles.offsets, permutations, seed)
        return found

    def signature(self, shingles: Sequence[bytes], permutations: int, seed: int) -> Signatures:
        """The signature of one document, in the tool's type."""
        found: Signatures = self.signatures(of_bytes([shingles]), permutations, seed)[0]
        return found

    def keys(self, signature: Signatures, bands: int, rows: int) -> list[bytes]:
        """The bytes by which the tool looks each band up."""
        ordered = signature.astype(signature.dtype.newbyteorder(self.key_order))
        return [ordered[band * rows : (band + 1) * rows].tobytes() for band in range(bands)]


_INTERLEAVED = partial(mersenne_signatures, interleaved=True)
_SEPARATE = partial(mersenne_signatures, interleaved=False)
_NONE = "no signature: never removed"
_ONE_CLUSTER = "the largest value everywhere: all such documents are duplicates of each other"
_LEFT_OUT = "fewer than 5 words: left out of the run"

_DATASKETCH = Published(
    "datasketch 2.0.0, minhash.py (affine32), lsh.py at threshold 0.9. It hashes what it is given;"
    " the words here are those of its README, split at whitespace, and n is ours",
    str.split, _sha1_32, affine_signatures, ">", 5, 1, 128, 5, 25, _ONE_CLUSTER, distinct=False,
)  # fmt: skip
_DATATROVE = Published(
    "datatrove 0.10.1, pipeline/dedup/minhash.py, utils/hashing.py, utils/text.py; English",
    _datatrove_words, _XXH64, partial(_SEPARATE, bits=64), "<", 5, 1, 112, 14, 8, _NONE,
    distinct=False,
)  # fmt: skip
_DATATROVE_32 = replace(
    _DATATROVE, hashes=_XXH32, permute=partial(_SEPARATE, bits=32, stored=np.uint32)
)
_TEXT_DEDUP_04 = Published(
    "text-dedup 0.4.0, minhash.py at threshold 0.7",
    _text_dedup_04_words, _sha1_32, partial(_SEPARATE, bits=32), ">",
    5, 42, 250, 25, 10, _LEFT_OUT, fewest_words=5,
)  # fmt: skip
_TEXT_DEDUP = replace(
    _TEXT_DEDUP_04,
    source="text-dedup main branch, commit 1bd3f5c7, config/algorithms/minhash.py; README's numbers",
    words=_text_dedup_words, permutations=240, bands=24, rows=10,
)  # fmt: skip
_BIGCODE = Published(
    "bigcode-dataset, near_deduplication/minhash_deduplication.py (commit 5b774bf7) and"
    " minhash_deduplication_spark.py (23db8cac), alike for n of 5 and more; threshold 0.7",
    _NOT_ASCII_WORD.split, _sha1_32, partial(_INTERLEAVED, bits=32), ">",
    5, 42, 256, 25, 10, _ONE_CLUSTER,
)  # fmt: skip

PUBLISHED: dict[str, Published] = {
    "datasketch": _DATASKETCH,
    "datasketch-1": replace(
        _DATASKETCH,
        source="datasketch before 2.0.0, kept in 2.0.0 as scheme 'legacy'",
        permute=partial(_INTERLEAVED, bits=32),
    ),
    "datatrove": _DATATROVE,
    "datatrove-32": _DATATROVE_32,
    "datatrove-sha1": replace(_DATATROVE, hashes=_sha1_64),  # as examples/fineweb.py sets it
    "datatrove-sha1-32": replace(_DATATROVE_32, hashes=_sha1_32),
    "text-dedup": _TEXT_DEDUP,
    "text-dedup-xxh3": replace(_TEXT_DEDUP, hashes=_XXH3_32_SEEDED),
    "text-dedup-0.4": _TEXT_DEDUP_04,
    "text-dedup-0.4-xxh3": replace(_TEXT_DEDUP_04, hashes=_XXH3_32),
    "text-dedup-0.4-spark": replace(
        _TEXT_DEDUP_04,
        source="text-dedup 0.4.0, minhash_spark.py at threshold 0.7",
        hashes=_XXH32,
        permute=prime32_signatures,
        key_order="<",
    ),
    "bigcode": _BIGCODE,
    "data-juicer": replace(
        _BIGCODE,
        source="data-juicer 1.6.1, document_minhash_deduplicator.py, tokenization 'space'",
        words=_data_juicer_words,
    ),
    "redpajama-v2": replace(
        _BIGCODE,
        source="RedPajama-Data v2, commit 855a8e02, app/src/dedupe, configs/rp_v2.0.conf at 0.7",
        words=_redpajama_words,
        permute=partial(_INTERLEAVED, bits=32, stored=np.uint32),
        n=13,
        permutations=128,
        bands=14,
        rows=9,
        short=_NONE,
    ),
}
