"""What one trained model scored, and what an arm came to over its seeds.

In: nats and bytes of every held-out document. Out: bits per byte. The decision that matters: a run
keeps every document's loss, so which documents count (clean ones, headline sets) is decided after
training, and all statistics can be made again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

MAIN = "equal tokens"
EQUAL_SOURCE = "equal source"
MANY_EPOCHS = 4  # up to here repeated data is worth about as much as new (Muennighoff 2305.16264)


@dataclass(frozen=True)
class Run:
    """One trained and evaluated model. nats, bytes: per held-out set, per document.

    rate_factor: its learning rate as a multiple of the profile's; epochs: how often it read its arm;
    losses: nats per token of training, the mean of each of equally long parts of the run; table:
    which documents it could read; parameters: of the model.
    """

    arm: str
    seed: int
    rate_factor: float
    tokens: int
    epochs: float
    train_loss: float
    seconds: float
    nats: dict[str, list[float]]
    bytes: dict[str, list[int]]
    accuracy: dict[str, float]
    losses: list[float] = field(default_factory=list)
    table: str = MAIN
    parameters: int = 0

    @property
    def bits_per_byte(self) -> dict[str, float]:
        """Per held-out set."""
        return {
            name: sum(nats) / sum(self.bytes[name]) / math.log(2)
            for name, nats in self.nats.items()
        }

    @property
    def score(self) -> float:
        """Bits per byte, the mean over the held-out sets."""
        return float(np.mean(list(self.bits_per_byte.values())))

    def only(self, kept: Mapping[str, Sequence[bool]]) -> Run:
        """The same run as if only these documents of these sets had been held out."""
        return replace(
            self,
            nats={name: _chosen(self.nats[name], mask) for name, mask in kept.items()},
            bytes={name: _chosen(self.bytes[name], mask) for name, mask in kept.items()},
        )

    def summary(self) -> dict[str, Any]:
        """Everything but the single documents; None where training diverged."""
        kept = {key: value for key, value in asdict(self).items() if key not in ("nats", "bytes")}
        bits = {name: _finite(value) for name, value in self.bits_per_byte.items()}
        losses = [_finite(loss) for loss in self.losses]
        return {
            **kept,
            "train_loss": _finite(self.train_loss),
            "losses": losses,
            "bits_per_byte": bits,
        }


def _finite(value: float) -> float | None:
    """As JSON can hold it."""
    return value if math.isfinite(value) else None


def _chosen(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    return [value for value, keep in zip(values, mask, strict=True) if keep]


@dataclass(frozen=True)
class ArmResult:
    """What one arm came to. seed_sigma: standard deviation of the score between its seeds.

    bits_per_byte: on the clean documents of the headline sets; others: on what is reported only, the
    diagnostic sets and the documents that share words with training text.
    """

    name: str
    documents: int
    epochs: float
    bits_per_byte: dict[str, float]
    score: float
    seed_sigma: float
    others: dict[str, float] = field(default_factory=dict)


def summarise(runs: Sequence[Run], documents: Mapping[str, int]) -> tuple[ArmResult, ...]:
    """Per arm, in the order of `documents` (arm -> documents): means over its seeds."""
    results = []
    for name, count in documents.items():
        mine = [run for run in runs if run.arm == name and run.rate_factor == 1]
        scores = [run.score for run in mine]
        epochs = max(run.epochs for run in mine)
        results.append(
            ArmResult(
                name, count, epochs, mean_by_set(mine), float(np.mean(scores)),
                float(np.std(scores, ddof=1)),
            )
        )  # fmt: skip
    return tuple(results)


def mean_by_set(runs: Sequence[Run]) -> dict[str, float]:
    """Bits per byte of each held-out set, the mean over the runs."""
    scores = [run.bits_per_byte for run in runs]
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
