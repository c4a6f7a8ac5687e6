"""A tiktoken file as a `tokenizers` JSON.

In: lines of a token in base64 and its rank. Out: the JSON of a byte-level BPE that encodes alike. A
tiktoken file does not say how texts are cut into pre-tokens; that is known for the published files
by the number of their ranks.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_END}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_END}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Published:
    """What a file does not say: the pattern of a pre-token, and the special tokens' numbers."""

    pattern: str
    special: Mapping[str, int]


PUBLISHED = {
    50_256: Published(_GPT2, {"<|endoftext|>": 50_256}),  # r50k_base
    50_280: Published(_GPT2, {"<|endoftext|>": 50_256}),  # p50k_base
    100_256: Published(_CL100K, {"<|endoftext|>": 100_257}),  # cl100k_base
    128_000: Published(  # Llama 3
        _CL100K, {"<|begin_of_text|>": 128_000, "<|end_of_text|>": 128_001}
    ),
    199_998: Published(_O200K, {"<|endoftext|>": 199_999}),  # o200k_base
}


def from_tiktoken(content: bytes) -> str:
    """The JSON. Raises `ValueError` for a file of unknown ranks."""
    ranks = {
        base64.b64decode(token, validate=True): int(rank)
        for token, _, rank in (line.partition(b" ") for line in content.splitlines() if line)
    }
    published = PUBLISHED.get(len(ranks))
    if published is None:
        raise ValueError(
            f"a tiktoken file of {len(ranks):,} tokens is none of the published ones "
            f"({', '.join(f'{count:,}' for count in PUBLISHED)}); how it cuts texts is not known"
        )
    return as_json(ranks, published)


def as_json(ranks: Mapping[bytes, int], published: Published) -> str:
    """The JSON of ranks whose pattern is known.

    tiktoken merges the neighbours whose joint token has the lowest rank, whatever made it: every
    split of a token into two tokens is a merge here.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    spelt = _spelling()
    vocabulary = {"".join(spelt[byte] for byte in token): rank for token, rank in ranks.items()}
    merges = []
    for token, rank in ranks.items():
        halves = ((token[:at], token[at:]) for at in range(1, len(token)))
        known = [(ranks[a], ranks[b], a, b) for a, b in halves if a in ranks and b in ranks]
        merges += [(rank, *half) for half in known]
    merges.sort()
    words = {token: "".join(spelt[byte] for byte in token) for token in ranks}
    pairs = [(words[a], words[b]) for *_, a, b in merges]
    model = models.BPE({**vocabulary, **published.special}, pairs, ignore_merges=True)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(published.pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in published.special]
    )
    return str(tokenizer.to_str())


def _spelling() -> list[str]:
    """The character that GPT-2's byte-level alphabet writes for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (256 + number for number in range(256 - len(plain)))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]
