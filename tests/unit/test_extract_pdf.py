"""PDF: paragraphs from placed lines, running heads, metadata, and files without text."""

from __future__ import annotations

import hashlib
import textwrap
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pypdfium2")

from curate.extract.books.layout import Line, text_of, without_furniture  # noqa: E402
from curate.extract.books.pdf import extract_pdf, pdf_date  # noqa: E402

SENTENCES = (
    "It was late in the autumn when the keeper of the light climbed the worn steps for the last "
    "time, and the wind from the sea brought rain with it. He had kept the lamp for thirty years. "
)
INFO = "/Title (The Lamp) /Author (Ada Lovell) /CreationDate (D:20210304050607+01'00')"
XMP = b'<x:xmpmeta><rdf:RDF><cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/></rdf:RDF></x:xmpmeta>'  # fmt: skip
PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
Placed = tuple[float, float, str]  # left, baseline, words
LEFT, TOP, LEADING = 72.0, 700.0, 14.0


def pdf(
    *pages: list[Placed],
    info: str = "",
    catalog: str = "",
    compress: bool = True,
    sizes: dict[str, int] | None = None,
) -> bytes:
    """A PDF whose pages draw lines of 12-point Courier (7.2 points a character) at their places."""
    streams = []
    for page in pages:
        drawn = "".join(
            f"BT /F1 {(sizes or {}).get(words, 12)} Tf {left} {at} Td ({words}) Tj ET\n"
            for left, at, words in page
        )
        data = drawn.encode("cp1252")
        streams.append(zlib.compress(data) if compress else data)
    kids = " ".join(f"{5 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/Metadata 4 0 R {catalog}>>".encode(),
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>",
        b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%s\nendstream" % (len(XMP), XMP),
    ]
    for at, stream in enumerate(streams):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % (6 + 2 * at)
        )
        packed = b"/Filter/FlateDecode" if compress else b""
        objects.append(b"<</Length %d%s>>stream\n%s\nendstream" % (len(stream), packed, stream))
    return file_of([*objects, f"<<{info}>>".encode()], f"/Info {len(objects) + 1} 0 R")


def file_of(objects: list[bytes], trailer: str) -> bytes:
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R {trailer}>>"
    return content + f"{end}\nstartxref\n{len(content)}\n%%EOF\n".encode()


def column(lines: list[str], top: float = TOP, left: float = LEFT) -> list[Placed]:
    """Lines below each other; an empty one is the space between paragraphs."""
    return [(left, top - LEADING * at, words) for at, words in enumerate(lines) if words]


def wrap(text: str, width: int = 60) -> list[str]:
    return textwrap.wrap(text, width)


def test_paragraphs_are_joined_from_lines() -> None:
    lines = [*wrap(SENTENCES), "", *wrap(SENTENCES * 2), "", "The end."]
    found = extract_pdf(pdf(column(lines)))
    assert found.text == f"{SENTENCES.strip()}\n\n{(SENTENCES * 2).strip()}\n\nThe end."
    assert extract_pdf(pdf(column(lines), compress=False)).text == found.text


def test_indents_headings_items_and_short_lines() -> None:
    first, second = wrap(SENTENCES), wrap(SENTENCES)
    page = column(["Chapter One", "", *first, *second, "* one", "* two", "x = 1", "y = 2"])
    at = page.index((LEFT, page[1 + len(first)][1], second[0]))
    page[at] = (LEFT + 18, page[at][1], second[0][:57].rsplit(" ", 1)[0])
    text = extract_pdf(pdf(page, sizes={"Chapter One": 18})).text
    assert text.startswith(f"Chapter One\n\n{SENTENCES.strip()}\n\nIt was late")
    assert text.endswith("\n* one\n* two\nx = 1\ny = 2")


def test_a_word_broken_at_the_line_end_is_one_word() -> None:
    lines = ["The ships that passed the cape in the dark saw the light-", "house of the well-",
             "known town. It was a lighthouse, and well-known for it in the is-", "lands."]  # fmt: skip
    assert extract_pdf(pdf(column(lines))).text == (
        "The ships that passed the cape in the dark saw the lighthouse of the well-known town. "
        "It was a lighthouse, and well-known for it in the islands."
    )
    lines = [Line("the well-", 72, 300, 700, 10), Line("known well-known man", 72, 300, 686, 10)]
    assert text_of([lines]) == "the well-known well-known man"


def test_a_paragraph_goes_on_over_the_page() -> None:
    lines = wrap(SENTENCES * 6)
    pages = [
        [(LEFT, 760, "The Lamp"), *column(part), (300, 30, str(number))]
        for number, part in enumerate((lines[:4], lines[4:8], lines[8:12], lines[12:]), 1)
    ]
    assert extract_pdf(pdf(*pages)).text == (SENTENCES * 6).strip()


def test_heads_that_change_with_the_chapter_go_too() -> None:
    def page(number: int) -> list[Line]:
        head = Line(f"Chapter {'ABCDE'[number // 3]}", 72, 300, 760, 10)
        body = [
            Line(f"body {'x' * number} {at}", 72, 300, 700 - 14 * at + number, 10)
            for at in range(5)
        ]
        return [head, *body, Line("ivx"[: 1 + number % 3], 300, 310, 30, 10)]

    pages = [page(number) for number in range(13)]
    assert [len(page) for page in without_furniture(pages)] == [5] * 13
    assert without_furniture(pages[:2]) == pages[:2]


