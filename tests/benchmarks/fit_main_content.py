"""Fit and cross-validate the network that finds a page's main content.

    python -m tests.benchmarks.fit_main_content PAGES --folds FOLDER     # ten folds, held-out F1
    python -m tests.benchmarks.fit_main_content PAGES --bundle           # fit on all, write the package's

In: the collections of `pages.load`. Out: weights. The decision: pages are split by registered
domain, and every figure printed is of pages whose site the weights never saw. A segment's label is
the share of its words that stand in the gold text in runs of four; the loss is 1 - F1 of each page,
computed on probabilities, plus a little cross-entropy.

Tried without gain on held-out pages: augmentation (elements left out at random, p as div, no names),
hints of a whole page dropped out, averaged weights, six networks of 32 units, and a second
network that sees the first one's probabilities of the neighbours and containers.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from curate.extract.charset import decode
from curate.extract.html import mend_controls
from curate.extract.main_content import classifier
from curate.extract.main_content.classifier import CLIP, Classifier, choose
from curate.extract.main_content.copies import without_copies
from curate.extract.main_content.features import features
from curate.extract.main_content.segments import Segment, segment
from tests.benchmarks.pages import WORD, GoldPage, f1, load, words

FOLDS = 10
NETWORKS = 4
UNITS = 48
EPOCHS = 12
BATCH_PAGES = 8
RATE = 4e-3
DROPOUT = 0.4
FEATURE_DROPOUT = 0.1
CROSS_ENTROPY = 0.3
RUN_WORDS = 4


@dataclass(frozen=True)
class Example:
    """A page as the network sees it: (segments, features), and a value a segment."""

    page: GoldPage
    segments: list[Segment]
    parents: list[int]
    features: np.ndarray
    labels: np.ndarray
    words: np.ndarray
    bags: list[Counter[str]]


def fold_of(page: GoldPage) -> int:
    """The fold that a page's site belongs to."""
    return zlib.crc32(page.site.encode()) % FOLDS


def example(page: GoldPage) -> Example | None:
    """None for a page without text."""
    markup = mend_controls(decode(page.content).text.replace("\0", "\ufffd"))
    segmented = segment(markup)
    if not segmented.segments:
        return None
    texts = [part.text for part in segmented.segments]
    bags = [words(text) for text in texts]
    sizes = np.array([bag.total() for bag in bags], np.float32)
    return Example(
        page,
        segmented.segments,
        segmented.containers.parents,
        features(segmented, page.url, markup),
        labels(texts, page.gold),
        sizes,
        bags,
    )


def labels(texts: Sequence[str], gold: str) -> np.ndarray:
    """How much of each text stands in the gold text. One or two words count only as a whole line."""
    lines = [tuple(WORD.findall(line.lower())) for line in gold.split("\n")]
    flat = [word for line in lines for word in line]
    runs = {
        size: {tuple(flat[at : at + size]) for at in range(len(flat) - size + 1)}
        for size in range(1, RUN_WORDS + 1)
    }
    whole = set(lines)
    return np.array(
        [_label(tuple(WORD.findall(t.lower())), runs, whole) for t in texts], np.float32
    )


def _label(
    text: tuple[str, ...], runs: dict[int, set[tuple[str, ...]]], lines: set[tuple[str, ...]]
) -> float:
    if not text:
        return 0.0
    if len(text) < RUN_WORDS:
        if text in lines or (len(text) == RUN_WORDS - 1 and text in runs[len(text)]):
            return 1.0
        return 0.3 if text in runs[len(text)] else 0.0
    covered = np.zeros(len(text), bool)
    for at in range(len(text) - RUN_WORDS + 1):
        if text[at : at + RUN_WORDS] in runs[RUN_WORDS]:
            covered[at : at + RUN_WORDS] = True
    return float(covered.mean())


class Networks(nn.Module):
    """All networks side by side: they see the same batches, but drop out apart. One network after
    another took more than twice as long and did no better."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, NETWORKS * UNITS)
        self.output = nn.Parameter(torch.empty(NETWORKS, UNITS).uniform_(-1, 1) / UNITS**0.5)
        self.output_bias = nn.Parameter(torch.zeros(NETWORKS))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(segments, features) to logits, (segments, networks)."""
        kept = functional.dropout(torch.ones(NETWORKS, inputs.shape[1]), FEATURE_DROPOUT)
        weight = self.hidden.weight * kept.repeat_interleave(UNITS, 0)
        units = functional.relu(functional.linear(inputs, weight, self.hidden.bias))
        units = functional.dropout(units, DROPOUT).view(-1, NETWORKS, UNITS)
        return (units * self.output).sum(2) + self.output_bias

    def classifier(self, mean: np.ndarray, scale: np.ndarray) -> Classifier:
        """The mean of the logits, as one network."""
        hidden, bias, output, output_bias = (
            value.detach().numpy()
            for value in (
                self.hidden.weight.T,
                self.hidden.bias,
                self.output.flatten() / NETWORKS,
                self.output_bias.mean(),
            )
        )
        return Classifier(mean, scale, hidden, bias, output, output_bias)


