"""Committed token shards: exported in every format, and a document found in them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from token_shards import EOS, READERS, WITHOUT_IDS, make_run, make_shard, make_table

from curate.cli import main
from curate.errors import InputError, OutputError, UserError
from curate.tokens import provenance
from curate.tokens.export import export_tokens
from curate.tokens.formats import FORMATS, Folder
from curate.tokens.places import document_at, locate

IDS = {"train": [f"{number:02x}" * 4 for number in range(40)], "heldout": ["ffffffff"]}


@pytest.mark.parametrize("to", FORMATS)
def test_export(to: str, tmp_path: Path) -> None:
    table = make_table(tmp_path / "tokens", IDS, shards=3)
    assert export_tokens(table, to, f"{tmp_path}/out") == 41
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    on_disk = {str(path.relative_to(tmp_path / "out")): hashlib.sha256(path.read_bytes()).hexdigest()
               for path in (tmp_path / "out").rglob("*") if path.is_file()}  # fmt: skip
    del on_disk["manifest.json"]
    assert {file["file"]: file["sha256"] for file in manifest["files"]} == on_disk
    assert (manifest["dtype"], manifest["eos"], manifest["vocabulary"]) == ("uint16", 0, 512)
    for split, ids in IDS.items():
        found = READERS[to](tmp_path / "out", split, "uint16")
        said = ["".join(map(chr, tokens[:-1])) for _, tokens in found]
        assert sorted(said) == ids
        assert to in WITHOUT_IDS or [identity for identity, _ in found] == said


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_table(tmp_path / "tokens", IDS, shards=1)
    run, out = make_run(tmp_path, ["tokens"]), str(tmp_path / "out")
    with pytest.raises(SystemExit) as left:
        main(["export", run, "--to", "llm.c", "--output", out])
    assert not left.value.code
    assert capsys.readouterr().out == f"41 documents written to {out}\n"
    with pytest.raises(SystemExit) as left:
        main(["export", run, "--to", "llm.c", "--output", out, "--dropped"])
    assert left.value.code == 2
    assert "--to llm.c writes kept documents whole" in capsys.readouterr().err


@pytest.mark.parametrize("to", ["datatrove", "mds", "nanogpt"])
def test_export_to_a_url(to: str, tmp_path: Path) -> None:
    table = make_table(tmp_path / "tokens", IDS, shards=2)
    export_tokens(table, to, f"{tmp_path}/out")
    memory = fsspec.filesystem("memory")
    try:
        assert export_tokens(table, to, "memory://bucket/out/") == 41
        found = {path.removeprefix("/bucket/out/"): memory.cat(path)
                 for path in memory.find("/bucket/out")}  # fmt: skip
        assert found == {str(path.relative_to(tmp_path / "out")): path.read_bytes()
                         for path in (tmp_path / "out").rglob("*") if path.is_file()}  # fmt: skip
        with pytest.raises(OutputError, match="memory://bucket/out holds something else"):
            export_tokens(table, "arrow", "memory://bucket/out")
    finally:
        memory.rm("/bucket", recursive=True)


def test_an_export_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(tmp_path / "tokens", IDS, shards=3)
    run, out = make_run(tmp_path, ["tokens"]), tmp_path / "out"
    written: list[str] = []
    whole = Folder.whole

    def fails(folder: Folder, name: str) -> Any:
        if name.endswith(".tar"):
            if len(written) == 2 and "again" not in written:
                raise KeyboardInterrupt
            written.append(name)
        return whole(folder, name)

    monkeypatch.setattr(Folder, "whole", fails)
    with pytest.raises(KeyboardInterrupt):
        export_tokens(run, "webdataset", str(out))
    assert not (out / "manifest.json").exists() and len(list(out.glob("*.tar"))) == 2
    with pytest.raises(OutputError, match="holds something else"):
        export_tokens(run, "mds", str(out))
    written.append("again")
    assert export_tokens(run, "webdataset", str(out)) == 41
    assert len(written) == len(set(written)) == 5
    assert {path.suffix for path in out.iterdir()} == {".tar", ".json"}
    export_tokens(run, "webdataset", str(out))
    assert len(written) == 5


def test_what_an_export_refuses(tmp_path: Path) -> None:
    table = make_table(tmp_path / "tokens", IDS, shards=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("x")
    with pytest.raises(
        UserError, match="--to tfrecord: known are huggingface, and for token shards"
    ):
        export_tokens(table, "tfrecord", f"{tmp_path}/out")
    with pytest.raises(OutputError, match="mine holds something else"):
        export_tokens(table, "mds", f"{tmp_path}/mine")
    with pytest.raises(InputError, match="is not a finished table"):
        export_tokens(f"{tmp_path}/mine", "mds", f"{tmp_path}/out")
    with pytest.raises(OutputError, match="cannot write to"):
        export_tokens(table, "mds", f"{tmp_path}/mine/thesis.tex/out")


def test_documents_are_found_in_their_shards(tmp_path: Path) -> None:
    ids = {"train": [*IDS["train"], "0000twice", "0000twice", "0000twice"], "heldout": ["ffffffff"]}
    table = make_table(tmp_path / "tokens", ids, shards=5, seed=3)
    for split, names in ids.items():
        for identity in names:
            places = locate(table, identity)
            assert len(places) == names.count(identity)
            assert len(set(places)) == len(places)
            for place in places:
                assert place.shard.startswith(split) and place.id == identity
                shard = next((tmp_path / "tokens").rglob(place.shard))
                tokens = np.fromfile(shard, "uint16")[place.first_token :][: place.tokens]
                assert tokens.tolist() == [*map(ord, identity), EOS]
                for token in (place.first_token, place.first_token + place.tokens - 1):
                    assert document_at(table, place.shard, token) == place
    assert locate(table, "nobody") == []


def test_ids_are_grouped_by_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "GROUP_ROWS", 2)
    make_shard(Folder.at(str(tmp_path)), [[7, EOS], [EOS], [8, 9, EOS], [EOS], [5, EOS]])
    rows = pq.ParquetFile(tmp_path / "train-00000.ids.parquet")
    assert [rows.metadata.row_group(n).num_rows for n in range(rows.num_row_groups)] == [2, 2, 1]
    assert rows.read().to_pydict() == {
        "id": ["d0", "d1", "d2", "d3", "d4"],
        "source": ["web"] * 5,
        "first_token": [0, 2, 3, 6, 7],
        "tokens": [2, 1, 3, 1, 2],
    }


def test_what_no_shard_holds(tmp_path: Path) -> None:
    table = make_table(tmp_path / "tokens", {"train": ["abc"]}, shards=1)
    with pytest.raises(InputError, match="train-00000.bin has no token 4; it holds 4, from 0"):
        document_at(table, "train-00000.bin", 4)
    with pytest.raises(InputError, match="has no shard ../secret; it has 1, train-00000.bin to"):
        document_at(table, "../secret", 0)
