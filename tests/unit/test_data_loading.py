"""Windows for PyTorch: no overlap, no gap, whatever the ranks, the workers and the batch."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from token_shards import EOS, make_shard
from torch.utils.data import DataLoader, DistributedSampler

from curate.errors import InputError
from curate.tokens.formats import Folder
from model.data import open_shards, order
from model.data.loading import WindowBatches, WindowDataset
from model.data.permutation import permuted, windows_at

CONTEXT = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three shards whose tokens are all different but for the ends of documents."""
    root = tmp_path_factory.mktemp("tokens")
    draw = np.random.default_rng(3)
    value, shards = 1, []
    for number in range(3):
        documents = []
        for length in draw.integers(0, 9, 8).tolist():
            documents.append([*range(value, value + length), EOS])
            value += length
        made = make_shard(Folder.at(f"{root}/a"), documents, name=f"train-{number:05d}")
        shards.append({"split": "train", "file": made.payload.file})
    about = {"vocabulary": 512, "eos": EOS, "shards": shards}
    files = ["a/train-00000.bin"]
    (root / "manifest.json").write_text(json.dumps({"slices": [{"files": files, "tokens": about}]}))
    return str(root)


def as_a_loader(monkeypatch: pytest.MonkeyPatch, made: Any, workers: int, batches: int) -> Any:
    """What a `DataLoader` of so many workers does: each has a copy, and they take turns."""
    found = []
    copies = [iter(pickle.loads(pickle.dumps(made))) for _ in range(max(1, workers))]
    for number in range(batches):
        worker = number % len(copies)
        info = SimpleNamespace(id=worker, num_workers=workers) if workers else None
        monkeypatch.setattr("model.data.loading.get_worker_info", lambda info=info: info)
        found.append(next(copies[worker])["input_ids"].numpy())
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5), st.integers(0, 4), st.integers(1, 7), st.integers(0, 9), st.integers(0, 99)
)
def test_ranks_and_workers_share_out_every_batch(
    folder: str, world: int, workers: int, size: int, first: int, seed: int
) -> None:
    shards, batches = open_shards(folder), 9
    with pytest.MonkeyPatch.context() as patch:
        for rank in range(world):
            made = WindowBatches(folder, CONTEXT, size, seed=seed, rank=rank, world=world)
            made.load_state_dict({"step": first})
            found = as_a_loader(patch, made, workers, batches)
            for number, rows in enumerate(found):
                whole = shards.batch(first + number, size, CONTEXT, seed)
                assert np.array_equal(rows, whole[rank::world])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 99))
