"""Multiple choice by likelihood: which answer does the model find likeliest after the question?

In: questions with their choices and the right one. Out: accuracy, and the right answer's bits per byte,
which moves before accuracy does and ranks small models better (DataDecide, arXiv 2504.11393, §3.4).
The decision: contexts, tokens and normalisation are those of lm-eval's `multiple_choice` (api/task.py,
api/model.py `_encode_pair`), so that `acc`, `acc_norm` and `acc_bytes` are the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from curate.errors import InputError
from model.checkpoints.loading import LanguageModel, Opened
from model.evaluation.evaluate import Ids, Window, encode, score
from model.evaluation.heldout import number
from model.rows import read_rows

DELIMITER = " "


@dataclass(frozen=True)
class Fields:
    """Where a row has what. prompt: a template over the row's fields, `{question}` or
    `Question: {question}\\nAnswer:`. answer: the right choice's number from 0, its letter, or itself."""

    prompt: str = "{question}"
    choices: str = "choices"
    answer: str = "answer"


@dataclass(frozen=True)
class Question:
    """What is asked, the choices, and the number of the right one."""

    prompt: str
    choices: tuple[str, ...]
    gold: int


@dataclass(frozen=True)
class Choices:
    """likelihoods: nats of each choice, per question (0 or below). skipped: rows that ask nothing.
    too_long: questions with a choice of more tokens than the model sees; they count as wrong."""

    questions: Sequence[Question]
    likelihoods: Sequence[NDArray[np.float64]]
    skipped: int = 0
    too_long: int = 0

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Per question, 1 where the likeliest choice is right: lm-eval's `acc`."""
        return self._right(lambda choice: 1)

    @property
    def accuracy_by_chars(self) -> NDArray[np.float64]:
        """The same with likelihoods divided by characters: lm-eval's `acc_norm`."""
        return self._right(len)

    @property
    def accuracy_by_bytes(self) -> NDArray[np.float64]:
        """The same with likelihoods divided by UTF-8 bytes: lm-eval's `acc_bytes`."""
        return self._right(lambda choice: len(choice.encode()))

    @property
    def gold_bits_per_byte(self) -> NDArray[np.float64]:
        """Per question, bits of the right answer / its UTF-8 bytes (the delimiter is not one)."""
        pairs = zip(self.questions, self.likelihoods, strict=True)
        bits = [
            -found[q.gold] / len(q.choices[q.gold].encode()) / math.log(2) for q, found in pairs
        ]
        return np.array(bits)

    def _right(self, size: Any) -> NDArray[np.float64]:
        right = [
            float(np.argmax(found / np.array([size(c) for c in question.choices])) == question.gold)
            for question, found in zip(self.questions, self.likelihoods, strict=True)
        ]
        whole = np.array([np.isfinite(found).all() for found in self.likelihoods])
        return np.where(whole, np.array(right), 0.0)

    def to_json(self) -> dict[str, object]:
        """Plain JSON values: means over questions with their standard errors."""
        bits = self.gold_bits_per_byte
        scores = {
            "acc": self.accuracy,
            "acc_norm": self.accuracy_by_chars,
            "acc_bytes": self.accuracy_by_bytes,
            "gold_bits_per_byte": bits[np.isfinite(bits)],
        }
        told: dict[str, object] = {"questions": len(self.questions), "skipped_rows": self.skipped}
        told["questions_with_too_long_choices"] = self.too_long
        for name, values in scores.items():
            told[name] = number(float(values.mean()) if len(values) else math.nan)
            told[f"{name}_stderr"] = number(standard_error(values))
        return told


def read_questions(path: str, fields: Fields = Fields()) -> tuple[list[Question], int]:
    """The questions of a JSON Lines file, and how many rows ask none. InputError: all of them."""
    rows = read_rows(path)
    found = [question(row, fields) for row in rows.objects]
    questions = [one for one in found if one is not None]
    if not questions:
        raise InputError(
            f"{path}: no row has a question {fields.prompt!r}, two or more {fields.choices!r} and "
            f"an {fields.answer!r} that is one of them"
        )
    return questions, rows.unreadable + len(found) - len(questions)


