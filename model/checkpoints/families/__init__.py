"""Which Hugging Face architecture holds a shape.

rotary   rms    swiglu             llama     LlamaForCausalLM
rotary   rms    swiglu   experts   mixtral   MixtralForCausalLM
learned  layer  gelu     bias      gpt2      GPT2LMHeadModel
anything else                      own       model_type "curate"

In: a shape, or a `config.json`. Out: the other one, and the family, which also knows the weights' names.
"""

from __future__ import annotations

from model.architecture.shape import EMBEDDING_STD, Shape
from model.checkpoints.families.family import Config, Family
from model.checkpoints.families.gpt2 import GPT2
from model.checkpoints.families.llama import LLAMA
from model.checkpoints.families.mixtral import MIXTRAL
from model.checkpoints.families.own import OWN

FAMILIES = {family.model_type: family for family in (LLAMA, MIXTRAL, GPT2, OWN)}


def family_of(shape: Shape) -> Family:
    """The first family that holds `shape`."""
    return next(family for family in FAMILIES.values() if family.holds(shape))


def to_config(shape: Shape) -> Config:
    """The `config.json` of a shape. The dtype has two names: transformers 5 reads one, 4 the other."""
    family = family_of(shape)
    return {
        "architectures": [family.architecture],
        "model_type": family.model_type,
        **family.config(shape),
        "tie_word_embeddings": shape.tied,
        "bos_token_id": shape.eos,
        "eos_token_id": shape.eos,
        "initializer_range": EMBEDDING_STD,
        "dtype": "float32",
        "torch_dtype": "float32",
    }


def from_config(config: Config) -> Shape:
    """The shape a `config.json` describes. KeyError, ValueError: no family here computes it."""
    name = config["model_type"]
    if name not in FAMILIES:
        raise ValueError(f"model_type {name!r} is none of {', '.join(FAMILIES)}")
    return FAMILIES[name].shape(config)
