"""EPUB: the spine's order, Markdown of its XHTML, metadata, and what is no book."""

from __future__ import annotations

import io
import re
import zipfile
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.blocks import markdown
from curate.extract.books import packed
from curate.extract.books.epub import extract_epub
from curate.extract.books.packed import parse_xml
from curate.extract.books.xhtml import blocks_of

CONTAINER = """<?xml version="1.0"?><container version="1.0"
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
 <rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
METADATA = """<dc:title>The Lamp &amp; the Sea</dc:title><dc:creator id="a">Ada Lovell</dc:creator>
 <dc:creator>Ben Ortiz</dc:creator><dc:language>en-GB</dc:language><dc:rights>CC BY 4.0</dc:rights>
 <dc:date opf:event="modification">2020-02-02</dc:date><dc:date opf:event="publication">1911</dc:date>
 <dc:identifier id="own">urn:uuid:1-2</dc:identifier><dc:identifier opf:scheme="ISBN">978-0-00-000000-2</dc:identifier>"""


def page(body: str, attributes: str = "", doctype: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{doctype}<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>x</title></head>'
        f"<body {attributes}>{body}</body></html>"
    )


def epub(
    chapters: dict[str, str],
    *,
    spine: str | None = None,
    guide: str = "",
    properties: str = "",
    **others: str,
) -> bytes:
    items = "".join(
        f'<item id="i{at}" href="{name}" media-type="application/xhtml+xml"'
        f"{properties if at == 0 else ''}/>"
        for at, name in enumerate(chapters)
    )
    spine = spine or "".join(f'<itemref idref="i{at}"/>' for at in range(len(chapters)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" unique-identifier="own"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">'
        f"{METADATA}</metadata><manifest>{items}</manifest><spine>{spine}</spine>{guide}</package>"
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": package,
            **{f"OEBPS/{name.replace('%20', ' ')}": text for name, text in chapters.items()},
            **{name.replace("__", "/"): text for name, text in others.items()},
        }
    )


def zipped(members: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def text_of(body: str, attributes: str = "") -> str:
    return markdown(blocks_of(parse_xml(page(body, attributes).encode(), "x")))


def test_chapters_come_in_the_order_of_the_spine() -> None:
    content = epub(
        {"b.xhtml": page("<h1>Two</h1><p>b</p>"), "a%20a.xhtml": page("<h1>One</h1><p>a</p>"),
         "n.xhtml": page("<p>a note</p>")},
        spine='<itemref idref="i1"/><itemref idref="i0"/><itemref idref="i2" linear="no"/>',
    )  # fmt: skip
    found = extract_epub(content)
    assert found.text == "# One\n\na\n\n# Two\n\nb"
    assert found.labels == {
        "title": "The Lamp & the Sea",
        "authors": "Ada Lovell; Ben Ortiz",
        "declared_language": "en-GB",
        "licence": "CC BY 4.0",
        "date": "1911",
        "identifier": "isbn:978-0-00-000000-2",
    }


def test_navigation_cover_and_copyright_page_are_no_text() -> None:
    chapters = {
        "nav.xhtml": page("<ol><li>One</li></ol>"),
        "cover.xhtml": page("<p>Cover</p>"),
        "c.xhtml": page("<p>All rights</p>", 'epub:type="copyright-page"'),
        "one.xhtml": page('<h2>One</h2><nav>x</nav><p>a<span epub:type="pagebreak">12</span>b</p>'),
    }
    guide = '<guide><reference type="cover" href="cover.xhtml#top"/></guide>'
    assert (
        extract_epub(epub(chapters, guide=guide, properties=' properties="nav"')).text
        == "## One\n\nab"
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>one\n  two <em>three</em>, <b>four</b></p>loose<p>five</p>", "one two three, four\n\nloose\n\nfive"),
        ("<p>Roses<br/>\n violets</p>", "Roses\nviolets"),
        ("<h1>The<br/>End</h1>", "# The End"),
        ("<ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul>", "- a\n  - b\n- c\n  d"),
        ('<ol start="3"><li>a</li><li>b</li></ol>', "3. a\n4. b"),
        ("<pre>def f():\n    return 1\n</pre>", "def f():\n    return 1"),
        ("<table><thead><tr><th>a</th><th>b|c</th></tr></thead><tr><td>1</td></tr></table>",
         "| a | b\\|c |\n| --- | --- |\n| 1 |  |"),
        (
            "<table><tr><td><div><p>a</p><p>b</p></div></td><td><ul><li>c</li><li>d</li></ul></td></tr></table>",
            "| a b | c d |\n| --- | --- |",
        ),
        (
            "<table><tr><td>a</td><td><div><table><tr><td>b</td><td>c</td></tr></table></div></td></tr></table>",
            "| a |  |\n| --- | --- |\n| b | c |",
        ),
        ("<table><tr><td>only laid out</td></tr></table>", "only laid out"),
        ("<p>a&nbsp;b &mdash; c &lt;d&gt;</p>", "a\xa0b — c <d>"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字", "漢字"),
        ("<span><p>in a span</p></span>tail", "in a span\n\ntail"),
        ("<blockquote><p>a</p></blockquote><hr/><p>b</p>", "a\n\n* * *\n\nb"),
        ('<section class="pg-boilerplate pgheader"><p>licence</p></section><p>a</p>', "a"),
        ("<p>a<!-- no --> b<script>x()</script></p>", "a b"),
        ("<p>open <b>for ever</p><p>next", "open for ever\n\nnext"),
    ],
)  # fmt: skip
def test_markup(body: str, text: str) -> None:
    assert text_of(body) == text


def test_very_deep_markup_ends() -> None:
    assert text_of("<div>" * 250 + "deep" + "</div>" * 250) == "deep"


def test_entities_open_no_file_and_multiply_nothing(tmp_path: object) -> None:
    secret = f"{tmp_path}/secret"
    with open(secret, "w") as file:
        file.write("SECRET")
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    doctype = f'<!DOCTYPE html [<!ENTITY l0 "ha"><!ENTITY x SYSTEM "file://{secret}">{laughs}]>'
    for words in ("a &x; b", "a &l9; b"):
        text = extract_epub(epub({"a.xhtml": page(f"<p>{words}</p>", doctype=doctype)})).text
        assert (
            text.startswith("a") and len(text) < 100 and "SECRET" not in text and "ha" not in text
        )
    assert extract_epub(epub({"a.xhtml": page("<p>a &x; b</p>", doctype=doctype)})).text == "a b"


def test_an_encrypted_book_is_empty_and_says_so() -> None:
    encryption = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><e:EncryptedData '
        'xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:CipherData><e:CipherReference URI="OEBPS/{}"/>'
        "</e:CipherData></e:EncryptedData></encryption>"
    )
    chapters = {"a.xhtml": page("<p>a</p>")}
    locked = extract_epub(
        epub(chapters, **{"META-INF__encryption.xml": encryption.format("a.xhtml")})
    )
    assert (locked.text, locked.labels["extract.note"]) == ("", "encrypted")
    font = extract_epub(epub(chapters, **{"META-INF__encryption.xml": encryption.format("f.otf")}))
    assert font.text == "a" and "extract.note" not in font.labels


def test_damage_costs_the_chapter_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = extract_epub(epub({"a.xhtml": page("<p>a</p>"), "b.xhtml": ""}))
    assert found.text == "a" and found.labels["extract.note"].startswith("damaged: 1 of 2 chapters")
    monkeypatch.setattr(packed, "MAX_MEMBER_BYTES", 5_000)
    found = extract_epub(epub({"a.xhtml": page("<p>a</p>"), "b.xhtml": page("x" * 9_000)}))
    assert found.text == "a" and "too many" in found.labels["extract.note"]


def test_what_is_no_book() -> None:
    for content in (
        b"",
        b"PK\x03\x04 cut",
        zipped({"a.txt": "x"}),
        epub({"a.xhtml": page("x")})[:400],
    ):
        found = extract_epub(content)
        assert found.text == "" and found.labels["extract.note"].startswith("damaged: ")


@given(st.integers(0, 2_000), st.binary(min_size=1, max_size=20))
def test_damaged_bytes_never_raise(at: int, noise: bytes) -> None:
    content = epub({"a.xhtml": page("<p>a</p>"), "b.xhtml": page("<p>b</p>")})
    at = at % len(content)
    extract_epub(content[:at] + noise + content[at + len(noise) :])


def markup(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(["p", "div", "b", "ul", "ol", "table", "h2", "blockquote", "br", "i"])
    wraps = {"ul": "<li>{}</li>", "ol": "<li>{}</li>", "table": "<tr><td>{}</td><td>{}</td></tr>"}
    return st.builds(
        lambda name, inner: (
            f"<{name}>{wraps.get(name, '{}').replace('{}', ''.join(inner), 1).replace('{}', 'WORD')}</{name}>"
        ),
        names,
        st.lists(inner, max_size=3),
    )


@given(st.recursive(st.just(" WORD "), markup, max_leaves=12))
def test_no_word_is_lost_or_doubled(body: str) -> None:
    numbers = count()
    body = re.sub("WORD", lambda _: f"w{next(numbers)}", body)
    assert sorted(re.findall(r"w\d+", text_of(body))) == sorted(re.findall(r"w\d+", body))
