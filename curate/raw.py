"""Pages as they came, read again from the sources of a finished run.

In: the recipe of a run whose first table is already extracted. Out: the documents with the smallest
coins, markup left in, those for training and those held out. The decision: ids come from where a
document lies, so what is read again carries the ids it has in the tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from curate.document import Document, share
from curate.errors import InputError
from curate.extract.charset import decode
from curate.inputs import plan_scan
from curate.recipe import parse
from curate.registry import build_step
from curate.spark import rows_of
from curate.split import HELDOUT

MOST_BYTES = 4 << 30


@dataclass
class _Drawn:
    """The texts with the smallest coins whose sizes add up to about `limit_bytes`; of each at most
    `most_bytes` count."""

    limit_bytes: int
    most_bytes: int
    size: int = 0
    heap: list[tuple[float, str, str]] = field(default_factory=list)

    def add(self, coin: float, id: str, text: str) -> None:
        """Take a text, and give back those with the largest coins if there are too many."""
        if self.size >= self.limit_bytes and -coin < self.heap[0][0]:
            return
        heappush(self.heap, (-coin, id, text))
        self.size += self._counted(text)
        while self.size - self._counted(self.heap[0][2]) >= self.limit_bytes:
            self.size -= self._counted(heappop(self.heap)[2])

    def _counted(self, text: str) -> int:
        return min(len(text), self.most_bytes)

    def texts(self) -> list[tuple[str, str]]:
        """(id, text) in the order of the coin."""
        return [(id, text) for _, id, text in sorted(self.heap, reverse=True)]


@dataclass(frozen=True)
class Raw:
    """(document id, text with its markup), in the order of a coin."""

    train: list[tuple[str, str]]
    heldout: list[tuple[str, str]]


def read_again(
    recipe: Mapping[str, Any], sources: set[str], train_bytes: int, heldout_bytes: int, seed: str
) -> Raw:
    """The raw documents of some sources of a recipe, as the coin of `seed` on their ids draws them.

    InputError: a source is gone, or larger than MOST_BYTES.
    """
    split = _split(recipe)
    from model.ablation.heldout import MOST_PIECES

    train = _Drawn(train_bytes, train_bytes)
    heldout = _Drawn(heldout_bytes, max(1, heldout_bytes // MOST_PIECES))
    for row in _rows(recipe, sources):
        if split is not None:
            split(row)
        chosen = heldout if row.labels.get("split") == HELDOUT else train
        text = str(row.text) if row.text is not None else _markup(row)
        if text:
            chosen.add(share(row.id, seed), row.id, text)
    return Raw(train.texts(), heldout.texts())


def _rows(recipe: Mapping[str, Any], names: set[str]) -> Iterator[Document]:
    kept = [source for source in recipe["sources"] if source["name"] in names]
    parsed = parse(json.dumps({"sources": kept, "steps": ["commit"]}))
    entries, _ = plan_scan(parsed.sources, "")
    size = sum(entry.size for entry in entries)
    if size > MOST_BYTES:
        raise InputError(
            f"the sources hold {size / 1e9:.1f} GB; put `- commit` before `extract` in the recipe"
        )
    for entry in entries:
        yield from (row for row in rows_of(entry) if row.drop is None)


def _split(recipe: Mapping[str, Any]) -> Callable[[Document], object] | None:
    """The recipe's own split, so that the same documents are held out; None without one."""
    steps: Sequence[Any] = recipe["steps"]
    for step in steps:
        if step == "split" or (isinstance(step, Mapping) and "split" in step):
            options = {} if isinstance(step, str) else dict(step["split"] or {})
            only: Sequence[str] | None = options.pop("only", None)
            split: Callable[[Document], object] = build_step("split", options)
            if only is None:
                return split
            return lambda row: split(row) if row.source in only else None
    return None


def _markup(row: Document) -> str:
    return decode(row.content or b"", row.labels.get("charset")).text
