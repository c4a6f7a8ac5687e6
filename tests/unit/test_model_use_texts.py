"""Scores of generated text: what the libraries say, by the rows of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.errors import InputError

pytest.importorskip("sacrebleu")
pytest.importorskip("rouge_score")

from tiny_model import opened  # noqa: E402

from model.evaluation.text_scores import Task, compare, evaluate_texts, table, until  # noqa: E402
from model.use.generate import continuations  # noqa: E402

TEXT = "the quick brown fox jumps over the lazy dog"


def test_equal_texts_have_the_best_scores_and_others_none() -> None:
    same, other = compare([TEXT], [[TEXT]]), compare([TEXT], [["z y x w"]])
    assert same.bleu == pytest.approx(100) and same.chrf == pytest.approx(100)
    assert same.rouge == {"rouge1": 1, "rouge2": 1, "rougeL": 1}
    assert other.bleu < 5 and other.rouge["rouge1"] == 0


def test_scores_are_those_of_the_libraries() -> None:
    import sacrebleu
    from rouge_score import rouge_scorer

    texts = [TEXT, "a cat_sat, on 3 mats"]
    references = [["the brown fox jumped over a lazy dog", TEXT[:20]], ["a cat sat on the mat"]]
    found = compare(texts, references)
    streams = [[references[0][0], references[1][0]], [references[0][1], None]]
    assert found.bleu == sacrebleu.BLEU().corpus_score(texts, streams).score
    assert found.chrf == sacrebleu.CHRF().corpus_score(texts, streams).score
    assert "tok:13a" in found.bleu_signature and "version:" in found.chrf_signature
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    expected = [
        scorer.score_multi(own, text)["rougeL"].fmeasure
        for own, text in zip(references, texts, strict=True)
    ]
    assert found.rouge["rougeL"] == pytest.approx(sum(expected) / 2)


def test_rouge_knows_every_script() -> None:
    assert compare(["η γάτα κάθεται"], [["η γάτα κάθεται"]]).rouge["rouge2"] == 1


def test_prompts_of_a_file_are_continued_and_compared(tmp_path: Path) -> None:
    model = opened()
    (written,) = continuations(model, ["the cat"], 8)
    rows = [
        {"prompt": "the cat", "reference": ["something else", written.strip()]},
        {"prompt": "the cat", "reference": []},
        {"prompt": 3, "reference": "x"},
    ]
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = evaluate_texts(model, str(path), Task(tokens=8))
    assert (found.texts, found.skipped) == (1, 2)
    assert found.chrf == pytest.approx(100)
    json.dumps(found.to_json(), allow_nan=False)
    assert "nrefs" in table({"prompts": found})[2]


def test_a_text_ends_where_it_is_told_to() -> None:
    assert (
        until("a\nb", ()) == "a\nb"
        and until("a\nb", ("\n",)) == "a"
        and until("ab", ("x",)) == "ab"
    )


def test_a_file_without_prompts_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"prompt": "a"}\n')
    with pytest.raises(InputError, match="no row has a text 'prompt'"):
        evaluate_texts(opened(), str(tmp_path / "x.jsonl"))
