"""`curate verify`: every damage is named, an intact folder is intact."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builder import TableSpec, write_run
from token_shards import EOS, make_run, make_shard, make_table

from curate.cli import main
from curate.document import Document
from curate.errors import InputError
from curate.tokens.export import export_tokens
from curate.tokens.formats import FORMATS, File, Folder, TokenShard
from curate.tokens.shards import index_bytes
from curate.tokens.verification import Verification, heldout, verify
from curate.tokens.verification.heldout import NGRAM_TOKENS, ids_in_training, ngrams, overlap
from curate.tokens.verification.ids import Order
from curate.tokens.verification.origin import id_hashes
from curate.tokens.verification.payload import payload_problems

IDS = {
    "train": [f"{number:02x}" * 4 for number in range(40)],
    "heldout": [f"{number:02x}" * 4 for number in range(200, 206)],
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of three training shards and held-out ones; documents are their ids."""
    return Path(make_table(tmp_path / "tokens", IDS, shards=3))


def attempt(table: Path) -> Path:
    (found,) = table.glob("attempt-*")
    return found


def change_manifest(table: Path, change: Callable[[Any], None]) -> None:
    manifest = json.loads((table / "manifest.json").read_text())
    change(manifest)
    (table / "manifest.json").write_text(json.dumps(manifest))


def vouch(table: Path) -> None:
    """Give the manifest the sizes and checksums that the files have now."""

    def change(manifest: Any) -> None:
        about = manifest["slices"][0]["tokens"]
        for entry in [*about["shards"], *about["files"]["megatron"]]:
            data = (attempt(table) / entry["file"]).read_bytes()
            entry.update(bytes=len(data), sha256=sha256(data).hexdigest())

    change_manifest(table, change)


def rewrite(table: Path, name: str, change: Callable[[np.ndarray[Any, Any]], None]) -> None:
    path = attempt(table) / name
    tokens = np.fromfile(path, "<u2")
    change(tokens)
    tokens.tofile(path)
    vouch(table)


def whats(found: Verification) -> list[str]:
    return [f"{problem.where.rpartition('/')[2]}: {problem.what}" for problem in found.problems]


def test_an_intact_table_is_intact(table: Path) -> None:
    found = verify(str(table))
    assert found.problems == found.warnings == () and found.is_intact
    assert (found.documents, found.tokens, found.shards) == (46, 46 * 9, 5)
    assert found.files == 5 * 3 + 1
    assert found.bytes == sum(path.stat().st_size for path in attempt(table).iterdir())
    run = make_run(table.parent, ["tokens"])
    assert verify(run).is_intact


def test_a_flipped_bit(table: Path) -> None:
    path = attempt(table) / "train-00001.bin"
    data = bytearray(path.read_bytes())
    data[3] ^= 64  # a token far outside the vocabulary
    path.write_bytes(data)
    first, second = whats(verify(str(table)))
    assert first.startswith("train-00001.bin: its bytes have changed (sha256 ")
    assert second == (
        "train-00001.bin: 1 token ids outside the vocabulary of 512, first at token 1"
    )


@pytest.mark.parametrize("name", ["train-00000.idx", "train-00000.ids.parquet", "tokenizer.json"])
def test_a_flipped_bit_beside_the_payload(name: str, table: Path) -> None:
    path = attempt(table) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = whats(verify(str(table)))
    assert any(line.startswith(f"{name}: its bytes have changed") for line in found)
    assert all(line.startswith(name.partition(".")[0]) for line in found)


@pytest.mark.parametrize("cut", [1, 2, 18, 40])
def test_a_cut_file(cut: int, table: Path) -> None:
    path = attempt(table) / "train-00002.bin"
    path.write_bytes(path.read_bytes()[:-cut])
    found = whats(verify(str(table)))
    assert found[0].startswith("train-00002.bin: cut short: ")
    assert any("tokens, the manifest says" in line for line in found)


@pytest.mark.parametrize("name", ["train-00000.idx", "train-00000.ids.parquet", "train-00001.bin",
                                  "tokenizer.json"])  # fmt: skip
