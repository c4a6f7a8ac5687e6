"""How fast token shards are read: our batches, nanoGPT's loop, datatrove's reader, in one process.

    python -m tests.benchmarks.read_shards [--tokens 200000000] [--context 1024] [--rows 16] [--rounds 5]

Writes shards of random tokens, reads them once so that they lie in the page cache, then lets every
reader give as many batches of (rows, context + 1) int64 as the epoch has, on one thread, in alternating
order. Prints the median of tokens a second (rows x context) and the ratio to nanoGPT's. nanoGPT's
`get_batch` draws windows with replacement, maps the file anew for each batch, and stacks inputs and
targets apart; "mapped once" is the same loop without the mapping. datatrove is asked for the windows in
its own order, and shuffled (its documentation calls that slow). A library that is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from curate.tokens.formats import Folder
from curate.tokens.shards import write_shard
from model.data import open_shards, permutation
from model.data.loading import WindowBatches

SHARDS = 4
EOS = 0
Reader = Callable[[], Iterator[Any]]


def write(root: Path, tokens: int) -> None:
    """Shards of random documents, and the manifest they are found by."""
    draw = np.random.default_rng(1)
    shards = []
    for number in range(SHARDS):
        lengths = draw.lognormal(6, 1, tokens // SHARDS // 600).astype(int) + 1
        parts = (
            np.append(draw.integers(1, 50_000, n), EOS).astype("<u2").tobytes() for n in lengths
        )
        payload, _ = write_shard(parts, Folder.at(f"{root}/a"), f"train-{number:05d}", "uint16")
        shards.append({"split": "train", "file": payload.file})
    about = {"vocabulary": 50_048, "eos": EOS, "shards": shards}
    part = {"files": [f"a/{shards[0]['file']}"], "tokens": about}
    (root / "manifest.json").write_text(json.dumps({"slices": [part]}))


def ours(root: Path, rows: int, context: int) -> Iterator[Any]:
    """`Shards.batch`, as the trainer asks for it."""
    shards = open_shards(root)
    step = 0
    while True:
        yield shards.batch(step, rows, context)
        step += 1


def nanogpt(root: Path, rows: int, context: int, once: bool) -> Iterator[Any]:
    """`get_batch` of nanoGPT's train.py, over one of the files at a time."""
    paths = sorted((root / "a").glob("*.bin"))
    mapped = [np.memmap(path, dtype=np.uint16, mode="r") for path in paths]
    number = 0
    while True:
        data = mapped[number % SHARDS] if once else np.memmap(paths[number % SHARDS], dtype=np.uint16, mode="r")  # fmt: skip
        ix = torch.randint(len(data) - context, (rows,))
        x = torch.stack([torch.from_numpy((data[i:i + context]).astype(np.int64)) for i in ix])  # fmt: skip
        y = torch.stack([torch.from_numpy((data[i + 1:i + 1 + context]).astype(np.int64)) for i in ix])  # fmt: skip
        yield x, y
        number += 1


def datatrove(root: Path, rows: int, context: int, shuffled: bool) -> Iterator[Any]:
    """`DatatroveFolderDataset`, its items stacked."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    data = DatatroveFolderDataset(str(root / "a"), context, "*.bin", token_size=2)
    places = np.random.default_rng(0).permutation(len(data)) if shuffled else np.arange(len(data))
    while True:
        for first in range(0, len(data) - rows, rows):
            items = [data[int(place)]["input_ids"] for place in places[first : first + rows]]
            yield torch.stack(items)


def readers(root: Path, rows: int, context: int) -> dict[str, Reader]:
    """By name; each call begins anew."""
    found: dict[str, Reader] = {
        "nanoGPT get_batch": lambda: nanogpt(root, rows, context, once=False),
        "nanoGPT, mapped once": lambda: nanogpt(root, rows, context, once=True),
        "curate Shards.batch": lambda: ours(root, rows, context),
        "curate WindowBatches": lambda: iter(WindowBatches(str(root), context, rows)),
        "  with boundaries": lambda: iter(
            WindowBatches(str(root), context, rows, with_boundaries=True)
        ),
    }
    if find_spec("datatrove") is None:
        print("datatrove: left out, not installed")
        return found
    found["datatrove in order"] = lambda: datatrove(root, rows, context, shuffled=False)
    found["datatrove shuffled"] = lambda: datatrove(root, rows, context, shuffled=True)
    return found


def seconds(read: Reader, batches: int) -> float:
    """Of so many batches, the first not counted."""
    giving = read()
    next(giving)
    started = time.perf_counter()
    for _ in islice(giving, batches):
        pass
    return time.perf_counter() - started


def permuting() -> None:
    """What the order costs, by the length of the epoch."""
    for count in (10**6, 10**9):
        for places in (np.arange(16), np.arange(4096)):
            permutation.windows_at(0, 0, count, places)
            started = time.perf_counter()
            for _ in range(200):
                permutation.windows_at(0, 0, count, places)
            each = (time.perf_counter() - started) / 200
            print(f"order of {len(places):>5} of {count:>13,} windows: {each * 1e6:7.1f} µs")


def main() -> None:
    """Write, warm, read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--tokens", type=int, default=200_000_000)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root, rows, context = Path(folder), options.rows, options.context
        write(root, options.tokens)
        held = sum(len(path.read_bytes()) for path in root.rglob("*.bin")) // 2
        batches = held // (rows * context)
        print(f"{held:,} tokens in {SHARDS} shards, {batches:,} batches of {rows} x {context}")
        found = readers(root, rows, context)
        taken: dict[str, list[float]] = {name: [] for name in found}
        for number in range(options.rounds):
            names = list(found) if number % 2 else list(found)[::-1]
            for name in names:
                taken[name].append(seconds(found[name], batches))
    base = median(taken["nanoGPT get_batch"])
    for name, times in taken.items():
        rate = batches * rows * context / median(times)
        print(f"{name:<22} {rate / 1e6:8.1f} M tokens/s   {base / median(times):6.2f} x nanoGPT")
    permuting()


if __name__ == "__main__":
    main()
