"""The arms of an ablation: cleared of held-out text, tokenised once, laid out as streams.

In: arms and held-out sets, (document id, text) pairs. Out: arms no document of which repeats
held-out text, one tokenizer for all, and token streams. The decision that matters: a document that
leaks in one arm leaves every arm, and its place in a stream depends on its id and the seed only, so
two arms read the documents they share in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import unescape
from itertools import islice, tee
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from xxhash import xxh3_128_digest

from curate.document import share
from curate.errors import InputError, WorkError
from curate.tokens.tokenizer import Encoding, Training, load, train
from model.ablation.guard import Guard
from model.data import Tokens

Documents = Sequence[tuple[str, str]]  # (document id, text)
ENCODE_DOCUMENTS = 64
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Guarded:
    """What the guard removed. by_arm: documents of each arm; documents: different ids."""

    shared_ratio: float
    documents: int
    by_arm: dict[str, int]

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return asdict(self)


def guard_arms(
    arms: Mapping[str, Documents],
    heldout: Mapping[str, Documents],
    shared_ratio: float,
    piece_chars: int | None = None,
    reported: Collection[str] = (),
) -> tuple[dict[str, Documents], Guarded]:
    """The arms without documents that repeat held-out text, in any of their versions.

    A version with tags is looked at without them too. Of held-out sets that are `reported` only, as
    pages before the filters, just equal documents, and equal pieces of `piece_chars`, count: pages of
    one template are near-duplicates whatever they say, and training text is worth more than a figure
    nothing rests on. InputError: nothing is left of an arm.
    """
    indexed = (text for name, part in heldout.items() if name not in reported for _, text in part)
    guard = Guard.over(indexed, shared_ratio)
    known = {id for part in heldout.values() for id, _ in part}
    equal = {
        piece for part in heldout.values() for _, text in part for piece in cut(text, piece_chars)
    }

    def leaks(text: str) -> bool:
        if guard.leaks(text) or not equal.isdisjoint(cut(text, piece_chars)):
            return True
        return "</" in text and guard.leaks(unescape(_TAG.sub(" ", text)))

    leaked = {
        id
        for id, texts in versions(arms)
        if id in known or any(leaks(text) for text in texts)
    }  # fmt: skip
    return without(arms, leaked, shared_ratio)


def without(
    arms: Mapping[str, Documents], leaked: Collection[str], shared_ratio: float
) -> tuple[dict[str, Documents], Guarded]:
    """The arms without some documents. InputError: nothing is left of one."""
    clean: dict[str, Documents] = {
        name: [pair for pair in part if pair[0] not in leaked] for name, part in arms.items()
    }
    for name, part in clean.items():
        if not part:
            raise InputError(
                f"arm {name}: every document repeats held-out text; nothing is left to train on"
            )
    removed = {name: len(arms[name]) - len(part) for name, part in clean.items()}
    return clean, Guarded(shared_ratio, len(leaked), removed)


def versions(arms: Mapping[str, Documents]) -> Iterator[tuple[str, list[str]]]:
    """Each document of the arms with its different texts."""
    texts: dict[str, dict[str, None]] = {}
    for part in arms.values():
        for id, text in part:
            texts.setdefault(id, {})[text] = None
    for id, found in texts.items():
        yield id, list(found)


def balanced_tokenizer(
    arms: Mapping[str, Documents], vocabulary: int, sample_bytes: int
) -> Encoding:
    """One byte-level BPE, trained on equally many bytes of every arm."""
    each = sample_bytes // len(arms)
    return train(
        (text for part in arms.values() for text in _sample(part, each)),
        Training(vocabulary=vocabulary),
    )


def _sample(documents: Documents, limit_bytes: int) -> Iterator[str]:
    """The first texts, the last one cut so that one long book is not the sample of its arm."""
    for _, text in documents:
        if limit_bytes <= 0:
            return
        yield text[:limit_bytes]
        limit_bytes -= len(text.encode())


def up_to(
    documents: Documents, limit_bytes: int, most_bytes: int | None = None
) -> list[tuple[str, str]]:
    """The first documents whose texts together stay below a size; always at least one. With
    `most_bytes` a longer document counts as that many."""
    chosen: list[tuple[str, str]] = []
    size = 0
    for id, text in documents:
        length = len(text.encode("utf-8", "replace"))
        size += length if most_bytes is None else min(length, most_bytes)
        if chosen and size > limit_bytes:
            break
        chosen.append((id, text))
    return chosen


def cut(text: str, chars: int | None) -> list[str]:
    """A text in equal pieces of at most `chars` characters; None: in one.

    >>> cut("abcdefg", 3)
    ['abc', 'def', 'g']
    """
    count, width = _pieces_of(text, chars)
    return [text[place * width : (place + 1) * width] for place in range(count)]


def _pieces_of(text: str, chars: int | None) -> tuple[int, int]:
    """(pieces, characters of each)."""
    count = 1 if chars is None else max(1, -(-len(text) // chars))
    return count, -(-len(text) // count)


def pieces(documents: Documents, seed: int, chars: int | None) -> Iterator[str]:
    """The texts in the seed's order, of each at most `chars` characters at a time.

    A longer text is cut into equal pieces; one of them, drawn by a coin on (id, seed), comes in the
    first round, the others in later rounds, so that nothing is left out and nothing comes twice.
    """
    drawn = sorted(documents, key=lambda pair: share(pair[0], f"order {seed}"))
    number = 0
    while drawn:
        for id, text in drawn:
            count, width = _pieces_of(text, chars)
            place = (int(share(id, f"piece {seed}") * count) + number) % count
            yield text[place * width : (place + 1) * width]
        number += 1
        drawn = [pair for pair in drawn if chars is not None and len(pair[1]) > number * chars]


class Encoder:
    """Texts to tokens with every byte accounted for."""

    def __init__(self, encoding: Encoding) -> None:
        self.tokenizer: Tokenizer = load(encoding.json)
        self.eos = encoding.eos
        size = self.tokenizer.get_vocab_size()
        names = (self.tokenizer.id_to_token(number) or "" for number in range(size))
        self.token_bytes = np.array(
            [len(name) for name in names], np.int64
        )  # a byte is a character
        self.dtype: type[np.integer[Any]] = np.uint16 if size <= 1 << 16 else np.int32
        self._met: dict[bytes, Tokens] = {}

    def encode(self, texts: Iterable[str]) -> Iterator[Tokens]:
        """Tokens of each text, without an end. WorkError: they do not cover the text's bytes.

        A text that was met before (in another seed's order, in another arm) is not encoded again.
        """
        waiting = iter(texts)
        while group := list(islice(waiting, ENCODE_DOCUMENTS)):
            keys = [xxh3_128_digest(text.encode()) for text in group]
            new = {key: text for key, text in zip(keys, group, strict=True) if key not in self._met}
            encodings = self.tokenizer.encode_batch(list(new.values()), add_special_tokens=False)
            for (key, text), encoding in zip(new.items(), encodings, strict=True):
                ids = np.array(encoding.ids, self.dtype)
                if int(self.token_bytes[ids].sum()) != len(text.encode()):
                    raise WorkError(
                        "the tokens of a text do not add up to its bytes; bits per byte would be wrong"
                    )
                self._met[key] = ids
            yield from (self._met[key] for key in keys)

    def stream(
        self, documents: Documents, seed: int, tokens: int, piece_chars: int | None = None
    ) -> tuple[Tokens, float]:
        """`tokens` tokens of the documents in the seed's order, and the epochs that takes.

        Documents are drawn by a coin on (id, seed) and end with EOS; an arm with fewer tokens than
        wanted is given whole, and is read again from its beginning. `piece_chars`: long documents
        come in `pieces`, so that a short stream holds many documents instead of a few long ones.
        Epochs below one are an estimate from the characters read.
        """
        held: list[Tokens] = []
        size = chars = 0
        end = np.array([self.eos], self.dtype)
        texts, taken = tee(pieces(documents, seed, piece_chars))
        for ids, text in zip(self.encode(texts), taken, strict=False):
            held += [ids, end]
            size += len(ids) + 1
            chars += len(text)
            if size >= tokens:
                break
        read_share = max(1, chars) / max(1, sum(len(text) for _, text in documents))
        return np.concatenate(held)[:tokens], tokens / size * read_share
