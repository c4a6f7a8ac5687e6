"""Learned positions, layer norms, GELU and biases: `GPT2LMHeadModel`.

It keeps query, key and value in one matrix, and every matrix of a block as (inputs, outputs).
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.architecture.shape import Shape
from model.checkpoints.families.family import (
    Config,
    Family,
    Weights,
    end_of_document,
    only,
    renamed,
)

NAMES = (
    ("model.embed_tokens.", "transformer.wte."),
    ("model.embed_positions.", "transformer.wpe."),
    ("model.layers.", "transformer.h."),
    ("model.norm.", "transformer.ln_f."),
    (".input_layernorm.", ".ln_1."),
    (".post_attention_layernorm.", ".ln_2."),
    (".self_attn.qkv_proj.", ".attn.c_attn."),
    (".self_attn.o_proj.", ".attn.c_proj."),
    (".mlp.up_proj.", ".mlp.c_fc."),
    (".mlp.down_proj.", ".mlp.c_proj."),
)
TRANSPOSED = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")
MASKS = (".attn.bias", ".attn.masked_bias")


def holds(shape: Shape) -> bool:
    """GPT-2's parts; as many keys as queries, no experts."""
    parts = (shape.positions, shape.norm, shape.activation, shape.bias, shape.experts)
    return parts == ("learned", "layer", "gelu", True, None) and shape.kv_heads == shape.heads


def to_config(shape: Shape) -> Config:
    """GPT-2's own keys."""
    return {
        "vocab_size": shape.vocabulary,
        "n_embd": shape.width,
        "n_layer": shape.layers,
        "n_head": shape.heads,
        "n_inner": shape.hidden,
        "n_positions": shape.context,
        "layer_norm_epsilon": shape.norm_epsilon,
        "activation_function": "gelu_new",
        "embd_pdrop": shape.dropout,
        "attn_pdrop": shape.dropout,
        "resid_pdrop": shape.dropout,
    }


def to_shape(config: Config) -> Shape:
    """ValueError: dropouts that differ, or an attention that is not scaled as usual."""
    dropout = config.get("resid_pdrop", 0.1)
    only(config, embd_pdrop=dropout, attn_pdrop=dropout, activation_function="gelu_new")
    only(config, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    return Shape(
        vocabulary=config["vocab_size"],
        width=config["n_embd"],
        layers=config["n_layer"],
        heads=config["n_head"],
        kv_heads=config["n_head"],
        hidden=config.get("n_inner") or 4 * config["n_embd"],
        context=config["n_positions"],
        tied=config.get("tie_word_embeddings", True),
        eos=end_of_document(config),
        norm_epsilon=config["layer_norm_epsilon"],
        positions="learned",
        activation="gelu",
        norm="layer",
        bias=True,
        dropout=dropout,
    )


def theirs(weights: Weights) -> Weights:
    """Fuse query, key and value; rename; transpose."""
    fused: Weights = {}
    for name, weight in weights.items():
        if ".q_proj." in name:
            parts = [weights[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            fused[name.replace(".q_proj.", ".qkv_proj.")] = torch.cat(parts)
        elif ".k_proj." not in name and ".v_proj." not in name:
            fused[name] = weight
    return {name: _turned(name, weight) for name, weight in renamed(fused, NAMES).items()}


def ours(weights: Weights) -> Weights:
    """Transpose, rename, split. Names may lack `transformer.` and there may be attention masks, as in
    the files OpenAI's models are published with."""
    full = {
        name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": weight
        for name, weight in weights.items()
        if not name.endswith(MASKS)
    }
    turned = {name: _turned(name, weight) for name, weight in full.items()}
    split: Weights = {}
    for name, weight in renamed(turned, [(new, old) for old, new in NAMES]).items():
        if ".qkv_proj." in name:
            for part, matrix in zip("qkv", weight.chunk(3), strict=True):
                split[name.replace(".qkv_proj.", f".{part}_proj.")] = matrix
        else:
            split[name] = weight
    return split


def _turned(name: str, weight: Tensor) -> Tensor:
    return weight.T if name.endswith(TRANSPOSED) else weight


GPT2 = Family("gpt2", "GPT2LMHeadModel", holds, to_config, to_shape, theirs, ours)