def question(row: Mapping[str, Any], fields: Fields) -> Question | None:
    """A row as a question; None if it is none. Choices may be ARC's `{"text": […], "label": […]}`.

    >>> question({"question": "1 + 1 =", "choices": ["1", "2"], "answer": "B"}, Fields())
    Question(prompt='1 + 1 =', choices=('1', '2'), gold=1)
    """
    choices: Any = row.get(fields.choices)
    labels: Sequence[object] = ascii_uppercase
    if isinstance(choices, dict):
        choices, labels = choices.get("text"), choices.get("label") or labels
    if not isinstance(choices, list) or len(choices) < 2:
        return None
    if not all(isinstance(choice, str) and choice for choice in choices):
        return None
    try:
        prompt = fields.prompt.format_map(row)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        return None
    gold = _gold(row.get(fields.answer), choices, labels)
    return None if gold is None else Question(prompt, tuple(choices), gold)


def _gold(answer: object, choices: Sequence[str], labels: Sequence[object]) -> int | None:
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer if 0 <= answer < len(choices) else None
    if answer in choices:
        return choices.index(str(answer))
    known = list(labels)[: len(choices)]
    return known.index(answer) if answer in known else None


def evaluate_choices(opened: Opened, path: str, fields: Fields = Fields()) -> Choices:
    """Answer every question of a file. InputError: it has none."""
    questions, skipped = read_questions(path, fields)
    return answer(opened.model, opened.tokenizer, questions, skipped)


def answer(
    model: LanguageModel, tokenizer: Tokenizer, questions: Sequence[Question], skipped: int = 0
) -> Choices:
    """The likelihood of every choice after its question, and " "."""
    pairs = [(one.prompt, DELIMITER + choice) for one in questions for choice in one.choices]
    sequences, windows = _sequences(model, tokenizer, pairs)
    nats, _ = score(model, sequences, [window for window in windows if window])
    nats[[window is None for window in windows]] = np.inf
    edges = np.cumsum([len(one.choices) for one in questions])[:-1]
    likelihoods = np.split(-nats, edges)
    too_long = sum(not np.isfinite(found).all() for found in likelihoods)
    return Choices(questions, likelihoods, skipped, too_long)


def _sequences(
    model: LanguageModel, tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]]
) -> tuple[list[Ids], list[Window | None]]:
    """Question and answer as ids, and which of them count; None where the answer does not fit.

    The answer's tokens are those of both texts behind those of the question alone; white space that
    ends a question is the answer's (lm-eval, `_encode_pair`). An empty question is the token that
    ends documents.
    """
    bare = [prompt.rstrip() for prompt, _ in pairs]
    whole = encode(tokenizer, [prompt + choice for prompt, choice in pairs])
    before = [len(ids) for ids in encode(tokenizer, bare)]
    eos, context = np.array([model.shape.eos], np.int32), model.shape.context
    sequences: list[Ids] = []
    windows: list[Window | None] = []
    for place, (ids, seen) in enumerate(zip(whole, before, strict=True)):
        ids = ids if seen else np.concatenate((eos, ids))
        scored, last = len(ids) - max(seen, 1), len(ids) - 1
        sequences.append(ids)
        fits = scored <= context
        windows.append(Window(place, max(0, last - context), last, scored) if fits else None)
    return sequences, windows


def standard_error(values: NDArray[np.float64]) -> float:
    """Of a mean; nan for fewer than two values.

    >>> standard_error(np.array([0.0, 1.0]))
    0.5
    """
    if len(values) < 2:
        return math.nan
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def table(results: Mapping[str, Choices]) -> list[str]:
    """One line a file."""
    width = max(20, *map(len, results))
    lines = [
        f"{'multiple choice':<{width}} {'questions':>9} {'accuracy':>9} {'± SE':>6} "
        f"{'by bytes':>9} {'± SE':>6} {'gold bits/byte':>14}"
    ]
    for name, found in results.items():
        told = found.to_json()
        cells = [told[key] for key in ("acc", "acc_stderr", "acc_bytes", "acc_bytes_stderr")]
        acc, acc_se, by_bytes, bytes_se = (
            f"{cell:.3f}" if cell is not None else "" for cell in cells
        )
        bits = told["gold_bits_per_byte"]
        lines.append(
            f"{name:<{width}} {len(found.questions):>9,} {acc:>9} {acc_se:>6} {by_bytes:>9} "
            f"{bytes_se:>6} {'' if bits is None else format(bits, '.4f'):>14}"
        )
        if found.skipped or found.too_long:
            lines.append(
                f"  {found.skipped} rows ask nothing; {found.too_long} questions have a choice "
                "longer than the context"
            )
    return lines
