"""A SentencePiece `.model` as a `tokenizers` JSON.

In: the bytes of a `ModelProto` (google/sentencepiece, `sentencepiece_model.proto`). Out: the JSON of
a unigram or BPE tokenizer that encodes alike (where two ways to cut a text have equal scores, the
two libraries may choose differently). The message is read by its wire format: a few nested fields
are wanted, and no library is needed for them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from curate.tokens.tokenizer.encoding import SPACE

UNIGRAM, BPE = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
WANTED, UNWANTED = -0.1, -1e4
"""Scores of tokens that text is always, and never, to be cut into; others lie between."""


class Piece(NamedTuple):
    """A token. `kind`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 a byte."""

    text: str
    score: float
    kind: int


class Model(NamedTuple):
    """What of a `ModelProto` decides how a text is encoded."""

    pieces: Sequence[Piece]
    algorithm: int
    byte_fallback: bool
    charsmap: bytes
    space_in_front: bool
    one_space: bool


def from_sentencepiece(content: bytes) -> str:
    """The JSON. Raises `ValueError` for what is no such model, or one of another algorithm."""
    from tokenizers import AddedToken, Tokenizer, decoders, models

    model = parse(content)
    unknown = next((n for n, piece in enumerate(model.pieces) if piece.kind == UNKNOWN), None)
    if unknown is None or model.algorithm not in (UNIGRAM, BPE):
        raise ValueError("not a SentencePiece model of the kinds unigram or BPE")
    if model.algorithm == UNIGRAM:
        scored = [(piece.text, _score(piece)) for piece in model.pieces]
        encoder: Any = models.Unigram(scored, unknown, model.byte_fallback)
    else:
        numbers = {piece.text: number for number, piece in enumerate(model.pieces)}
        encoder = models.BPE(
            numbers, _merges(model.pieces), unk_token=model.pieces[unknown].text, fuse_unk=True,
            byte_fallback=model.byte_fallback,
        )  # fmt: skip
    tokenizer = Tokenizer(encoder)
    tokenizer.normalizer = _normalizer(model)
    decoding = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(
        [*decoding, decoders.Strip(" ", 1, 0)] if model.space_in_front else decoding
    )
    tokenizer.add_special_tokens(
        [
            AddedToken(piece.text, special=True, normalized=False)
            for piece in model.pieces
            if piece.kind in (UNKNOWN, CONTROL)
        ]
    )
    if model.algorithm == BPE:
        tokenizer.add_tokens(_whole(model))
    return str(tokenizer.to_str())


def parse(content: bytes) -> Model:
    """The fields that matter. Raises `ValueError` if it is no such message."""
    try:
        return _parsed(content)
    except (TypeError, LookupError, struct.error):
        raise ValueError("not a SentencePiece model") from None


def _parsed(content: bytes) -> Model:
    pieces: list[Piece] = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    for number, value in _fields(content):
        if number == 1:
            part = dict(_fields(value))
            score = struct.unpack("<f", part[2])[0] if 2 in part else 0.0
            pieces.append(Piece(part[1].decode("utf-8"), score, part.get(3, 1)))
        elif number == 2:
            trainer = dict(_fields(value))
        elif number == 3:
            normalizer = dict(_fields(value))
    return Model(
        pieces,
        trainer.get(3, UNIGRAM),
        bool(trainer.get(35, 0)),
        normalizer.get(2, b""),
        bool(normalizer.get(3, 1)),
        bool(normalizer.get(4, 1)),
    )


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of a message: integers, or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("not a SentencePiece model")
        if number == 0 or at + size > len(message):
            raise ValueError("not a SentencePiece model")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("not a SentencePiece model")
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 128:
            return value, at


def _score(piece: Piece) -> float:
    """A user-defined token beats any way to cut it; a control or the unknown token is no text."""
    if piece.kind in (CONTROL, UNKNOWN):
        return UNWANTED
    return WANTED if piece.kind == USER_DEFINED else piece.score


def _whole(model: Model) -> list[Any]:
    """Tokens that BPE never cuts. Those with spaces come of the merges anyway."""
    from tokenizers import AddedToken

    found = [
        AddedToken(piece.text, special=False, normalized=False)
        for piece in model.pieces
        if piece.kind == USER_DEFINED and not {SPACE, " "} & set(piece.text)
    ]
    if found and model.space_in_front:
        raise ValueError(
            f"a BPE model with a space in front and user-defined tokens ({found[0].content} …); "
            "give its tokenizer.json"
        )
    return found


def _merges(pieces: Sequence[Piece]) -> list[tuple[str, str]]:
    """The better its score, the earlier a piece is made, out of any two others."""
    numbers = {
        piece.text: number
        for number, piece in enumerate(pieces)
        if piece.kind in (NORMAL, USER_DEFINED)
    }
    found = []
    for piece in (pieces[number] for number in numbers.values()):
        halves = ((piece.text[:at], piece.text[at:]) for at in range(1, len(piece.text)))
        found += [
            (-piece.score, numbers[a], numbers[b], a, b)
            for a, b in halves
            if a in numbers and b in numbers
        ]
    return [(a, b) for *_, a, b in sorted(found)]


def _normalizer(model: Model) -> Any:
    """The normalisation in SentencePiece's order: characters, white space, the space in front."""
    from tokenizers import Regex, normalizers

    steps: list[Any] = [normalizers.Precompiled(model.charsmap)] if model.charsmap else []
    if model.one_space:
        steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if model.space_in_front:
        steps.append(normalizers.Prepend(SPACE))
    return normalizers.Sequence([*steps, normalizers.Replace(" ", SPACE)])
