"""What a Hugging Face architecture is to this project, and how their files are read with care.

The decision that matters: a config that asks for something a shape cannot say is refused, so whatever
loads computes what its authors meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.architecture.shape import Shape

Config = dict[str, Any]
Weights = dict[str, Tensor]


def unchanged(weights: Weights) -> Weights:
    """The weights as they are."""
    return weights


@dataclass(frozen=True)
class Family:
    """One architecture. `config` and `shape` undo each other, so do `theirs` and `ours`.

    holds: whether the architecture computes a shape. shape: KeyError or ValueError if a config is
    incomplete or asks for what no shape says. theirs, ours: our weights under their names and layout,
    and back.
    """

    model_type: str
    architecture: str
    holds: Callable[[Shape], bool]
    config: Callable[[Shape], Config]
    shape: Callable[[Config], Shape]
    theirs: Callable[[Weights], Weights] = unchanged
    ours: Callable[[Weights], Weights] = unchanged


def only(config: Mapping[str, Any], **supported: Any) -> None:
    """ValueError if `config` gives one of these keys another value; absent and null pass."""
    for key, value in supported.items():
        if config.get(key) not in (None, value):
            raise ValueError(f"{key} {config[key]!r} is not supported, only {value!r}")


def end_of_document(config: Mapping[str, Any]) -> int:
    """The id that ends a document. ValueError: there are several or none."""
    eos = config["eos_token_id"]
    if not isinstance(eos, int):
        raise ValueError(f"eos_token_id {eos!r} must be one token")
    return eos


def renamed(weights: Weights, pairs: Iterable[tuple[str, str]]) -> Weights:
    """The weights with each first string in their names replaced by its second."""
    found = {}
    for name, weight in weights.items():
        for old, new in pairs:
            name = name.replace(old, new)
        found[name] = weight
    return found
