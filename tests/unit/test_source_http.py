"""HTTP bodies as servers really send them: what cannot be decoded stays, nothing is lost."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warc_builder import PAGE, http_response

from curate.source.media import DOCX, EPUB, ZIP, believe
from curate.source.web_archive.decoders import TooLarge
from curate.source.web_archive.http_message import Response, fields, parse

CODINGS = {
    "gzip": gzip.compress(PAGE),
    "x-gzip": gzip.compress(PAGE),
    "deflate": zlib.compress(PAGE),
    "br": brotli.compress(PAGE),
    "zstd": zstandard.compress(PAGE),
}
BARE_DEFLATE = zlib.compress(PAGE, wbits=-15)


def chunked(body: bytes, size: int = 17) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return (
        b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts)
        + b"0\r\nTrailer: x\r\n\r\n"
    )


@pytest.mark.parametrize("coding", CODINGS)
def test_content_codings(coding: str) -> None:
    response = parse(http_response(CODINGS[coding], fields={"Content-Encoding": coding}), 1 << 20)
    assert (response.body, response.notes) == (PAGE, {})


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_is_not_encoded_stays(coding: str) -> None:
    response = parse(http_response(PAGE, fields={"Content-Encoding": coding}), 1 << 20)
    assert (response.body, response.notes) == (PAGE, {"http.content_encoding": f"not {coding}"})


def test_deflate_without_its_wrapper() -> None:
    assert (
        parse(http_response(BARE_DEFLATE, fields={"Content-Encoding": "deflate"}), 1 << 20).body
        == PAGE
    )


def test_damaged_codings_give_what_decodes() -> None:
    cut = parse(
        http_response(gzip.compress(PAGE)[:-6], fields={"Content-Encoding": "gzip"}), 1 << 20
    )
    assert (cut.body, cut.notes) == (PAGE, {"http.content_encoding": "damaged gzip"})


def test_several_codings_in_order() -> None:
    body = chunked(brotli.compress(gzip.compress(PAGE)))
    named = {"Content-Encoding": "gzip, br", "Transfer-Encoding": "chunked"}
    assert parse(http_response(body, fields=named), 1 << 20).body == PAGE


@pytest.mark.parametrize(
    ("body", "wanted", "note"),
    [
        (chunked(PAGE), PAGE, None),
        (PAGE, PAGE, "not chunked"),
        (b"5\r\nhello\r\n", b"hello", "no last chunk"),
        (b"5\r\nhello\r\n20\r\nabc", b"helloabc", "the last chunk is cut"),
        (
            b"5\r\nhello\r\nzz\r\nabc",
            b"hellozz\r\nabc",
            "a chunk has no size; the rest is as it was",
        ),
    ],
)
def test_chunks(body: bytes, wanted: bytes, note: str | None) -> None:
    response = parse(http_response(body, fields={"Transfer-Encoding": "chunked"}), 1 << 20)
    assert response.body == wanted
    assert response.notes.get("http.transfer_encoding") == note


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_bombs_are_refused(coding: str) -> None:
    zeros = bytes(1 << 22)
    body = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.compress}[coding](zeros)
    with pytest.raises(TooLarge):
        parse(http_response(body, fields={"Content-Encoding": coding}), 1 << 20)


def test_header_fields() -> None:
    assert fields(b"A: 1\r\nB : 2\r\n folded\r\na: 3\r\nno colon\r\n: x\r\n") == {
        "a": "1",
        "b": "2 folded",
    }
    assert parse(b"HTTP/1.1 200 OK\r\nContent-Type: text/html", 99).body == b""
    assert parse(b"<html>", 99).status is None
    assert parse(b"HTTP/1.0 200\nContent-Type: text/html\n\nbody", 99).body == b"body"


@given(st.binary(max_size=300), st.sampled_from(sorted(CODINGS)), st.booleans())
def test_nothing_raises(body: bytes, coding: str, is_chunked: bool) -> None:
    named = {"Content-Encoding": coding} | ({"Transfer-Encoding": "chunked"} if is_chunked else {})
    parse(http_response(body, fields=named), 1 << 20)
    parse(body, 1 << 20)


@pytest.mark.parametrize(
    ("declared", "content", "wanted"),
    [
        (None, b"\xef\xbb\xbf <!doctype HTML>", "text/html"),
        ("unknown/unknown", b"<?xml version='1.0'?><html>", "text/html"),
        ("", b"<?xml version='1.0'?><rss>", "text/xml"),
        ("application/octet-stream", b"\x7fELF\x01", "application/octet-stream"),
        (None, b"just words", "text/plain"),
        ("text/html", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("text/html", b"just words", "text/html"),
        ("application/json", b"{}", "application/json"),
        (EPUB, b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", EPUB),
        (None, b"PK\x03\x04 [Content_Types].xml word/document.xml", DOCX),
        (DOCX, b"PK\x03\x04 a.txt", ZIP),
    ],
)
def test_media_types(declared: str | None, content: bytes, wanted: str) -> None:
    assert believe(declared, content) == wanted


def test_only_the_first_field_of_a_name_is_folded() -> None:
    assert fields(b"A: 1\r\n 2\r\nB: 3\r\na: 4\r\n\t5\r\n") == {"a": "1 2", "b": "3"}


def test_hostile_headers_end() -> None:
    many = fields(b"a: b\r\n" + b" x\r\n" * 300_000)["a"]
    assert len(many) == 600_001
    blanks = {"content-type": "text/html; charset=" + " " * 200_000 + ","}
    assert Response(200, blanks, PAGE).charset is None
    codings = http_response(b"\x1f\x8b" + PAGE, fields={"Content-Encoding": "gzip," * 200_000})
    assert parse(codings, 1 << 20).notes == {"http.content_encoding": "not gzip"}


@pytest.mark.parametrize("after, wanted", [(b"words", "text/plain"), (b"<p>", "text/html")])
def test_many_comments_before_the_page(after: bytes, wanted: str) -> None:
    assert believe(None, b"<!-- a -->\n" * 100 + after) == wanted
