"""A checkpoint as a Hugging Face folder, and back.

In/out: `model.safetensors`, `config.json`, `generation_config.json` and, where a tokenizer is given,
`tokenizer.json` with `tokenizer_config.json`. `transformers`, lm-eval and vLLM load the folder as it
is, if one of their architectures computes the shape (see `model.checkpoints.families`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from curate.errors import InputError
from curate.tokens.tokenizer import load as load_tokenizer
from model.architecture.transformer import Transformer
from model.checkpoints.families import FAMILIES, family_of, from_config, to_config
from model.training.recipe import Objective

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
GENERATION = "generation_config.json"
OBJECTIVE = "curate_objective"  # of config.json, unless causal; transformers passes it over


def export(
    model: Transformer,
    tokenizer: Tokenizer | None,
    folder: str | Path,
    objective: Objective = "causal",
) -> Path:
    """Write the model, and the tokenizer if there is one. Tied weights are stored once.

    objective: what the model was trained for, kept in the config if it is not the usual one.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    if model.shape.tied:
        del weights["lm_head.weight"]
    theirs = family_of(model.shape).theirs(weights)
    contiguous = {name: tensor.contiguous() for name, tensor in theirs.items()}
    partial = folder / f"{WEIGHTS}.partial"
    save_file(contiguous, partial, metadata={"format": "pt"})
    os.replace(partial, folder / WEIGHTS)
    named = {} if objective == "causal" else {OBJECTIVE: objective}
    _write_json(folder / CONFIG, {**to_config(model.shape), **named})
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
        if not isinstance(config, dict):
            raise ValueError(f"{CONFIG} holds no object")
        shape = from_config(config)
        weights = FAMILIES[config["model_type"]].ours(load_file(folder / WEIGHTS))
        if shape.tied:
            weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        model = Transformer(shape)
        model.load_state_dict(weights)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.filename else first_line(error)
        raise InputError(f"{folder}: not a checkpoint ({reason})") from None
    except Exception as error:  # a config may name any number, and a file hold any bytes
        line = first_line(error)
        raise InputError(f"{folder}: the checkpoint cannot be read ({line})") from None
    return model.to(torch.device(device)).eval(), _tokenizer(folder / TOKENIZER)


def first_line(error: BaseException) -> str:
    """What an error says, as one line; its kind if it says nothing.

    >>> first_line(ValueError()), first_line(ValueError("one\\ntwo"))
    ('ValueError', 'one')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _tokenizer(path: Path) -> Tokenizer | None:
    if not path.exists():
        return None
    try:
        return load_tokenizer(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises nothing more precise
        raise InputError(f"{path}: the tokenizer cannot be read ({first_line(error)})") from None


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