def test_pages_of_nothing_but_repeated_lines_are_kept() -> None:
    assert extract_pdf(pdf(*[column(["Slide", "Words"])] * 3)).text.count("Slide") == 3


def test_characters_beyond_the_basic_plane_move_no_line() -> None:
    names = b"begincmap 1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <41> <D835DC00> endbfchar endcmap"
    plain = pdf([(LEFT, TOP, "A and A"), (LEFT, TOP - 60, "Far")], compress=False)
    mapped = plain.replace(b"WinAnsiEncoding>>", b"WinAnsiEncoding/ToUnicode 99 0 R>>").replace(
        b"xref\n",
        b"99 0 obj\n<</Length %d>>stream\n%s\nendstream\nendobj\n" % (len(names), names),
        1,
    )
    assert extract_pdf(mapped).text == "\U0001d400 and \U0001d400\n\nFar"


def test_two_columns_stay_apart() -> None:
    left, right = wrap(SENTENCES * 2, 28), wrap(SENTENCES.upper() * 2, 28)
    page = column(left) + column(right, left=330)
    text = extract_pdf(pdf(page)).text
    assert " ".join(text.split()) == f"{(SENTENCES * 2).strip()} {(SENTENCES.upper() * 2).strip()}"


def test_one_column_is_read_from_the_top_whatever_the_order_in_the_file() -> None:
    page = column([*wrap(SENTENCES), "", "The end."])
    assert extract_pdf(pdf(page[::-1])).text == f"{SENTENCES.strip()}\n\nThe end."


def test_metadata() -> None:
    found = extract_pdf(pdf([(LEFT, TOP, "x")], info=INFO, catalog="/Lang (en-GB)"))
    assert found.labels == {
        "title": "The Lamp",
        "authors": "Ada Lovell",
        "date": "2021-03-04T05:06:07+01:00",
        "declared_language": "en-GB",
        "licence": "https://creativecommons.org/licenses/by/4.0/",
    }
    other = extract_pdf(
        pdf([(LEFT, TOP, "x")], info="/Title (Microsoft Word - lamp.docx) /CreationDate (x)")
    )
    assert other.labels["title"] == "lamp" and "date" not in other.labels


@pytest.mark.parametrize(
    ("value", "iso"),
    [("D:2021", "2021"), ("D:20210304", "2021-03-04"), ("D:20210304050607Z", "2021-03-04T05:06:07+00:00"),
     ("20210304", "2021-03-04"), ("D:20211304", None), ("", None), ("March 4, 2021", "2021-03-04")],
)  # fmt: skip
def test_dates(value: str, iso: str | None) -> None:
    assert pdf_date(value) == iso


def test_a_scan_has_no_text_layer() -> None:
    found = extract_pdf(pdf([], []))
    assert (found.text, found.labels["extract.note"]) == ("", "no text layer")


def test_a_file_behind_a_password() -> None:
    """Standard security handler, revision 2: an owner's and a user's password of `secret`."""

    def rc4(key: bytes, data: bytes) -> bytes:
        state, j, out = list(range(256)), 0, bytearray()
        for i in range(256):
            j = (j + state[i] + key[i % len(key)]) % 256
            state[i], state[j] = state[j], state[i]
        i = j = 0
        for byte in data:
            i = (i + 1) % 256
            j = (j + state[i]) % 256
            state[i], state[j] = state[j], state[i]
            out.append(byte ^ state[(state[i] + state[j]) % 256])
        return bytes(out)

    padded = (b"secret" + PAD)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + b"\xff\xff\xff\xff" + b"0" * 16).digest()[:5]
    user = rc4(key, PAD)
    lock = f"/Encrypt <</Filter/Standard/V 1/R 2/P -1/O<{owner.hex()}>/U<{user.hex()}>>>/ID[<{'30' * 16}><{'30' * 16}>]"
    content = pdf([(LEFT, TOP, "x")]).replace(b"/Info 7 0 R", lock.encode())
    found = extract_pdf(content)
    assert (found.text, found.labels) == ("", {"extract.note": "password"})


def test_damaged_files() -> None:
    whole = pdf(column(wrap(SENTENCES)), column(["The end."]))
    for content in (b"", b"%PDF-1.4", b"<html>"):
        found = extract_pdf(content)
        assert found.text == "" and found.labels["extract.note"].startswith("damaged: ")
    assert "It was late" in extract_pdf(whole.replace(b"xref", b"xxxx")).text
    assert "It was late" in extract_pdf(b"junk before\n" + whole).text


@given(st.lists(st.text("ab c-1.", min_size=1, max_size=9), max_size=12), st.data())
def test_no_word_of_the_body_is_lost(texts: list[str], data: st.DataObject) -> None:
    place = st.floats(-550, 550)
    lines = []
    for text in texts:
        left = data.draw(place)
        lines.append(Line(text.strip() or "x", left, left + 60, data.draw(place), 10))
    found = text_of([lines]).replace("-", "")
    assert sorted("".join(found.split())) == sorted(
        "".join(line.text for line in lines).replace("-", "").replace(" ", "")
    )
