"""Token shards through Spark: the same bytes in any partitioning."""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from set_steps import document, frame
from token_shards import READERS

from curate.document import Document
from curate.errors import InputError
from curate.table import Slice, Table
from curate.tokens import Tokenize
from curate.tokens.formats import FORMATS
from curate.tokens.places import locate
from curate.tokens.tokenizer import Training, load, read, train
from curate.tokens.verification import verify

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def corpus() -> list[Document]:
    draw = random.Random(2)
    known = [f"word{number}" for number in range(300)]
    rows = [
        document(str(number), " ".join(draw.choices(known, k=40)), draw.choice(["web", "code"]))
        for number in range(120)
    ]
    rows += [
        document(f"h{number}", "held out text naïve 中文", split="heldout") for number in range(3)
    ]
    return [
        *rows,
        document("twice", "said two times", signals={"mix.copies": 2.0}),
        document("null", None),
    ]


def texts(folder: Path, about: dict[str, Any], split: str) -> list[str]:
    """What the shards of a split say, in their order."""
    tokenizer = load((folder / "tokenizer.json").read_text())
    said: list[str] = []
    for shard in about["shards"]:
        if shard["split"] == split:
            stem = folder / shard["file"].removesuffix(".bin")
            tokens = np.fromfile(stem.with_suffix(".bin"), about["dtype"])
            index = stem.with_suffix(".idx").read_bytes()
            (count,) = struct.unpack_from("<Q", index, 18)
            ends = np.cumsum(np.frombuffer(index, "<i4", count, 34))
            parts = np.split(tokens, ends[:-1])
            assert all(part[-1] == about["eos"] for part in parts)
            said += [tokenizer.decode(part[:-1].tolist()) for part in parts]
    return said


