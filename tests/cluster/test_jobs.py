"""Whole jobs as a user starts them: separate processes, `spark-submit`, kills and mistakes."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyspark
import pytest
from prose import prose
from spark_classes import environment
from warc_builder import http_response, warc_record

from curate.document import documents
from curate.table import Table

ROOT = Path(__file__).parents[2]
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
RECIPE = """
name: small
sources:
  - {name: web, path: web}
steps:
  - split: {heldout_share: 0.2, by: document}
  - extract: {extractor: resiliparse}
  - unicode
  - gopher: {word_count: {low: 20}}
  - site_lines
  - dedup: {method: near}
  - decontaminate: {against: [eval.jsonl]}
  - mix: {weights: {web: 1}}
  - tokenize: {vocabulary: 320, sample_bytes: 100000}
"""


QUESTION = (
    "Which of the seven harbours did the second cartographer leave out when she drew the coast "
    "from memory in the winter of her ninth year at sea?"
)


def text_of(number: int) -> str:
    """A distinct text; number 3 gives an evaluation question away."""
    return f"{prose(number)}\n{QUESTION}" if number == 3 else prose(number)


def write_warc(path: Path, numbers: range) -> None:
    """Pages with distinct texts, a gzip member each."""
    pages = [
        http_response(f"<html><body><p>{text_of(n)}</p></body></html>".encode()) for n in numbers
    ]
    records = [
        warc_record(page, uri=f"http://a{n}.example/")
        for n, page in zip(numbers, pages, strict=True)
    ]
    path.write_bytes(b"".join(gzip.compress(record) for record in records))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two WARC files, an evaluation set and a recipe."""
    (tmp_path / "web").mkdir()
    write_warc(tmp_path / "web" / "a.warc.gz", range(12))
    write_warc(tmp_path / "web" / "b.warc.gz", range(10, 20))
    (tmp_path / "eval.jsonl").write_text(json.dumps({"question": QUESTION}) + "\n")
    (tmp_path / "small.yaml").write_text(RECIPE)
    return tmp_path


