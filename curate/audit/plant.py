"""Assembling clean documents out of a corpus's own sentences, and damaging them.

In: texts of the corpus. Out: `planted.jsonl.gz` and `evaluation.jsonl`, both read by the ordinary
sources. The decision: every planted document is put together from sentences of at least three
texts, so it is prose of this corpus and yet no near-duplicate of any document, real or planted.
"""

from __future__ import annotations

import gzip
import html
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.audit.defects import DEFECTS, ForeignLanguage, Kind, Planted
from curate.audit.graded import GRADED
from curate.audit.questions import QUESTIONS
from curate.errors import InputError
from curate.store import unwritable

LABEL, EVIDENCE, CONTEXT = "planted", "planted_evidence", "planted_context"
GRADE = "planted_grade"
HOST = "http://planted.example"
LEAST_TEXTS = 3
LEAST_WORDS = 150
SHARED_SENTENCES = 0.3
ATTEMPTS = 40
_WRAPPED = re.compile(r"(?<=[\w,;:)”\"’'])[ \t]*\n[ \t]*(?=[a-z(])")
_SENTENCE = re.compile(
    r"(?:^|(?<=[.!?][ ])|(?<=[.!?][”\"’'][ ]))[A-Z“\"‘'][^.!?\n]{30,320}[.!?][”\"’']?(?=\s|$)"
)
_UNWANTED = re.compile(
    r"https?:|www\.|@|[{}<>|©\\=_]|\d{4}|\d[\d\s().-]{6,}|javascript|cookie|policy|terms of|lorem"
    r"|…|\.\.\.|(?-i:\b[A-Z]{4,}\b)",
    re.I,
)
_ARTICLE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<header><nav><a href="/">Home</a> <a href="/archive">Archive</a></nav></header>
<main><article>
<h1>{title}</h1>
{body}
</article></main>
<footer><p>Planted page {name}</p></footer>
</body>
</html>
"""


@dataclass(frozen=True)
class PlantedCorpus:
    """Where the planted documents and the evaluation questions are; documents by kind."""

    documents: str
    evaluation: str
    counts: dict[str, int]


def plant(
    texts: Sequence[str], per_kind: int, seed: int, folder: str,
    spoken: Sequence[str] = ("en",), markup: bool = True, per_grade: int = 0,
) -> PlantedCorpus:  # fmt: skip
    """Write `per_kind` planted documents of every kind (pairs, for duplicates) below `folder`, and
    `per_grade` of every grade of the graded ones, as far as there are sentences for them.

    `texts`: documents of the corpus. `spoken`: ISO 639-1 codes that are not foreign to it.
    `markup`: as HTML pages (for a recipe that extracts) or as plain text. Equal arguments write
    equal files. InputError: too few usable sentences to keep planted documents apart.
    """
    defects = {**DEFECTS, "foreign_language": ForeignLanguage(tuple(spoken))}
    draw = random.Random(f"plant {seed}")
    assembler = Assembler(texts, draw)
    rows: list[dict[str, Any]] = []
    for number in range(per_kind):
        for defect in defects.values():
            rows += _rows(defect, f"{number}", defect.plant(assembler.text(), draw), markup)
    rows += _graded(assembler, per_grade, draw, markup)
    documents, evaluation = Path(folder, "planted.jsonl.gz"), Path(folder, "evaluation.jsonl")
    try:
        documents.parent.mkdir(parents=True, exist_ok=True)
        evaluation.write_bytes(_jsonl({"question": q, "answer": a} for q, a in QUESTIONS))
        partial = documents.with_suffix(".partial")
        partial.write_bytes(gzip.compress(_jsonl(rows), mtime=0))
        partial.replace(documents)
    except OSError as error:
        raise unwritable(folder, error) from None
    counts = Counter(row["labels"][LABEL] for row in rows)
    return PlantedCorpus(str(documents), str(evaluation), dict(counts))


def _graded(
    assembler: Assembler, per_grade: int, draw: random.Random, markup: bool
) -> Iterator[dict[str, Any]]:
    """One of every grade in turn, so that a corpus of few sentences has some of each."""
    for number in range(per_grade):
        for defect in GRADED.values():
            for grade in defect.grades:
                try:
                    planted = defect.plant(grade, assembler.text, draw)
                except InputError:
                    return
                for row in _rows(defect, f"{grade:g}-{number}", planted, markup):
                    yield {**row, "labels": {**row["labels"], GRADE: f"{grade:g}"}}


class Assembler:
    """Deals out the sentences of a corpus in documents that have little in common."""

    def __init__(self, texts: Sequence[str], draw: random.Random) -> None:
        self.draw = draw
        found = [list(sentences(text)) for text in texts]
        self.texts = [part for part in found if len(part) >= 3]
        if len(self.texts) < LEAST_TEXTS:
            raise InputError(
                f"only {len(self.texts)} of {len(texts)} texts hold usable sentences; "
                f"an audit needs at least {LEAST_TEXTS}, better some hundred"
            )
        self.next = [draw.randrange(len(part)) for part in self.texts]
        self.holders: dict[str, set[int]] = defaultdict(set)
        self.made = 0

    def text(self) -> str:
        """A new document: lines of two to three sentences, at least `LEAST_WORDS` words."""
        for _ in range(ATTEMPTS):
            chosen = self._sentences()
            if sum(len(sentence.split()) for sentence in chosen) < LEAST_WORDS:
                continue
            shared = Counter(made for sentence in chosen for made in self.holders[sentence])
            if max(shared.values(), default=0) <= SHARED_SENTENCES * len(chosen):
                return self._lines(chosen)
        raise InputError(
            f"the texts hold too few sentences for more than {self.made} planted documents; "
            "give more texts or plant fewer"
        )

    def _sentences(self) -> list[str]:
        """Single sentences in turn from three to five texts, each read on from where it was left."""
        parts = self._parts(min(len(self.texts), self.draw.randint(3, 5)))
        chosen: dict[str, None] = {}
        words = turns = 0
        while words < LEAST_WORDS and turns < LEAST_WORDS:
            part = parts[turns % len(parts)]
            sentence = self.texts[part][self.next[part] % len(self.texts[part])]
            self.next[part] += 1
            words += 0 if sentence in chosen else len(sentence.split())
            chosen[sentence] = None
            turns += 1
        return list(chosen)

    def _parts(self, most: int) -> list[int]:
        """Different texts, long ones more often (weighted sampling, Efraimidis & Spirakis 2006)."""
        keys = [self.draw.random() ** (1 / len(part)) for part in self.texts]
        return sorted(range(len(keys)), key=keys.__getitem__)[-most:]

    def _lines(self, chosen: list[str]) -> str:
        for sentence in chosen:
            self.holders[sentence].add(self.made)
        self.made += 1
        lines = []
        while chosen:
            size = self.draw.randint(2, 3)
            lines.append(" ".join(chosen[:size]))
            chosen = chosen[size:]
        return "\n".join(lines)


def sentences(text: str) -> Iterator[str]:
    """Plain prose sentences of a text: 8 to 40 words, mostly letters, nothing that a filter names.

    A line that goes on in lower case is taken for a wrapped one.
    """
    for line in _WRAPPED.sub(" ", text).split("\n"):
        for match in _SENTENCE.finditer(line.strip(" \t*-•")):
            sentence = " ".join(match.group().split())
            letters = sum(char.isalpha() or char == " " for char in sentence)
            if (
                8 <= len(sentence.split()) <= 40
                and letters >= 0.9 * len(sentence)
                and not _UNWANTED.search(sentence)
            ):
                yield sentence


def page(text: str, name: str) -> str:
    """A plain HTML page around the lines of a text."""
    body = "\n".join(f"<p>{html.escape(line, quote=False)}</p>" for line in text.split("\n"))
    title = " ".join(text.split()[:6]).rstrip(".,;:")
    return _ARTICLE.format(title=html.escape(title, quote=False), body=body, name=name)


def _rows(defect: Kind, number: str, planted: Planted, markup: bool) -> Iterator[dict[str, Any]]:
    texts = {number: planted.text}
    if planted.copy is not None:
        texts[f"{number}-copy"] = planted.copy
    labels = {LABEL: defect.kind, EVIDENCE: json.dumps(planted.evidence, ensure_ascii=False)}
    if planted.context:
        labels[CONTEXT] = json.dumps(planted.context, ensure_ascii=False)
    for name, text in texts.items():
        url = f"{HOST}/{defect.kind}/{name}"
        content = {"html": page(text, name), "media_type": "text/html"}
        plain = {"text": text, "media_type": "text/plain"}
        yield {**(content if markup else plain), "url": url, "labels": labels}


def _jsonl(rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
