"""Every token format, read back by the library it is for.

    python -m tests.benchmarks.shard_readers [--tokens 2000000] [--llm-c LLM.C]

Writes documents of random lengths as shards, converts them to every format, for 2-byte and for 4-byte
tokens, in files small enough that there are several, and compares each document with what the format's
own reader gives: megatron-core, datatrove, OLMo-core, NumPy (nanoGPT), litdata, mosaicml-streaming,
pyarrow, datasets, webdataset; llm.c's `_load_data_shard` from a checkout of it. Where a library can
also write, its bytes are compared with ours. A library that is missing is named, and its format left
out; none of them is a dependency. Exit status 1 if a document differs.

Their pins contradict one another, so in a venv of its own, and then what their imports ask for:

    pip install torch datasets datatrove webdataset transformers
    pip install --no-deps megatron-core mosaicml-streaming litdata ai2-olmo-core
"""

from __future__ import annotations

import argparse
import ast
import gzip
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.tokens.formats import FORMATS, Folder, litdata, mds, token_lists
from tests.token_shards import EOS, convert, make_shard

Tokens = NDArray[Any]
WINDOW = 128
SHARDS = 3
SMALL_BYTES = 1 << 18


@dataclass(frozen=True)
class Corpus:
    """The documents of every shard, and where the shards and a converted format lie."""

    shards: list[list[Tokens]]
    ids: list[list[str]]
    root: Path
    dtype: str

    @property
    def documents(self) -> list[Tokens]:
        """All of them, in order."""
        return list(chain.from_iterable(self.shards))

    @property
    def names(self) -> list[str]:
        """The ids of all documents, in order."""
        return list(chain.from_iterable(self.ids))

    def paths(self, ending: str) -> list[str]:
        """The files of the shards."""
        return [str(self.root / f"train-{n:05d}{ending}") for n in range(len(self.shards))]


