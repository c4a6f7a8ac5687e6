"""Jupyter notebooks as Markdown.

In: the JSON of a notebook (nbformat 3 and 4). Out: its cells in order, prose as it stands, code in
fenced blocks, and the kernel's language. The decision: outputs are left out; they are what a
machine printed, often megabytes of images and tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from curate.source.code.languages import called


def read_notebook(text: str) -> tuple[str, str]:
    """The Markdown of a notebook and its language. Raises ValueError if it is none.

    >>> print(read_notebook('{"cells": [{"cell_type": "code", "source": ["1 + 1"]}]}')[0])
    ```python
    1 + 1
    ```
    """
    try:
        notebook = json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(notebook, dict) or not isinstance(_cells(notebook), list):
        raise ValueError("no notebook: it has no cells")
    language = _language(notebook)
    cells = [_cell(cell, language) for cell in _cells(notebook) if isinstance(cell, dict)]
    return "\n\n".join(filter(None, cells)), language


def _cells(notebook: Mapping[str, Any]) -> Any:
    """nbformat 4 has `cells`, nbformat 3 has them in `worksheets`."""
    if "cells" in notebook or not isinstance(notebook.get("worksheets"), list):
        return notebook.get("cells")
    sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
    lists = [sheet["cells"] for sheet in sheets if isinstance(sheet.get("cells"), list)]
    return [cell for cells in lists for cell in cells]


def _language(notebook: Mapping[str, Any]) -> str:
    """Linguist's name for the kernel's language; Python if the notebook does not say."""
    return next(filter(None, map(called, _names(notebook.get("metadata")))), "Python")


def _names(metadata: Any) -> Iterator[str]:
    for table, key in (
        ("language_info", "name"),
        ("kernelspec", "language"),
        ("kernelspec", "name"),
    ):
        known = metadata.get(table) if isinstance(metadata, dict) else None
        if isinstance(known, dict) and isinstance(known.get(key), str):
            yield known[key]


def _cell(cell: Mapping[str, Any], language: str) -> str:
    source = cell.get("source", cell.get("input"))
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str)).strip("\n")
    if not text.strip():
        return ""
    if cell.get("cell_type") == "code":
        longest = max((len(ticks) for ticks in re.findall("`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{language.lower().replace(' ', '-')}\n{text}\n{fence}"
    level = cell.get("level")
    heading = cell.get("cell_type") == "heading" and isinstance(level, int)
    return f"{'#' * max(1, min(level, 6))} {text}" if heading and level else text
