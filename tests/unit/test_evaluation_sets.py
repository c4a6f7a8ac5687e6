"""Reading evaluation sets: every format, task files of lm-evaluation-harness, and mistakes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate.decontaminate import Decontaminate
from curate.decontaminate.evaluation_sets import Item, read_items
from curate.errors import InputError

QUESTION = "A farmer has twelve red hens and sells four of them at the market; how many remain?"
RECORD = {"question": QUESTION, "choices": {"text": ["one", "two"]}, "gold": 1, "id": "ignored"}

TASK = """
include: base.yaml
task: farm
dataset_kwargs:
  data_files:
    train: train.jsonl
    test: [data/a.jsonl, data/b.jsonl]
test_split: test
doc_to_text: "{{support.strip()}} {{question}}\\nAnswer:"
doc_to_target: "{{choices.index(gold)}}"
metric_list:
  - metric: !function utils.score
"""
BASE = 'dataset_path: json\ndoc_to_text: "overruled"\ndoc_to_choice: "{{choices}}"\n'


def task(folder: Path, text: str = TASK, **records: object) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "base.yaml").write_text(BASE)
    record = {
        "support": " Hens lay eggs. ", "question": "How many?", "choices": ["the first", "the second one"],
        "gold": "the first", **records,
    }  # fmt: skip
    for name in ("a", "b"):
        (folder / "data" / f"{name}.jsonl").write_text(json.dumps(record) + "\n")
    (folder / "farm.yaml").write_text(text)
    return folder / "farm.yaml"


def items(path: Path | str, *fields: str) -> list[Item]:
    return list(read_items([str(path)], fields or None))


def test_reads_every_format(tmp_path: Path) -> None:
    line = json.dumps(RECORD) + "\n"
    (tmp_path / "a.jsonl").write_text("\n" + line)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(line.encode()))
    pq.write_table(pa.Table.from_pylist([RECORD]), tmp_path / "d.parquet")
    (tmp_path / "e.txt").write_text(f"{QUESTION}\n\nsecond item\n")
    (tmp_path / "f.json").write_text(json.dumps([RECORD, RECORD]))
    (tmp_path / "g.json").write_text(json.dumps({"version": "1", "data": [RECORD]}))
    (tmp_path / "h.json").write_text(line + line)
    (tmp_path / "i.csv").write_bytes(
        b'\xef\xbb\xbfquestion,choices\r\n"%s","one\ntwo"\r\n' % QUESTION.encode()
    )
    (tmp_path / "j.tsv.gz").write_bytes(gzip.compress(f"id\tquestion\n1\t{QUESTION}\n".encode()))
    (tmp_path / "k.json").write_text(json.dumps(RECORD))
    (tmp_path / "notes.md").write_text("not an evaluation set")
    read = items(tmp_path)
    assert [(item.file, item.number, item.index) for item in read] == [
        ("a.jsonl", 2, 0), ("b.jsonl.gz", 1, 0), ("c.jsonl.zst", 1, 0), ("d.parquet", 1, 0),
        ("e.txt", 1, 0), ("e.txt", 3, 1), ("f.json", 1, 0), ("f.json", 2, 1), ("g.json", 1, 0),
        ("h.json", 1, 0), ("h.json", 2, 1), ("i.csv", 1, 0), ("j.tsv.gz", 1, 0), ("k.json", 1, 0),
    ]  # fmt: skip
    texts = {item.file: item.texts for item in read}
    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.zst", "d.parquet", "f.json", "g.json", "h.json", "k.json"):  # fmt: skip
        assert texts[name] == (QUESTION, "one", "two"), name
    assert texts["i.csv"] == (QUESTION, "one\ntwo")
    assert texts["j.tsv.gz"] == (QUESTION,)
    assert items(f"{tmp_path}/*.jsonl.gz", "gold", "question")[0].texts == (QUESTION,)


def test_files_of_one_name_are_told_apart_and_read_once(tmp_path: Path) -> None:
    for folder in ("arc", "mmlu"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_text(json.dumps(RECORD))
    read = read_items([f"{tmp_path}/*/test.jsonl", f"{tmp_path}/arc/test.jsonl"])
    assert [item.file for item in read] == ["arc/test.jsonl", "mmlu/test.jsonl"]


def test_a_task_file_shows_what_its_templates_show(tmp_path: Path) -> None:
    read = items(task(tmp_path))
    assert [(item.file, item.number, item.index, item.task) for item in read] == [
        ("farm.yaml", 1, 0, "farm"), ("farm.yaml", 2, 1, "farm"),
    ]  # fmt: skip
    assert set(read[0].texts) == {"Hens lay eggs. How many?", "the first", "the second one", "0"}
    assert items(tmp_path / "farm.yaml", "support")[0].texts == (" Hens lay eggs. ",)


def test_a_task_file_with_plain_fields_and_written_out_labels(tmp_path: Path) -> None:
    plain = (
        "task: plain\ndataset_path: json\ntest_split: train\n"
        "dataset_kwargs: {data_files: data/a.jsonl}\n"
        "doc_to_text: question\ndoc_to_target: 1\ndoc_to_choice: [yes and no, 'Is it {{gold}}?']\n"
    )
    (item,) = items(task(tmp_path, plain))
    assert item.texts == ("How many?", "the first?")


def test_a_short_question_in_a_template_is_found_without_the_templates_words(
    tmp_path: Path,
) -> None:
    short = "who wrote the first book about this island"
    index = Decontaminate((str(task(tmp_path, question=short, support="")),)).index()
    assert len(index.find([f"Well, {short}? Nobody."]).runs) == 1


def test_a_task_file_and_its_data_are_watched_for_changes(tmp_path: Path) -> None:
    path = task(tmp_path)
    assert Decontaminate((str(path), "b/*.jsonl")).inputs() == (
        str(path), f"{tmp_path}/data/a.jsonl", f"{tmp_path}/data/b.jsonl", "b/*.jsonl",
    )  # fmt: skip
    assert Decontaminate((str(tmp_path / "data"),)).inputs() == (
        f"{tmp_path}/data/a.jsonl", f"{tmp_path}/data/b.jsonl",
    )  # fmt: skip
    assert Decontaminate(("a.jsonl", "b/*.jsonl")).inputs() == ("a.jsonl", "b/*.jsonl")


def test_a_task_file_on_another_file_system_leads_to_data_there(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    path = task(tmp_path)
    for name in ("farm.yaml", "base.yaml", "data/a.jsonl", "data/b.jsonl"):
        memory.pipe_file(f"/tasks/{name}", (tmp_path / name).read_bytes())
    there = [item.texts for item in read_items(["memory://tasks/farm.yaml"])]
    assert there == [item.texts for item in items(path)]
    watched = Decontaminate(("memory://tasks/farm.yaml",)).inputs()
    assert [name.rpartition("/")[2] for name in watched] == ["farm.yaml", "a.jsonl", "b.jsonl"]
    assert all(name.startswith("memory://") for name in watched)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("doc_to_target:", "doc_to_target: !function utils.target\nrest:", "doc_to_target is Python code"),
        ("task: farm", "process_docs: !function utils.docs", "process_docs is Python code"),
        ("task: farm", "custom_dataset: !function utils.data", "custom_dataset is Python code"),
        ("task: farm", "dataset_path: allenai/ai2_arc", "'allenai/ai2_arc' is not in files"),
        ("test_split: test", "validation_split: valid", "split 'valid'; it has: train, test"),
        ("data/b.jsonl", "data/gone.jsonl", "gone.jsonl: no such file"),
        ("base.yaml", "farm.yaml", "include one another"),
        ("base.yaml", "gone.yaml", "gone.yaml: cannot be read"),
        ("task: farm", "use_prompt: promptsource:GPT-3", "another library"),
        ("support.strip()", "nothing.strip()", "item 0: a template fails: 'nothing' is undefined"),
        ("support.strip()", "support.strip(", "a template is wrong"),
        ("support.strip()", "''.__class__.__mro__", "a template fails"),
        ("test_split: test", "test_split: [", "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_task_file_is_the_users_mistake(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in TASK
    path = task(tmp_path, TASK.replace(old, new))
    with pytest.raises(InputError, match=says) as raised:
        items(path)
    assert "\n" not in str(raised.value)


def test_a_group_is_no_task(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text("group: all\ntask: [a, b]\n")
    with pytest.raises(InputError, match="a group of tasks"):
        items(tmp_path / "all.yaml")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.jsonl", None, "no such file"),
        ("a.jsonl", '{"question": "x"}\n{oops\n', "line 2 is not JSON"),
        ("a.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("a.jsonl", '{"label": 1}\n', "it has: label"),
        ("a.jsonl", "", "no items"),
        ("a.json", "[1, 2]", "not a JSON list of objects"),
        ("a.json", '[{"question": ', "not JSON"),
        ("a.json", "[]", "no items"),
        ("a.csv", "label\nx\n", "it has: label"),
        ("a.csv", "", "no items"),
        ("a.xml", "<question/>\n", "not one of"),
        ("a.parquet", "no parquet", "cannot be read"),
        ("a.jsonl.gz", "no gzip", "cannot be read"),
    ],
)
def test_unusable_files_are_the_users_mistake(
    tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says) as raised:
        items(path)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
