"""A checkpoint as a Hugging Face folder, and back.

In/out: `model.safetensors`, `config.json`, `generation_config.json` and, where a tokenizer is given,
`tokenizer.json` with `tokenizer_config.json`. `transformers`, lm-eval and vLLM load the folder as it
is, if one of their architectures computes the shape (see `model.families`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from curate.errors import InputError
from curate.tokens.tokenizer import load as load_tokenizer
from model.families import FAMILIES, family_of, from_config, to_config
from model.transformer import Transformer

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
GENERATION = "generation_config.json"


def export(model: Transformer, tokenizer: Tokenizer | None, folder: str | Path) -> Path:
    """Write the model, and the tokenizer if there is one. Tied weights are stored once."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    if model.shape.tied:
        del weights["lm_head.weight"]
    theirs = family_of(model.shape).theirs(weights)
    contiguous = {name: tensor.contiguous() for name, tensor in theirs.items()}
    save_file(contiguous, folder / WEIGHTS, metadata={"format": "pt"})
    _write_json(folder / CONFIG, to_config(model.shape))
    special = ("bos_token_id", "eos_token_id", "pad_token_id")
    _write_json(folder / GENERATION, dict.fromkeys(special, model.shape.eos))
    if tokenizer is not None:
        tokenizer.save(str(folder / TOKENIZER))
        eos = tokenizer.id_to_token(model.shape.eos)
        _write_json(
            folder / "tokenizer_config.json",
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": model.shape.context,
                "bos_token": eos,
                "eos_token": eos,
                "clean_up_tokenization_spaces": False,
            },
        )
    return folder


def load(folder: str | Path, device: str = "cpu") -> tuple[Transformer, Tokenizer | None]:
    """Read what `export` wrote, or transformers saved of a family both know, onto `device` in fp32.

    InputError: a file is missing, unreadable, does not fit the shape or asks for what no shape says.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        shape = from_config(config)
        weights = FAMILIES[config["model_type"]].ours(load_file(folder / WEIGHTS))
        if shape.tied:
            weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        model = Transformer(shape)
        model.load_state_dict(weights)
    except OSError as error:
        raise InputError(
            f"{folder}: not a checkpoint ({error.strerror}: {error.filename})"
        ) from None
    except (InputError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        line = str(error).strip().splitlines()[0]
        raise InputError(f"{folder}: the checkpoint cannot be read ({line})") from None
    path = folder / TOKENIZER
    tokenizer = load_tokenizer(path.read_text(encoding="utf-8")) if path.exists() else None
    return model.to(torch.device(device)).eval(), tokenizer


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
