"""Word documents: blocks in order, lists, tables, notes, changes, metadata and damage."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.books import packed
from curate.extract.books.docx import extract_docx

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = ("http://purl.oclc.org/ooxml/wordprocessingml/main", "http://purl.oclc.org/ooxml/officeDocument/relationships")  # fmt: skip
RELATION = '<Relationship Id="r{}" Type="{}/{}" Target="{}"/>'
STYLES = """<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
 <w:style w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="berschrift1"/></w:style>
 <w:style w:styleId="L"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
 <w:style w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style>"""
NUMBERING = """<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="3"/><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
 <w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="none"/></w:lvl></w:abstractNum>
 <w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>"""
FOOTNOTES = """<w:footnote w:type="separator" w:id="-1"><w:p/></w:footnote>
 <w:footnote w:id="4"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> See below.</w:t></w:r></w:p></w:footnote>"""
CORE = """<c:coreProperties xmlns:c="urn:c" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:d="http://purl.org/dc/terms/">
 <dc:title>Annual Report</dc:title><dc:creator>Ada Lovell;Ben Ortiz</dc:creator><d:created>2021-03-04T05:06:07Z</d:created>
 <dc:language>en-GB</dc:language></c:coreProperties>"""


def docx(body: str, word: str = WORD, office: str = OFFICE) -> bytes:
    root = f'xmlns:w="{word}" xmlns:mc="urn:mc"'
    relations = ("styles", "numbering", "footnotes")
    members = {
        "_rels/.rels": RELATION.format(1, office, "officeDocument", "word/document.xml")
        + RELATION.format(2, "urn:x/metadata", "core-properties", "/docProps/core.xml"),
        "word/_rels/document.xml.rels": "".join(
            RELATION.format(at, office, kind, f"{kind}.xml") for at, kind in enumerate(relations)
        ),
        "word/document.xml": f"<w:document {root}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {root}>{STYLES}</w:styles>",
        "word/numbering.xml": f"<w:numbering {root}>{NUMBERING}</w:numbering>",
        "word/footnotes.xml": f"<w:footnotes {root}>{FOOTNOTES}</w:footnotes>",
        "docProps/core.xml": CORE,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            rels = f'<Relationships xmlns="urn:r">{text}</Relationships>'
            archive.writestr(name, rels if name.endswith(".rels") else text)
    return stream.getvalue()


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(content: str, properties: str = "") -> str:
    inner = content if content.startswith("<") else run(content)
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>"


def item(text: str, level: int = 0, list_id: int = 1) -> str:
    return paragraph(
        text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'
    )


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


HEADED = '<w:pStyle w:val="{}"/>'
SPAN = '<w:gridSpan w:val="2"/>'
TABLE = (
    f"<w:tbl><w:tblPr/><w:tr>{cell('a')}{cell('b|c')}</w:tr>"
    f"<w:tr>{cell('wide', SPAN)}</w:tr></w:tbl>"
)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (paragraph("One", HEADED.format("berschrift1")) + paragraph("two") + paragraph("Three", HEADED.format("Own")),
         "# One\n\ntwo\n\n# Three"),
        (paragraph("Aside", '<w:outlineLvl w:val="2"/>') + paragraph("x", '<w:outlineLvl w:val="9"/>'), "### Aside\n\nx"),
        (paragraph("x", HEADED.format("Loop")), "x"),
        (item("a") + item("b", 1) + item("c", 1) + item("d") + item("e", 1), "- a\n  3. b\n  4. c\n- d\n  3. e"),
        (paragraph("a", HEADED.format("L")) + item("unmarked", 0, 2), "- a\n\nunmarked"),
        (TABLE, "| a | b\\|c |\n| --- | --- |\n| wide |  |"),
        (f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>", "in a control"),
        (paragraph(f"<w:hyperlink>{run('a link')}</w:hyperlink>{run(' on')}"), "a link on"),
        (paragraph(f"<w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"), "new"),
        (paragraph(run("seen") + run("hidden", "<w:vanish/>") + run("shown", '<w:vanish w:val="0"/>')), "seenshown"),
        (paragraph("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>"), "a\tb\nc"),
        (paragraph("<w:r><w:instrText>PAGE</w:instrText></w:r>" + run("7")), "7"),
        (paragraph(run("claim") + '<w:r><w:footnoteReference w:id="4"/></w:r>') + paragraph("next"),
         "claim[^1]\n\nnext\n\n[^1]: See below."),
        (paragraph("<w:r><mc:AlternateContent><mc:Choice><w:drawing><w:txbxContent>" + paragraph("boxed")
                   + "</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>" + paragraph("boxed")
                   + "</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r>" + run("text")), "text\n\nboxed"),
    ],
)  # fmt: skip
def test_blocks(body: str, text: str) -> None:
    for name_spaces in ((WORD, OFFICE), STRICT):
        assert extract_docx(docx(body, *name_spaces)).text == text


def test_metadata() -> None:
    assert extract_docx(docx(paragraph("x"))).labels == {
        "title": "Annual Report",
        "authors": "Ada Lovell; Ben Ortiz",
        "date": "2021-03-04T05:06:07+00:00",
        "declared_language": "en-GB",
    }


def test_a_table_in_a_cell_is_said_once() -> None:
    nested = f"<w:tc>{TABLE}{paragraph('after')}</w:tc>"
    text = extract_docx(docx(f"<w:tbl><w:tr>{nested}{cell('right')}</w:tr></w:tbl>")).text
    assert [text.count(word) for word in ("wide", "after", "right")] == [1, 1, 1]


def test_a_document_of_another_program() -> None:
    docx_writer = pytest.importorskip("docx")
    made = docx_writer.Document()
    made.core_properties.title = "Made"
    made.add_heading("Title", 0)
    made.add_heading("Section", 2)
    made.add_paragraph("Some ").add_run("bold").bold = True
    made.add_paragraph("point", style="List Bullet")
    made.add_paragraph("first", style="List Number")
    grid = made.add_table(2, 2)
    grid.cell(0, 0).text, grid.cell(1, 1).text = "a", "d"
    stream = io.BytesIO()
    made.save(stream)
    found = extract_docx(stream.getvalue())
    assert found.labels["title"] == "Made"
    assert found.text == (
        "# Title\n\n## Section\n\nSome bold\n\n- point\n1. first\n\n| a |  |\n| --- | --- |\n|  | d |"
    )


def test_what_is_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = docx(paragraph("x" * 9_000))
    assert extract_docx(b"\xd0\xcf\x11\xe0 Word 97").labels["extract.note"].startswith("password")
    for content in (b"", whole[:300], whole.replace(b"word/document.xml", b"word/documemt.xml")):
        found = extract_docx(content)
        assert (found.text, found.labels["extract.note"][:9]) == ("", "damaged: ")
    monkeypatch.setattr(packed, "MAX_MEMBER_BYTES", 5_000)
    assert "too many" in extract_docx(whole).labels["extract.note"]


@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=20))
def test_damaged_bytes_never_raise(at: int, noise: bytes) -> None:
    content = docx(TABLE + item("a"))
    at = at % len(content)
    extract_docx(content[:at] + noise + content[at + len(noise) :])
