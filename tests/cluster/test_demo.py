"""The demonstration in small: every part of it, on fewer pages and with less time for the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_runner import execute

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "curate", "demo", "--output", "d", "--pages", "120", "--seconds", "60"],
        cwd=folder, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with the demonstration, and what the command said."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, demo(folder)


def test_demo_tells_funnel_recall_verdict_and_page(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = first
    assert done.returncode == 0, done.stderr[-3000:]
    run = folder / "d" / "run"
    audit = json.loads((run / "audit.json").read_text())
    verdict = json.loads((run / "ablation" / "verdict.json").read_text())
    assert audit
    assert [arm["name"] for arm in verdict["arms"]] == [
        "read",
        "extract",
        "clean-filter",
        "decontaminate",
    ]
    for told in ("03-clean-filter", "near_duplicate", "bits per byte", str(run / "report.html")):
        assert told in done.stdout
    assert "<h2" in (run / "report.html").read_text()
    again = demo(folder)
    assert again.returncode == 0
    assert again.stdout.count("already done") == 7


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_answers_for_the_run(
    notebook: Path, first: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    before = notebook.read_bytes()
    done = execute(notebook, first[0] / "d" / "run")
    outputs = [one for cell in done.cells for one in cell.get("outputs", ())]
    assert any("image/png" in one.get("data", ()) for one in outputs)
    assert notebook.read_bytes() == before
