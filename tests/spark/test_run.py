"""A run end to end: every record accounted for, nothing done twice, nothing half-written trusted."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prose import prose
from warc_builder import http_response, warc_record, warcinfo

import curate.run
from curate.document import documents
from curate.errors import InputError, LedgerError, OutputError, WorkError
from curate.finished import open_run
from curate.recipe import parse
from curate.run import run
from curate.source import pieces
from curate.store import locked
from curate.table import Table

RECIPE = """
name: small
sources:
  - {name: web, format: warc, path: WEB}
  - {name: notes, format: jsonl, path: NOTES}
steps:
  - split: {heldout_share: 0.2, by: document}
  - extract: {extractor: resiliparse}
  - commit
  - unicode
  - gopher: {word_count: {low: 20}}
  - dedup: {method: exact}
  - tokenize: {vocabulary: 320, sample_bytes: 100000}
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three WARC files (good, cut, empty), and JSONL with a duplicate, a short text and a broken line."""
    web = tmp_path / "in" / "web"
    web.mkdir(parents=True)
    pages = [
        warc_record(
            http_response(f"<html><body><p>{prose(n)}</p></body></html>".encode()),
            uri=f"http://a{n}.example/",
        )
        for n in range(8)
    ]
    request = warc_record(
        b"GET / HTTP/1.1\r\n\r\n", "request", content_type="application/http; msgtype=request"
    )
    good = [warcinfo(), *(part for page in pages for part in (request, page))]
    packed = [gzip.compress(record) for record in good]
    (web / "good.warc.gz").write_bytes(b"".join(packed))
    (web / "cut.warc.gz").write_bytes(packed[2] + packed[4][:-30])
    (web / "empty.warc.gz").write_bytes(b"")
    notes = [{"text": prose(100 + n)} for n in range(6)] + [{"text": prose(100)}, {"text": "short"}]
    lines = [json.dumps(note) for note in notes] + ["{broken"]
    (tmp_path / "in" / "notes.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "in"


def recipe(corpus: Path, **changes: Any) -> Any:
    overrides = [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    text = RECIPE.replace("WEB", str(corpus / "web")).replace("NOTES", str(corpus / "notes.jsonl"))
    return parse(text, overrides=overrides)


def rows(table: Table) -> list[dict[str, Any]]:
    found = [row for batch in table.dataset().to_batches() for row in documents(batch)]
    return sorted(
        (
            {"id": r.id, "drop": r.drop, "text": r.text, "labels": sorted(r.labels.items())}
            for r in found
        ),
        key=lambda row: row["id"],
    )


def quiet(_: str) -> None:
    """Say nothing."""


def test_every_record_is_accounted_for(spark: Any, corpus: Path, tmp_path: Path) -> None:
    tables = run(recipe(corpus), str(tmp_path / "out"), say=quiet)
    assert [Path(table.path).name for table in tables] == [
        "01-read-extract",
        "02-clean-filter",
        "03-dedup",
        "04-tokenize",
    ]
    first = tables[0].counts()
    assert first["web"].read == 1 + 16 + 2 + 1
    assert first["web"].kept == 8 + 1
    assert first["web"].non_documents == {
        "empty_file": 1,
        "request": 8,
        "truncated": 1,
        "warcinfo": 1,
    }
    assert first["notes"].non_documents == {"unreadable": 1}
    for before, after in zip(tables, tables[1:], strict=False):
        assert after.total().read == before.total().kept
    assert tables[1].total().dropped == {"gopher.word_count": 1}
    done = [part["work"] for table in tables[:2] for part in table.require()["slices"]]
    assert [list(work) for work in done] == [["split", "extract"], ["unicode", "gopher"]]
    assert [step["documents"] for work in done for step in work.values()] == [17] * 4
    assert all(step["seconds"] > 0 for work in done for step in work.values())
    assert tables[1].total().bytes_by_reason == {"gopher.word_count": len("short")}
    assert tables[2].total().dropped == {"dedup.exact": 2}
    shards = tables[3].require()["slices"][0]["tokens"]["shards"]
    assert sum(shard["documents"] for shard in shards) == tables[2].total().kept
    splits = Counter(row["labels"][-1] for row in rows(tables[2]) if row["drop"] is None)
    assert splits[("split", "heldout")] == sum(
        s["documents"] for s in shards if s["split"] == "heldout"
    )


def test_a_second_run_starts_no_spark(
    spark: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = run(recipe(corpus), str(tmp_path / "out"), say=quiet, with_page=True)
    before = [table.require() for table in tables]
    page = tmp_path / "out" / "report.html"
    assert "<h1>small</h1>" in page.read_text("utf-8")
    page.write_text("mine")

    def no_spark(*_: Any) -> None:
        raise AssertionError("Spark was started")

    monkeypatch.setattr(curate.run, "session", no_spark)
    again = run(recipe(corpus), str(tmp_path / "out"), say=quiet, with_page=True)
    assert [table.require() for table in again] == before
    assert page.read_text() == "mine"
    page.unlink()
    run(recipe(corpus), str(tmp_path / "out"), say=quiet, with_page=True)
    assert page.exists()


def test_a_change_redoes_only_what_depends_on_it(spark: Any, corpus: Path, tmp_path: Path) -> None:
    tables = run(recipe(corpus), str(tmp_path / "out"), say=quiet)
    created = [table.require()["slices"] for table in tables]
    run(recipe(corpus, **{"steps.dedup.method": "near"}), str(tmp_path / "out"), say=quiet)
    again = [table.require()["slices"] for table in tables]
    assert again[:2] == created[:2]
    assert again[2] != created[2]
    with open(corpus / "notes.jsonl", "a") as file:
        file.write(json.dumps({"text": prose(7000)}) + "\n")
    run(recipe(corpus), str(tmp_path / "out"), say=quiet)
    assert tables[0].counts()["notes"].kept == 9


def test_a_failed_run_keeps_its_slices_and_a_re_run_does_the_rest(
    spark: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sliced = recipe(corpus, slice_bytes=1)
    whole = run(sliced, str(tmp_path / "undisturbed"), say=quiet)
    commits: list[tuple[str, str]] = []
    real = Table.commit_slice

    def fail_after_two(self: Table, part: Any) -> None:
        if len(commits) == 2:
            raise RuntimeError("the machine went away")
        commits.append((Path(self.path).name, part.key))
        real(self, part)

    def never_twice(self: Table, part: Any) -> None:
        assert (Path(self.path).name, part.key) not in commits
        commits.append((Path(self.path).name, part.key))
        real(self, part)

    monkeypatch.setattr(Table, "commit_slice", fail_after_two)
    with pytest.raises(RuntimeError):
        run(sliced, str(tmp_path / "out"), say=quiet)
    assert Table(str(tmp_path / "out" / "01-read-extract")).manifest is None
    monkeypatch.setattr(Table, "commit_slice", never_twice)
    again = run(sliced, str(tmp_path / "out"), say=quiet)
    assert len(commits) == sum(len(table.require()["slices"]) for table in again)
    for one, other in zip(whole[:3], again[:3], strict=True):
        assert rows(one) == rows(other)
    sums = [
        [s["sha256"] for s in t[3].require()["slices"][0]["tokens"]["shards"]]
        for t in (whole, again)
    ]
    assert sums[0] == sums[1]


def test_a_lost_row_is_an_error_and_nothing_is_committed(
    spark: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = curate.run.scan
    monkeypatch.setattr(
        curate.run, "scan", lambda *args: real(*args).where("text IS NULL OR length(text) > 9")
    )
    with pytest.raises(LedgerError, match="notes.jsonl: 9 records read but 8 rows written"):
        run(recipe(corpus), str(tmp_path / "out"), say=quiet)
    assert Table(str(tmp_path / "out" / "01-read-extract")).manifest is None


WARC_ONLY = """
sources: [{name: web, format: warc, path: WEB}]
steps: [extract: {extractor: resiliparse}]
"""


def large(folder: Path, *files: tuple[str, bytes]) -> str:
    """A recipe over the files; pieces are 2,000 bytes in the tests that use it."""
    folder.mkdir()
    for name, content in files:
        (folder / name).write_bytes(content)
    return WARC_ONLY.replace("WEB", str(folder))


def members(numbers: range) -> bytes:
    pages = [
        warc_record(
            http_response(f"<html><p>{prose(n)}</p></html>".encode()), uri=f"http://b{n}.example/"
        )
        for n in numbers
    ]
    return b"".join(gzip.compress(page, mtime=0) for page in [warcinfo(), *pages])


@pytest.mark.parametrize("slice_bytes", [1 << 30, 5000])
def test_large_files_are_read_in_pieces(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slice_bytes: int
) -> None:
    many = members(range(12))
    text = large(tmp_path / "in", ("many.warc.gz", many), ("cut.warc.gz", many[:-40]))
    one = run(parse(text), str(tmp_path / "whole"), say=quiet)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 2000)
    recipe = parse(text, overrides=[f"slice_bytes={slice_bytes}"])
    said: list[str] = []
    other = run(recipe, str(tmp_path / "out"), say=said.append)
    assert rows(one[0]) == rows(other[0])
    assert one[0].counts()["web"].non_documents == other[0].counts()["web"].non_documents
    slices = (tmp_path / "out" / Path(other[0].path).name).glob("slice-*.json")
    joints = [joint for slice in slices for joint in json.loads(slice.read_text())["joints"]]
    assert len(joints) == 2 * -(-len(many) // 2000)
    assert len([joint for _, _, joint in joints if joint[2] is not None]) > 4
    assert other[0].read_whole() == set()
    assert len(said) == 1


@pytest.mark.parametrize("slice_bytes", [1 << 30, 5000])
def test_a_file_whose_pieces_do_not_fit_is_read_whole(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slice_bytes: int
) -> None:
    inner = members(range(20, 40))
    stored = gzip.compress(warc_record(inner, "resource", content_type="application/warc"), 0)
    nested = members(range(2)) + stored + members(range(2, 9))
    files = (
        ("a.warc.gz", members(range(50, 58))),
        ("b.warc.gz", nested),
        ("c.warc.gz", nested[:99]),
    )
    text = large(tmp_path / "in", *files)
    one = run(parse(text), str(tmp_path / "whole"), say=quiet)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 2000)
    commits: list[str] = []
    real = Table.commit_slice
    monkeypatch.setattr(
        Table, "commit_slice", lambda self, part: (commits.append(part.key), real(self, part))[1]
    )
    said: list[str] = []
    recipe = parse(text, overrides=[f"slice_bytes={slice_bytes}"])
    (table,) = run(recipe, str(tmp_path / "out"), say=said.append)
    assert rows(one[0]) == rows(table)
    assert table.read_whole() == {("web", "b.warc.gz")}
    assert said[0].endswith("web: b.warc.gz: cannot be read in pieces; read whole")
    assert len(commits) == len(set(commits))
    before = len(commits)
    (tmp_path / "out" / Path(table.path).name / "manifest.json").unlink()
    run(recipe, str(tmp_path / "out"), say=quiet)
    assert len(commits) == before


def test_a_missing_input_is_found_before_any_work(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        run(
            recipe(corpus, **{"sources.0.path": str(corpus / "nowhere.warc.gz")}),
            str(tmp_path),
            say=quiet,
        )


def test_a_source_that_vanishes_is_named(
    spark: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = curate.run.scan

    def unlink_first(*args: Any) -> Any:
        (corpus / "notes.jsonl").unlink()
        return real(*args)

    monkeypatch.setattr(curate.run, "scan", unlink_first)
    with pytest.raises(InputError, match="notes.jsonl"):
        run(recipe(corpus), str(tmp_path / "out"), say=quiet)


def test_a_tokenize_that_died_does_not_spoil_the_one_before(
    spark: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = str(tmp_path / "out")
    tables = run(recipe(corpus), output, say=quiet)
    shards = tables[3].require()["slices"][0]["tokens"]["shards"]

    def die(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(curate.run, "_copies", die)
        with pytest.raises(WorkError, match="killed"):
            run(recipe(corpus, **{"steps.tokenize.seed": 9}), output, say=quiet)
    with pytest.raises(InputError, match="not a finished table"):
        open_run(output)
    again = run(recipe(corpus), output, say=quiet)
    assert again[3].require()["slices"][0]["tokens"]["shards"] == shards
    for file in again[3].require()["slices"][0]["files"]:
        assert (tmp_path / "out" / "04-tokenize" / file).exists()


def test_everything_a_step_reads_is_in_the_fingerprint(
    spark: Any, corpus: Path, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("nothing.example\n")
    text = RECIPE.replace(
        "  - extract:", f"  - url: {{blocked_hosts: {hosts}, only: [web]}}\n  - extract:"
    )
    text = text[: text.index("  - commit")].replace("WEB", str(corpus / "web"))
    (tmp_path / "body.jsonl").write_text(json.dumps({"text": prose(1), "body": prose(2)}) + "\n")
    text = text.replace("NOTES", str(tmp_path / "body.jsonl"))
    (table,) = run(parse(text), str(tmp_path / "out"), say=quiet)
    assert table.counts()["web"].dropped == {}
    hosts.write_text("a1.example\na2.example\n")
    (table,) = run(parse(text), str(tmp_path / "out"), say=quiet)
    assert sum(table.counts()["web"].dropped.values()) == 2
    other = parse(text, overrides=["sources.notes.options={text: body}"])
    (table,) = run(other, str(tmp_path / "out"), say=quiet)
    assert prose(2) in [row["text"] for row in rows(table)]


def test_odd_file_names_balance(spark: Any, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"d#1.txt", b"d#2", b"d#3", b"caf\xe9.txt", b"a b%20c.txt"):
        (folder / os.fsdecode(name)).write_text(prose(len(name)))
    (folder / "dangling.txt").symlink_to(folder / "nowhere")
    text = f"sources: [{{name: odd, format: text, path: ['{folder}', '{folder}/d*']}}]\nsteps: [unicode]"
    (table,) = run(parse(text), str(tmp_path / "out"), say=quiet)
    assert table.counts()["odd"].kept == 5
    assert table.counts()["odd"].non_documents == {"unreadable": 1}


def test_a_run_that_did_not_end_is_not_read_as_one(
    spark: Any, corpus: Path, tmp_path: Path
) -> None:
    output = str(tmp_path / "out")
    run(recipe(corpus), output, say=quiet)
    (tmp_path / "out" / "03-dedup" / "manifest.json").rename(tmp_path / "kept.json")
    manifest = json.loads((tmp_path / "kept.json").read_text())
    (tmp_path / "out" / "03-dedup" / "manifest.json").write_text(
        json.dumps({**manifest, "fingerprint": "other"})
    )
    with pytest.raises(InputError, match="made anew by a run that did not end"):
        open_run(output)


def test_two_runs_into_one_output_are_refused(spark: Any, corpus: Path, tmp_path: Path) -> None:
    output = str(tmp_path / "out")
    with locked(output), pytest.raises(OutputError, match="another process is writing"):
        run(recipe(corpus), output, say=quiet)


def test_an_output_is_no_source(spark: Any, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="inside the source"):
        run(recipe(corpus), str(corpus / "web" / "out"), say=quiet)
    run(recipe(corpus), str(tmp_path / "out"), say=quiet)
    with pytest.raises(InputError, match="is an output of curate"):
        run(
            recipe(corpus, **{"sources.0.path": str(tmp_path / "out")}),
            str(tmp_path / "o2"),
            say=quiet,
        )


def test_a_list_that_cannot_be_read_is_a_mistake_not_a_drop(
    spark: Any, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "hosts.txt").write_bytes(b"\xff\xfe\x00bad")
    text = RECIPE.replace(
        "  - extract:", f"  - url: {{blocked_hosts: {tmp_path}/hosts.txt}}\n  - extract:"
    )
    text = text.replace("WEB", str(corpus / "web")).replace("NOTES", str(corpus / "notes.jsonl"))
    with pytest.raises(InputError, match="not a readable list"):
        run(parse(text), str(tmp_path / "out"), say=quiet)
