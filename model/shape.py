"""How large a decoder is and what it is made of, and the `config.json` that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.errors import InputError

EMBEDDING_STD = 0.06


@dataclass(frozen=True)
class Shape:
    """The size of a decoder. `width / heads` is 64 in every profile: the head size all kernels know.

    vocabulary, context: tokens. hidden: width of the SwiGLU layer (Shazeer 2020, 2/3 * 4 * width).
    kv_heads < heads shares keys and values between heads (Ainslie et al. 2023). eos: the id that
    ends a document in training and therefore precedes the first token of one in evaluation.
    """

    vocabulary: int = 2048
    width: int = 128
    layers: int = 3
    heads: int = 2
    kv_heads: int = 2
    hidden: int = 352
    context: int = 256
    tied: bool = True
    eos: int = 0
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5

    def __post_init__(self) -> None:
        sizes = (self.vocabulary, self.width, self.layers, self.heads, self.kv_heads, self.hidden)
        if min(*sizes, self.context) < 1:
            raise InputError(f"model shape: every size must be at least 1, got {self}")
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            raise InputError(
                f"model shape: width {self.width} must be an even multiple of heads {self.heads}, "
                f"and heads a multiple of kv_heads {self.kv_heads}"
            )

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    def to_config(self) -> dict[str, Any]:
        """The `config.json` that `transformers.LlamaForCausalLM` reads."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_width,
            "intermediate_size": self.hidden,
            "max_position_embeddings": self.context,
            "tie_word_embeddings": self.tied,
            "bos_token_id": self.eos,
            "eos_token_id": self.eos,
            "rope_theta": self.rope_base,
            "rms_norm_eps": self.norm_epsilon,
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "initializer_range": EMBEDDING_STD,
            "torch_dtype": "float32",
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Shape:
        """The shape a `config.json` written by `to_config` describes. KeyError: a field is missing."""
        return cls(
            vocabulary=config["vocab_size"],
            width=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            hidden=config["intermediate_size"],
            context=config["max_position_embeddings"],
            tied=config["tie_word_embeddings"],
            eos=config["eos_token_id"],
            rope_base=config["rope_theta"],
            norm_epsilon=config["rms_norm_eps"],
        )
