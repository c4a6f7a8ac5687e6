"""Fit and cross-validate the network that finds a page's main content.

    python -m tests.benchmarks.fit_main_content PAGES --folds FOLDER     # ten folds, held-out F1
    python -m tests.benchmarks.fit_main_content PAGES --bundle           # fit on all, write the package's

In: the collections of `pages.load`. Out: weights. The decision: pages are split by registered
domain, and every figure printed is of pages whose site the weights never saw. A segment's label is
the share of its words that stand in the gold text in runs of four; the loss is 1 - F1 of each page,
computed on probabilities, plus a little cross-entropy.
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
from curate.extract.main_content.features import features
from curate.extract.main_content.segments import parse, segment
from tests.benchmarks.pages import WORD, GoldPage, f1, load, words

FOLDS = 10
NETWORKS = 3
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
    root = parse(markup)
    segmented = segment(root) if root is not None else None
    if segmented is None or not segmented.segments:
        return None
    texts = [part.text for part in segmented.segments]
    bags = [words(text) for text in texts]
    sizes = np.array([bag.total() for bag in bags], np.float32)
    return Example(
        page, features(segmented, page.url, markup), labels(texts, page.gold), sizes, bags
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


def fit(examples: Sequence[Example]) -> Classifier:
    """Networks of several seeds, side by side in one classifier."""
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
    networks = [_network(data, seed) for seed in range(NETWORKS)]
    hidden = [network[0] for network in networks]
    output = [network[-1] for network in networks]
    return Classifier(
        mean,
        scale,
        torch.cat([layer.weight.T for layer in hidden], 1).numpy(),
        torch.cat([layer.bias for layer in hidden]).numpy(),
        torch.cat([layer.weight for layer in output]).numpy(),
        torch.cat([layer.bias for layer in output]).numpy(),
    )


def _network(data: list[tuple[torch.Tensor, ...]], seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(data[0][0].shape[1], UNITS), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(UNITS, 1)
    )
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    steps = EPOCHS * -(-len(data) // BATCH_PAGES)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    network.train()
    for _ in range(EPOCHS):
        order = torch.randperm(len(data)).tolist()
        for at in range(0, len(order), BATCH_PAGES):
            optimizer.zero_grad()
            _loss(network, [data[index] for index in order[at : at + BATCH_PAGES]]).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.eval().requires_grad_(False)


def _loss(network: nn.Sequential, batch: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
    inputs, targets, sizes = (torch.cat(parts) for parts in zip(*batch, strict=True))
    page = torch.cat([torch.full((len(one[0]),), index) for index, one in enumerate(batch)])
    kept = functional.dropout(torch.ones(inputs.shape[1]), FEATURE_DROPOUT)
    logits = network(inputs * kept)[:, 0]
    probabilities = torch.sigmoid(logits)

    def per_page(values: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(batch)).index_add(0, page, values)

    common = per_page(probabilities * targets * sizes)
    soft_f1 = 2 * common / (per_page(probabilities * sizes) + per_page(targets * sizes) + 1)
    weights = (sizes + 1) / per_page(sizes + 1)[page]
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (1 - soft_f1).mean() + CROSS_ENTROPY * (entropy * weights).sum() / len(batch)


def score(fitted: Classifier, one: Example) -> float:
    """F1 of the segments chosen."""
    chosen = choose(fitted.probabilities(one.features), one.words.astype(np.float64))
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