def test_all_ranks_together_read_an_epoch_once(
    folder: str, world: int, size: int, seed: int
) -> None:
    shards = open_shards(folder)
    count = shards.window_count(CONTEXT)
    steps = -(-count // size)
    rows = [
        [shards.rows(step, size, CONTEXT, seed, rank, world).tolist() for rank in range(world)]
        for step in range(steps)
    ]
    # row r of a batch is rank r's, then rank r + world's ...
    ordered = [
        rows[step][row % world][row // world] for step in range(steps) for row in range(size)
    ]
    assert sorted(ordered[:count]) == list(range(count))
    assert sum(len(part) for step in rows for part in step) == steps * size


def test_a_real_loader_with_workers(folder: str) -> None:
    shards = open_shards(folder)
    for workers in (0, 2):
        made = WindowBatches(folder, CONTEXT, 3, seed=5, steps=11)
        made.load_state_dict({"step": 4})
        loader = DataLoader(made, batch_size=None, num_workers=workers)
        found = [batch["input_ids"].numpy() for batch in loader]
        assert len(found) == 7
        for number, rows in enumerate(found):
            assert np.array_equal(rows, shards.batch(4 + number, 3, CONTEXT, 5))


def test_a_state_goes_on_where_it_was_taken(folder: str) -> None:
    made = WindowBatches(folder, CONTEXT, 2, steps=9)
    reading = iter(made)
    for _ in range(4):
        next(reading)
    resumed = WindowBatches(folder, CONTEXT, 2, steps=9)
    resumed.load_state_dict(made.state_dict())
    ahead, again = list(reading), list(resumed)
    assert len(ahead) == len(again) == 5
    for a, b in zip(ahead, again, strict=True):
        assert torch.equal(a["input_ids"], b["input_ids"])


@pytest.mark.parametrize("workers", [1, 3])
def test_a_worker_goes_on_where_its_own_state_was_taken(folder: str, workers: int) -> None:
    """As torchdata's StatefulDataLoader keeps a state for each worker."""
    shards = open_shards(folder)
    with pytest.MonkeyPatch.context() as patch:
        for worker in range(workers):
            info = SimpleNamespace(id=worker, num_workers=workers)
            patch.setattr("model.data.loading.get_worker_info", lambda info=info: info)
            made = WindowBatches(folder, CONTEXT, 2)
            reading = iter(made)
            next(reading), next(reading)
            resumed = WindowBatches(folder, CONTEXT, 2)
            resumed.load_state_dict(made.state_dict())
            found = next(iter(resumed))["input_ids"].numpy()
            assert np.array_equal(found, shards.batch(worker + 2 * workers, 2, CONTEXT))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_map_style_dataset_in_several_ranks(folder: str, workers: int) -> None:
    made = WindowDataset(folder, CONTEXT, seed=3)
    count = len(made)
    shards = open_shards(folder)
    made.set_epoch(1)
    wanted = shards.windows(order(3, 1, count), CONTEXT)
    found: list[tuple[int, ...]] = []
    for rank in range(2):
        sampler = DistributedSampler(made, 2, rank, shuffle=False, drop_last=True)
        loader = DataLoader(made, batch_size=3, sampler=sampler, num_workers=workers)
        rows = torch.cat([batch["input_ids"] for batch in loader]).numpy()
        assert np.array_equal(rows, wanted[rank::2][: len(rows)])
        found += map(tuple, rows.tolist())
    assert len(found) == count - count % 2
    assert max(Counter(found).values()) == 1
    assert torch.equal(made[-1]["input_ids"], torch.from_numpy(wanted[-1]))
    with pytest.raises(IndexError):
        made[count]


def test_documents_and_positions(folder: str) -> None:
    shards = open_shards(folder)
    made = WindowDataset(folder, CONTEXT, with_boundaries=True)
    for place in range(len(made)):
        item = {name: value.tolist() for name, value in made[place].items()}
        document, position, wanted = 0, 0, []
        for token in item["input_ids"]:
            wanted.append((document, position))
            document, position = (document + 1, 0) if token == EOS else (document, position + 1)
        assert list(zip(item["documents"], item["positions"], strict=True)) == wanted
    batch = WindowBatches(folder, CONTEXT, 5, with_boundaries=True).batch(2)
    edges = shards.boundaries(shards.rows(2, 5, CONTEXT), CONTEXT)
    assert np.array_equal(batch["documents"].numpy(), edges.documents)


def test_what_cannot_be_read_is_refused_at_once(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fewer than one window"):
        WindowBatches(folder, 10_000, 1)
    with pytest.raises(InputError, match="no manifest.json"):
        WindowDataset(str(tmp_path), 4)
    with pytest.raises(ValueError, match="both rank and world"):
        WindowBatches(folder, CONTEXT, 1, rank=1)


@given(st.integers(1, 3000), st.integers(0, 2**40), st.integers(0, 9))
def test_a_long_epoch_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    found = permuted(seed, epoch, count, np.arange(count))
    assert sorted(found.tolist()) == list(range(count))
    some = np.arange(count - 1, -1, -3)
    assert np.array_equal(permuted(seed, epoch, count, some), found[some])


def test_a_long_epoch_is_spread_evenly() -> None:
    """Chi-squared of 64 equal parts, and no memory between neighbours, at two places of an epoch of
    a billion windows and over seeds; bounds at about one in a million for 63 degrees of freedom."""
    count, draws = 10**9, 1 << 14
    at_end = permuted(1, 0, count, np.arange(count - draws, count))
    at_start = permuted(1, 0, count, np.arange(draws))
    over_seeds = np.array([permuted(seed, 3, count, np.arange(7, 8))[0] for seed in range(2048)])
    for found in (at_start, at_end, over_seeds, np.diff(at_start) % count):
        seen = np.bincount(found * 64 // count, minlength=64)
        assert ((seen - len(found) / 64) ** 2 / (len(found) / 64)).sum() < 130
    for found in (at_start, at_end, over_seeds):
        assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 5 / np.sqrt(len(found))
    assert len(set(at_start.tolist()) & set(at_end.tolist())) == 0


def test_every_place_is_equally_likely_in_a_small_network() -> None:
    count, seeds = 11, 1000
    found = np.stack([permuted(seed, 0, count, np.arange(count)) for seed in range(seeds)])
    for place in range(count):
        seen = np.bincount(found[:, place], minlength=count)
        assert ((seen - seeds / count) ** 2 / (seeds / count)).sum() < 45  # 10 degrees of freedom
    fixed = (found == np.arange(count)).sum(axis=1).mean()
    assert abs(fixed - 1) < 0.16


def test_a_short_epoch_keeps_the_shuffle_and_a_long_one_needs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = np.array([3, 0, 7])
    assert np.array_equal(windows_at(7, 0, 8, places), order(7, 0, 8)[places])

    def never(*_: int) -> None:
        raise AssertionError("a billion windows were shuffled")

    monkeypatch.setattr("model.data.permutation.order", never)
    found = windows_at(7, 1, 10**9, places)
    assert found.tolist() == permuted(7, 1, 10**9, places).tolist()
    assert found.tolist() == [320776844, 155680118, 268981369]
