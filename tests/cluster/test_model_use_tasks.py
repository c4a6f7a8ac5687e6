"""lm-eval on an exported folder, and our numbers beside its numbers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
lm_eval = pytest.importorskip("lm_eval")

from tiny_model import SAMPLE, exported  # noqa: E402

from curate.errors import InputError  # noqa: E402
from model.checkpoints.loading import open_model  # noqa: E402
from model.evaluation.choices import Fields, evaluate_choices  # noqa: E402
from model.evaluation.evaluate import evaluate  # noqa: E402
from model.evaluation.tasks import run_tasks, table, to_json  # noqa: E402

ROLLING = """
task: heldout
dataset_path: json
dataset_kwargs: {data_files: {test: heldout.jsonl}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list:
  - {metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false}
  - {metric: byte_perplexity, aggregation: weighted_perplexity, higher_is_better: false}
"""
CHOICE = """
task: quiz
dataset_path: json
dataset_kwargs: {data_files: {test: quiz.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - {metric: acc}
  - {metric: acc_norm}
  - {metric: acc_bytes}
"""
TEXTS = ["the cat", "a", SAMPLE, "日本の猫 — naïve café " * 30, "x" * 200, "\n\n mat \t sat"]
QUIZ = [
    {"question": "the cat sat on", "choices": ["the mat", "it", "日本の"], "answer": 0},
    {"question": "and then ", "choices": ["it left", "naïve cat"], "answer": 1},
    {"question": "", "choices": ["the", "x"], "answer": 0},
    {"question": SAMPLE[:300], "choices": ["the cat", "mat"], "answer": 1},
    {"question": "the cat", "choices": ["sat on the mat, naïve", "z", "q", "sat"], "answer": 3},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "heldout.yaml").write_text(ROLLING)
    (folder / "quiz.yaml").write_text(CHOICE)
    rows = "\n".join(json.dumps({"text": text}) for text in TEXTS)
    (folder / "heldout.jsonl").write_text(rows)
    (folder / "quiz.jsonl").write_text("\n".join(map(json.dumps, QUIZ)))
    return folder


def test_our_numbers_are_those_of_lm_eval(folder: Path, tasks: Path) -> None:
    scores = run_tasks(folder, [str(tasks)], device="cpu")
    found = {(score.task, score.metric): score for score in scores}
    opened = open_model(folder, "cpu")

    ours = evaluate(opened.model, opened.tokenizer, TEXTS).bits_per_byte
    assert found["heldout", "bits_per_byte"].value == pytest.approx(ours, abs=1e-4)
    assert found["heldout", "byte_perplexity"].value == pytest.approx(2**ours, rel=1e-4)

    choices = evaluate_choices(opened, str(tasks / "quiz.jsonl"))
    told = choices.to_json()
    for name in ("acc", "acc_norm", "acc_bytes"):
        score = found["quiz", name]
        assert score.value == told[name]
        assert score.stderr == pytest.approx(told[f"{name}_stderr"])
    json.dumps(to_json(scores), allow_nan=False)
    assert len(table(scores)) == 1 + len(scores)


def test_every_likelihood_is_that_of_lm_eval(folder: Path, tasks: Path) -> None:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    theirs = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=3)
    pairs = [(row["question"], f" {choice}") for row in QUIZ for choice in row["choices"]]  # type: ignore[attr-defined]
    requests = [Instance("loglikelihood", {}, pair, 0) for pair in pairs]
    expected = [nats for nats, _ in theirs.loglikelihood(requests, disable_tqdm=True)]
    choices = evaluate_choices(open_model(folder, "cpu"), str(tasks / "quiz.jsonl"), Fields())
    assert np.concatenate(choices.likelihoods) == pytest.approx(expected, abs=1e-4)


def test_one_yaml_from_any_folder_and_fewer_documents(
    folder: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scores = run_tasks(folder, [str(tasks / "quiz.yaml")], device="cpu", limit=2)
    assert {score.task for score in scores} == {"quiz"}
    assert all(score.value in (0, 0.5, 1) for score in scores)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (ROLLING.replace("path: json", "path: owner/nowhere"), "not on this machine"),
        (ROLLING.replace("heldout.jsonl", "missing.jsonl"), "cannot load this task"),
        ("task: [", "no lm-eval task|cannot load"),
        (None, "no lm-eval task"),
    ],
)
def test_a_task_that_cannot_run_says_so_in_one_line(
    folder: Path, tmp_path: Path, content: str | None, line: str
) -> None:
    if content is not None:
        (tmp_path / "task.yaml").write_text(content)
    with pytest.raises(InputError, match=line) as caught:
        run_tasks(folder, [str(tmp_path)], device="cpu")
    assert "\n" not in str(caught.value)
