"""What the README says is run as it stands: commands, recipe, query, and the filter of one's own."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyspark
import pytest
import yaml
from prose import prose
from spark_classes import environment
from warc_builder import http_response, warc_record

from curate.cli import SECTIONS
from curate.recipe import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = 80


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def page(number: int) -> bytes:
    links = "".join(f'<a href="/{n}.html">page {n}</a> ' for n in range(number, number + 3))
    paragraphs = "".join(f"<p>{line}</p>" for line in prose(number).split("\n"))
    return f"<html><head><title>Page {number}</title></head><body><article>{paragraphs}</article>{links}</body></html>".encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the README's inputs, and the address of a small site."""
    folder = tmp_path_factory.mktemp("readme")
    site = folder / "site"
    site.mkdir()
    for number in range(PAGES):
        (site / f"{number}.html").write_bytes(page(number))
    (site / "index.html").write_bytes(page(0))
    (folder / "notes.jsonl").write_text(
        "".join(json.dumps({"body": prose(500 + n)}) + "\n" for n in range(9))
    )
    (folder / "eval.jsonl").write_text(json.dumps({"question": prose(3)}) + "\n")
    (folder / "reference.jsonl").write_text(
        "".join(json.dumps({"text": prose(900 + n)}) + "\n" for n in range(60))
    )
    (folder / "questions.jsonl").write_text(
        json.dumps({"question": "Is it raining?", "choices": ["yes", "no"], "answer": 0}) + "\n"
    )
    chat = [{"role": "user", "content": "A river?"}, {"role": "assistant", "content": "Water."}]
    (folder / "chats.jsonl").write_text(json.dumps({"messages": chat}) + "\n")
    (folder / "my-web.yaml").write_text(blocks("yaml")[0])
    (folder / "pipelines").symlink_to(ROOT / "pipelines")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def shell(folder: Path, line: str) -> str:
    tools = [str(Path(sys.executable).parent), str(Path(pyspark.__file__).parent / "bin")]
    sooner = environment() if line.startswith("spark-submit") else {}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, **sooner, "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
             "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable},
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout


def test_the_commands_run_as_written(folder: tuple[Path, str]) -> None:
    place, site = folder
    lines = [
        line.partition(" #")[0].strip() for block in blocks("bash") for line in block.splitlines()
    ]
    assert sum(line.startswith(("curate ", "spark-submit ")) for line in lines) >= 10
    for line in lines:
        line = line.replace("https://example.org/", site)
        if line.startswith("curate crawl"):
            line += " --allow-private --delay-seconds 0"
        shell(place, line)
    assert (place / "out" / "report.html").stat().st_size > 10_000
    assert json.loads((place / "out" / "ablation" / "verdict.json").read_text())["contrasts"]
    assert json.loads((place / "audit" / "audit.json").read_text())


def test_the_example_of_every_command_runs_as_written(folder: tuple[Path, str]) -> None:
    """Those that the README has not run already; it leaves a run, a model and the inputs.

    The demonstration and the server of a model have tests of their own.
    """
    place, site = folder
    ran = "\n".join(blocks("bash"))
    for name in ("may", "june"):
        (place / name).symlink_to("out")
    for name, command in ((n, c) for commands in SECTIONS.values() for n, c in commands.items()):
        (example,) = re.findall(r"^ *Example: (.*)$", command.__doc__ or "", re.MULTILINE)
        if name not in ("demo", "serve") and not re.search(f"^{re.escape(example)}", ran, re.M):
            shell(place, example.replace("https://example.org/", site))


def test_the_recipe_runs_as_written(folder: tuple[Path, str]) -> None:
    place, _ = folder
    if not list(place.glob("crawl/*.warc.gz")):
        (place / "crawl").mkdir(exist_ok=True)
        records = [
            warc_record(http_response(page(n)), uri=f"http://a{n}.example/") for n in range(PAGES)
        ]
        (place / "crawl" / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, records)))
    shell(place, "curate run my-web.yaml --output mine")
    run = json.loads((place / "mine" / "run.json").read_text())
    assert [table["name"] for table in run["tables"]] == [
        "01-read-extract", "02-clean-filter", "03-dedup", "04-decontaminate", "05-tokenize",
    ]  # fmt: skip


def test_the_query_runs_as_written(folder: tuple[Path, str], spark: Any) -> None:
    place, _ = folder
    (query,) = blocks("sql")
    assert spark.sql(query.replace("out/", f"{place}/out/")).collect()[0][0] >= 0


def test_the_data_source_reads_as_written(folder: tuple[Path, str], spark: Any) -> None:
    place, _ = folder
    code = blocks("python")[0].replace("crawl/", f"{place}/crawl/")
    known: dict[str, Any] = {"spark": spark}
    exec(code, known)
    assert known["pages"].where("drop is null").count() == PAGES


def test_the_sources_of_common_crawl_are_sources() -> None:
    recipe = yaml.safe_load(blocks("yaml")[1]) | {"name": "cc", "steps": ["extract"]}
    first, second = parse(yaml.safe_dump(recipe)).sources
    assert first.files == 100 and second.select is not None
    assert second.select.describe() == {"domain": ["example.org"], "status": [200]}


def test_a_filter_of_ones_own_takes_three_files(tmp_path: Path) -> None:
    for name in ("curate", "model", "pipelines", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    _, module, line = blocks("python")
    (cases,) = blocks("json")
    (tmp_path / "curate/filters/questions.py").write_text(module)
    with open(tmp_path / "curate/filters/__init__.py", "a") as file:
        file.write(f"\nfrom curate.filters.questions import QUESTIONS\n{line}")
    (tmp_path / "tests/cases/questions.json").write_text(cases)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/unit/test_cases.py", "-k", "questions", "-c", os.devnull, "--rootdir", tmp_path],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert "2 passed" in tested.stdout, tested.stdout[-2000:]
    listed = subprocess.run(
        [sys.executable, "-m", "curate", "list"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "filter: questions" in listed.stdout
    assert 'question_ratio: {"high": 0.5}' in listed.stdout