def test_shards_hold_every_text_in_a_seeded_order(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    step = Tokenize(vocabulary=384, shard_tokens=1500, formats=tuple(FORMATS))
    runs = [
        step(frame(spark, rows, str(tmp_path), partitions), str(tmp_path / f"shards {partitions}"))
        for partitions in (1, 6)
    ]
    assert runs[0] == runs[1]
    about, folder = runs[0], tmp_path / "shards 1"
    shards = [shard["file"] for shard in about["shards"]]
    assert len(shards) > 2
    assert shards[-1] == "heldout-00000.bin"
    on_disk = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert on_disk.pop("tokenizer.json") == about["tokenizer_sha256"]
    listed = [file for files in about["files"].values() for file in files]
    assert {file["file"]: file["sha256"] for file in listed} == on_disk
    assert len(listed) == len(on_disk)
    for shard in about["shards"]:
        payload = (folder / shard["file"]).read_bytes()
        assert shard["sha256"] == hashlib.sha256(payload).hexdigest()
        assert shard["bytes"] == len(payload) == 2 * shard["tokens"]
    train = [row.text or "" for row in rows if row.labels["split"] == "train"] + ["said two times"]
    said = texts(folder, about, "train")
    assert sorted(said) == sorted(train)
    assert said != train
    assert texts(folder, about, "heldout") == ["held out text naïve 中文"] * 3
    assert sum(about["tokens"].values()) == sum(shard["tokens"] for shard in about["shards"])
    everything = sum(len(text.encode()) for text in (*train, *texts(folder, about, "heldout")))
    assert sum(about["text_bytes"].values()) == everything


def test_every_format_holds_the_same_documents(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    step = Tokenize(vocabulary=384, shard_tokens=1500, formats=("mds", "webdataset", "nanogpt"))
    about = step(frame(spark, rows, str(tmp_path)), str(tmp_path / "out"))
    assert set(about["files"]) == {"megatron", "ids", "mds", "webdataset", "nanogpt"}
    for split in ("train", "heldout"):
        payload = READERS["megatron"](tmp_path / "out", split, "uint16")
        for name in ("mds", "webdataset", "nanogpt"):
            found = READERS[name](tmp_path / "out" / name, split, "uint16")
            assert [tokens for _, tokens in found] == [tokens for _, tokens in payload]
        ids = [identity for identity, _ in READERS["mds"](tmp_path / "out/mds", split, "uint16")]
        wanted = [row.id for row in rows if row.labels["split"] == split]
        assert sorted(ids) == sorted(wanted + [row.id for row in rows if row.origin == "twice"
                                               if split == "train"])  # fmt: skip


def test_a_document_is_found_where_spark_put_it(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    about = Tokenize(vocabulary=384, shard_tokens=700)(
        frame(spark, rows, str(tmp_path)), str(tmp_path / "out" / "attempt-all")
    )
    table = Table(str(tmp_path / "out"))
    files = tuple(name for name, _ in table.list_files("attempt-all"))
    part = Slice("all", "0" * 24, files, {}, 1.0, {"tokens": about})
    table.commit("0" * 24, [part], {"name": "tokenize", "kind": "tokens", "steps": []})
    assert len(about["shards"]) > 4
    assert verify(str(tmp_path / "out")).problems == ()
    tokenizer = load((tmp_path / "out/attempt-all/tokenizer.json").read_text())
    for row in rows:
        places = locate(str(tmp_path / "out"), row.id)
        assert len(places) == (2 if row.origin == "twice" else 1)
        for place in places:
            tokens = np.fromfile(tmp_path / "out/attempt-all" / place.shard, about["dtype"])
            held = tokens[place.first_token :][: place.tokens - 1].tolist()
            assert tokenizer.decode(held) == (row.text or "")
            assert place.source == row.source


def test_a_given_tokenizer_and_another_seed(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    df = frame(spark, rows, str(tmp_path))
    first = Tokenize(vocabulary=384)(df, str(tmp_path / "first"))
    path = str(tmp_path / "first" / "tokenizer.json")
    second = Tokenize(path, seed=1)(df, str(tmp_path / "second"))
    assert second["tokenizer_sha256"] == first["tokenizer_sha256"] == read(path).sha256
    assert second["tokens"] == first["tokens"]
    assert second["shards"][0]["sha256"] != first["shards"][0]["sha256"]
    said = [
        texts(tmp_path / name, about, "train")
        for name, about in (("first", first), ("second", second))
    ]
    assert sorted(said[0]) == sorted(said[1])


def test_nothing_to_train_on(spark: SparkSession, tmp_path: Path) -> None:
    rows = [document("h", "held out", split="heldout")]
    with pytest.raises(InputError, match="no training documents"):
        Tokenize(vocabulary=384)(frame(spark, rows, str(tmp_path)), str(tmp_path / "shards"))


def test_a_tokenizer_that_loses_text_is_told(spark: SparkSession, tmp_path: Path) -> None:
    strips = '"normalizer":{"type":"Strip","strip_left":true,"strip_right":true}'
    json = train(["some text"], Training(vocabulary=320)).json
    path = tmp_path / "tokenizer.json"
    path.write_text(json.replace('"normalizer":null', strips))
    rows = [document("whole", "text"), document("cut", " text "), document("none", None)]
    df = frame(spark, rows, str(tmp_path))
    with pytest.raises(InputError, match=f"whole text of 1 documents, {rows[1].id} among them"):
        Tokenize(str(path))(df, str(tmp_path / "first"))
    about = Tokenize(str(path), lossless=False)(df, str(tmp_path / "second"))
    assert about["lossy_documents"] == 1
    path.write_text(json)
    assert Tokenize(str(path))(df, str(tmp_path / "third"))["lossy_documents"] == 0


def test_a_signal_orders_the_documents(spark: SparkSession, tmp_path: Path) -> None:
    draw = random.Random(5)
    values = [draw.choice([-0.5, 0.0, 0.125, 1.0, 3e6, None, float("nan")]) for _ in range(300)]
    rows = [
        document(str(n), f"{value}", signals={} if value is None else {"quality.score": value})
        for n, value in enumerate(values)
    ]
    rows.append(document("h", "held", split="heldout", signals={"quality.score": 2.0}))
    for descending in (False, True):
        step = Tokenize(
            vocabulary=384, shard_tokens=400, order_by="quality.score", descending=descending
        )
        folders = [tmp_path / f"{descending}-{partitions}" for partitions in (1, 4)]
        about, again = (
            step(frame(spark, rows, str(tmp_path), int(folder.name[-1])), str(folder))
            for folder in folders
        )
        assert about == again
        said = texts(folders[0], about, "train")
        assert len(said) == 300 and len(about["shards"]) > 3
        numbers = [float(text) for text in said if text not in ("None", "nan")]
        assert numbers == sorted(numbers, reverse=descending)
        assert set(said[len(numbers) :]) == {"None", "nan"}
        assert said[len(numbers) :] != sorted(said[len(numbers) :]), "equals are shuffled"
        assert texts(folders[0], about, "heldout") == ["held"]
