"""Extraction, its second chance and its drops."""

from __future__ import annotations

import pickle

import pytest

from curate import extract as extract_module
from curate.document import Document
from curate.extract import Extract
from curate.extract.page import Request
from curate.sandbox import Sandbox
from curate.step import chain

PROSE = "The keeper wrote every evening about the weather, the ships and the price of oil. " * 4
ARTICLE = (
    f"<html><head><title>The &amp; Keeper</title></head><body><nav>Home | About</nav>"
    f"<article><h1>Keeper</h1><p>{PROSE}</p><p>Second: {PROSE.upper()}</p></article></body></html>"
)


def document(content: bytes | None, **fields: object) -> Document:
    fields = {"media_type": "text/html", **fields}
    return Document("ab", "web", "a#0", content=content, **fields)  # type: ignore[arg-type]


def run(row: Document, **parameters: object) -> Document:
    Extract(**parameters)(row)  # type: ignore[arg-type]
    return row


@pytest.mark.parametrize("extractor", ["auto", "trafilatura", "resiliparse", "justext"])
def test_pages_become_text(extractor: str) -> None:
    row = run(document(ARTICLE.encode()), extractor=extractor)
    assert row.drop is None and row.content is None and row.text is not None
    assert PROSE.strip() in row.text and "Home" not in row.text
    assert row.labels == {
        "extract.extractor": extractor, "extract.charset": "utf-8 valid", "title": "The & Keeper",
    }  # fmt: skip


def test_decode_leaves_markup() -> None:
    assert run(document(ARTICLE.encode()), extractor="decode").text == ARTICLE


def test_plain_text_is_decoded_only() -> None:
    row = run(
        document(
            "Grüße <b>".encode("cp1252"), media_type="text/plain", labels={"charset": "latin1"}
        )
    )
    assert (row.text, row.labels["extract.extractor"]) == ("Grüße <b>", "decode")


def test_documents_with_text_pass() -> None:
    assert run(document(None, text="there")).text == "there"
    assert run(document(None)).drop == "extract.empty"


def test_nothing_to_extract() -> None:
    row = run(document(b"<html><body></body></html>"))
    assert (row.drop, row.text, row.labels["extract.fallback"]) == (
        "extract.empty",
        None,
        "auto empty",
    )


@pytest.mark.parametrize(
    "content", [b"", b"<", b"\0\0\0", b"<html>" * 5000, b"\xff\xfe<", b"<!--" * 999]
)
def test_hostile_pages_cost_themselves_only(content: bytes) -> None:
    row = run(document(content))
    assert (row.text is None) != (row.drop is None)


def failing(content: bytes, request: Request, extractor: str) -> object:
    import ctypes
    import time

    from curate.extract.extractors import extract

    if extractor.encode() in content:
        if b"hang" in content:
            time.sleep(1e9)
        if b"crash" in content:
            ctypes.string_at(0)
        if b"memory" in content:
            bytearray(8 << 30)
        raise ValueError("failed on purpose")
    return extract(content, request, "decode")


@pytest.mark.parametrize("how", ["hang", "crash", "memory", "raise"])
def test_second_chances_and_drops(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    reason = {"hang": "timeout", "raise": "error"}.get(how, how)
    sandbox = Sandbox(failing, 0.3, 256 << 20)
    monkeypatch.setattr(extract_module, "_sandbox", lambda *parameters: sandbox)
    saved = run(document(f"{how} auto".encode()))
    assert (saved.drop, saved.labels["extract.extractor"]) == (None, "resiliparse")
    assert saved.labels["extract.fallback"] == f"auto {reason}"
    lost = run(document(f"{how} auto resiliparse".encode()))
    assert (lost.drop, lost.text, lost.content) == (f"extract.{reason}", None, None)
    sandbox.close()


def test_the_step_is_small_and_picklable() -> None:
    step = Extract(extractor="resiliparse")
    step(document(ARTICLE.encode()))
    assert len(pickle.dumps(step)) < 500
    assert pickle.loads(pickle.dumps(step)) == step


def test_it_runs_in_the_chain() -> None:
    from curate.document import batches, documents

    rows = [document(ARTICLE.encode()), document(b""), document(None, text="t")]
    out = [row for batch in chain([Extract()])(batches(rows)) for row in documents(batch)]
    assert [row.drop for row in out] == [None, "extract.empty", None]
