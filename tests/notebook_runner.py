"""Executes the notebooks over a run: `python tests/notebook_runner.py RUN NOTEBOOK…`, in place.

In: a finished run and notebooks. Out: the same notebooks with their outputs. The decision: what
differs from one execution or machine to the next (counts, times, paths, ids of cells, metadata) is
not kept, so that a notebook changes in version control when its text or its figures change.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

CELL_SECONDS = 600
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
ABSOLUTE = re.compile(r"(?<![\w.:/<])/(?:[\w.+-]+/){2,}")
"""Folders of this machine, which pages and messages may name."""


def main(arguments: Sequence[str]) -> None:
    """Execute each notebook and write it back."""
    run, *paths = arguments
    for path in map(Path, paths):
        print(path)
        notebook = execute(path, Path(run))
        nbformat.write(notebook, path)


def execute(path: Path, run: Path) -> Any:
    """The notebook as a fresh kernel leaves it. Raises what a cell raised, or AssertionError if one
    wrote to stderr."""
    notebook = nbformat.read(path, as_version=4)
    place = path.parent.absolute()
    with _environment(os.path.relpath(run, place)), tempfile.TemporaryDirectory() as folder:
        os.environ |= dict.fromkeys(
            ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
             "MPLCONFIGDIR"), folder,
        )  # fmt: skip
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name=KERNEL["name"],
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
            resources={"metadata": {"path": str(place)}},
        )
        client.execute()
    return normalised(notebook, str(run.absolute()))


def normalised(notebook: Any, run: str) -> Any:
    """Without what says nothing of the data. `run`: where the run lies here."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", {}
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        for output in cell.outputs:
            assert output.get("name") != "stderr", f"{cell.source}\nsays: {output.get('text')}"
            if "execution_count" in output:
                output.execution_count = None
            if "metadata" in output:
                output.metadata = {}
            _clean(output, run)
    return notebook


def _clean(output: Any, run: str) -> None:
    texts = output.get("data", output)
    for kind in ("text", "text/plain", "text/html"):
        if kind in texts:
            texts[kind] = ABSOLUTE.sub("…/", texts[kind].replace(run, "run"))


@contextmanager
def _environment(run: str) -> Iterator[None]:
    """The kernel's variables; afterwards they are as they were. It imports what stands beside this
    file's folder."""
    before, root = dict(os.environ), str(Path(__file__).parents[1])
    os.environ["CURATE_RUN"] = run
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, before.get("PYTHONPATH")]))
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    main(sys.argv[1:])
