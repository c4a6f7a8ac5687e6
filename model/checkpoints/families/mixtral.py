"""Llama with experts and without biases: `MixtralForCausalLM`.

The names on disk are those Mixtral was published with, one matrix an expert: vLLM and transformers 4
read them as they are, transformers 5 stacks them while it loads and unstacks them when it saves.
"""

from __future__ import annotations

from dataclasses import replace

from model.architecture.shape import Shape
from model.checkpoints.families import llama
from model.checkpoints.families.family import Config, Family, Weights, only, renamed

NAMES = (
    (".mlp.", ".block_sparse_moe."),
    (".gate_proj.", ".w1."),
    (".down_proj.", ".w2."),
    (".up_proj.", ".w3."),
)


def holds(shape: Shape) -> bool:
    """Llama's parts with experts and no bias."""
    return (
        shape.experts is not None and not shape.bias and llama.holds(replace(shape, experts=None))
    )


def to_config(shape: Shape) -> Config:
    """Llama's keys and the router's."""
    keys = llama.to_config(shape)
    return {
        **{key: value for key, value in keys.items() if not key.endswith("_bias")},
        "num_local_experts": shape.experts,
        "num_experts_per_tok": shape.experts_per_token,
        "router_aux_loss_coef": shape.router_weight,
        "sliding_window": None,
    }


def to_shape(config: Config) -> Shape:
    """ValueError: a sliding window, router noise, or what Llama's parts cannot do."""
    only(config, sliding_window=None, router_jitter_noise=0.0)
    return replace(
        llama.to_shape({"rope_theta": 1e6, **config}),
        experts=config["num_local_experts"],
        experts_per_token=config["num_experts_per_tok"],
        router_weight=config["router_aux_loss_coef"],
    )


def theirs(weights: Weights) -> Weights:
    """`mlp.experts.0.gate_proj` -> `block_sparse_moe.experts.0.w1`."""
    return renamed(weights, NAMES)


def ours(weights: Weights) -> Weights:
    """`block_sparse_moe.experts.0.w1` -> `mlp.experts.0.gate_proj`."""
    return renamed(weights, [(new, old) for old, new in NAMES])


MIXTRAL = Family("mixtral", "MixtralForCausalLM", holds, to_config, to_shape, theirs, ours)