def corpus(tokens: int, dtype: str) -> Corpus:
    """Documents of log-normal lengths, some of them empty but for their end, one of them long."""
    draw = np.random.default_rng(7)
    top = 65_499 if dtype == "uint16" else 200_000
    shards = []
    for number in range(SHARDS):
        lengths = draw.lognormal(5.5, 1.2, tokens // SHARDS // 480).astype(int)
        lengths[::50] = 0
        if number == 1:
            lengths[len(lengths) // 2] = 200_000
        shards.append([np.append(draw.integers(1, top, n), EOS).astype(dtype) for n in lengths])
    ids = [[f"{n}-{place}" for place in range(len(part))] for n, part in enumerate(shards)]
    return Corpus(shards, ids, Path(), dtype)


def same(found: Sequence[Tokens], wanted: Sequence[Tokens]) -> None:
    """Every document, token by token."""
    if len(found) != len(wanted):
        raise AssertionError(f"{len(found)} documents where {len(wanted)} were written")
    for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if not np.array_equal(np.asarray(a).astype(np.int64), b.astype(np.int64)):
            raise AssertionError(f"document {number} differs")


def windows(found: Iterator[Tokens], shards: Sequence[Sequence[Tokens]], size: int) -> int:
    """What is read in windows of `size`; returns how many tokens no window reads."""
    unread = 0
    for part in shards:
        whole = np.concatenate(part)
        cut = len(whole) // size * size
        unread += len(whole) - cut
        for first in range(0, cut, size):
            if not np.array_equal(
                np.asarray(next(found)).astype(np.int64), whole[first : first + size]
            ):
                raise AssertionError(f"the window at token {first} differs")
    if next(found, None) is not None:
        raise AssertionError("more windows than tokens")
    return unread


def megatron(data: Corpus) -> str:
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDataset, IndexedDatasetBuilder

    prefixes = data.paths("")
    sets = [IndexedDataset(prefix) for prefix in prefixes]
    same([one[n] for one in sets for n in range(len(one))], data.documents)
    builder = IndexedDatasetBuilder(f"{data.root}/theirs.bin", dtype=np.dtype(data.dtype).type)
    for document in data.shards[0]:
        builder.add_document(torch.from_numpy(document.astype(np.int64)), [len(document)])
    builder.finalize(f"{data.root}/theirs.idx")
    for ending in (".bin", ".idx"):
        identical(f"{data.root}/theirs{ending}", f"{prefixes[0]}{ending}")
    return "every document; .bin and .idx are the bytes its builder writes"


def datatrove(data: Corpus) -> str:
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile
    from datatrove.utils.dataset import DatatroveFolderDataset

    width = np.dtype(data.dtype).itemsize
    found = DatatroveFolderDataset(
        str(data.root), WINDOW - 1, "*.bin", token_size=width, return_positions=True
    )
    items = [found[n] for n in range(len(found))]
    unread = windows((item["input_ids"] for item in items), data.shards, WINDOW)
    wanted = (np.concatenate([np.arange(len(d)) for d in part]) for part in data.shards)
    cuts = (part[: len(part) // WINDOW * WINDOW].reshape(-1, WINDOW) for part in wanted)
    for item, row in zip(items, chain.from_iterable(cuts), strict=True):
        starts = np.flatnonzero(row == 0)
        first = starts[0] if len(starts) else WINDOW
        expected = np.concatenate([np.arange(first), row[first:]])
        if not np.array_equal(item["positions"], expected):
            raise AssertionError("positions differ")
    theirs = TokenizedFile(
        str(data.root), "theirs.ds", tokenizer_name_or_path="tokenizer.json",
        save_final_metadata=True, token_size=width,
    )  # fmt: skip
    for document in data.shards[0]:
        theirs.write(document.tolist(), None)
    theirs.close()
    for ending in ("", ".index", ".metadata"):
        identical(f"{data.root}/theirs.ds{ending}", f"{data.paths('.bin')[0]}{ending}")
    return f"windows of .bin itself, positions from .bin.index ({unread} tokens fill no window); the bytes its writer writes"


def olmo(data: Corpus) -> str:
    from olmo_core.data.utils import (
        iter_document_indices,
        load_array_slice,
        write_document_indices,
    )

    kind = np.uint16 if data.dtype == "uint16" else np.uint32
    found = [
        load_array_slice(path, start, end, kind)
        for path in data.paths(".npy")
        for start, end in iter_document_indices(path, use_array_if_local=False)
    ]
    same(found, data.documents)
    for path in map(Path, data.paths(".npy")):
        by_eos = list(iter_document_indices(path, eos_token_id=EOS, dtype=kind))
        if by_eos != list(iter_document_indices(path, use_array_if_local=False)):
            raise AssertionError("boundaries by EOS and by .csv.gz differ")
        ours = gzip.decompress(path.with_suffix(".csv.gz").read_bytes())
        theirs = write_document_indices(path, dtype=kind, eos_token_id=EOS)
        if gzip.decompress(theirs.read_bytes()) != ours:
            raise AssertionError("the lines of .csv.gz differ")
    return "every document by .csv.gz and by EOS; the lines its writer writes"


def nanogpt(data: Corpus) -> str:
    found = np.memmap(data.root / "train.bin", dtype=np.uint16, mode="r")
    same([found], [np.concatenate(data.documents)])
    return "train.bin mapped as uint16, every token"


def mosaicml(data: Corpus) -> str:
    without_vision()
    from streaming.base import MDSWriter, StreamingDataset

    found = StreamingDataset(
        local=str(data.root), split="train", shuffle=False, batch_size=1, validate_hash="sha256"
    )
    items = [found[n] for n in range(found.num_samples)]
    same([item["tokens"] for item in items], data.documents)
    if [item["id"] for item in items] != data.names:
        raise AssertionError("ids differ")
    columns = {"id": "str", "tokens": f"ndarray:{data.dtype}"}
    out = str(data.root / "theirs")
    with MDSWriter(columns=columns, out=out, hashes=["sha256"], size_limit=SMALL_BYTES) as writer:
        for name, tokens in zip(data.ids[0], data.shards[0], strict=True):
            writer.write({"id": name, "tokens": tokens})
    files = sorted(Path(out).glob("*.mds"))
    for part, path in enumerate(files):
        identical(path, data.root / f"train/shard.00000.{part:05d}.mds")
    return f"every document and id, checksums validated, {found.num_samples} samples; {len(files)} files are the bytes MDSWriter writes"


def lightning(data: Corpus) -> str:
    from litdata import StreamingDataLoader, StreamingDataset, TokensLoader

    chunks: list[list[Tokens]] = []
    for part in data.shards:
        for run in litdata.runs(part, lambda tokens: tokens.nbytes + 4, SMALL_BYTES):
            chunks.append(run)
    found = StreamingDataset(
        input_dir=str(data.root / "train"),
        item_loader=TokensLoader(block_size=WINDOW),
        shuffle=False,
    )
    unread = windows((found[n] for n in range(len(found))), chunks, WINDOW)
    batch = next(iter(StreamingDataLoader(found, batch_size=4)))
    if tuple(batch.shape) != (4, WINDOW):
        raise AssertionError(f"a batch of {tuple(batch.shape)}")
    return f"every block of {len(chunks)} chunks ({unread} tokens fill no block), and a batch of its loader ({batch.dtype})"


def parquet(data: Corpus) -> str:
    import datasets
    import pyarrow.parquet as pq

    paths = data.paths(".parquet")
    same([row.values.to_numpy() for path in paths for row in pq.read_table(path)["input_ids"]],
         data.documents)  # fmt: skip
    return "pyarrow: every document; datasets: " + by_datasets(
        datasets.load_dataset("parquet", data_files=paths, cache_dir=f"{data.root}/hf")["train"],
        data,
    )


def arrow(data: Corpus) -> str:
    import datasets

    mapped = [datasets.Dataset.from_file(path) for path in data.paths(".arrow")]
    by_datasets(datasets.concatenate_datasets(mapped), data)
    loaded = datasets.load_dataset(
        "arrow", data_files=data.paths(".arrow"), cache_dir=f"{data.root}/hf"
    )
    return "Dataset.from_file (mapped) and load_dataset: " + by_datasets(loaded["train"], data)


def by_datasets(found: Any, data: Corpus) -> str:
    rows = list(found.with_format("numpy"))
    same([row["input_ids"] for row in rows], data.documents)
    if list(found["id"]) != data.names:
        raise AssertionError("ids differ")
    row = found.with_format("torch")[0]["input_ids"]
    return f"every document and id (torch gives {row.dtype})"


def web(data: Corpus) -> str:
    import webdataset

    found = list(webdataset.WebDataset(data.paths(".tar"), shardshuffle=False).decode())
    same([sample["npy"] for sample in found], data.documents)
    if [sample["json"]["id"] for sample in found] != data.names:
        raise AssertionError("ids differ")
    return "every document and id"


def llm_c(data: Corpus, source: str | None) -> str:
    if source is None:
        raise ModuleNotFoundError("a checkout, see --llm-c")
    name = "train_gpt2.py" if data.dtype == "uint16" else "train_llama3.py"
    tree = ast.parse(Path(source, name).read_text())
    wanted = [node for node in tree.body
              if isinstance(node, ast.FunctionDef) and node.name == "_load_data_shard"]  # fmt: skip
    space: dict[str, Any] = {"np": np}
    exec(compile(ast.Module(wanted, []), name, "exec"), space)
    for path, part in zip(data.paths(".bin"), data.shards, strict=True):
        tokens = space["_load_data_shard"](path)
        parts = np.split(tokens, np.flatnonzero(tokens == EOS)[1:])
        same([np.append(one[1:], EOS) for one in parts], part)
    return "every document, its end token leading"


def identical(theirs: str | Path, ours: str | Path) -> None:
    """Two files of the same bytes."""
    if Path(theirs).read_bytes() != Path(ours).read_bytes():
        raise AssertionError(f"{Path(ours).name} is not what the library writes")
    Path(theirs).unlink()


def without_vision() -> None:
    """mosaicml-streaming imports torchvision for image sets; its base does without."""
    if find_spec("torchvision") is None and "streaming" not in sys.modules:
        found = find_spec("streaming")
        assert found is not None
        package = ModuleType("streaming")
        package.__path__ = list(found.submodule_search_locations or ())
        sys.modules["streaming"] = package


READERS: dict[str, tuple[str, Callable[[Corpus], str]]] = {
    "megatron": ("megatron-core", megatron),
    "datatrove": ("datatrove", datatrove),
    "olmo": ("ai2-olmo-core", olmo),
    "nanogpt": ("numpy", nanogpt),
    "mds": ("mosaicml-streaming", mosaicml),
    "litdata": ("litdata", lightning),
    "parquet": ("datasets", parquet),
    "arrow": ("datasets", arrow),
    "webdataset": ("webdataset", web),
}


def check(library: str, read: Callable[[Corpus], str], data: Corpus) -> str:
    """What a reader found, or that its library is missing."""
    with suppress(PackageNotFoundError):
        library = f"{library} {version(library)}"
    try:
        return f"{library}: {read(data)}"
    except ModuleNotFoundError as error:
        return f"{library}: not read, for want of {error.name or error}"


def main() -> None:
    """Write, convert, read, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--llm-c", help="folder with train_gpt2.py and train_llama3.py")
    parser.add_argument("--only", nargs="*", default=list(FORMATS))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    mds.FILE_BYTES = litdata.CHUNK_BYTES = SMALL_BYTES
    token_lists.GROUP_TOKENS = SMALL_BYTES
    readers = {**READERS, "llm.c": ("llm.c", partial(llm_c, source=options.llm_c))}
    failed = 0
    for dtype in ("uint16", "int32"):
        folder = tempfile.mkdtemp()
        plain = corpus(options.tokens, dtype)
        shards = [
            make_shard(Folder.at(f"{folder}/shards"), part, dtype, f"train-{number:05d}", ids)
            for number, (part, ids) in enumerate(zip(plain.shards, plain.ids, strict=True))
        ]
        total = sum(shard.payload.bytes for shard in shards)
        print(f"{dtype}: {len(plain.documents):,} documents, {total:,} bytes of tokens")
        for to in options.only:
            if dtype not in FORMATS[to].dtypes:
                print(f"  {to:<11} holds no {dtype}")
                continue
            started = time.perf_counter()
            convert(shards, to, Folder.at(f"{folder}/{to}"))
            seconds = time.perf_counter() - started
            data = Corpus(plain.shards, plain.ids, Path(folder, to), dtype)
            try:
                said = check(*readers[to], data)
            except Exception as error:
                failed += 1
                said = f"FAILED: {type(error).__name__}: {error}"
            print(f"  {to:<11} written at {total / seconds / 1e6:4.0f} MB/s; {said}", flush=True)
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
