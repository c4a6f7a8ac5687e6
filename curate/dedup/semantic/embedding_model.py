"""Vectors of texts by a model on this machine.

Enters: texts, and a folder as Hugging Face's `save_pretrained` writes it. Leaves: a vector a text: the
mean of the last layer over its tokens (Reimers & Gurevych 2019, arXiv:1908.10084, §3). Nothing is
fetched, no code of the model's is run, and only safetensors are read, never a pickle.

The decision: every pass through the model has the same shape: `TEXTS` texts, padded to one of a few
lengths. What stands beside a text would otherwise change the last bits of its vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import InputError, MissingError
from curate.once import once

TEXTS = 16
SHORTEST_TOKENS = 32
CHARS_PER_TOKEN = 16  # more text than this is not looked at: a tokenizer reads all it is given


def check(folder: str) -> None:
    """`InputError` or `MissingError` unless there is a model that can be loaded."""
    if not (Path(folder) / "config.json").is_file():
        raise InputError(f"{folder} holds no config.json; give a folder of a Hugging Face model")
    if not any(Path(folder).glob("*.safetensors")):
        raise InputError(
            f"{folder} holds no *.safetensors; save the model with safe_serialization=True"
        )
    _transformers()


def embed(texts: Sequence[str], folder: str, max_tokens: int) -> NDArray[np.float32]:
    """One vector a text, of its first `max_tokens` tokens. Shape (n, dimensions)."""
    import torch

    tokenizer, model = _load(folder)
    limit = min(max_tokens, _positions(tokenizer, model))
    if not texts:
        return np.zeros((0, model.config.hidden_size), np.float32)
    cut = [text[: limit * CHARS_PER_TOKEN] for text in texts]
    ids = tokenizer(cut, truncation=True, max_length=limit)["input_ids"]
    vectors = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for length, places in _by_length([len(row) for row in ids], limit):
            for start in range(0, len(places), TEXTS):
                some = places[start : start + TEXTS]
                vectors[some] = _pass([ids[place] for place in some], length, tokenizer, model)
    return vectors


def _by_length(tokens: Sequence[int], limit: int) -> list[tuple[int, list[int]]]:
    """(length, places of the rows padded to it): lengths double, from `SHORTEST_TOKENS` to `limit`."""
    groups: dict[int, list[int]] = {}
    for place, count in enumerate(tokens):
        length = max(SHORTEST_TOKENS, 1 << max(count - 1, 0).bit_length())
        groups.setdefault(min(length, limit), []).append(place)
    return sorted(groups.items())


def _pass(rows: list[list[int]], length: int, tokenizer: Any, model: Any) -> NDArray[np.float32]:
    """The mean of the last layer over the tokens of each row."""
    import torch

    ids = torch.full((TEXTS, length), tokenizer.pad_token_id or 0)
    mask = torch.zeros((TEXTS, length), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    mask[len(rows) :, 0] = 1  # an empty row would divide by zero, in attention too
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask[:, :, None].float()
    means = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
    vectors: NDArray[np.float32] = means[: len(rows)].numpy()
    return vectors


def _positions(tokenizer: Any, model: Any) -> int:
    """How many tokens the model can take."""
    known = (tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None))
    return min(int(number) for number in known if number)


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingError(
            "dedup_semantic.model needs transformers; pip install 'curate[semantic]'"
        ) from None
    return transformers


@once
def _load(folder: str) -> tuple[Any, Any]:
    """The tokenizer and the model, once a process."""
    transformers = _transformers()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{folder} cannot be loaded as a model: {line}") from None
    return tokenizer, model.float().eval()
