"""The arithmetic of a mixture, without Spark.

Enters: weights, and what there is of each stratum. Leaves: how often each is read, and the bound
that coins are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from curate.errors import InputError

MOST_EPOCHS = 4.0
"""Up to 4 epochs are about as good as new data (Muennighoff et al. 2023, arXiv 2305.16264)."""


@dataclass(frozen=True)
class Draw:
    """What of a stratum is read: all of it `copies` times, and once more where the coin is below
    `bound`."""

    copies: int
    bound: float


@dataclass(frozen=True)
class Share:
    """What a stratum was asked to be of the mixture, and what it is."""

    stratum: str
    asked: float
    realised: float
    epochs: float
    documents: int
    documents_drawn: int
    amount: float

    def sentence(self) -> str:
        """One line for the terminal.

        >>> Share("web", .5, .5003, 4.2, 100, 90, 1e6).sentence()
        'web: 50.00 % asked, 50.03 % realised, 4.20 epochs; MORE THAN 4 EPOCHS: repeated text is worth less'
        """
        warning = (
            f"; MORE THAN {MOST_EPOCHS:g} EPOCHS: repeated text is worth less"
            if self.epochs > MOST_EPOCHS
            else ""
        )
        return (
            f"{self.stratum}: {100 * self.asked:.2f} % asked, {100 * self.realised:.2f} % realised, "
            f"{self.epochs:.2f} epochs{warning}"
        )


def epochs(
    weights: Mapping[str, float], available: Mapping[str, float], max_epochs: float
) -> dict[str, float]:
    """How often each stratum is read: S * weight / what there is, with S the largest total for which
    none exceeds `max_epochs`.

    >>> epochs({"web": 3, "code": 1}, {"web": 300, "code": 400}, max_epochs=1)
    {'web': 1.0, 'code': 0.25}
    """
    unnamed = sorted(set(available) - set(weights))
    if unnamed:
        raise InputError(
            f"mix: no weight for {', '.join(unnamed)}; give {'one' if len(unnamed) == 1 else 'them'} "
            "(0 leaves it out)"
        )
    wanted = {stratum: weight for stratum, weight in weights.items() if weight > 0}
    missing = sorted(stratum for stratum in wanted if not available.get(stratum))
    if missing:
        raise InputError(
            f"mix: no text of {', '.join(missing)}; there is: {', '.join(sorted(available)) or 'none'}"
        )
    total = min(max_epochs * available[stratum] / weight for stratum, weight in wanted.items())
    limit = {stratum: total * weight / available[stratum] for stratum, weight in wanted.items()}
    return {stratum: min(limit.get(stratum, 0.0), max_epochs) for stratum in weights}


def tempered(available: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Shares in proportion to what there is ** (1 / `temperature`) (Devlin 2019, multilingual BERT;
    Conneau et al. 2020, §3.1): 1 as it is, the higher the more even.

    >>> tempered({"en": 900, "fi": 100}, 2)
    {'en': 0.75, 'fi': 0.25}
    """
    powers = {stratum: amount ** (1 / temperature) for stratum, amount in sorted(available.items())}
    return {stratum: power / sum(powers.values()) for stratum, power in powers.items()}


def cut(bins: Sequence[float], wanted: float) -> tuple[int, float]:
    """(bin, what is still wanted of it): the bin in which the sum of the bins reaches `wanted`.

    >>> cut([5, 5, 5], 7), cut([5, 5, 5], 15), cut([5, 0], 9)
    ((1, 2), (2, 5), (1, 0))
    """
    before = 0.0
    for number, after in enumerate(accumulate(bins)):
        if after >= wanted:
            return number, wanted - before
        before = after
    return len(bins) - 1, bins[-1]
