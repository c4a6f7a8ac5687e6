"""Bits per byte of a model on held-out text, and the guard that keeps that text out of training.

In: a model, its tokenizer, texts. Out: nats, bytes, tokens and hits per document.
The decision that matters: nats are summed and divided by UTF-8 bytes, so models with different
tokenizers compare. Windows are those of lm-eval's `loglikelihood_rolling` (utils.py,
get_rolling_token_windows with context_len 1), so both report the same number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer

from model.transformer import Transformer

BATCH_TOKENS = 4096
GRAM_WORDS, SHORT_GRAM_WORDS = 13, 8  # GPT-3 (Brown et al. 2020, app. C) and PaLM's shorter grams
SHORT_TEXT_WORDS = 2 * GRAM_WORDS
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Evaluation:
    """Sums per document, in the order of the texts: arrays of shape (documents,).

    nats: negative log-likelihood. hits: tokens that were the model's first choice.
    """

    nats: NDArray[np.float64]
    bytes: NDArray[np.int64]
    tokens: NDArray[np.int64]
    hits: NDArray[np.int64]

    @property
    def bits_per_byte(self) -> float:
        """Nats of all documents / their UTF-8 bytes / ln 2."""
        return float(self.nats.sum() / self.bytes.sum() / math.log(2))

    @property
    def perplexity(self) -> float:
        """exp(nats per token). Comparable between models with the same tokenizer only."""
        return math.exp(self.nats.sum() / self.tokens.sum())

    @property
    def accuracy(self) -> float:
        """Share of tokens that were the model's first choice."""
        return float(self.hits.sum() / self.tokens.sum())


@dataclass(frozen=True)
class Window:
    """Positions start..stop of one document predict the positions after them; the last `scored` count."""

    document: int
    start: int
    stop: int
    scored: int


def evaluate(model: Transformer, tokenizer: Tokenizer, texts: Sequence[str]) -> Evaluation:
    """Score every text, each as a document of its own after the end-of-document token, in fp32."""
    encoded = [
        encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]
    windows = [
        window
        for document, ids in enumerate(encoded)
        for window in rolling_windows(document, len(ids), model.shape.context)
    ]
    nats, hits = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
    for group in _batches(windows):
        scores = _score(model, encoded, group)
        for window, (window_nats, window_hits) in zip(group, scores, strict=True):
            nats[window.document] += window_nats
            hits[window.document] += window_hits
    sizes = [len(text.encode()) for text in texts]
    tokens = [len(ids) for ids in encoded]
    return Evaluation(nats, np.array(sizes, np.int64), np.array(tokens, np.int64), hits)


def rolling_windows(document: int, tokens: int, context: int) -> Iterator[Window]:
    """Windows over [EOS, token 0, token 1, ...] in which each token is scored once.

    The first window starts at EOS, later ones see one token already scored; the last one is as
    long as the context allows and scores only what is left.
    """
    scored = 0
    while scored < tokens:
        new = min(context, tokens - scored)
        stop = scored + new
        yield Window(document, max(0, stop - context), stop, new)
        scored = stop


def _batches(windows: list[Window]) -> Iterator[list[Window]]:
    """Windows of like length together, at most BATCH_TOKENS with padding."""
    group: list[Window] = []
    for window in sorted(windows, key=lambda w: w.start - w.stop):
        longest = (group or [window])[0]
        if group and (len(group) + 1) * (longest.stop - longest.start) > BATCH_TOKENS:
            yield group
            group = []
        group.append(window)
    if group:
        yield group


@torch.no_grad()
def _score(
    model: Transformer, encoded: list[list[int]], group: list[Window]
) -> list[tuple[float, int]]:
    """(nats, hits) of each window. Padding stands on the right, where a causal model cannot look."""
    length, eos = max(window.stop - window.start for window in group), model.shape.eos
    tokens = np.full((len(group), length + 1), eos, np.int64)
    for row, window in enumerate(group):
        ids = encoded[window.document][max(0, window.start - 1) : window.stop]
        ids = [eos, *ids] if window.start == 0 else ids
        tokens[row, : len(ids)] = ids
    batch = torch.from_numpy(tokens).to(model.lm_head.weight.device)
    model.eval()
    logits = model(batch[:, :-1]).float()
    targets = batch[:, 1:]
    nats = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").double().cpu().numpy()
    hits = (logits.argmax(-1) == targets).cpu().numpy()
    spans = [slice(w.stop - w.start - w.scored, w.stop - w.start) for w in group]
    return [(float(nats[r, s].sum()), int(hits[r, s].sum())) for r, s in enumerate(spans)]


@dataclass(frozen=True)
class Guard:
    """Finds training documents that repeat held-out text.

    A document is a leak when its words, lower-cased and without punctuation, are those of a held-out
    document, or when at least `shared_ratio` of the word n-grams of either are found in the other.
    n is 13, or 8 when the training document has fewer than 26 words.
    """

    shared_ratio: float
    identical: frozenset[tuple[str, ...]]
    grams: Mapping[int, tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]]

    @classmethod
    def over(cls, heldout: Iterable[str], shared_ratio: float = 0.2) -> Guard:
        """Index the held-out texts."""
        documents = [_words(text) for text in heldout]
        widths = (GRAM_WORDS, SHORT_GRAM_WORDS)
        grams = {width: _index(documents, width) for width in widths}
        return cls(shared_ratio, frozenset(map(tuple, documents)), grams)

    def leaks(self, text: str) -> bool:
        """Whether `text` repeats held-out text."""
        words = _words(text)
        if tuple(words) in self.identical:
            return bool(words)
        width = SHORT_GRAM_WORDS if len(words) < SHORT_TEXT_WORDS else GRAM_WORDS
        mine = _gram_hashes(words, width)
        hashes, owners, owned = self.grams[width]
        found = _contains(hashes, mine)
        if not found.any():
            return False
        if found.mean() >= self.shared_ratio:
            return True
        hit = owners[np.isin(hashes, mine[found])]
        shared = np.bincount(hit, minlength=len(owned)) / np.maximum(owned, 1)
        return bool(shared.max() >= self.shared_ratio)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _gram_hashes(words: Sequence[str], width: int) -> NDArray[np.uint64]:
    """Distinct 64-bit hashes of the word n-grams; the same within one process."""
    singles = np.fromiter((hash(word) for word in words), np.int64, len(words)).view(np.uint64)
    count = len(words) - width + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    sums = np.zeros(count, np.uint64)
    for place in range(width):
        sums = sums * np.uint64(0x9E3779B97F4A7C15) + singles[place : place + count]
    distinct: NDArray[np.uint64] = np.unique(sums)
    return distinct


def _index(
    documents: list[list[str]], width: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """(sorted gram hashes, the document of each, grams per document)."""
    grams = [_gram_hashes(words, width) for words in documents]
    owned = np.array([len(part) for part in grams], np.int64)
    hashes = np.concatenate([*grams, np.empty(0, np.uint64)])
    owners = np.repeat(np.arange(len(grams)), owned)
    ascending = np.argsort(hashes, kind="stable")
    return hashes[ascending], owners[ascending], owned


def _contains(ascending: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[places] == wanted
    return found
