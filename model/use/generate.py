"""A model continues prompts.

In: a model's folder and prompts. Out: the continuations as text. The decision: prompts of a batch
stand at the left and padding at the right, where a causal model cannot look, so nothing is masked and
a continuation does not depend on its neighbours; each has random numbers of its own. The model sees at
most its context; nothing is cached, which at this size costs less than it would to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from xxhash import xxh3_64_intdigest

from curate.document import encodable
from curate.errors import InputError
from model.checkpoints.loading import LanguageModel, Opened, open_model
from model.use.chat import prompt_ids

BATCH_PROMPTS = 16


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn: from the `top_k` likeliest, of these from the likeliest that
    together have `top_p` of the chance (Holtzman et al. 2020). temperature 0: the likeliest one."""

    temperature: float = 0.8
    top_k: int | None = 50
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        wrong_k = self.top_k is not None and self.top_k < 1
        wrong_p = self.top_p is not None and not 0 < self.top_p <= 1
        if not self.temperature >= 0 or wrong_k or wrong_p:
            raise InputError(
                f"temperature {self.temperature}, top_k {self.top_k}, top_p {self.top_p}: temperature "
                "must be at least 0, top_k at least 1, top_p above 0 and at most 1"
            )


GREEDY = Sampling(temperature=0)


def generate(
    folder: str | Path,
    prompt: str = "",
    tokens: int = 100,
    temperature: float = 0.8,
    top_k: int | None = 50,
    seed: int = 0,
    top_p: float | None = None,
    device: str | None = None,
) -> str:
    """Up to `tokens` tokens after `prompt`, ending early at the end-of-document token.

    InputError: no model, one without a tokenizer, a number out of range.
    """
    sampling = Sampling(temperature, top_k, top_p, seed)
    return next(continuations(open_model(folder, device), [prompt], tokens, sampling))


def continuations(
    opened: Opened,
    prompts: Sequence[str],
    tokens: int = 100,
    sampling: Sampling = GREEDY,
    chat: bool = False,
) -> Iterator[str]:
    """The continuation of each prompt, in order. `chat`: a prompt is what a user says."""
    encode = opened.tokenizer.encode
    for start in range(0, len(prompts), BATCH_PROMPTS):
        group = [encodable(prompt) for prompt in prompts[start : start + BATCH_PROMPTS]]
        eos = opened.model.shape.eos
        ids = [
            prompt_ids(opened.folder, prompt)
            if chat
            else [eos, *encode(prompt, add_special_tokens=False).ids]
            for prompt in group
        ]
        numbers = range(start, start + len(group))
        for new in continue_tokens(opened.model, ids, tokens, sampling, opened.ends, numbers):
            yield str(opened.tokenizer.decode(new, skip_special_tokens=True))


@torch.no_grad()
def continue_tokens(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    tokens: int,
    sampling: Sampling,
    ends: frozenset[int],
    numbers: Sequence[int] | None = None,
) -> list[list[int]]:
    """The ids that follow each prompt: at most `tokens`, without the one that ends the text.

    `numbers`: each prompt's own place in the seed's random numbers.
    """
    device, context = next(model.parameters()).device, model.shape.context
    draws = [
        torch.Generator().manual_seed(xxh3_64_intdigest(f"{sampling.seed} {number}".encode()) >> 32)
        for number in (numbers or range(len(prompts)))
    ]
    texts = [list(prompt) for prompt in prompts]
    going = list(range(len(prompts))) if tokens > 0 else []
    while going:
        windows = [texts[row][-context:] for row in going]
        logits = _last_logits(model, windows, device)
        for row, scores in zip(going, logits, strict=True):
            texts[row].append(_draw(scores, sampling, draws[row]))
        going = [
            row
            for row in going
            if texts[row][-1] not in ends and len(texts[row]) < len(prompts[row]) + tokens
        ]
    new = [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]
    return [ids[:-1] if ids and ids[-1] in ends else ids for ids in new]


def _last_logits(model: LanguageModel, windows: list[list[int]], device: torch.device) -> Tensor:
    """(rows, vocabulary) on the CPU: what follows the last id of each row."""
    longest = max(map(len, windows))
    batch = torch.tensor([ids + [model.shape.eos] * (longest - len(ids)) for ids in windows])
    last = torch.tensor([len(ids) - 1 for ids in windows], device=device)
    logits: Tensor = model(batch.to(device))
    return logits[torch.arange(len(windows), device=device), last].float().cpu()


def _draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    if sampling.temperature == 0:
        return int(logits.argmax())
    if sampling.top_k is not None and sampling.top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(sampling.top_k).values[-1], -torch.inf)
    chances = torch.softmax(logits / sampling.temperature, dim=0)
    if sampling.top_p is not None:
        descending, order = chances.sort(descending=True, stable=True)
        before = descending.cumsum(0) - descending
        chances[order[before >= sampling.top_p]] = 0
    return int(torch.multinomial(chances, 1, generator=generator))