def fit(examples: Sequence[Example]) -> Classifier:
    """Weights fitted on all these pages."""
    torch.manual_seed(0)
    stacked = np.concatenate([one.features for one in examples])
    mean, scale = stacked.mean(0), stacked.std(0)
    scale[scale < 1e-3] = 1
    data = [
        (
            torch.from_numpy(np.clip((one.features - mean) / scale, -CLIP, CLIP)),
            torch.from_numpy(one.labels),
            torch.from_numpy(one.words),
        )
        for one in examples
    ]
    networks = Networks(len(mean))
    optimizer = torch.optim.AdamW(networks.parameters(), RATE, weight_decay=0.05)
    steps = EPOCHS * -(-len(data) // BATCH_PAGES)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(data)).tolist()
        for at in range(0, len(order), BATCH_PAGES):
            optimizer.zero_grad()
            _loss(networks, [data[index] for index in order[at : at + BATCH_PAGES]]).backward()
            nn.utils.clip_grad_norm_(networks.parameters(), NETWORKS**0.5)
            optimizer.step()
            schedule.step()
    return networks.classifier(mean, scale)


def _loss(networks: Networks, batch: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
    """The mean of the pages', summed over the networks."""
    inputs, targets, sizes = (torch.cat(parts) for parts in zip(*batch, strict=True))
    page = torch.cat([torch.full((len(one[0]),), index) for index, one in enumerate(batch)])
    targets, sizes = targets[:, None].expand(-1, NETWORKS), sizes[:, None]
    logits = networks(inputs)
    probabilities = torch.sigmoid(logits)

    def per_page(values: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(batch), values.shape[1]).index_add(0, page, values)

    common = per_page(probabilities * targets * sizes)
    soft_f1 = 2 * common / (per_page(probabilities * sizes) + per_page(targets * sizes) + 1)
    weights = (sizes + 1) / per_page(sizes + 1)[page]
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (1 - soft_f1 + CROSS_ENTROPY * per_page(entropy * weights)).mean(0).sum()


def score(fitted: Classifier, one: Example) -> float:
    """F1 of the segments chosen."""
    sizes = one.words.astype(np.float64)
    probabilities = fitted.probabilities(one.features)
    probabilities = without_copies(one.segments, one.parents, probabilities, sizes)
    chosen = choose(probabilities, sizes)
    found = sum((one.bags[index] for index in np.flatnonzero(chosen)), Counter[str]())
    return f1(found, words(one.page.gold))


def save(fitted: Classifier, path: Path) -> None:
    """Half precision: the choice stays the same and the file is half as large."""
    np.savez_compressed(path, **{k: v.astype(np.float16) for k, v in vars(fitted).items()})


def cross_validate(examples: list[Example], folder: Path) -> None:
    """Fit each fold's weights on the other folds, keep them, print the held-out F1."""
    folder.mkdir(parents=True, exist_ok=True)
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for fold in range(FOLDS):
        fitted = fit([one for one in examples if fold_of(one.page) != fold])
        save(fitted, folder / f"fold{fold}.npz")
        for one in examples:
            if fold_of(one.page) == fold:
                value = score(fitted, one)
                scores[one.page.collection, "all"].append(value)
                scores[one.page.collection, one.page.kind].append(value)
        print(f"fold {fold} done", file=sys.stderr, flush=True)
    for (collection, kind), values in sorted(scores.items()):
        print(f"{collection:12} {kind:14} pages {len(values):4}  F1 {np.mean(values):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--folds", type=Path, help="cross-validate; the folds' weights go here")
    parser.add_argument("--bundle", action="store_true", help="write the package's own weights")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    examples = [found for page in load(arguments.pages) if (found := example(page))]
    print(f"{len(examples)} pages", file=sys.stderr, flush=True)
    if arguments.folds:
        cross_validate(examples, arguments.folds)
    if arguments.bundle:
        save(fit(examples), Path(classifier.__file__).with_name("classifier.npz"))


if __name__ == "__main__":
    main()
