"""Token shards: the bytes, and the order in which they are read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from curate.tokens.formats import Folder
from curate.tokens.shards import write_shard
from model.data import Shard, Shards, Stream, open_shards, order

# documents [10 11 12 0] [20 0] [30 31 0] as Megatron-LM writes them, EOS = 0
GOLDEN_BIN = bytes.fromhex("0a000b000c000000 14000000 1e001f000000")
GOLDEN_IDX = bytes.fromhex(
    "4d4d494449445800 00 0100000000000000 08 0300000000000000 0400000000000000"
    "04000000 02000000 03000000"
    "0000000000000000 0800000000000000 0c00000000000000"
    "0000000000000000 0100000000000000 0200000000000000 0300000000000000"
)


def test_golden_bytes_are_read_back(tmp_path: Path) -> None:
    shards = open_shards(_folder(tmp_path))
    documents = [part.tolist() for part in shards.shards[0].documents()]
    assert documents == [[10, 11, 12, 0], [20, 0], [30, 31, 0]]
    assert shards.token_count == 9


def test_four_byte_tokens_are_read(tmp_path: Path) -> None:
    payload = np.frombuffer(GOLDEN_BIN, "<u2").astype("<i4").tobytes()
    index = GOLDEN_IDX[:17] + b"\x04" + GOLDEN_IDX[18:]
    assert open_shards(_folder(tmp_path, payload, index)).shards[0].tokens[4] == 20


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
def test_what_tokenize_writes_is_read(dtype: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    documents = [generator.integers(0, 65_000, n).astype(dtype) for n in (5, 1, 700, 2)]
    _folder(tmp_path)
    shards = Folder.at(f"{tmp_path}/shards")
    write_shard((part.tobytes() for part in documents), shards, "train-00000", dtype)
    (shard,) = open_shards(tmp_path).shards
    assert [part.tolist() for part in shard.documents()] == [part.tolist() for part in documents]
    write_shard([], shards, "train-00000", dtype)
    (shard,) = open_shards(tmp_path).shards
    assert list(shard.documents()) == [] and len(shard.tokens) == 0


def test_the_formats_beside_it_change_no_split(tmp_path: Path) -> None:
    before = open_shards(_folder(tmp_path))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    part = manifest["slices"][0]
    part["files"] = ["shards/arrow/train-00000.arrow", *part["files"]]
    part["tokens"]["files"] = {"arrow": [{"file": "arrow/train-00000.arrow"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    after = open_shards(tmp_path)
    assert after.token_count == before.token_count
    assert after.fingerprint == before.fingerprint


def test_several_shards_are_one_split(tmp_path: Path) -> None:
    _folder(tmp_path, names=("train-00000", "train-00001", "heldout-00000"))
    assert open_shards(tmp_path).token_count == 18
    assert open_shards(tmp_path, "heldout").token_count == 9
    assert open_shards(tmp_path).fingerprint != open_shards(tmp_path, "heldout").fingerprint


@pytest.mark.parametrize(
    ("payload", "index", "message"),
    [
        (GOLDEN_BIN[:-2], GOLDEN_IDX, "16 bytes where its index promises 18"),
        (GOLDEN_BIN, b"PK" + GOLDEN_IDX[2:], "not a Megatron index"),
        (GOLDEN_BIN, GOLDEN_IDX[:-1], "cut short"),
        (GOLDEN_BIN, GOLDEN_IDX[:9] + b"\x02" + GOLDEN_IDX[10:], "version 2"),
        (GOLDEN_BIN, GOLDEN_IDX[:17] + b"\x07" + GOLDEN_IDX[18:], "token type 7"),
        (None, GOLDEN_IDX, "shard incomplete.*train-00000.bin"),
        (GOLDEN_BIN, None, "shard incomplete.*train-00000.idx"),
        (GOLDEN_BIN, b"", "not a Megatron index"),
    ],
)
def test_a_bad_shard_is_refused(
    payload: bytes | None, index: bytes | None, message: str, tmp_path: Path
) -> None:
    _folder(tmp_path, payload or b"", index or b"")
    for missing, end in ((payload is None, "bin"), (index is None, "idx")):
        if missing:
            (tmp_path / f"shards/train-00000.{end}").unlink()
    with pytest.raises(InputError, match=message) as caught:
        open_shards(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("manifest", [None, "{", "[]", '{"slices": []}'])
def test_a_folder_without_a_manifest_is_refused(manifest: str | None, tmp_path: Path) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match="tokenize"):
        open_shards(tmp_path)


def test_a_split_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="known: train"):
        open_shards(_folder(tmp_path), "validation")


sizes = st.lists(st.integers(0, 60), min_size=1, max_size=4).filter(lambda n: max(n) > 6)


@given(sizes, st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_an_epoch_reads_every_window_once(
    lengths: list[int], context: int, size: int, seed: int
) -> None:
    shards = _numbered(lengths)
    count = int(shards.window_starts(context)[-1])
    steps = -(-2 * count // size)
    rows = np.concatenate([shards.batch(step, size, context, seed) for step in range(steps)])
    firsts = rows[:, 0].tolist()
    assert len(set(firsts[:count])) == count
    assert sorted(firsts[:count]) == sorted(firsts[count : 2 * count])
    assert (np.diff(rows) == 1).all()  # no window crosses the border of a shard


@given(sizes, st.integers(1, 3), st.integers(1, 3), st.integers(0, 20), st.integers(0, 99))
def test_ranks_share_out_the_batch(
    lengths: list[int], world: int, share: int, step: int, seed: int
) -> None:
    shards, size = _numbered(lengths), world * share
    whole = shards.batch(step, size, 2, seed)
    parts = [shards.batch(step, size, 2, seed, rank, world) for rank in range(world)]
    assert all(len(part) == share for part in parts)
    for rank, part in enumerate(parts):
        assert np.array_equal(part, whole[rank::world])


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    orders = [order(seed, epoch, 50).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(found) for found in orders}) == 4


def test_the_order_of_an_epoch_is_part_of_the_format() -> None:
    assert order(7, 0, 8).tolist() == [7, 1, 3, 2, 6, 5, 0, 4]


@given(st.integers(20, 200), st.integers(1, 3), st.integers(1, 4))
def test_a_stream_keeps_its_order_within_a_lane(length: int, size: int, context: int) -> None:
    stream = Stream(np.arange(length))
    steps = stream.steps(size, context)
    rows = np.stack([stream.batch(step, size, context) for step in range(steps)])
    lanes = rows[:, :, 1:].transpose(1, 0, 2).reshape(size, -1)
    assert (np.diff(lanes) == 1).all()
    predicted = lanes.ravel().tolist()
    assert len(set(predicted)) == len(predicted) == steps * size * context
    assert np.array_equal(stream.batch(steps, size, context), stream.batch(0, size, context))


def test_too_little_data_is_refused() -> None:
    with pytest.raises(InputError, match="fewer than one window of 17"):
        _numbered([9]).batch(0, 2, 16)
    with pytest.raises(InputError, match="fewer than one batch"):
        Stream(np.arange(9)).batch(0, 2, 16)


def _numbered(lengths: list[int]) -> Shards:
    """Shards whose token values are their places, with a gap between shards."""
    starts = np.cumsum([0, *[length + 1000 for length in lengths]])
    parts = zip(starts, lengths, strict=False)
    return Shards(
        tuple(Shard(np.arange(start, start + n), np.array([n], np.int32)) for start, n in parts),
        "numbered",
    )


def _folder(
    folder: Path,
    payload: bytes = GOLDEN_BIN,
    index: bytes = GOLDEN_IDX,
    names: tuple[str, ...] = ("train-00000",),
) -> Path:
    (folder / "shards").mkdir(exist_ok=True)
    for name in names:
        (folder / f"shards/{name}.bin").write_bytes(payload)
        (folder / f"shards/{name}.idx").write_bytes(index)
    shards = [{"split": name.partition("-")[0], "file": f"{name}.bin"} for name in names]
    files = [f"shards/{name}.{end}" for name in names for end in ("bin", "idx")]
    about = {"vocabulary": 64, "eos": 0, "shards": shards}
    manifest = {"slices": [{"files": files, "tokens": about}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
