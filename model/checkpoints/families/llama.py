"""Rotary positions, RMS norms, SwiGLU: `LlamaForCausalLM`, whose weight names are ours."""

from __future__ import annotations

from model.architecture.shape import Shape
from model.checkpoints.families.family import Config, Family, end_of_document, only


def holds(shape: Shape) -> bool:
    """Llama's parts; biases everywhere or nowhere."""
    return shape.experts is None and (shape.positions, shape.norm, shape.activation) == (
        "rotary",
        "rms",
        "swiglu",
    )


def to_config(shape: Shape) -> Config:
    """Dropout is kept for attention alone: the architecture has no other."""
    return {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_width,
        "intermediate_size": shape.hidden,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.rope_base,
        "rms_norm_eps": shape.norm_epsilon,
        "hidden_act": "silu",
        "attention_bias": shape.bias,
        "mlp_bias": shape.bias,
        "attention_dropout": shape.dropout,
    }


def to_shape(config: Config) -> Shape:
    """`rope_parameters` is where transformers 5 writes what 4 calls `rope_theta` and `rope_scaling`."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    width, heads = config["hidden_size"], config["num_attention_heads"]
    bias = config.get("attention_bias", False)
    only(rope, rope_type="default", type="default", partial_rotary_factor=1.0)
    only(config, hidden_act="silu", head_dim=width // heads, mlp_bias=bias)
    return Shape(
        vocabulary=config["vocab_size"],
        width=width,
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        hidden=config["intermediate_size"],
        context=config["max_position_embeddings"],
        tied=config.get("tie_word_embeddings", False),
        eos=end_of_document(config),
        rope_base=float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0),
        norm_epsilon=config["rms_norm_eps"],
        bias=bias,
        dropout=config.get("attention_dropout", 0.0),
    )


LLAMA = Family("llama", "LlamaForCausalLM", holds, to_config, to_shape)
