"""Token shards in every format: golden bytes, and round trips through readers made from the specs."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_shards import EOS, GOLDEN, READERS, WITHOUT_IDS, convert, make_shard

from curate.errors import InputError, UserError, WorkError
from curate.tokens import Tokenize
from curate.tokens.formats import FORMATS, Folder, check_formats, folder, litdata, mds, token_lists
from curate.tokens.formats.folder import ATTEMPT, File

WIDTHS = [(name, dtype) for name in FORMATS for dtype in FORMATS[name].dtypes]
LIMITS = ((mds, "FILE_BYTES"), (litdata, "CHUNK_BYTES"), (token_lists, "GROUP_TOKENS"))
PAYLOAD = bytes.fromhex("0a000b000c000000 14000000 1e001f000000")
U64 = "0{:x}00000000000000"


def golden(to: str, tmp_path: Path, dtype: str = "uint16") -> dict[str, bytes]:
    """The golden documents in a format: its files, all of them."""
    shard = make_shard(Folder.at(f"{tmp_path}/shards"), GOLDEN, dtype)
    files = convert([shard], to, Folder.at(f"{tmp_path}/out"))
    found = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    listed = {file.file: (file.bytes, file.sha256) for file in files}
    assert listed == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items()
    }
    return found


def test_golden_datatrove(tmp_path: Path) -> None:
    assert golden("datatrove", tmp_path) == {
        "train-00000.bin": PAYLOAD,
        "train-00000.bin.index": bytes.fromhex("".join(map(U64.format, (4, 6, 9)))),
        "train-00000.bin.metadata": b"tokenizer.json|2\n9\n9.00 T",
    }


def test_golden_olmo(tmp_path: Path) -> None:
    files = golden("olmo", tmp_path)
    assert files.keys() == {"train-00000.npy", "train-00000.csv.gz"}
    assert files["train-00000.npy"] == PAYLOAD
    packed = files["train-00000.csv.gz"]
    assert gzip.decompress(packed) == b"0,4\n4,6\n6,9\n"
    assert packed[3:8] == bytes(5)  # no name, no time


def test_golden_nanogpt(tmp_path: Path) -> None:
    assert golden("nanogpt", tmp_path) == {"train.bin": PAYLOAD}


@pytest.mark.parametrize(
    ("dtype", "head"), [("uint16", "88d83401 01000000"), ("int32", "a1d93401 07000000")]
)
def test_golden_llm_c(dtype: str, head: str, tmp_path: Path) -> None:
    head_bytes = bytes.fromhex(head) + struct.pack("<i", 9) + bytes(1024 - 12)
    tokens = np.array([0, 10, 11, 12, 0, 20, 0, 30, 31], dtype).tobytes()
    assert golden("llm.c", tmp_path, dtype) == {"train-00000.bin": head_bytes + tokens}


def test_golden_mds(tmp_path: Path) -> None:
    files = golden("mds", tmp_path)
    config = (
        b'{"column_encodings": ["str", "ndarray:uint16"], "column_names": ["id", "tokens"], '
        b'"column_sizes": [null, null], "compression": null, "format": "mds", '
        b'"hashes": ["sha256"], "size_limit": 67108864, "version": 2}'
    )
    samples = [
        bytes.fromhex("02000000 0a000000") + b"d0" + bytes.fromhex("0404 0a000b000c000000"),
        bytes.fromhex("02000000 06000000") + b"d1" + bytes.fromhex("0402 14000000"),
        bytes.fromhex("02000000 08000000") + b"d2" + bytes.fromhex("0403 1e001f000000"),
    ]
    starts = np.cumsum([20 + len(config), *map(len, samples)]).astype("<u4").tobytes()
    data = struct.pack("<I", 3) + starts + config + b"".join(samples)
    assert files.pop("train/shard.00000.00000.mds") == data
    (name,) = files
    (entry,) = json.loads(files[name])["shards"]
    assert name == "train/index.json"
    assert entry["raw_data"] == {
        "basename": "shard.00000.00000.mds",
        "bytes": len(data),
        "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
    }
    assert {key: entry[key] for key in json.loads(config)} == json.loads(config)


@pytest.mark.parametrize(
    ("dtype", "kind", "offsets"),
    [
        ("uint16", "no_header_tensor:20", "14000000 1c000000 20000000 26000000"),
        ("int32", "no_header_tensor:16", "14000000 24000000 2c000000 38000000"),
    ],
)
def test_golden_litdata(dtype: str, kind: str, offsets: str, tmp_path: Path) -> None:
    """The chunks that litdata 0.2.76 itself wrote of these documents."""
    files = golden("litdata", tmp_path, dtype)
    data = bytes.fromhex("03000000" + offsets) + np.concatenate(GOLDEN).astype(dtype).tobytes()
    assert files.pop("train/chunk-0-0.bin") == data
    index = json.loads(files.pop("train/index.json"))
    assert not files
    assert index["chunks"] == [
        {"chunk_bytes": len(data), "chunk_size": 3, "dim": 9, "filename": "chunk-0-0.bin"}
    ]
    assert index["config"]["data_format"] == [kind]


def test_golden_webdataset(tmp_path: Path) -> None:
    (tar,) = golden("webdataset", tmp_path).values()
    assert len(tar) == 3 * 4 * 512 + 1024
    assert tar[:100].rstrip(b"\0") == b"train-00000-000000000.json"
    assert tar[512:].startswith(b'{"id": "d0"}\0')
    assert tar[1024:1124].rstrip(b"\0") == b"train-00000-000000000.npy"
    assert tar[1024 + 257 : 1024 + 265] == b"ustar\x0000"
    npy = tar[1536 : 1536 + 128 + 8]
    assert npy[:10] == b"\x93NUMPY\x01\0\x76\0" and npy.endswith(PAYLOAD[:8])


@pytest.mark.parametrize("to", ["parquet", "arrow"])
def test_golden_token_lists(to: str, tmp_path: Path) -> None:
    assert golden(to, tmp_path).keys() == {f"train-00000.{to}"}
    found = READERS[to](tmp_path / "out", "train", "uint16")
    assert found == [(f"d{number}", tokens) for number, tokens in enumerate(GOLDEN)]


DOCUMENT = st.lists(st.integers(1, 2**16 - 1), max_size=12).map(lambda tokens: [*tokens, EOS])


@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(DOCUMENT, max_size=6), min_size=1, max_size=3), st.integers(8, 200))
@pytest.mark.parametrize(("to", "dtype"), WIDTHS)
def test_what_is_written_is_read(
    to: str, dtype: str, shards: list[list[list[int]]], limit: int
) -> None:
    """Several shards, empty documents, no documents, files of a few bytes."""
    with TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        for module, name in LIMITS:
            patch.setattr(module, name, limit)
        made = [
            make_shard(Folder.at(f"{root}/shards"), documents, dtype, f"train-{number:05d}")
            for number, documents in enumerate(shards)
        ]
        convert(made, to, Folder.at(f"{root}/out"))
        found = READERS[to](Path(root, "out"), "train", dtype)
    wanted = [
        (None if to in WITHOUT_IDS else f"d{number}", tokens)
        for documents in shards
        for number, tokens in enumerate(documents)
    ]
    assert found == wanted


@pytest.mark.parametrize("to", FORMATS)
def test_one_huge_document_among_empty_ones(
    to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a run of rows, than a block of a copy, and than 16 bits can count."""
    monkeypatch.setattr(folder, "BLOCK_BYTES", 4098)
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, 4096)
    huge = [*(np.arange(70_000) % 60_000 + 1).tolist(), EOS]
    shard = make_shard(Folder.at(f"{tmp_path}/shards"), [[EOS], huge, [EOS]])
    convert([shard], to, Folder.at(f"{tmp_path}/out"))
    found = READERS[to](tmp_path / "out", "train", "uint16")
    assert [tokens for _, tokens in found] == [[EOS], huge, [EOS]]


