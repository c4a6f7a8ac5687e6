"""A transformer of some thousand weights with its tokenizer, and the folder it is exported to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from curate.tokens.tokenizer import Training
from curate.tokens.tokenizer import load as load_tokenizer
from curate.tokens.tokenizer import train as train_tokenizer
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.checkpoints.export import export
from model.checkpoints.loading import Opened

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
SAMPLE = "the cat sat on the mat, naïve 日本 and then it left " * 9
TOKENIZER = load_tokenizer(train_tokenizer([SAMPLE], Training(vocabulary=320)).json)


SHAPE = Shape(vocabulary=320, width=32, layers=1, heads=2, kv_heads=2, hidden=48, context=32)


def tiny(context: int = 32, noise: float = 0.3, **options: object) -> Transformer:
    """The same weights every time, far enough from their start that all tokens differ."""
    shape = replace(SHAPE, context=context, **options)  # type: ignore[arg-type]
    model = Transformer(shape).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * noise)
    return model


def opened(context: int = 32) -> Opened:
    """As `open_model` gives it, without a folder."""
    return Opened(Path("tiny"), tiny(context), TOKENIZER, frozenset({0}))


def exported(folder: Path, context: int = 32, **options: object) -> Path:
    """The folder of a model."""
    return export(tiny(context, **options), TOKENIZER, folder)
