"""What is predicted from what: the next token, masked tokens, or what follows a prefix.

In: windows (rows, context + 1) of one step. Out: inputs and targets (rows, context) and how far each
row may look ahead. The decision that matters: chance is a pure function of (seed, step) and is drawn
for the whole batch before a process takes its rows, so neither resuming nor the number of processes
changes what is learnt.

causal   every token from those before it (GPT)
masked   15 % of the tokens from all others (BERT, Devlin et al. 2019, arXiv 1810.04805, §3.1 and
         app. C.2): of those 80 % are replaced by the mask token, 10 % by a random one, 10 % are kept
prefix   every token after a prefix of random length, in which all positions see each other (prefix-LM:
         Raffel et al. 2020, arXiv 1910.10683, §3.2.1; the S-denoiser of UL2, arXiv 2205.05131)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.errors import InputError
from model.architecture.loss import NOT_SCORED
from model.data import Windows
from model.training.recipe import Recipe

REPLACED_RATIO, RANDOM_RATIO = 0.8, 0.1


class Examples(NamedTuple):
    """One process's rows of a batch.

    inputs, targets: (rows, context) int64; a target of -100 is not scored. prefix: (rows,), see
    `Transformer.forward`. scored: targets in each row. batch_scored: in the rows of all processes.
    """

    inputs: Tensor
    targets: Tensor
    prefix: Tensor | None
    scored: NDArray[np.int64]
    batch_scored: int


def make_examples(
    windows: Windows, recipe: Recipe, vocabulary: int, step: int, rank: int = 0, world: int = 1
) -> Examples:
    """The recipe's objective on the rows rank, rank + world, ... of step `step`.

    InputError: a token is beyond the vocabulary, or is the mask token.
    """
    if (highest := int(windows.max())) >= vocabulary:
        raise InputError(f"the data holds token {highest}, the model only {vocabulary}")
    rows, time = len(windows) * world, windows.shape[1] - 1
    chance = np.random.default_rng([recipe.seed, step])
    mine = slice(rank, None, world)
    if recipe.objective == "masked":
        mask = mask_token(recipe, vocabulary)
        share = chance.random((rows, time), np.float32)
        other = chance.integers(0, vocabulary - 1, (rows, time))
        scored = (share < recipe.masked_ratio).sum(axis=1)
        parts = _masked(windows, share[mine], other[mine], recipe.masked_ratio, mask)
        return _examples(*parts, np.full(len(windows), time), scored, mine)
    if recipe.objective == "prefix":
        prefix = chance.integers(1, time + 1, rows)
        parts = _after_prefix(windows, prefix[mine])
        return _examples(*parts, prefix[mine], time + 1 - prefix, mine)
    return _examples(windows[:, :-1], windows[:, 1:], None, np.full(rows, time), mine)


def mask_token(recipe: Recipe, vocabulary: int) -> int:
    """The id that stands for a masked token. InputError: the vocabulary does not have it."""
    mask = vocabulary - 1 if recipe.mask_token is None else recipe.mask_token
    if not 0 <= mask < vocabulary or vocabulary < 2:
        raise InputError(f"mask_token {mask} is not in the model's vocabulary of {vocabulary}")
    return mask


def _masked(
    windows: Windows, share: NDArray[np.float32], other: Windows, ratio: float, mask: int
) -> tuple[Windows, Windows]:
    """share: uniform numbers that decide what happens to a token; other: what may stand in for it."""
    tokens = windows[:, :-1]
    if (windows == mask).any():
        raise InputError(
            f"the data holds token {mask}, which is the mask token; give the model a vocabulary one "
            "larger than the tokenizer's, or set mask_token to an id that the data never uses"
        )
    inputs = tokens.copy()
    hidden = share < ratio * REPLACED_RATIO
    random = ~hidden & (share < ratio * (REPLACED_RATIO + RANDOM_RATIO))
    inputs[hidden] = mask
    inputs[random] = (other + (other >= mask))[random]
    return inputs, np.where(share < ratio, tokens, NOT_SCORED)


def _after_prefix(windows: Windows, prefix: NDArray[np.int64]) -> tuple[Windows, Windows]:
    """The last token of the prefix predicts the first one after it."""
    inside = np.arange(windows.shape[1] - 1) < prefix[:, None] - 1
    return windows[:, :-1], np.where(inside, NOT_SCORED, windows[:, 1:])


def _examples(
    inputs: Windows,
    targets: Windows,
    prefix: NDArray[np.int64] | None,
    scored: NDArray[np.int64],
    mine: slice,
) -> Examples:
    return Examples(
        torch.from_numpy(inputs),
        torch.from_numpy(targets),
        None if prefix is None else torch.from_numpy(prefix),
        scored[mine],
        max(1, int(scored.sum())),
    )