def curate(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "curate", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def rows(table: Path) -> list[tuple[Any, ...]]:
    found = [row for batch in Table(str(table)).dataset().to_batches() for row in documents(batch)]
    return sorted((row.id, row.text, row.drop, sorted(row.labels.items())) for row in found)


def test_every_step_is_a_spark_submit_job(folder: Path) -> None:
    recipe = folder / "small.yaml"
    before = "web"
    for number, step in enumerate(
        ("extract", "filter", "lines", "dedup", "decontaminate", "mix", "tokenize"), 1
    ):
        output = f"t{number}"
        done = subprocess.run(
            [SUBMIT, "--master", "local[2]", "--conf", "spark.ui.enabled=false", ROOT / "pipelines" / f"{step}.py",
             "--input", before, "--output", output, "--recipe", recipe],
            cwd=folder, capture_output=True, text=True, timeout=300,
            env={**os.environ, **environment(), "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        before = output
    whole = curate(folder, "run", "small.yaml", "--output", "whole")
    assert whole.returncode == 0, whole.stderr
    assert Table(str(folder / "t1")).total().read == 22
    assert Table(str(folder / "t4")).total().dropped == {"dedup.exact": 2}
    assert Table(str(folder / "t5")).total().dropped == {"decontaminate.ngram": 1}
    assert Table(str(folder / "t6")).total().kept == 19
    assert Table(str(folder / "whole" / "05-mix")).total().kept == 19


def test_a_killed_run_completes_with_the_same_output(folder: Path) -> None:
    for number in range(6):
        write_warc(
            folder / "web" / f"c{number}.warc.gz", range(100 + 40 * number, 140 + 40 * number)
        )
    options = ("small.yaml", "--set", "slice_bytes=1", "steps.tokenize.vocabulary=384", "--output")
    whole = curate(folder, "run", *options, "whole")
    assert whole.returncode == 0, whole.stderr
    victim = subprocess.Popen(
        [sys.executable, "-m", "curate", "run", *options, "killed"],
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    first = folder / "killed" / "01-read-extract-clean-filter"
    while len(list(first.glob("slice-*.json"))) < 3:
        assert victim.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    assert not (first / "manifest.json").exists()
    survivors = {path.name: path.read_text() for path in first.glob("slice-*.json")}
    again = curate(folder, "run", *options, "killed")
    assert again.returncode == 0, again.stderr
    assert {name: (first / name).read_text() for name in survivors} == survivors
    for table in (
        "01-read-extract-clean-filter",
        "02-lines",
        "03-dedup",
        "04-decontaminate",
        "05-mix",
    ):
        assert rows(folder / "killed" / table) == rows(folder / "whole" / table)
    shards = [
        Table(str(folder / run / "06-tokenize")).require()["slices"][0]["tokens"]["shards"]
        for run in ("killed", "whole")
    ]
    assert shards[0] == shards[1]


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a command said on standard error, less the progress that a slow machine sees."""
    return [line for line in done.stderr.splitlines() if line.strip() and " tasks " not in line]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ("run", "small.yaml", "--output", "o", "--set", "sources.0.path=nowhere/a.gz"),
            2,
            "nowhere",
        ),
        (("run", "missing.yaml", "--output", "o"), 2, "no such recipe"),
        (
            ("run", "small.yaml", "--output", "o", "--set", "steps.dedup.threshold=high"),
            2,
            "dedup.threshold",
        ),
        (("run", "small.yaml", "--output", "small.yaml/o"), 2, "cannot write to"),
        (("run", "small.yaml", "--output", "/proc/o"), 2, "cannot write to"),
        (("run", "small.yaml"), 2, "--output"),
        (("runn",), 2, "runn"),
        (("dedup", "--input", "web", "--output", "o"), 2, "finished table"),
        (("explain", "web", "abc"), 2, "run.json"),
        (("report", "nowhere"), 2, "run.json"),
        (("export", "web", "--output", "x.jsonl"), 2, "not a finished table"),
        (("crawl", "ftp://x", "--output", "o"), 2, "not a URL"),
        (("train", "web", "--output", "m"), 2, "manifest.json"),
        (("generate", "web"), 2, "web"),
        (("run", "small.yaml", "--output", "foo://x"), 2, "foo"),
        (("run", "small.yaml", "--output", "s3://b/x"), 2, "local"),
        (("run", "small.yaml", "--output", "o", "--master", "foo"), 2, "master 'foo'"),
        (("run", "--set", "name=x", "small.yaml", "--output", "/proc/o"), 2, "cannot write to"),
        (("run", "small.yaml", "--output", "web/o"), 2, "inside the source"),
        (("extract", "--input", "foo://x", "--output", "o"), 2, "foo"),
        (("export", "web", "--output", "s3://b/x.jsonl"), 2, "local file"),
        (("demo", "--output", "small.yaml"), 2, "cannot write"),
        (
            (
                "run",
                "web",
                "--output",
                "o",
                "--set",
                "sources.0.path=web",
                "steps.language.model=small.yaml",
            ),
            2,
            "fastText",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    folder: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = curate(folder, *arguments)
    lines = complaints(done)
    assert (done.returncode, len(lines)) == (status, 1), done.stderr
    assert message in lines[0]
    assert not list(folder.glob("o/*/manifest.json"))


def test_an_unknown_step_names_the_line_and_the_known_ones(folder: Path) -> None:
    recipe = folder / "small.yaml"
    recipe.write_text(recipe.read_text().replace("- unicode", "- unicod"))
    done = curate(folder, "run", "small.yaml", "--output", "o")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "curate: small.yaml:8: unknown step 'unicod'; did you mean 'unicode'?"
    )


def test_no_java_is_one_line_with_the_command_that_helps(folder: Path) -> None:
    code = (
        "import sys, curate.java as java; java._candidates = lambda: iter(());"
        "from curate.cli import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "small.yaml", "--output", "o"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2
    assert done.stderr.strip().startswith(
        "curate: Spark needs Java 17 or 21 and none was found; install one with:"
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not sys.platform.startswith("linux"),
    reason="mounting a small disk takes root",
)
def test_a_full_disk_is_one_line_and_nothing_is_trusted(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        done = curate(folder, "run", "small.yaml", "--output", "disk/o")
        lines = complaints(done)
        assert (done.returncode, len(lines)) == (2, 1), done.stderr
        assert "No space left" in lines[0]
        assert not (disk / "o" / "run.json").exists()
        assert len(list(disk.rglob("manifest.json"))) < 5
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
