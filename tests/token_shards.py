"""Token shards for tests, and a reader of each format written from its specification alone."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.store import write_json
from curate.table import Slice, Table
from curate.tokens.formats import FORMATS, File, Folder, TokenShard, finish
from curate.tokens.formats.token_shard import IDS
from curate.tokens.order import place, shard_of
from curate.tokens.provenance import Provenance
from curate.tokens.shards import write_shard

EOS = 0
GOLDEN = ([10, 11, 12, EOS], [20, EOS], [30, 31, EOS])
WITHOUT_IDS = ("megatron", "datatrove", "olmo", "nanogpt", "llm.c", "litdata")
Documents = Sequence[Sequence[int]]
Read = list[tuple[str | None, list[int]]]


def make_shard(
    folder: Folder,
    documents: Documents,
    dtype: str = "uint16",
    name: str = "train-00000",
    ids: Sequence[str] | None = None,
) -> TokenShard:
    """A shard of documents that end in `EOS`, with the ids d0, d1 … or others."""
    ids = [f"d{number}" for number in range(len(documents))] if ids is None else ids
    parts = [np.array(tokens, dtype).tobytes() for tokens in documents]
    with folder.whole(f"{name}{IDS}") as sink, Provenance(sink) as rows:
        for identity, tokens in zip(ids, documents, strict=True):
            rows.add(identity, "web", len(tokens))
    payload, _ = write_shard(parts, folder, name, dtype)
    return TokenShard(folder, name.partition("-")[0], dtype, EOS, payload)


def convert(shards: Sequence[TokenShard], to: str, folder: Folder) -> list[File]:
    """The shards in another format, as one writes them all."""
    made = [FORMATS[to].write(shard, folder) for shard in shards]
    return [*(file for found in made for file in found), *finish(to, folder, shards, made)]


def make_table(path: Path, documents: dict[str, Sequence[str]], shards: int, seed: int = 0) -> str:
    """A committed tokens table: of every split the ids, put where `tokenize` would put them; a
    document is as many tokens as its id has characters, and the end."""
    table = Table(str(path))
    attempt = table.new_attempt("all")
    folder = Folder.at(f"{path}/{attempt}")
    folder.put("tokenizer.json", b"{}")
    listed = []
    for split, ids in documents.items():
        placed = sorted((place(identity, seed, ids[:n].count(identity)), identity)
                        for n, identity in enumerate(ids))  # fmt: skip
        for number in range(shards):
            held = [identity for where, identity in placed if shard_of(where, shards) == number]
            if held:
                tokens = [[*map(ord, identity), EOS] for identity in held]
                name = f"{split}-{number:05d}"
                shard = make_shard(folder, tokens, name=name, ids=held)
                listed.append({"split": split, **asdict(shard.payload)})
    files = tuple(name for name, _ in table.list_files(attempt))
    sums = {Path(name).name: sha256((path / name).read_bytes()).hexdigest() for name in files}
    stored = [{"file": name, "bytes": (path / attempt / name).stat().st_size, "sha256": digest}
              for name, digest in sums.items() if name != "tokenizer.json"]  # fmt: skip
    about = {
        "tokenizer_sha256": sums["tokenizer.json"], "vocabulary": 512, "eos": EOS, "dtype": "uint16",
        "seed": seed, "ranges": dict.fromkeys(documents, shards), "shards": listed,
        "files": {"megatron": stored},
    }  # fmt: skip
    part = Slice("all", "0" * 24, files, {}, 1.0, {"tokens": about})
    table.commit("0" * 24, [part], {"name": "tokenize", "kind": "tokens", "steps": []})
    return str(path)


def make_run(path: Path, tables: Sequence[str]) -> str:
    """A run of tables that are there."""
    names = [{"name": name} for name in tables]
    write_json(f"{path}/run.json", {"name": "r", "recipe": {}, "tables": names})
    return str(path)


def split_at(tokens: np.ndarray[Any, Any], ends: Sequence[int]) -> list[list[int]]:
    """Documents that end before the given tokens."""
    starts = [0, *ends[:-1]] if len(ends) else []
    return [tokens[a:b].tolist() for a, b in zip(starts, ends, strict=True)]


def read_megatron(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    for path in sorted(root.glob(f"{split}-*.idx")):
        raw = path.read_bytes()
        magic, version, code, count, entries = struct.unpack_from("<9sQBQQ", raw)
        assert (magic, version) == (b"MMIDIDX\0\0", 1) and entries == count + 1
        assert {4: "int32", 8: "uint16"}[code] == dtype
        lengths = np.frombuffer(raw, "<i4", count, 34)
        starts = np.frombuffer(raw, "<i8", count, 34 + 4 * count)
        assert np.frombuffer(raw, "<i8", entries, 34 + 12 * count).tolist() == list(range(entries))
        payload = path.with_suffix(".bin").read_bytes()
        found += [
            (None, np.frombuffer(payload, dtype, int(length), int(start)).tolist())
            for length, start in zip(lengths, starts, strict=True)
        ]
    return found


def read_datatrove(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    for path in sorted(root.glob(f"{split}-*.bin")):
        tokens = np.fromfile(path, dtype)
        ends = np.fromfile(f"{path}.index", "<u8").tolist()
        tokenizer, count, _ = Path(f"{path}.metadata").read_text().split("\n")
        assert tokenizer == f"tokenizer.json|{tokens.itemsize}" and int(count) == len(tokens)
        assert (ends[-1] if ends else 0) == len(tokens)
        found += [(None, part) for part in split_at(tokens, ends)]
    return found


def read_olmo(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    for path in sorted(root.glob(f"{split}-*.npy")):
        tokens = np.fromfile(path, dtype)
        lines = gzip.decompress(path.with_suffix(".csv.gz").read_bytes()).decode().splitlines()
        pairs = [tuple(map(int, line.split(","))) for line in lines]
        found += [(None, tokens[start:end].tolist()) for start, end in pairs]
    return found


def read_nanogpt(root: Path, split: str, dtype: str) -> Read:
    path = root / ("train.bin" if split == "train" else "val.bin")
    tokens = np.fromfile(path, "<u2")
    return [(None, part) for part in split_at(tokens, (np.flatnonzero(tokens == EOS) + 1).tolist())]


def read_llm_c(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    for path in sorted(root.glob(f"{split}-*.bin")):
        raw = path.read_bytes()
        magic, version, count, *rest = struct.unpack_from("<256i", raw)
        assert (magic, version) == {"uint16": (20240520, 1), "int32": (20240801, 7)}[dtype]
        assert not any(rest) and len(raw) == 1024 + count * np.dtype(dtype).itemsize
        tokens = np.frombuffer(raw, dtype, offset=1024)
        starts = np.flatnonzero(tokens == EOS).tolist()
        assert not count or starts[0] == 0
        found += [(None, [*part[1:], EOS]) for part in split_at(tokens, [*starts[1:], count])
                  if part]  # fmt: skip
    return found


def read_mds(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    if not (root / split).exists():
        return found
    index = json.loads((root / split / "index.json").read_text())
    assert index["version"] == 2
    for entry in index["shards"]:
        raw = (root / split / entry["raw_data"]["basename"]).read_bytes()
        assert len(raw) == entry["raw_data"]["bytes"] <= max(entry["size_limit"], len(raw))
        (count,) = struct.unpack_from("<I", raw)
        assert count == entry["samples"]
        offsets = np.frombuffer(raw, "<u4", count + 1, 4).tolist()
        settings = json.loads(raw[8 + 4 * count : offsets[0]])
        assert settings["column_names"] == ["id", "tokens"]
        assert settings["column_encodings"] == ["str", f"ndarray:{dtype}"]
        for start, end in zip(offsets[:-1], offsets[1:], strict=True):
            sizes = struct.unpack_from("<2I", raw, start)
            identity = raw[start + 8 : start + 8 + sizes[0]].decode()
            array = raw[start + 8 + sizes[0] : end]
            assert len(array) == sizes[1] and array[0] >> 2 == 1
            width = 1 << (array[0] & 3)
            (length,) = np.frombuffer(array, f"<u{width}", 1, 1)
            tokens = np.frombuffer(array, dtype, int(length), 1 + width)
            found.append((identity, tokens.tolist()))
    return found


def read_litdata(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    if not (root / split).exists():
        return found
    index = json.loads((root / split / "index.json").read_text())
    (kind,) = index["config"]["data_format"]
    assert kind == {"uint16": "no_header_tensor:20", "int32": "no_header_tensor:16"}[dtype]
    for chunk in index["chunks"]:
        raw = (root / split / chunk["filename"]).read_bytes()
        (count,) = struct.unpack_from("<I", raw)
        assert (count, len(raw)) == (chunk["chunk_size"], chunk["chunk_bytes"])
        offsets = np.frombuffer(raw, "<u4", count + 1, 4).tolist()
        assert offsets[-1] == len(raw) and offsets[0] == 8 + 4 * count
        parts = [np.frombuffer(raw[a:b], dtype).tolist()
                 for a, b in zip(offsets[:-1], offsets[1:], strict=True)]  # fmt: skip
        assert sum(map(len, parts)) == chunk["dim"]
        found += [(None, part) for part in parts]
    return found


def read_parquet(root: Path, split: str, dtype: str) -> Read:
    return _rows([pq.read_table(path) for path in sorted(root.glob(f"{split}-*.parquet"))], dtype)


def read_arrow(root: Path, split: str, dtype: str) -> Read:
    paths = sorted(root.glob(f"{split}-*.arrow"))
    return _rows([pa.ipc.open_stream(path.read_bytes()).read_all() for path in paths], dtype)


def _rows(tables: Sequence[pa.Table], dtype: str) -> Read:
    for table in tables:
        assert str(table.schema.field("input_ids").type.value_type) == dtype
    return [(row["id"], row["input_ids"]) for table in tables for row in table.to_pylist()]


def read_webdataset(root: Path, split: str, dtype: str) -> Read:
    found: Read = []
    for path in sorted(root.glob(f"{split}-*.tar")):
        samples: dict[str, dict[str, bytes]] = {}
        with tarfile.open(path) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
                key, _, ending = member.name.partition(".")
                content = tar.extractfile(member)
                assert content is not None
                samples.setdefault(key, {})[ending] = content.read()
        for sample in samples.values():
            tokens = np.load(io.BytesIO(sample["npy"]))
            assert tokens.dtype == dtype
            found.append((json.loads(sample["json"])["id"], tokens.tolist()))
    return found


READERS: dict[str, Callable[[Path, str, str], Read]] = {
    "megatron": read_megatron,
    "datatrove": read_datatrove,
    "olmo": read_olmo,
    "nanogpt": read_nanogpt,
    "llm.c": read_llm_c,
    "mds": read_mds,
    "litdata": read_litdata,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "webdataset": read_webdataset,
}
