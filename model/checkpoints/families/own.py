"""Every other combination of parts: ours alone. transformers refuses the `model_type` by its name."""

from __future__ import annotations

from dataclasses import asdict, fields

from model.architecture.shape import Shape
from model.checkpoints.families.family import Config, Family


def holds(shape: Shape) -> bool:
    """All of them."""
    return True


def to_shape(config: Config) -> Shape:
    """The options under the names they have in `Shape`; those a config is too old to name, by default."""
    return Shape(
        **{field.name: config[field.name] for field in fields(Shape) if field.name in config}
    )


OWN = Family("curate", "Transformer", holds, asdict, to_shape)
