"""Charsets, extraction, its second chance and its drops."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import extract as extract_module
from curate.document import Document
from curate.extract import Extract
from curate.extract.charset import decode
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


@pytest.mark.parametrize(
    ("content", "declared", "text", "encoding", "by"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9", "latin-1", "café", "utf-8", "bom"),
        ("café".encode("utf-16"), None, "café", "utf-16-le", "bom"),
        (b"caf\xe9", "ISO-8859-1", "café", "cp1252", "http"),
        ("привет".encode("koi8_r"), "koi8-r", "привет", "koi8-r", "http"),
        ('<meta charset="windows-1251">привет'.encode("cp1251"), None, None, "cp1251", "meta"),
        (
            '<meta http-equiv=x content="text/html; charset=Shift_JIS">日本'.encode("cp932"),
            None,
            None,
            "cp932",
            "meta",
        ),
        ("naïve café".encode(), "iso-8859-1", "naïve café", "utf-8", "valid"),
        ("日本語".encode("iso2022_jp"), "iso-2022-jp", "日本語", "iso2022_jp", "http"),
        (b"<p>plain", "utf-16", "<p>plain", "utf-8", "valid"),
        (b"plain", "no-such-charset", "plain", "utf-8", "valid"),
        (b"", None, "", "utf-8", "valid"),
    ],
)
def test_charsets(
    content: bytes, declared: str | None, text: str | None, encoding: str, by: str
) -> None:
    decoded = decode(content, declared)
    assert (decoded.encoding, decoded.by, decoded.replaced) == (encoding, by, 0)
    assert text is None or decoded.text == text


def test_one_broken_byte_is_not_another_charset() -> None:
    decoded = decode(("größer als " * 50).encode() + b"\xff", "utf-8")
    assert (decoded.encoding, decoded.replaced) == ("utf-8", 1)
    assert decode(("grün und größer als " * 20).encode("cp1252"), "utf-8").text.startswith(
        "grün und größer"
    )


@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-7", "idna", "hex", "utf-16"])),
)
def test_decoding_never_raises(content: bytes, declared: str | None) -> None:
    decoded = decode(content, declared)
    assert isinstance(decoded.text, str)


@pytest.mark.parametrize("extractor", ["trafilatura", "resiliparse"])
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
        "trafilatura empty",
    )


@pytest.mark.parametrize(
    "content", [b"", b"<", b"\0\0\0", b"<html>" * 5000, b"\xff\xfe<", b"<!--" * 999]
)
def test_hostile_pages_cost_themselves_only(content: bytes) -> None:
    row = run(document(content))
    assert (row.text is None) != (row.drop is None)


def failing(
    content: bytes, charset: str | None, extractor: str, fast: bool, comments: bool
) -> object:
    import ctypes
    import time

    from curate.extract.html import extract

    if extractor.encode() in content:
        if b"hang" in content:
            time.sleep(1e9)
        if b"crash" in content:
            ctypes.string_at(0)
        if b"memory" in content:
            bytearray(8 << 30)
        raise ValueError("failed on purpose")
    return extract(content, charset, "decode", fast, comments)


@pytest.mark.parametrize("how", ["hang", "crash", "memory", "raise"])
def test_second_chances_and_drops(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    reason = {"hang": "timeout", "raise": "error"}.get(how, how)
    sandbox = Sandbox(failing, 0.3, 256 << 20)
    monkeypatch.setattr(extract_module, "_sandbox", lambda *parameters: sandbox)
    saved = run(document(f"{how} trafilatura".encode()))
    assert (saved.drop, saved.labels["extract.extractor"]) == (None, "resiliparse")
    assert saved.labels["extract.fallback"] == f"trafilatura {reason}"
    lost = run(document(f"{how} trafilatura resiliparse".encode()))
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
