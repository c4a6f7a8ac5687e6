"""The other two ways to compare arms: from the same slice of the crawl, and by size alone.

In: arms drawn by the coin on their documents' ids. Out: which documents of each arm lie in a common
slice, and what equal-source training came to. The decision that matters: an arm is trained again
unless the slice holds all of it, so that every arm reads the same part of the crawl, and never where
it would be read more than `MANY_EPOCHS` times: then repetition, not the step, would be measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from curate.document import share
from curate.verdict import DRAW
from model.ablation.arms import Documents, Encoder
from model.ablation.contrasts import Contrast
from model.ablation.runs import MANY_EPOCHS, ArmResult


@dataclass(frozen=True)
class Yield:
    """What an arm holds of a slice of the crawl that all arms share; of_first: its bytes as a share
    of the first arm's."""

    arm: str
    documents: int
    bytes: int
    of_first: float


@dataclass(frozen=True)
class Slice:
    """The part of the crawl of an equal-source comparison.

    coin: documents whose coin is not above it are in. epochs: how often each arm is read, None where
    nothing of it is in. again: arms to be trained again; refused: arms that would be read too often.
    """

    coin: float
    epochs: dict[str, float | None]
    again: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class EqualSource:
    """Table B: every arm from the same slice of the crawl, the same tokens, survivors repeated."""

    slice: Slice
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]

    def lines(self) -> Iterator[str]:
        """A sentence a contrast, and what was refused."""
        yield ""
        yield (
            f"Equal source: {self.slice.coin:.1%} of the crawl, every arm from the same documents, "
            "the same tokens:"
        )
        for arm in self.arms:
            yield f"{arm.name}: {arm.score:.4f} ± {arm.seed_sigma:.4f}, read {arm.epochs:.2f} times"
        for name in self.slice.refused:
            epochs = self.slice.epochs[name]
            often = "no document of it is left" if epochs is None else f"read {epochs:.1f} times"
            yield (
                f"{name}: refused, {often}; beyond {MANY_EPOCHS} times repetition is measured, not the step"
            )
        yield from (contrast.sentence() for contrast in self.contrasts)
        if not self.contrasts:
            yield "nothing is left to compare from equal source; give more documents"


def coin(id: str) -> float:
    """Where a document stands in the order in which arms are drawn."""
    return share(id, DRAW)


def yields(arms: Mapping[str, Documents]) -> tuple[Yield, ...]:
    """What each arm holds of the largest slice that every arm was drawn from."""
    reach = min(max(coin(id) for id, _ in part) for part in arms.values())
    found = []
    for name, part in arms.items():
        within = [text for id, text in part if coin(id) <= reach]
        found.append((name, len(within), sum(len(text.encode()) for text in within)))
    first = found[0][2] or 1
    return tuple(Yield(name, count, size, size / first) for name, count, size in found)


def equal_slice(arms: Mapping[str, Documents], encoder: Encoder, tokens: int) -> Slice:
    """The slice that the largest arm fills `tokens` tokens with once; see the module."""
    sizes = {one.arm: one.bytes for one in yields(arms)}
    largest = max(sizes, key=sizes.__getitem__)
    reach = min(max(coin(id) for id, _ in part) for part in arms.values())
    limit, met = reach, 0
    drawn = sorted(arms[largest], key=lambda pair: coin(pair[0]))
    for (id, _), ids in zip(drawn, encoder.encode(text for _, text in drawn), strict=False):
        met += len(ids) + 1
        if met >= tokens:
            limit = min(reach, coin(id))
            break
    parts = {name: within(part, limit) for name, part in arms.items()}
    epochs = {
        name: encoder.stream(part, 0, tokens)[1] if part else None for name, part in parts.items()
    }
    again = tuple(
        name
        for name, count in epochs.items()
        if count is not None and count <= MANY_EPOCHS and len(parts[name]) < len(arms[name])
    )
    refused = tuple(name for name, n in epochs.items() if n is None or n > MANY_EPOCHS)
    return Slice(limit, epochs, again, refused)


def within(documents: Documents, limit: float) -> Documents:
    """The documents of a slice."""
    return [pair for pair in documents if coin(pair[0]) <= limit]
