"""How well a model predicts text: nats, bytes, tokens and hits per document.

In: a model, its tokenizer, texts. Out: sums per document, from which bits per byte, perplexity and
accuracy are made. The decision that matters: nats are summed and divided by UTF-8 bytes, so models
with different tokenizers compare. Windows are those of lm-eval's `loglikelihood_rolling` (utils.py,
get_rolling_token_windows with context_len 1), so both report the same number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer

from curate.document import encodable

if TYPE_CHECKING:
    from model.checkpoints.loading import LanguageModel

BATCH_TOKENS = 4096
ACCELERATOR_LOGITS = 1 << 28  # numbers of one batch's logits: 1 GiB in fp32
ENCODE_TEXTS = 256

Ids = NDArray[np.int32]


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
        """Nats of all documents / their UTF-8 bytes / ln 2; nan for no bytes."""
        return _ratio(self.nats.sum(), self.bytes.sum()) / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats per token). Comparable between models with the same tokenizer only."""
        nats = _ratio(self.nats.sum(), self.tokens.sum())
        return math.exp(nats) if not nats > 700 else math.inf

    @property
    def accuracy(self) -> float:
        """Share of tokens that were the model's first choice."""
        return _ratio(self.hits.sum(), self.tokens.sum())

    def of(self, chosen: NDArray[np.bool_]) -> Evaluation:
        """The same for some of the documents."""
        return Evaluation(
            self.nats[chosen], self.bytes[chosen], self.tokens[chosen], self.hits[chosen]
        )


@dataclass(frozen=True)
class Window:
    """Tokens start..stop of a sequence predict those one place later; the last `scored` count."""

    sequence: int
    start: int
    stop: int
    scored: int


def evaluate(model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str]) -> Evaluation:
    """Score every text, each as a document of its own after the end-of-document token, in fp32.

    Unpaired surrogates are read as U+FFFD. A text without tokens has 0 of everything.
    """
    texts = [encodable(text) for text in texts]
    encoded = encode(tokenizer, texts)
    eos, context = np.array([model.shape.eos], np.int32), model.shape.context
    windows = [
        window
        for document, ids in enumerate(encoded)
        for window in rolling_windows(document, len(ids), context)
    ]
    nats, hits = score(model, [np.concatenate((eos, ids)) for ids in encoded], windows)
    sizes = np.array([len(text.encode()) for text in texts], np.int64)
    tokens = np.array([len(ids) for ids in encoded], np.int64)
    return Evaluation(nats, sizes, tokens, hits)


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    """The ids of each text, without special tokens."""
    encoded: list[Ids] = []
    for start in range(0, len(texts), ENCODE_TEXTS):
        group = list(texts[start : start + ENCODE_TEXTS])
        found = tokenizer.encode_batch(group, add_special_tokens=False)
        encoded += [np.array(encoding.ids, np.int32) for encoding in found]
    return encoded


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


def score(
    model: LanguageModel, sequences: Sequence[Ids], windows: Iterable[Window]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(nats, hits) of each sequence: what its windows score, summed."""
    nats, hits = np.zeros(len(sequences)), np.zeros(len(sequences), np.int64)
    with _exactly(model):
        for group in _batches(list(windows), _batch_tokens(model)):
            scores = _score(model, sequences, group)
            for window, (window_nats, window_hits) in zip(group, scores, strict=True):
                nats[window.sequence] += window_nats
                hits[window.sequence] += window_hits
    return nats, hits


def _batches(windows: list[Window], batch_tokens: int) -> Iterator[list[Window]]:
    """Windows of like length together, at most `batch_tokens` with padding."""
    group: list[Window] = []
    for window in sorted(windows, key=lambda w: w.start - w.stop):
        longest = (group or [window])[0]
        if group and (len(group) + 1) * (longest.stop - longest.start) > batch_tokens:
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def _batch_tokens(model: LanguageModel) -> int:
    """More at a time where a batch is little work for the machine; as memory for logits allows."""
    weights = list(model.parameters())
    if weights[0].device.type == "cpu":
        return BATCH_TOKENS
    vocabulary = max(weight.shape[0] for weight in weights)  # or what is larger than it
    return max(BATCH_TOKENS // 4, min(16 * BATCH_TOKENS, ACCELERATOR_LOGITS // vocabulary))


def _score(
    model: LanguageModel, sequences: Sequence[Ids], group: list[Window]
) -> list[tuple[float, int]]:
    """(nats, hits) of each window. Padding stands on the right, where a causal model cannot look."""
    length, eos = max(window.stop - window.start for window in group), model.shape.eos
    tokens = np.full((len(group), length + 1), eos, np.int64)
    for row, window in enumerate(group):
        ids = sequences[window.sequence][window.start : window.stop + 1]
        tokens[row, : len(ids)] = ids
    batch = torch.from_numpy(tokens).to(next(model.parameters()).device)
    logits, targets = model(batch[:, :-1]).float(), batch[:, 1:]
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    nats = losses.view(targets.shape).double().cpu().numpy()
    hits = (logits.argmax(-1) == targets).cpu().numpy()
    spans = [slice(w.stop - w.start - w.scored, w.stop - w.start) for w in group]
    return [(float(nats[r, s].sum()), int(hits[r, s].sum())) for r, s in enumerate(spans)]


@contextmanager
def _exactly(model: LanguageModel) -> Iterator[None]:
    """No dropout, no gradients, no autocast, no TF32; afterwards everything is as it was."""
    training, precision = model.training, torch.get_float32_matmul_precision()
    kind = next(model.parameters()).device.type
    model.eval()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.no_grad(), torch.autocast(kind, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        model.train(training)


def _ratio(above: float, below: float) -> float:
    return float(above) / float(below) if below else math.nan
