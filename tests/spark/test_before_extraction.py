"""What never reaches the extractor is in the ledger all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prose import prose

from curate.document import documents
from curate.recipe import parse
from curate.run import run

RECIPE = """
name: cheap-first
sources: [{name: web, format: html, path: PAGES}]
steps:
  - dedup: {method: payload}
  - triage: {languages: [en], max_bytes: 100000}
  - extract
"""


def test_copies_sizes_and_languages_are_dropped_first(spark: Any, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    article = f"<html><body><article><p>{prose(1)}</p></article></body></html>"
    german = "Der Wärter schrieb jeden Abend über das Wetter, die Schiffe und den Preis des Öls. "
    for name in ("a", "b", "c"):
        (pages / f"{name}.html").write_text(article)
    (pages / "d.html").write_text(f"<html><body><p>{german * 6}</p></body></html>")
    (pages / "e.html").write_text(article.replace("</p>", "x" * 100_000 + "</p>"))
    (pages / "f.html").write_text(article.replace("</p>", " Not the same.</p>"))
    tables = run(parse(RECIPE.replace("PAGES", str(pages))), str(tmp_path / "out"), say=print)
    rows = {
        row.origin.removesuffix(".html"): row
        for table in tables
        for batch in table.dataset().to_batches()
        for row in documents(batch)
    }
    assert {name: row.drop for name, row in rows.items()} == {
        "a": rows["a"].drop, "b": rows["b"].drop, "c": rows["c"].drop,
        "d": "triage.language", "e": "triage.bytes", "f": None,
    }  # fmt: skip
    copies = [rows[name] for name in "abc"]
    (kept,) = (row for row in copies if row.drop is None)
    assert kept.text is not None
    for row in copies:
        if row is not kept:
            assert row.drop == "dedup.payload" and "extract.extractor" not in row.labels
            assert row.labels["dedup.duplicate_of"] == kept.id