def test_large_shards_are_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mds, "FILE_BYTES", 600)
    monkeypatch.setattr(litdata, "CHUNK_BYTES", 40)
    documents = [[number + 1, EOS] for number in range(40)]
    shards = [make_shard(Folder.at(f"{tmp_path}/shards"), documents, name=f"train-0000{number}")
              for number in range(2)]  # fmt: skip
    for to in ("mds", "litdata"):
        files = convert(shards, to, Folder.at(f"{tmp_path}/{to}"))
        assert len({file.file for file in files}) == len(files) > 5
        assert [tokens for _, tokens in READERS[to](tmp_path / to, "train", "uint16")] == (
            documents * 2
        )


@pytest.mark.parametrize("to", FORMATS)
def test_a_task_that_runs_twice_leaves_the_same_bytes(to: str, tmp_path: Path) -> None:
    shard = make_shard(Folder.at(f"{tmp_path}/shards"), GOLDEN)
    out = Folder.at(f"{tmp_path}/out")
    assert convert([shard], to, out) == convert([shard], to, out)
    assert not [path for path in tmp_path.rglob("*") if ATTEMPT in path.name]


@pytest.mark.parametrize("to", FORMATS)
def test_a_url_is_written_like_a_folder(to: str, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    local = convert(
        [make_shard(Folder.at(f"{tmp_path}/a"), GOLDEN)], to, Folder.at(f"{tmp_path}/b")
    )
    try:
        shard = make_shard(Folder.at("memory://tokens/a"), GOLDEN)
        assert convert([shard], to, Folder.at("memory://tokens/b")) == local
        for file in local:
            assert memory.cat(f"/tokens/b/{file.file}") == (tmp_path / "b" / file.file).read_bytes()
        assert not [path for path in memory.find("/tokens") if ATTEMPT in path]
    finally:
        memory.rm("/tokens", recursive=True)


def test_the_payload_is_linked_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = make_shard(Folder.at(f"{tmp_path}/a"), GOLDEN)
    convert([shard], "olmo", Folder.at(f"{tmp_path}/b"))
    assert (tmp_path / "b/train-00000.npy").samefile(tmp_path / "a/train-00000.bin")

    def no_links(*_: Any) -> None:
        raise OSError("another disk")

    monkeypatch.setattr("os.link", no_links)
    convert([shard], "olmo", Folder.at(f"{tmp_path}/c"))
    copied = tmp_path / "c/train-00000.npy"
    assert copied.read_bytes() == PAYLOAD and copied.stat().st_nlink == 1
    (tmp_path / "a/train-00000.bin").write_bytes(bytes(18))
    with pytest.raises(WorkError, match="is not the file its manifest tells of"):
        convert([shard], "olmo", Folder.at(f"{tmp_path}/d"))
    assert not list((tmp_path / "d").iterdir())


def test_a_failed_file_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder.at(f"{tmp_path}/out")

    def broken() -> Iterator[None]:
        with folder.whole("deep/name") as sink:
            sink.write(b"begun")
            yield
            raise RuntimeError("lost")

    writing = broken()
    next(writing)
    other = folder.put("deep/name", b"of another attempt")
    with pytest.raises(RuntimeError):
        next(writing)
    assert other == File("deep/name", 0, 0, 18, hashlib.sha256(b"of another attempt").hexdigest())
    assert [path.name for path in (tmp_path / "out/deep").iterdir()] == ["name"]


def test_a_cut_or_old_shard_is_one_line(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path))
    shard = make_shard(folder, GOLDEN)
    (tmp_path / "train-00000.ids.parquet").unlink()
    with pytest.raises(InputError, match=r"train-00000.ids.parquet is missing; run tokenize again"):
        convert([shard], "mds", folder.below("mds"))
    (tmp_path / "train-00000.bin").write_bytes(PAYLOAD[:-2])
    with pytest.raises(WorkError, match="is cut short"):
        convert([shard], "litdata", folder.below("litdata"))


def test_names_and_widths_are_checked() -> None:
    check_formats(FORMATS, "uint16")
    with pytest.raises(ValueError, match="unknown token format 'tfrecord'; known are: megatron, "):
        Tokenize(formats=("megatron", "tfrecord"))
    with pytest.raises(UserError, match="'nanogpt' holds uint16, and this tokenizer needs int32"):
        check_formats(["nanogpt"], "int32")


def test_llm_c_counts_in_31_bits(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path))
    shard = make_shard(folder, GOLDEN)
    large = type(shard)(folder, "train", "uint16", EOS, File("train-00000.bin", 1, 2**31, 0, ""))
    with pytest.raises(UserError, match="2,147,483,648 tokens, llm.c counts up to"):
        FORMATS["llm.c"].write(large, folder.below("llm.c"))
