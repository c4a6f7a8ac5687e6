"""Reading a tokenizer from a file: `tokenizer.json`, SentencePiece's `.model` or a tiktoken file.

Enters: a path, local or any URL fsspec opens. Leaves: an `Encoding`. The decision: the kind is told
by the content, and the two others are turned into the first, so that all are encoded by one library
and a shard ships one form. Nothing is unpickled or run.
"""

from __future__ import annotations

import re

import fsspec

from curate.errors import InputError
from curate.tokens.tokenizer.encoding import END, Encoding, load
from curate.tokens.tokenizer.sentencepiece_file import from_sentencepiece
from curate.tokens.tokenizer.tiktoken_file import from_tiktoken

KNOWN_ENDS = (END, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>")
MOST_BYTES = 256 << 20
_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/]+=* \d+\r?\n")


def read(path: str, eos: str | None = None) -> Encoding:
    """The tokenizer of a file.

    `eos`: the token that ends a document; by default the first of `KNOWN_ENDS` it has. Raises
    `InputError` if there is no such file, it is no tokenizer, or it has no such token.
    """
    try:
        with fsspec.open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"tokenizer {path}: cannot be read: {error}") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"tokenizer {path}: more than {MOST_BYTES >> 20} MiB; not a tokenizer")
    try:
        text = _as_json(content)
        tokenizer = load(text)
    except Exception as error:  # the library raises bare Exception
        raise InputError(
            f"tokenizer {path}: neither a tokenizer.json nor a SentencePiece or tiktoken file: "
            f"{str(error).splitlines()[0]}"
        ) from None
    wanted = (eos,) if eos is not None else KNOWN_ENDS
    ends = [number for name in wanted if (number := tokenizer.token_to_id(name)) is not None]
    if not ends:
        raise InputError(
            f"tokenizer {path}: has no token {' or '.join(wanted)} to end a document; "
            "name one with `eos`"
        )
    return Encoding(text, ends[0])


def _as_json(content: bytes) -> str:
    if content.lstrip()[:1] == b"{":
        return content.decode("utf-8")
    return (from_tiktoken if _TIKTOKEN.match(content) else from_sentencepiece)(content)
