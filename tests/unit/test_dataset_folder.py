"""An export for the hub: `datasets` and mlcroissant read what the table holds, and only that."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run

from curate.card import About, card
from curate.card.shards import Shards
from curate.cli import main
from curate.dataset_folder import export_folder
from curate.document import Document
from curate.errors import InputError, OutputError, UserError

COLUMNS = ["id", "url", "source", "language", "text", "signals", "labels"]
TEXTS = ["Rivers run.", "", None, "עברית ועוד", "x" * 5000, "Mills turn.", "The sea."]


def rows() -> list[Document]:
    """Seven kept documents, two of them held out; one dropped, one no document, one planted."""
    found = [
        document(
            f"p{i}",
            text,
            language="en" if i else None,
            signals={"b.x": float(i), "a.y": float("nan")} if i else {},
            labels={"split": "heldout"} if i in (1, 5) else {"note": 'a"b'},
            content=b"raw" if i == 2 else None,
        )
        for i, text in enumerate(TEXTS)
    ]
    return [
        *found,
        document("gone", "Dropped.", drop="gopher.word_count"),
        document("no", drop="record.request"),
        document("trap", "Planted.", url="http://planted.example/1", labels={"planted": "x"}),
    ]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(
        tmp_path / "run", [TableSpec("01-x", [{"split": {}}], rows())], {"name": "Waters"}
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_datasets_reads_both_splits(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    assert export_folder(str(run), str(tmp_path / "ds"), shard_rows=2) == 7
    assert [name for name in files(tmp_path / "ds") if name.startswith("data/")] == [
        "data/heldout-00000-of-00001.parquet",
        *(f"data/train-{i:05d}-of-00003.parquet" for i in range(3)),
    ]
    loaded = datasets.load_dataset(str(tmp_path / "ds"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].column_names == COLUMNS
    assert [row["text"] for row in loaded["heldout"]] == ["", "Mills turn."]
    assert [row["text"] for row in loaded["train"]] == [TEXTS[i] for i in (0, 2, 3, 4, 6)]
    second = loaded["train"][1]
    assert json.loads(second["signals"]) == {"a.y": None, "b.x": 2.0}
    assert json.loads(second["labels"]) == {"note": 'a"b'}
    assert loaded["train"][0]["signals"] == "{}"
    assert loaded["train"].info.splits["train"].num_examples == 5


def test_mlcroissant_reads_every_record(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ds"
    export_folder(str(run), str(folder), About(license="odc-by"), shard_rows=2)
    dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    for split in ("train", "heldout"):
        wanted = [
            row
            for path in sorted((folder / "data").glob(f"{split}-*"))
            for row in pq.read_table(path).to_pylist()
        ]
        found = [
            {key.partition("/")[2]: value and value.decode() for key, value in record.items()}
            for record in dataset.records(split)
        ]
        assert [{**row, "text": row["text"] or None} for row in found] == [
            {**row, "text": row["text"] or None} for row in wanted
        ]
    metadata = json.loads((folder / "croissant.json").read_text("utf-8"))
    listed = [one for one in metadata["distribution"] if one["@type"] == "cr:FileObject"]
    assert len(listed) == 4
    for one in listed:
        content = (folder / one["contentUrl"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["contentSize"] == f"{len(content)} B"


def test_two_exports_are_equal_and_one_replaces_the_other(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    export_folder(str(run), str(first))
    second.mkdir()
    export_folder(f"{run}/01-x", str(second), shard_rows=3)
    assert files(first) != files(second)
    export_folder(str(run), str(second))
    assert files(first) == files(second)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "run", "second"]


def test_a_later_card_is_the_card_of_the_export(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ds"
    export_folder(str(run), str(folder))
    before = files(folder)
    card(str(run), str(folder))
    assert files(folder) == before
    other = write_run(tmp_path / "other", [TableSpec("01-x", [], rows()[:3])])
    with pytest.raises(InputError, match="holds an export of 7 documents"):
        card(str(other), str(folder))
    (folder / "data/train-00000-of-00001.parquet").rename(
        folder / "data/train-00000-of-00002.parquet"
    )
    with pytest.raises(InputError, match="train shards are not complete"):
        card(str(run), str(folder))


@pytest.mark.parametrize("name", ["notes.txt", "data/mine.csv", "README.md", ".git/config"])
def test_a_folder_of_others_is_refused(run: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ds"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(OutputError, match="choose another --output"):
        export_folder(str(run), str(folder))
    assert files(folder) == {name: b"mine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ds", "run"]


def test_data_without_a_card_is_refused(run: Path, tmp_path: Path) -> None:
    export_folder(str(run), str(tmp_path / "ds"))
    (tmp_path / "ds/README.md").unlink()
    (tmp_path / "ds/croissant.json").unlink()
    with pytest.raises(OutputError, match="holds data without a card"):
        export_folder(str(run), str(tmp_path / "ds"))


def test_mistakes_are_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    cases: list[tuple[list[Any], str]] = [
        ([run, "--to", "kaggle", "--output", tmp_path / "x"], "known are huggingface"),
        ([run, "--to", "huggingface", "--dropped", "--output", tmp_path / "x"], "no --dropped"),
        ([run, "--to", "huggingface", "--output", "s3://b/x"], "has to be a local folder"),
        ([run, "--to", "huggingface", "--output", tmp_path / "file"], "is a file"),
        ([run, "--to", "huggingface", "--output", tmp_path / "file/x"], "cannot write to"),
        ([run, "--to", "huggingface", "--shard-rows", "0", "--output", tmp_path / "x"], "at least 1"),
        ([tmp_path / "none", "--to", "huggingface", "--output", tmp_path / "x"], "no finished run"),
    ]  # fmt: skip
    for arguments, said in cases:
        with pytest.raises(SystemExit) as stopped:
            main(["export", *map(str, arguments)])
        assert stopped.value.code == 2
        line = capsys.readouterr().err
        assert said in line
        assert line.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_token_tables_are_refused(tmp_path: Path) -> None:
    specs = [
        TableSpec("01-x", [], rows()),
        TableSpec("02-tokenize", [{"tokenize": {}}], [], kind="tokens"),
    ]
    run = write_run(tmp_path / "run", specs)
    with pytest.raises(InputError, match="token shards"):
        export_folder(f"{run}/02-tokenize", str(tmp_path / "ds"))
    assert export_folder(str(run), str(tmp_path / "ds")) == 7


def test_pages_before_extraction_are_refused(tmp_path: Path) -> None:
    row = document("page", None, content=b"<p>raw</p>", media_type="text/html")
    run = write_run(tmp_path / "run", [TableSpec("01-read", [], [row])])
    with pytest.raises(InputError, match="no document has text"):
        export_folder(str(run), str(tmp_path / "ds"))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_unwritable_place_leaves_nothing(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        export_folder(str(run), "/proc/curate/ds")
    assert not list(tmp_path.glob("*.partial"))


@given(
    st.lists(st.integers(0, 9), max_size=8),
    st.none() | st.integers(1, 5),
    st.integers(1, 400),
    st.integers(1, 400),
)
def test_shards_hold_every_row_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    shard_rows: int | None,
    shard_bytes: int,
    group_bytes: int,
) -> None:
    folder, schema = tmp_path_factory.mktemp("shards"), pa.schema([("text", pa.string())])
    shards = Shards(folder, "train", schema, shard_rows, shard_bytes, group_bytes)
    texts = [[f"{i} {j}" for j in range(size)] for i, size in enumerate(sizes)]
    for part in texts:
        shards.add(pa.RecordBatch.from_arrays([pa.array(part, pa.string())], schema=schema))
    shards.close()
    paths = sorted(folder.iterdir())
    lengths = [pq.read_metadata(path).num_rows for path in paths]
    found = [text for path in paths for text in pq.read_table(path)["text"].to_pylist()]
    assert found == [text for part in texts for text in part]
    assert shards.rows == len(found)
    assert [path.name for path in paths] == [
        f"train-{i:05d}-of-{len(paths):05d}.parquet" for i in range(len(paths))
    ]
    if shard_rows:
        assert lengths[:-1] == [shard_rows] * (len(lengths) - 1)
        assert not lengths or 0 < lengths[-1] <= shard_rows
