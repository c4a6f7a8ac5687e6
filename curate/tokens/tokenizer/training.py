"""Training a tokenizer on a corpus.

Enters: texts. Leaves: an `Encoding`. The decision: whatever the model, it works on bytes (Radford et
al. 2019, GPT-2, §2.2) and every byte is a token of its own, so every text can be encoded and the
bytes of its tokens are the bytes of the text.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from curate.tokens.tokenizer.encoding import END, PAD_VOCABULARY, Encoding

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Model = Literal["bpe", "unigram", "wordpiece"]
Digits = Literal["runs", "single", "triples"]
Whitespace = Literal["runs", "lines"]
LEAST_VOCABULARY = 320
JOINT = "⁀"
"""Marks a WordPiece token inside a word. Not "##", which is text in many a file."""

_CONTRACTION = r"'(?:[sdmt]|ll|ve|re)"
_NUMBERS: dict[Digits, str] = {"runs": r" ?\p{N}+", "single": r"\p{N}", "triples": r"\p{N}{1,3}"}
LONGEST_WORD = 50
_SPACES: dict[Whitespace, str] = {
    "runs": r"\s+(?!\S)|\s+",
    "lines": r"\s*[\r\n]+|\s+(?!\S)|\s+",
}


@dataclass(frozen=True)
class Training:
    """How a tokenizer is trained.

    `model`: "bpe" (Sennrich et al. 2016), "unigram" (Kudo 2018) or "wordpiece" (Schuster & Nakajima
    2012), all on bytes. `vocabulary`: tokens, a multiple of 64. `digits`: "runs" as in GPT-2,
    "single" as in PaLM and Llama 2, "triples" as in GPT-4 and Llama 3. `whitespace`: "runs" as in
    GPT-2, or "lines" as in GPT-4, where a line break ends a run and an indentation stands alone.
    `special`: tokens besides the end of a document, numbered from 1 in this order.
    """

    model: Model = "bpe"
    vocabulary: int = 8192
    digits: Digits = "runs"
    whitespace: Whitespace = "runs"
    special: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, value, known in (
            ("model", self.model, get_args(Model)),
            ("digits", self.digits, get_args(Digits)),
            ("whitespace", self.whitespace, get_args(Whitespace)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be {', '.join(known)}; got {value!r}")
        if self.vocabulary % PAD_VOCABULARY or self.vocabulary < LEAST_VOCABULARY:
            raise ValueError(f"vocabulary must be a multiple of 64 from 320, got {self.vocabulary}")
        if len({END, *self.special}) != 1 + len(self.special) or "" in self.special:
            raise ValueError(f"special tokens must differ from each other and from {END}")

    @property
    def pattern(self) -> str:
        """What a pre-token is. WordPiece takes time with the square of its length: it is bounded."""
        kinds = (
            _CONTRACTION, r" ?\p{L}+", _NUMBERS[self.digits], r" ?[^\s\p{L}\p{N}]+",
            _SPACES[self.whitespace],
        )  # fmt: skip
        pattern = "|".join(kinds)
        return (
            pattern.replace("+", f"{{1,{LONGEST_WORD}}}") if self.model == "wordpiece" else pattern
        )


def train(texts: Iterable[str], training: Training) -> Encoding:
    """A tokenizer of at most `training.vocabulary` tokens; `<|endoftext|>` is token 0.

    Depends on the set of texts only, not on their order. A small sample may not hold enough pairs
    for the whole vocabulary.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    makers: dict[str, Callable[[], Any]] = {
        "bpe": models.BPE,
        "unigram": models.Unigram,
        "wordpiece": lambda: models.WordPiece(unk_token=END, continuing_subword_prefix=JOINT),
    }
    tokenizer = Tokenizer(makers[training.model]())
    if training.pattern == Training().pattern:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(training.pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = _decoder(training.model)
    _learn(tokenizer, texts, training)
    return Encoding(tokenizer.to_str(), 0)


def _decoder(model: Model) -> Any:
    from tokenizers import decoders

    if model != "wordpiece":
        return decoders.ByteLevel()
    return decoders.Sequence([decoders.Replace(JOINT, ""), decoders.ByteLevel()])


def _learn(tokenizer: Tokenizer, texts: Iterable[str], training: Training) -> None:
    from tokenizers import models, pre_tokenizers, trainers

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inside = [f"{JOINT}{byte}" for byte in sorted(alphabet)]
    given: dict[str, Any] = {
        "vocab_size": training.vocabulary,
        "special_tokens": [END, *training.special],
        "initial_alphabet": alphabet,
        "show_progress": False,
    }
    if training.model == "wordpiece":
        # Bytes that the sample never has inside a word still need a token there.
        given |= {
            "vocab_size": training.vocabulary - len(inside),
            "continuing_subword_prefix": JOINT,
        }
    trainers_of: dict[str, Any] = {
        "bpe": trainers.BpeTrainer,
        "unigram": trainers.UnigramTrainer,
        "wordpiece": trainers.WordPieceTrainer,
    }
    tokenizer.train_from_iterator(texts, trainers_of[training.model](**given))
    if training.model == "unigram":
        tokenizer.model = models.Unigram(_settled(tokenizer.to_str(), training))
    if training.model == "wordpiece":
        known = tokenizer.get_vocab(with_added_tokens=True)
        for token in inside:
            known.setdefault(token, len(known))
        tokenizer.model = models.WordPiece(
            known, unk_token=END, continuing_subword_prefix=JOINT, max_input_chars_per_word=1 << 30
        )


def _settled(json: str, training: Training) -> list[tuple[str, float]]:
    """A unigram vocabulary in one order with one set of scores.

    As trained, scores differ from run to run in the last bits of a sum, and bytes that the sample
    does not hold get the lowest score and .0001 more for each, in the order of a hash: here they
    share the lowest.
    """
    special = 1 + len(training.special)
    vocabulary = json_format.loads(json)["model"]["vocab"]
    lowest = min(score for _, score in vocabulary)
    settled = [
        (token, round(lowest if len(token) == 1 and score < lowest + 0.0257 else score, 4))
        for token, score in vocabulary
    ]
    return [*settled[:special], *sorted(settled[special:], key=lambda one: (-one[1], one[0]))]
