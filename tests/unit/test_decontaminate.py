"""Reading evaluation sets, and finding their words in documents."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from curate.decontaminate import Decontaminate, Overlap, build_index
from curate.document import Document
from curate.errors import InputError
from curate.evaluation_sets import Item, read_items

QUESTION = "A farmer has twelve red hens and sells four of them at the market; how many remain?"


def overlap(text: str, *items: str, ngram_words: int = 13) -> Document:
    index = build_index(
        [Item("eval.jsonl", number, (item,)) for number, item in enumerate(items, 1)],
        ngram_words,
        8,
    )
    document = Document("d", "s", "o", text=text)
    Overlap(index)(document)
    return document


def test_a_copied_question_is_found_and_shown() -> None:
    document = overlap(f"Some page. {QUESTION.upper()} Bye.", "unrelated " * 20, QUESTION)
    assert document.drop == "decontaminate.ngram"
    assert document.labels["decontaminate.match"] == "eval.jsonl:2"
    assert document.labels["decontaminate.text"] == (
        "a farmer has twelve red hens and sells four of them at the market how many remain"
    )
    assert document.signals["decontaminate.matches"] == 5


def test_twelve_shared_words_are_not_enough() -> None:
    twelve = "A farmer has twelve red hens and sells four of them at"
    assert overlap(f"{twelve} a fair", QUESTION).drop is None
    assert overlap(f"{twelve} the fair", QUESTION).drop == "decontaminate.ngram"


def test_short_items_match_as_a_whole_and_tiny_ones_never() -> None:
    eight = "who wrote the first book about this island"
    assert overlap(f"so, {eight}? nobody", eight).drop == "decontaminate.ngram"
    assert overlap("who wrote the first book about this", eight).drop is None
    index = build_index([Item("e", 1, ("two words", eight)), Item("e", 2, ("two words",))], 13, 8)
    assert (index.items, index.skipped, index.names) == (2, 1, ("e:1",))


def test_empty_documents() -> None:
    assert overlap("", QUESTION).drop is None
    assert overlap("word", QUESTION).drop is None


@given(
    st.lists(st.sampled_from("abcd"), max_size=60), st.lists(st.sampled_from("abcd"), min_size=5)
)
def test_equals_comparing_the_words_themselves(page: list[str], item: list[str]) -> None:
    def runs(tokens: list[str], length: int) -> set[tuple[str, ...]]:
        return {tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)}

    length = min(len(item), 7)
    index = build_index([Item("e", 1, (" ".join(item),))], 7, 5)
    document = Document("d", "s", "o", text=" ".join(page))
    Overlap(index)(document)
    assert (document.drop is not None) == bool(runs(page, length) & runs(item, length))


def test_reads_every_format(tmp_path: Path) -> None:
    record = {"question": QUESTION, "choices": {"text": ["one", "two"]}, "gold": 1, "id": "ignored"}
    line = json.dumps(record) + "\n"
    (tmp_path / "a.jsonl").write_text("\n" + line)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(line.encode()))
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "d.parquet")
    (tmp_path / "e.txt").write_text(f"{QUESTION}\n\nsecond item\n")
    (tmp_path / "notes.md").write_text("not an evaluation set")
    items = list(read_items([str(tmp_path)]))
    assert [(item.file, item.number) for item in items] == [
        ("a.jsonl", 2), ("b.jsonl.gz", 1), ("c.jsonl.zst", 1), ("d.parquet", 1), ("e.txt", 1), ("e.txt", 3),
    ]  # fmt: skip
    assert {item.texts for item in items[:4]} == {(QUESTION, "one", "two")}
    assert list(read_items([f"{tmp_path}/*.gz"], ["gold", "question"]))[0].texts == (QUESTION,)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.jsonl", None, "no such file"),
        ("a.jsonl", '{"question": "x"}\n{oops\n', "line 2 is not JSON"),
        ("a.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("a.jsonl", '{"label": 1}\n', "it has: label"),
        ("a.jsonl", "", "no items"),
        ("a.csv", "question\n", "not one of"),
        ("a.parquet", "no parquet", "cannot be read"),
        ("a.jsonl.gz", "no gzip", "cannot be read"),
        ("a.jsonl", '{"question": "too short"}\n', "none of the 1 items has 8 words"),
    ],
)
def test_unusable_files_are_the_users_mistake(
    tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says) as raised:
        Decontaminate((str(path),)).index()
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_impossible_parameters() -> None:
    with pytest.raises(ValueError):
        Decontaminate(())
    with pytest.raises(ValueError):
        Decontaminate(("a.jsonl",), shortest_words=14)


def test_other_files_are_named_for_the_fingerprint() -> None:
    assert Decontaminate(("a.jsonl", "b/*.jsonl")).inputs() == ("a.jsonl", "b/*.jsonl")
