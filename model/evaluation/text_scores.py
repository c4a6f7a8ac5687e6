"""How close a model's continuations come to references: BLEU, chrF and ROUGE.

In: prompts with one reference or several. Out: corpus BLEU (Papineni et al. 2002) and chrF (Popović
2015) of sacrebleu with their signatures, and ROUGE-1/2/L F1 (Lin 2004) of rouge-score, the best over
the references, averaged. The decision: ROUGE's words are runs of letters and digits of any script
(rouge-score's own know a-z only, and would find nothing in Greek); on ASCII text they are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from curate.errors import InputError, MissingError
from model.checkpoints.loading import Opened
from model.rows import read_rows
from model.use.generate import GREEDY, Sampling, continuations

ROUGE = ("rouge1", "rouge2", "rougeL")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Task:
    """What a model is asked to write. prompt, reference: fields of a row; a reference is a string or
    a list of them. stop: texts that end a continuation. chat: prompts are what a user says."""

    prompt: str = "prompt"
    reference: str = "reference"
    tokens: int = 100
    stop: tuple[str, ...] = ()
    chat: bool = False


@dataclass(frozen=True)
class TextScores:
    """bleu, chrf: 0 to 100, as sacrebleu has them. rouge: F1 from 0 to 1. skipped: rows without a
    prompt or a reference."""

    texts: int
    skipped: int
    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str
    rouge: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "texts": self.texts,
            "skipped_rows": self.skipped,
            "bleu": self.bleu,
            "bleu_signature": self.bleu_signature,
            "chrf": self.chrf,
            "chrf_signature": self.chrf_signature,
            **self.rouge,
        }


def evaluate_texts(
    opened: Opened, path: str, task: Task = Task(), sampling: Sampling = GREEDY
) -> TextScores:
    """Continue every prompt of a file and compare. InputError: no row has a prompt and a reference.
    MissingError: sacrebleu or rouge-score is not installed."""
    _imported("sacrebleu"), _imported("rouge_score.rouge_scorer")
    rows = read_rows(path)
    pairs = [pair for row in rows.objects if (pair := _pair(row, task))]
    if not pairs:
        raise InputError(
            f"{path}: no row has a text {task.prompt!r} and a text or texts {task.reference!r}"
        )
    prompts = [prompt for prompt, _ in pairs]
    written = continuations(opened, prompts, task.tokens, sampling, task.chat)
    texts = [until(text, task.stop).strip() for text in written]
    skipped = rows.unreadable + len(rows.objects) - len(pairs)
    return compare(texts, [references for _, references in pairs], skipped)


def _pair(row: Mapping[str, Any], task: Task) -> tuple[str, list[str]] | None:
    prompt, reference = row.get(task.prompt), row.get(task.reference)
    references = [reference] if isinstance(reference, str) else reference
    if not isinstance(prompt, str) or not isinstance(references, list) or not references:
        return None
    known = all(isinstance(text, str) for text in references)
    return (prompt, references) if known else None


def until(text: str, stop: Sequence[str]) -> str:
    """The text before the first of `stop`.

    >>> until("4. Next: 5", (".", "Next"))
    '4'
    """
    return text[: min((place for end in stop if (place := text.find(end)) >= 0), default=None)]


def compare(
    texts: Sequence[str], references: Sequence[Sequence[str]], skipped: int = 0
) -> TextScores:
    """Scores of texts against the references of each. MissingError: an extra is not installed."""
    metrics = _imported("sacrebleu").metrics
    most = max(map(len, references))
    streams = [[own[n] if n < len(own) else None for own in references] for n in range(most)]
    bleu, chrf = metrics.BLEU(), metrics.CHRF()
    return TextScores(
        len(texts),
        skipped,
        float(bleu.corpus_score(texts, streams).score),
        str(bleu.get_signature()),
        float(chrf.corpus_score(texts, streams).score),
        str(chrf.get_signature()),
        _rouge(texts, references),
    )


class _Words:
    """rouge-score's interface for words."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def _rouge(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    scorer = _imported("rouge_score.rouge_scorer").RougeScorer(list(ROUGE), tokenizer=_Words())
    scores = [scorer.score_multi(own, text) for own, text in zip(references, texts, strict=True)]
    return {name: sum(one[name].fmeasure for one in scores) / len(scores) for name in ROUGE}


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0].replace("_", "-")
        raise MissingError(f"{package} is not installed: pip install 'curate[evaluate]'") from None


def table(results: Mapping[str, TextScores]) -> list[str]:
    """One line a file, and what was computed how."""
    width = max(20, *map(len, results))
    heads = ("BLEU", "chrF", "ROUGE-1", "ROUGE-2", "ROUGE-L")
    lines = [f"{'texts':<{width}} {'number':>7} " + " ".join(f"{head:>8}" for head in heads)]
    for name, found in results.items():
        rouge = " ".join(f"{found.rouge[kind]:>8.4f}" for kind in ROUGE)
        lines.append(
            f"{name:<{width}} {found.texts:>7,} {found.bleu:>8.2f} {found.chrf:>8.2f} {rouge}"
        )
        lines.append(f"  BLEU {found.bleu_signature}; chrF {found.chrf_signature}")
        if found.skipped:
            lines.append(f"  {found.skipped} rows have no prompt and reference")
    return lines