def test_a_missing_file_is_told_once(name: str, table: Path) -> None:
    (attempt(table) / name).unlink()
    found = verify(str(table))
    assert [line for line in whats(found) if name in line] == [f"{name}: missing"]
    assert found.problems[0].mend == "run tokenize again"


def test_several_damages_are_all_told(table: Path) -> None:
    (attempt(table) / "train-00000.idx").unlink()
    (attempt(table) / "heldout-00001.ids.parquet").write_bytes(b"PAR1")
    (attempt(table) / "train-00002.bin").write_bytes(b"")
    names = {problem.where.rpartition("/")[2] for problem in verify(str(table)).problems}
    assert names == {"train-00000.idx", "heldout-00001.ids.parquet", "train-00002.bin"}


def test_an_id_out_of_range(table: Path) -> None:
    rewrite(table, "train-00001.bin", lambda tokens: tokens.__setitem__(4, 512))
    assert whats(verify(str(table))) == [
        "train-00001.bin: 1 token ids outside the vocabulary of 512, first at token 4"
    ]


def test_an_end_inside_and_an_end_that_lacks(table: Path) -> None:
    rewrite(table, "train-00001.bin", lambda tokens: tokens.__setitem__([3, 17], [EOS, 9]))
    assert whats(verify(str(table))) == [
        "train-00001.bin: 1 end tokens (0) inside documents, first at token 3",
        "train-00001.bin: 1 documents do not end in the end token (0), first at token 17",
    ]


