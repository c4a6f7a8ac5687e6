"""The arms of an ablation: cleared of held-out text, tokenised once, laid out as streams.

In: arms and held-out sets, (document id, text) pairs. Out: arms no document of which repeats
held-out text, one tokenizer for all, and token streams. The decision that matters: a document that
leaks in one arm leaves every arm, and its place in a stream depends on its id and the seed only, so
two arms read the documents they share in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, tee

import numpy as np
from tokenizers import Tokenizer

from curate.document import share
from curate.errors import InputError, WorkError
from curate.tokens.tokenizer import Encoding, load, train
from model.data import Tokens
from model.evaluate import Guard

Documents = Sequence[tuple[str, str]]  # (document id, text)
ENCODE_DOCUMENTS = 64


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
    arms: Mapping[str, Documents], heldout: Mapping[str, Documents], shared_ratio: float
) -> tuple[dict[str, Documents], Guarded]:
    """The arms without documents that repeat held-out text, in any of their versions.

    InputError: nothing is left of an arm.
    """
    guard = Guard.over((text for part in heldout.values() for _, text in part), shared_ratio)
    known = {id for part in heldout.values() for id, _ in part}
    leaks = {id for part in arms.values() for id, text in part if id in known or guard.leaks(text)}
    clean: dict[str, Documents] = {
        name: [pair for pair in part if pair[0] not in leaks] for name, part in arms.items()
    }
    for name, part in clean.items():
        if not part:
            raise InputError(
                f"arm {name}: every document repeats held-out text; nothing is left to train on"
            )
    removed = {name: len(arms[name]) - len(part) for name, part in clean.items()}
    return clean, Guarded(shared_ratio, len(leaks), removed)


def balanced_tokenizer(
    arms: Mapping[str, Documents], vocabulary: int, sample_bytes: int
) -> Encoding:
    """One byte-level BPE, trained on equally many bytes of every arm."""
    each = sample_bytes // len(arms)
    return train((text for part in arms.values() for _, text in up_to(part, each)), vocabulary)


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


def pieces(documents: Documents, seed: int, chars: int | None) -> Iterator[str]:
    """The texts in the seed's order, of each at most `chars` characters at a time.

    A longer text is cut into equal pieces; one of them, drawn by a coin on (id, seed), comes in the
    first round, the others in later rounds, so that nothing is left out and nothing comes twice.
    """
    drawn = sorted(documents, key=lambda pair: share(pair[0], f"order {seed}"))
    number = 0
    while drawn:
        for id, text in drawn:
            count = 1 if chars is None else max(1, -(-len(text) // chars))
            width = -(-len(text) // count)
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

    def encode(self, texts: Iterable[str]) -> Iterator[Tokens]:
        """Tokens of each text, without an end. WorkError: they do not cover the text's bytes."""
        waiting = iter(texts)
        while group := list(islice(waiting, ENCODE_DOCUMENTS)):
            encodings = self.tokenizer.encode_batch(group, add_special_tokens=False)
            for text, encoding in zip(group, encodings, strict=True):
                ids = np.array(encoding.ids, np.int32)
                if int(self.token_bytes[ids].sum()) != len(text.encode()):
                    raise WorkError(
                        "the tokens of a text do not add up to its bytes; bits per byte would be wrong"
                    )
                yield ids

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
        end = np.array([self.eos], np.int32)
        texts, taken = tee(pieces(documents, seed, piece_chars))
        for ids, text in zip(self.encode(texts), taken, strict=False):
            held += [ids, end]
            size += len(ids) + 1
            chars += len(text)
            if size >= tokens:
                break
        read_share = max(1, chars) / max(1, sum(len(text) for _, text in documents))
        return np.concatenate(held)[:tokens], tokens / size * read_share
