"""Multiple choice: what a row says, and what is made of likelihoods (lm-eval's are compared elsewhere)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import SAMPLE, TOKENIZER, opened, tiny

from curate.errors import InputError
from model.evaluation.choices import (
    Choices,
    Fields,
    Question,
    answer,
    evaluate_choices,
    question,
    table,
)

ARC = {"text": ["red", "blue"], "label": ["1", "2"]}


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        ({"question": "q", "choices": ["a", "b"], "answer": 1}, 1),
        ({"question": "q", "choices": ["x", "y"], "answer": "B"}, 1),
        ({"question": "q", "choices": ["x", "y"], "answer": "x"}, 0),
        ({"question": "q", "choices": ["B", "A"], "answer": "A"}, 1),  # itself before its letter
        ({"question": "q", "choices": ARC, "answer": "2"}, 1),
        ({"question": "q", "choices": ["a", "b"], "answer": 2}, None),
        ({"question": "q", "choices": ["a", "b"], "answer": True}, None),
        ({"question": "q", "choices": ["a", "b"], "answer": "C"}, None),
        ({"question": "q", "choices": ["a", "b"]}, None),
        ({"question": "q", "choices": ["a"], "answer": 0}, None),
        ({"question": "q", "choices": ["a", ""], "answer": 0}, None),
        ({"question": "q", "choices": ["a", None], "answer": 0}, None),
        ({"question": "q", "choices": "ab", "answer": 0}, None),
        ({"choices": ["a", "b"], "answer": 0}, None),
    ],
)
def test_a_row_is_a_question_or_it_is_not(row: dict[str, Any], gold: int | None) -> None:
    found = question(row, Fields())
    assert (found.gold if found else None) == gold


def test_prompts_are_made_of_any_fields() -> None:
    row = {"passage": "P", "q": "Q", "options": ["a", "b"], "key": 0}
    fields = Fields("{passage}\nQuestion: {q}\nAnswer:", "options", "key")
    assert question(row, fields) == Question("P\nQuestion: Q\nAnswer:", ("a", "b"), 0)


def test_accuracies_and_bits_follow_from_likelihoods() -> None:
    questions = [Question("q", ("ab", "abcd"), 1), Question("q", ("é", "xyz"), 0)]
    found = Choices(questions, [np.array([-3.0, -4.0]), np.array([-2.0, -3.5])])
    assert found.accuracy.tolist() == [0, 1]
    assert found.accuracy_by_chars.tolist() == [1, 0]
    assert found.accuracy_by_bytes.tolist() == [1, 1]
    assert found.gold_bits_per_byte == pytest.approx([1 / math.log(2)] * 2)


def test_a_file_is_answered_and_every_row_accounted_for(tmp_path: Path) -> None:
    rows = [
        {"question": "the cat", "choices": ["sat", "\ud800"], "answer": 0},
        {"question": "the cat", "choices": ["sat", SAMPLE], "answer": 0},  # longer than the context
        {"question": "nothing"},
    ]
    path = tmp_path / "quiz.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), "[1]", "{"]))
    found = evaluate_choices(opened(), str(path))
    told = found.to_json()
    assert (told["questions"], told["skipped_rows"]) == (2, 3)
    assert told["questions_with_too_long_choices"] == found.too_long == 1
    assert found.accuracy[1] == 0 and np.isfinite(found.likelihoods[1][0])
    json.dumps(told, allow_nan=False)
    assert "longer than the context" in table({"quiz": found})[-1]


def test_the_order_of_questions_does_not_matter() -> None:
    questions = [Question(SAMPLE[: 9 * n], ("the", "mat left"), 0) for n in range(1, 12)]
    found = answer(tiny(), TOKENIZER, questions)
    turned = answer(tiny(), TOKENIZER, questions[::-1])
    for one, other in zip(found.likelihoods, turned.likelihoods[::-1], strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_a_file_without_questions_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "quiz.jsonl").write_text('{"q": 1}\n')
    with pytest.raises(InputError, match="no row has a question"):
        evaluate_choices(opened(), str(tmp_path / "quiz.jsonl"))
