"""Each format by its recipe name: files as users have them, through a run, to text and the ledger."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from prose import prose
from warc_builder import http_response, warc_record

from curate.document import Document, documents
from curate.recipe import parse
from curate.run import run
from curate.source import FORMATS

TEXT = " ".join(prose(7).split())
SAID = TEXT[:60]
FIRST_WORDS = " ".join(TEXT.split()[:6])
PAGE = f"<html><body><article><p>{TEXT}</p></article></body></html>".encode()
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Lamp</dc:title></metadata><manifest>
 <item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>
 <spine><itemref idref="a"/></spine></package>"""
CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
 <rootfile full-path="b.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
JATS = f"""<article><front><article-meta><title-group><article-title>Lamps</article-title>
 </title-group></article-meta></front><body><sec><title>One</title><p>{TEXT}</p></sec></body></article>"""
LATEX = (
    "\\documentclass{article}\\title{Lamps}\\begin{document}\\maketitle\n"
    f"{TEXT}\n\\end{{document}}"
)
GUTENBERG = (
    "The Project Gutenberg eBook of Lamps\n\nTitle: Lamps\n\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK LAMPS ***\n\n\nCHAPTER I\n\n"
    f"{TEXT}\n\n*** END OF THE PROJECT GUTENBERG EBOOK LAMPS ***\nLicence text.\n"
)
PATENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<us-patent-grant><us-bibliographic-data-grant><invention-title id="t">Lamps</invention-title>
</us-bibliographic-data-grant><description><p id="p1">{TEXT}</p></description></us-patent-grant>
"""


def docx() -> bytes:
    """As the library that most programs use writes it."""
    word = pytest.importorskip("docx")
    document, stream = word.Document(), io.BytesIO()
    document.add_heading("Lamps", 1)
    document.add_paragraph(TEXT)
    document.save(stream)
    return stream.getvalue()


def epub() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("mimetype", "application/epub+zip")
        packed.writestr("META-INF/container.xml", CONTAINER)
        packed.writestr("b.opf", PACKAGE)
        packed.writestr(
            "a.xhtml",
            f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{TEXT}</p></body></html>',
        )
    return stream.getvalue()


def pdf() -> bytes:
    """One line of Courier; readers rebuild the missing cross-reference table."""
    drawn = f"BT /F1 9 Tf 40 700 Td ({FIRST_WORDS}) Tj ET".encode()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
    )
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % item for item in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n"


def table(write: Any) -> bytes:
    stream = io.BytesIO()
    write(pa.table({"text": [TEXT], "url": ["http://a.example/"]}), stream)
    return stream.getvalue()


def delimited() -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows([["text", "url"], [TEXT, "http://a.example/"]])
    return stream.getvalue().encode()


def archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in (("p/readme.md", TEXT.encode()), ("p/a.html", PAGE)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def files() -> dict[str, tuple[str, bytes]]:
    """By format: a file's name and bytes."""
    opinion = {
        "id": 1,
        "case_name": "Keeper v. Sea",
        "plain_text": TEXT,
        "date_filed": "2020-01-02",
    }
    return {
        "warc": ("a.warc.gz", gzip.compress(warc_record(http_response(PAGE)))),
        "jsonl": ("a.jsonl", json.dumps({"text": TEXT}).encode()),
        "parquet": ("a.parquet", table(pq.write_table)),
        "arrow": ("a.arrow", table(feather.write_feather)),
        "csv": ("a.csv", delimited()),
        "html": ("a.html", PAGE),
        "text": ("a.txt", TEXT.encode()),
        "pdf": ("a.pdf", pdf()),
        "docx": ("a.docx", docx()),
        "epub": ("a.epub", epub()),
        "jats": ("a.nxml", JATS.encode()),
        "latex": ("a.tex", LATEX.encode()),
        "gutenberg": ("1.txt", GUTENBERG.encode()),
        "courts": ("a.json", json.dumps(opinion).encode()),
        "patents": ("a.xml", PATENT.encode()),
        "archive": ("a.tar.gz", archive()),
        "code": ("a.py", f'"""{TEXT}"""\n'.encode()),
    }


def test_every_format_becomes_text(spark: Any, tmp_path: Path) -> None:
    made = files()
    assert made.keys() == FORMATS.keys()
    sources = []
    for name, (file, content) in made.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(content)
        by_name = {"format": name} if FORMATS[name].by_name else {}
        sources.append({"name": name, "path": str(tmp_path / name), **by_name})
    recipe = json.dumps({"name": "all", "sources": sources, "steps": ["extract"]})
    (done,) = run(parse(recipe), str(tmp_path / "out"), say=print)
    rows: dict[str, list[Document]] = {}
    for batch in done.dataset().to_batches():
        for row in documents(batch):
            rows.setdefault(row.source, []).append(row)
    assert {name: [row.drop for row in found] for name, found in rows.items()} == {
        name: [None] * (2 if name == "archive" else 1) for name in made
    }
    for name, found in rows.items():
        for row in found:
            assert FIRST_WORDS in " ".join((row.text or "").split()), name
            assert name == "pdf" or SAID in " ".join((row.text or "").split()), name
    titled = {name for name, found in rows.items() if "Lamp" in found[0].labels.get("title", "")}
    assert titled >= {"epub", "jats", "latex", "gutenberg", "patents"}