def swap(table: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        a, b = (attempt(table) / f"train-0000{number}{ending}" for number in (0, 1))
        kept = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(kept)


def test_a_swapped_pair_of_shards(table: Path) -> None:
    swap(table, (".bin", ".idx", ".ids.parquet"))
    found = verify(str(table))
    swapped = [problem for problem in found.problems if problem.mend == "swap them back"]
    assert len(swapped) == 6
    assert "holds the bytes of train-00001.bin: swapped" in {one.what for one in swapped}


def test_a_swapped_pair_that_the_manifest_vouches_for(tmp_path: Path) -> None:
    path = run_with_documents(tmp_path, IDS["train"], IDS["heldout"])
    table = Path(path, "02-tokenize")
    assert whats(verify(path)) == []
    swap(table, (".bin", ".idx", ".ids.parquet"))

    def change(manifest: Any) -> None:
        shards = manifest["slices"][0]["tokens"]["shards"]
        first, second = (dict(shard) for shard in shards[:2])
        shards[0].update(documents=second["documents"], tokens=second["tokens"])
        shards[1].update(documents=first["documents"], tokens=first["tokens"])

    change_manifest(table, change)
    vouch(table)
    found = whats(verify(path))
    assert len(found) == 2
    assert all("stand where the order (seed 0) does not put them" in line for line in found)


def test_a_manifest_that_lies_about_counts(table: Path) -> None:
    def change(manifest: Any) -> None:
        shard = manifest["slices"][0]["tokens"]["shards"][0]
        shard.update(documents=shard["documents"] + 1, tokens=shard["tokens"] - 1)
        manifest["slices"][0]["tokens"]["tokens"] = {"web": 46 * 9}
        manifest["counts"] = {"web": {"kept": 99}}

    change_manifest(table, change)
    found = "\n".join(whats(verify(str(table))))
    assert "train-00000.idx" in found and "documents, the manifest says" in found
    assert "train-00000.ids.parquet" in found and "rows, the manifest says" in found
    assert "manifest.json: 414 tokens by source, 413 in its shards" in found
    assert "manifest.json: 99 documents in its ledger, 47 in its shards" in found


def test_an_index_that_contradicts_itself(table: Path) -> None:
    path = attempt(table) / "train-00000.idx"
    raw = bytearray(path.read_bytes())
    raw[-8:] = bytes(8)
    path.write_bytes(raw)
    vouch(table)
    assert whats(verify(str(table))) == [
        "train-00000.idx: where documents start is not the sum of the lengths before them"
    ]
    documents = len(np.fromfile(path.with_suffix(".bin"), "<u2")) // 9
    path.write_bytes(index_bytes([18, 0, *[9] * (documents - 2)], "uint16"))
    vouch(table)
    assert "document 1 has 0 tokens" in whats(verify(str(table)))[0]


def test_ids_that_contradict_the_index(table: Path) -> None:
    path = attempt(table) / "train-00000.ids.parquet"
    rows = pq.read_table(path).to_pydict()
    rows["first_token"][2] += 1
    rows["id"][1] = None
    pq.write_table(pq.read_table(path).from_pydict(rows, pq.read_table(path).schema), path)
    vouch(table)
    assert whats(verify(str(table))) == [
        "train-00000.ids.parquet: document 2 does not stand where the index says",
        "train-00000.ids.parquet: document 1 has no id",
    ]


def test_a_heldout_document_inside(tmp_path: Path) -> None:
    ids = {**IDS, "train": [*IDS["train"], IDS["heldout"][2]]}
    table = make_table(tmp_path / "tokens", ids, shards=3)
    (line,) = whats(verify(table))
    assert line.endswith("ids.parquet: 1 held-out documents in a training shard")
    assert line.startswith("train-")


def run_with_documents(
    tmp_path: Path,
    train: list[str],
    heldout_ids: list[str],
    copies: int = 1,
    held: dict[str, list[str]] | None = None,
) -> str:
    """A run: a table of documents, and shards of them, or of other ones."""
    rows = [
        Document(identity, "web", identity, text="a", labels={"split": split},
                 signals={"mix.copies": float(copies)} if split == "train" else {})
        for split, ids in (("train", train), ("heldout", heldout_ids))
        for identity in ids
    ]  # fmt: skip
    tables = [
        TableSpec("01-mix", [{"mix": {}}], rows),
        TableSpec("02-tokenize", [{"tokenize": {}}], [], "tokens",
                  extra={"tokens": {"shards": []}}),
    ]  # fmt: skip
    path = write_run(tmp_path / "run", tables)
    shutil.rmtree(path / "02-tokenize")
    held = held or {"train": train * copies, "heldout": heldout_ids}
    make_table(path / "02-tokenize", held, shards=2)

    def change(manifest: Any) -> None:
        manifest["input"] = "/where/it/was/made/01-mix"
        manifest["counts"] = {"web": {"kept": len(rows)}}

    change_manifest(path / "02-tokenize", change)
    run = json.loads((path / "run.json").read_text())
    for entry in run["tables"]:
        entry.pop("fingerprint", None)
    (path / "run.json").write_text(json.dumps(run))
    return str(path)


@pytest.mark.parametrize("copies", [1, 3])
def test_the_table_of_the_documents(copies: int, tmp_path: Path) -> None:
    found = verify(run_with_documents(tmp_path, IDS["train"], IDS["heldout"], copies))
    assert whats(found) == [] and found.notes == ()
    assert found.documents == 40 * copies + 6


def test_shards_that_are_not_what_the_table_wants(tmp_path: Path) -> None:
    held = {"train": [*IDS["train"], IDS["heldout"][0]], "heldout": IDS["heldout"][1:]}
    path = run_with_documents(tmp_path, IDS["train"], IDS["heldout"], held=held)
    found = whats(verify(path))
    assert any("held-out documents in a training shard" in line for line in found)
    assert "manifest.json: 41 documents in the train shards, the table it was made from wants 40 (copies counted)" in found  # fmt: skip
    assert any("5 documents in the heldout shards" in line for line in found)


@pytest.mark.parametrize("to", FORMATS)
def test_an_export(to: str, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_tokens(str(table), to, str(out))
    assert verify(str(out)).lines()[-1].startswith("intact: ")
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json"]
    path = max(files, key=lambda path: path.stat().st_size)
    path.unlink()
    found = verify(str(out))
    assert [problem.what for problem in found.problems if problem.where == str(path)] == ["missing"]
    assert found.problems[0].mend == "remove the folder and export again"


@pytest.mark.parametrize("to", ["datatrove", "olmo", "nanogpt", "llm.c"])
def test_bare_tokens_that_the_manifest_vouches_for(to: str, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_tokens(str(table), to, str(out))
    manifest = json.loads((out / "manifest.json").read_text())
    entry = next(one for one in manifest["files"] if one["file"].startswith("train") and
                 one["file"].endswith((".bin", ".npy")))  # fmt: skip
    tokens = np.fromfile(out / entry["file"], "<u2")
    tokens[[-4, -3]] = [EOS, 60_000]
    (out / entry["file"]).unlink()  # it may be a link
    tokens.tofile(out / entry["file"])
    entry["sha256"] = sha256(tokens.tobytes()).hexdigest()
    (out / "manifest.json").write_text(json.dumps(manifest))
    found = whats(verify(str(out)))
    assert len(found) == 2
    assert "1 token ids outside" in found[0] and "end tokens (0), the manifest says" in found[1]


def test_a_url(table: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        memory.put(str(table), "/bucket/tokens", recursive=True)
        assert verify("memory://bucket/tokens").is_intact
        (name,) = [name for name in memory.find("/bucket") if name.endswith("train-00000.idx")]
        memory.rm(name)
        assert whats(verify("memory://bucket/tokens")) == ["train-00000.idx: missing"]
    finally:
        memory.rm("/bucket", recursive=True)


def test_a_name_that_leaves_the_folder(table: Path) -> None:
    def change(manifest: Any) -> None:
        files = manifest["slices"][0]["tokens"]["files"]["megatron"]
        files.append({"file": "../../se\ncret", "bytes": 1, "sha256": "0"})

    change_manifest(table, change)
    (problem,) = verify(str(table)).problems
    assert "names a file outside it" in problem.what and "\n" not in problem.line()


def test_the_command(table: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main_of = [["verify", str(table)], ["verify", str(table), "--json", "--skip-overlap"]]
    for arguments in main_of:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    assert "intact: 16 files" in capsys.readouterr().out
    (attempt(table) / "train-00000.idx").unlink()
    with pytest.raises(SystemExit) as left:
        main(main_of[0])
    assert left.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("problem: ") and lines[0].endswith(
        "train-00000.idx: missing; run tokenize again"
    )
    assert lines[-1].startswith("1 problem: ")
    with pytest.raises(SystemExit) as left:
        main(main_of[1])
    assert left.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["is_intact"] is False and told["problems"][0]["what"] == "missing"
    with pytest.raises(InputError, match="is not a finished table"):
        verify(str(tmp_path / "nothing"))
    (tmp_path / "manifest.json").write_text('{"export": {"format": "mds"}}')
    with pytest.raises(InputError, match="speaks of no token shards"):
        verify(str(tmp_path))


DOCUMENTS = st.lists(
    st.lists(st.integers(1, 3), max_size=30).map(lambda tokens: [*tokens, EOS]), max_size=5
)


def of_documents(root: Path, documents: list[list[int]], name: str) -> TokenShard:
    return make_shard(Folder.at(str(root)), documents, name=name)


def brute(documents: list[list[int]]) -> list[set[tuple[int, ...]]]:
    return [
        {tuple(tokens[at : at + NGRAM_TOKENS]) for at in range(len(tokens) - NGRAM_TOKENS)}
        for tokens in documents
    ]


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.integers(1, 40))
def test_overlap_is_what_counting_says(
    tmp_path_factory: pytest.TempPathFactory,
    train: list[list[int]],
    held: list[list[int]],
    piece: int,
) -> None:
    root = tmp_path_factory.mktemp("overlap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heldout, "PIECE_TOKENS", piece)
        shards = [
            of_documents(root, train, "train-00000"),
            of_documents(root, held, "heldout-00000"),
        ]
        found = overlap(shards[1:], shards[:1], 0.5)
        numbers = [n for _, part in ngrams(shards[1], 1) for n in part.tolist()]
    known = set().union(*brute(train)) if train else set()
    grams = brute(held)
    assert numbers == [
        n for n, tokens in enumerate(held) for _ in range(len(tokens) - NGRAM_TOKENS)
    ]
    lists = [[tuple(tokens[at : at + NGRAM_TOKENS]) for at in range(len(tokens) - NGRAM_TOKENS)]
             for tokens in held]  # fmt: skip
    ratios = [sum(gram in known for gram in part) / len(part) for part in lists if part]
    assert found.documents == len(ratios)
    assert found.overlapping == sum(ratio > 0.5 for ratio in ratios)
    assert found.ngrams == len(set().union(*grams) if grams else set())
    assert found.shared_ngrams == len((set().union(*grams) if grams else set()) & known)


def test_overlap_is_a_warning(tmp_path: Path) -> None:
    ids = {"train": ["abcdefghijklmnopqrstuvwxyz", "b" * 30], "heldout": ["0bcdefghijklmnopqrstuvwxyz", "c" * 30]}  # fmt: skip
    table = make_table(tmp_path / "tokens", ids, shards=1)
    found = verify(table)
    assert found.is_intact
    (warning,) = found.warnings
    assert "1 of 2 held-out documents share more than 50% of their 13-grams" in warning.what
    assert "(93%)" in warning.what
    assert verify(table, overlap_ratio=None).warnings == ()
    assert verify(table, overlap_ratio=0.95).warnings == ()


def test_a_sample_of_ngrams_estimates_the_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(5)
    same = [*draw.integers(1, 500, 4000).tolist(), EOS]
    other = [*draw.integers(1, 500, 4000).tolist(), EOS]
    train = of_documents(tmp_path, [same], "train-00000")
    held = of_documents(tmp_path, [same, other], "heldout-00000")
    monkeypatch.setattr(heldout, "MOST_NGRAMS", 1001)
    found = overlap([held], [train], 0.5)
    assert found.one_in == 8 and 500 < found.ngrams < 1500
    assert (found.documents, found.overlapping, found.worst_ratio) == (2, 1, 1.0)


def test_ids_in_several_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder.at(str(tmp_path))
    train = make_shard(folder, [[EOS]] * 50, ids=[f"t{n}" for n in range(40)] + [f"h{n}" for n in range(10)])  # fmt: skip
    hashes = id_hashes([f"h{n}" for n in range(30)])
    for most in (1 << 25, 7, 1):
        monkeypatch.setattr(heldout, "MOST_IDS", most)
        (problem,) = ids_in_training(lambda: iter([hashes]), 30, [train], "mend it")
        assert problem.what == "10 held-out documents in a training shard"


@given(st.lists(st.lists(st.integers(1, 9), max_size=6), max_size=8), st.integers(1, 25))
def test_any_blocks_tell_the_same(documents: list[list[int]], size: int) -> None:
    parts = [[*tokens, EOS] for tokens in documents]
    data = np.array([token for part in parts for token in part], "<u2").tobytes()
    about = File("train-00000.bin", len(parts), len(data) // 2, len(data), "")
    shard = TokenShard(Folder(None, "folder"), "train", "uint16", EOS, about)
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    lengths = np.array([len(part) for part in parts], np.int32)
    assert list(payload_problems(shard, blocks, 10, lengths, "")) == []
    assert list(payload_problems(shard, blocks, 10, None, "")) == []
    if len(parts) > 1 and len(parts[0]) != len(parts[1]):
        lengths[[0, 1]] = lengths[[1, 0]]
        told = [problem.what for problem in payload_problems(shard, blocks, 10, lengths, "")]
        assert len(told) == 2 and "inside documents" in told[0]


def test_copies_in_order_are_never_called_astray() -> None:
    from curate.tokens.order import place

    about = File("train-00000.bin", 0, 0, 0, "")
    shard = TokenShard(Folder(None, "folder"), "train", "uint16", EOS, about)
    rows = sorted((place(f"d{n % 50}", 4, n // 50), f"d{n % 50}") for n in range(150))
    order = Order(shard, 4, 1, most_copies=3)
    for number, (_, identity) in enumerate(rows):
        order.add(number, identity)
    assert order.astray == 0
    order.add(150, rows[0][1])
    assert order.astray <= 1
