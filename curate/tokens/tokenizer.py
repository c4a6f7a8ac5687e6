"""The tokenizer: a byte-level BPE trained on the corpus, or a `tokenizer.json` from elsewhere.

Enters: texts, or a path. Leaves: the JSON of a Hugging Face `tokenizers` tokenizer. Byte-level,
because then every text can be encoded and the bytes of its tokens are the bytes of the text, which
bits per byte relies on. Text that spells a special token is encoded as text, never as that token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import fsspec

from curate.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END = "<|endoftext|>"
KNOWN_ENDS = (END, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>")
PAD_VOCABULARY = 64
UINT16_VOCABULARY = 65_500
"""Megatron-LM's bound (`indexed_dataset.py`, `DType.optimal_dtype`): below it, two bytes a token."""


@dataclass(frozen=True)
class Encoding:
    """A tokenizer as it is shipped and stored, with what a shard has to say about it."""

    json: str
    eos: int

    @cached_property
    def sha256(self) -> str:
        """Of the stored JSON."""
        return hashlib.sha256(self.json.encode()).hexdigest()

    @cached_property
    def vocabulary(self) -> int:
        """Rows an embedding needs: the number of tokens, rounded up to a multiple of 64."""
        return -(-load(self.json).get_vocab_size() // PAD_VOCABULARY) * PAD_VOCABULARY

    @property
    def dtype(self) -> str:
        """The type of a stored token: uint16 where it fits, else int32."""
        return "uint16" if self.vocabulary < UINT16_VOCABULARY else "int32"


def train(texts: Iterable[str], vocabulary: int) -> Encoding:
    """A byte-level BPE (Radford et al. 2019, GPT-2, §2.2) of at most `vocabulary` tokens.

    `<|endoftext|>` is token 0. Depends on the set of texts only, not on their order. A small sample
    may not hold enough pairs for the whole vocabulary.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return Encoding(tokenizer.to_str(), 0)


def read(path: str, eos: str | None = None) -> Encoding:
    """The tokenizer in a `tokenizer.json`, local or any URL fsspec opens.

    `eos`: the token that ends a document; by default the first of `KNOWN_ENDS` it has. Raises
    `InputError` if there is no such file, it is no tokenizer, or it has no such token.
    """
    try:
        with fsspec.open(path, "rt", encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        raise InputError(f"tokenizer {path}: cannot be read: {error}") from None
    try:
        tokenizer = load(text)
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"tokenizer {path}: not a tokenizer.json: {error}") from None
    wanted = (eos,) if eos is not None else KNOWN_ENDS
    ends = [number for name in wanted if (number := tokenizer.token_to_id(name)) is not None]
    if not ends:
        raise InputError(
            f"tokenizer {path}: has no token {' or '.join(wanted)} to end a document; "
            "name one with `eos`"
        )
    return Encoding(text, ends[0])


@cache
def load(json: str) -> Tokenizer:
    """The tokenizer, made once in each process."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer
