"""The notebooks as files: a question each, public names only, small, and nothing of one machine."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import nbformat
import pytest
from notebook_runner import ABSOLUTE, KERNEL, normalised

import curate

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MODULES = {"curate", "matplotlib", "numpy", "pandas"} | set(sys.stdlib_module_names)
MOST_BYTES = 150_000
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def texts(value: Any) -> Iterator[str]:
    """Every string of a JSON value but for pictures."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        is_text = all(isinstance(inner, str) for inner in value)
        yield from ["".join(value)] if is_text else chain.from_iterable(map(texts, value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not key.startswith("image/"):
                yield from texts(inner)


@by_name
def test_it_uses_public_names_only(path: Path) -> None:
    for node in ast.walk(ast.parse("\n".join(cell.source for cell in cells(path, "code")))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [name.name for name in node.names]
            for module in [node.module or ""] if isinstance(node, ast.ImportFrom) else names:
                assert module.partition(".")[0] in MODULES
                assert not any(part.startswith("_") for part in [*module.split("."), *names])
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
            if isinstance(node.value, ast.Name) and node.value.id == "curate":
                assert node.attr in curate.__all__
        if isinstance(node, ast.Name):
            assert node.id not in ("open", "__import__", "eval", "exec")


@by_name
def test_it_asks_a_question_and_is_listed_with_it(path: Path) -> None:
    first = cells(path, "markdown")[0].source.splitlines()[0]
    assert re.fullmatch(r"# .+\?", first)
    assert f"| [{path.stem}]({path.name}) | {first[2:]} |" in (FOLDER / "README.md").read_text()
    setting = cells(path, "code")[0].source
    assert 'RUN = os.environ.get("CURATE_RUN", "../demo/run")' in setting
    assert cells(path, "markdown")[-1].source.startswith("## What to change")


@by_name
def test_it_is_short_and_holds_its_answers(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    code = cells(path, "code")
    assert 5 <= len(code) <= 12
    kinds = [kind for cell in code for one in cell.outputs for kind in one.get("data", ())]
    assert "image/png" in kinds
    assert {one.output_type for cell in code for one in cell.outputs} <= {
        "stream", "display_data", "execute_result",
    }  # fmt: skip


@by_name
def test_it_holds_nothing_of_one_machine_or_hour(path: Path) -> None:
    raw = path.read_text("utf-8")
    before = nbformat.reads(raw, as_version=4)
    assert nbformat.writes(normalised(before, "/nowhere")).strip() == raw.strip()
    for text in texts(json.loads(raw)):
        assert not ABSOLUTE.search(text)
        assert not re.search(r"\b20\d\d-\d\d-\d\dT\d\d:|127\.0\.0\.1", text)


def test_the_readme_lists_no_other() -> None:
    listed = re.findall(r"\]\((\S+\.ipynb)\)", (FOLDER / "README.md").read_text())
    assert listed == [path.name for path in NOTEBOOKS]


def made(*outputs: Any) -> Any:
    cell = nbformat.v4.new_code_cell("1", execution_count=7, outputs=list(outputs))
    cell.metadata["execution"] = {"iopub.execute_input": "now"}
    return nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}})


def test_what_changes_from_one_execution_to_the_next_is_left_out() -> None:
    shown = nbformat.v4.new_output(
        "execute_result", {"text/plain": "in /home/me/x/run and /opt/python/lib/a.py"},
        execution_count=7, metadata={"needs_background": "light"},
    )  # fmt: skip
    notebook = normalised(made(shown), "/home/me/x/run")
    assert notebook.metadata == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    (cell,) = notebook.cells
    assert (cell.id, cell.metadata, cell.execution_count) == ("cell-00", {}, None)
    (output,) = cell.outputs
    assert (output.metadata, output.execution_count) == ({}, None)
    assert output.data["text/plain"] == "in run and …/a.py"


def test_a_cell_that_complains_is_an_error() -> None:
    noise = nbformat.v4.new_output("stream", name="stderr", text="FutureWarning: soon")
    with pytest.raises(AssertionError, match="FutureWarning"):
        normalised(made(noise), "/nowhere")
