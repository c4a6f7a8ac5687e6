"""The windows of token shards for PyTorch's `DataLoader`.

In: a folder of shards. Out: dictionaries of int64 tensors: `input_ids` of `context` + 1 tokens (inputs
are all but the last, targets all but the first) and, on request, `positions` and `documents` (see
`model.data.Boundaries`). The decision that matters: workers share out whole batches and ranks the rows of
a batch, so which rows a batch has does not depend on how many there are of either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from model.data.permutation import Numbers, windows_at
from model.data.windows import Shards, open_shards

Example = dict[str, Tensor]


class WindowDataset(Dataset[Example]):
    """A map-style dataset: item i is window i of the epoch's order, already shuffled.

    For `DataLoader(dataset, batch_size, sampler=DistributedSampler(dataset, shuffle=False))`; before
    each epoch, `set_epoch`. Workers that are kept alive (`persistent_workers`) do not learn of it.
    InputError: no shards, or fewer tokens than one window.
    """

    def __init__(
        self,
        folder: str,
        context: int,
        split: str = "train",
        seed: int = 0,
        with_boundaries: bool = False,
    ) -> None:
        self.folder, self.context, self.split, self.seed = folder, context, split, seed
        self.with_boundaries = with_boundaries
        self.epoch = 0
        self.shards: Shards = open_shards(folder, split)
        self.count = self.shards.window_count(context)

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        self.epoch = epoch

    def __getitem__(self, place: int) -> Example:
        if not -self.count <= place < self.count:
            raise IndexError(f"window {place} of {self.count}")
        return self.__getitems__([place % self.count])[0]

    def __getitems__(self, places: Sequence[int]) -> list[Example]:
        """What `DataLoader` asks for where a batch has several items."""
        numbers = windows_at(self.seed, self.epoch, self.count, np.asarray(places, np.int64))
        found = _examples(self.shards, numbers, self.context, self.with_boundaries)
        return [{name: value[row] for name, value in found.items()} for row in range(len(places))]

    def __getstate__(self) -> dict[str, Any]:
        return _without_shards(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, shards=open_shards(state["folder"], state["split"]))


class WindowBatches(IterableDataset[Example]):
    """Batches as `Shards.batch` gives them, for `DataLoader(batches, batch_size=None, num_workers=…)`.

    `batch_windows` counts the rows of all ranks; each rank gets its share. `rank` and `world` are those of
    `torch.distributed` where it runs. Ends before step `steps`; None: never. A step is all there is to
    remember: `load_state_dict({"step": n})` goes on with batch n, for any number of workers.
    `state_dict` counts the batches this process gave, so it serves a loader without workers, and
    torchdata's `StatefulDataLoader`, which asks its workers; with the plain one, count your own.
    """

    def __init__(
        self,
        folder: str,
        context: int,
        batch_windows: int,
        split: str = "train",
        seed: int = 0,
        steps: int | None = None,
        rank: int | None = None,
        world: int | None = None,
        with_boundaries: bool = False,
    ) -> None:
        self.folder, self.context, self.split, self.seed = folder, context, split, seed
        self.batch_windows, self.steps, self.with_boundaries = batch_windows, steps, with_boundaries
        self.rank, self.world = _ranks(rank, world)
        self.step = 0
        self.shards: Shards = open_shards(folder, split)
        self.shards.window_count(context)

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        while self.steps is None or self.step + first < self.steps:
            step = self.step + first
            # ahead of the batch, so that a state taken after it goes on behind it
            self.step += stride
            yield self.batch(step)

    def batch(self, step: int) -> Example:
        """This rank's rows of one batch."""
        numbers = self.shards.rows(
            step, self.batch_windows, self.context, self.seed, self.rank, self.world
        )
        return _examples(self.shards, numbers, self.context, self.with_boundaries)

    def state_dict(self) -> dict[str, int]:
        """Where to go on. In a worker: the step before which its siblings' turns are counted."""
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on with this step; before an iteration begins."""
        self.step = state["step"]

    def __getstate__(self) -> dict[str, Any]:
        return _without_shards(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, shards=open_shards(state["folder"], state["split"]))


def _examples(shards: Shards, numbers: Numbers, context: int, with_boundaries: bool) -> Example:
    found = {"input_ids": torch.from_numpy(shards.windows(numbers, context))}
    if with_boundaries:
        edges = shards.boundaries(numbers, context)
        found["positions"] = torch.from_numpy(edges.positions)
        found["documents"] = torch.from_numpy(edges.documents)
    return found


def _ranks(rank: int | None, world: int | None) -> tuple[int, int]:
    """As given, else those of `torch.distributed`, else one process alone."""
    if (rank is None) != (world is None):
        raise ValueError("give both rank and world, or neither")
    if rank is not None and world is not None:
        return rank, world
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def _without_shards(dataset: Any) -> dict[str, Any]:
    """What goes to a spawned worker, which maps the shards itself."""
    return {name: value for name, value in dataset.__dict__.items() if name != "shards"}
