"""`explain` in a run with token shards: where a document stands, and what stands at a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_builder import TableSpec, write_run
from token_shards import make_table

from curate.audit.explain import explain
from curate.document import Document
from curate.errors import InputError

IDS = [f"{number:032x}" for number in range(1, 9)]


def run(tmp_path: Path, *ids: str) -> str:
    rows = [Document(identity, "web", f"{identity}.html", text="a text") for identity in IDS]
    tables = [
        TableSpec("01-clean", [{"gopher": {}}], rows),
        TableSpec(
            "02-tokenize", [{"tokenize": {}}], [], "tokens", extra={"tokens": {"shards": []}}
        ),
    ]
    path = write_run(tmp_path / "run", tables)
    if ids:
        make_table(tmp_path / "run/02-tokenize", {"train": ids}, shards=2)
    return str(path)


def test_a_story_ends_in_the_shards(tmp_path: Path) -> None:
    twice, gone = IDS[0], IDS[-1]
    path = run(tmp_path, twice, *IDS[:-1])
    story = explain(path, twice)
    assert len(story.places) == 2
    assert story.lines()[-3] == "kept to the end"
    first = story.places[0]
    assert story.lines()[-2] == (
        f"stands in {first.shard} at token {first.first_token:,}, 33 tokens long"
    )
    assert explain(path, f"{first.shard}:{first.first_token + 32}") == story
    assert story.to_json()["places"][0]["shard"] == first.shard
    assert explain(path, gone).places == ()
    with pytest.raises(InputError, match="has no token 9,999"):
        explain(path, f"{first.shard}:9999")


def test_shards_ordered_by_a_signal_are_all_looked_through(tmp_path: Path) -> None:
    path = run(tmp_path, IDS[0], *IDS[:-1])
    by_hash = explain(path, IDS[0]).places
    manifest = tmp_path / "run/02-tokenize/manifest.json"
    about = json.loads(manifest.read_text())
    about["slices"][0]["tokens"] |= {"order_by": "quality.score", "seed": 99}
    manifest.write_text(json.dumps(about))
    assert len(by_hash) == 2
    assert explain(path, IDS[0]).places == by_hash


def test_shards_without_ids_are_passed_over(tmp_path: Path) -> None:
    path = run(tmp_path)
    assert explain(path, IDS[0]).places == ()
    with pytest.raises(InputError, match="no token shards with ids"):
        explain(path, "train-00000.bin:3")
