"""A tokenizer as it is shipped and stored, and what its tokens are in bytes.

Enters: the JSON of a `tokenizers` tokenizer. Leaves: the tokenizer, ready to encode texts, and the
length of every token. Text that spells a special token is encoded as text, never as that token.
"""

from __future__ import annotations

import hashlib
import json as json_format
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END = "<|endoftext|>"
PAD_VOCABULARY = 64
UINT16_VOCABULARY = 65_500
"""Megatron-LM's bound (`indexed_dataset.py`, `DType.optimal_dtype`): below it, two bytes a token."""
SPACE = "▁"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


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
        """Rows an embedding needs: one for every number up to the highest, rounded up to a multiple of 64."""
        return -(-load_vocabulary(self.json) // PAD_VOCABULARY) * PAD_VOCABULARY

    @property
    def dtype(self) -> str:
        """The type of a stored token: uint16 where it fits, else int32."""
        return "uint16" if self.vocabulary < UINT16_VOCABULARY else "int32"


@cache
def load(json: str) -> Tokenizer:
    """The tokenizer, made once in each process."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


@cache
def token_bytes(json: str) -> NDArray[np.int32]:
    """How many bytes of a text each token stands for, by its number.

    Special tokens and the one for what is unknown stand for none. The sum over a document's tokens
    is the length of its UTF-8 text (and of what is `put_in_front`) if and only if nothing was
    normalised away or unknown: the identity that bits per byte stands on.
    """
    parts = json_format.loads(json)
    is_bytes = any(part["type"] == "ByteLevel" for part in _nodes(parts.get("decoder")))
    joint = parts["model"].get("continuing_subword_prefix") or ""
    added = {token["content"]: token for token in parts.get("added_tokens", ())}
    lengths = np.zeros(load_vocabulary(json), np.int32)
    for token, number in load(json).get_vocab(with_added_tokens=True).items():
        if token in added:
            lengths[number] = 0 if added[token]["special"] else len(token.encode())
        elif is_bytes:
            lengths[number] = len(token.removeprefix(joint)) if joint else len(token)
        else:
            spelt = token.removeprefix(joint) if joint else token
            spelt = spelt.replace(SPACE, " ")
            lengths[number] = 1 if _BYTE.fullmatch(token) else len(spelt.encode())
    if (unknown := parts["model"].get("unk_token")) is not None:
        lengths[load(json).token_to_id(unknown)] = 0
    elif (number := parts["model"].get("unk_id")) is not None:
        lengths[number] = 0
    return lengths


def load_vocabulary(json: str) -> int:
    """One more than the highest number of a token."""
    return max(load(json).get_vocab(with_added_tokens=True).values(), default=-1) + 1


@cache
def put_in_front(json: str) -> int:
    """Bytes that the tokenizer puts in front of a text: a space in SentencePiece's way, or none."""
    parts = json_format.loads(json)
    nodes = [*_nodes(parts.get("normalizer")), *_nodes(parts.get("pre_tokenizer"))]
    spaced = any(
        node["type"] == "Prepend" or node.get("prepend_scheme") in ("first", "always")
        for node in nodes
    )
    return int(spaced or any(node.get("add_prefix_space") for node in nodes))


def _nodes(part: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """A part of a tokenizer, or those of a sequence."""
    if part:
        yield part
        for name in ("decoders", "normalizers", "pretokenizers"):
            for inner in part.get(name, ()):
                yield from _nodes(inner)
