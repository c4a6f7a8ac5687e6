"""PDF to text.

In: a file's bytes. Out: `Page`: paragraphs, and title, authors, date and licence as the file states
them. The decision: PDFium (BSD) reads, in the order in which the file draws its text, and says where
each line stands; `layout` makes paragraphs of that. A file without text says why in the label
`extract.note`: `password`, `no text layer` (a scan) or `damaged`.
"""

from __future__ import annotations

import ctypes
import html
import math
import re
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium

from curate.extract.books.layout import Line, text_of
from curate.extract.iso_date import iso_date
from curate.extract.page import Page

REQUIRES = ("pypdfium2", "pdf")
LINE_END = re.compile("\r\n?|\n|\ufffe")  # U+FFFE: PDFium saw a word hyphenated at the line's end
CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f\xad]")
DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?)?(?:(Z)|([+-]\d\d)'?(\d\d)?)?"
)
PROGRAM = re.compile(
    r"^(?:Microsoft (?:Word|PowerPoint|Excel) - )|\.(?:docx?|pptx?|indd|tex|dvi|qxd)$"
)
NO_TITLE = frozenset({"untitled", "untitled document", "no title", "title"})
XMP_RIGHTS = re.compile(
    rb"<(?:cc:license[^>]*rdf:resource=[\"']([^\"']+)|xmpRights:WebStatement>([^<]+)"
    rb"|dc:rights>\s*<rdf:Alt>\s*<rdf:li[^>]*>([^<]+))|xmpRights:WebStatement=[\"']([^\"']+)"
)
MAX_LABEL_CHARS = 1000


def extract_pdf(content: bytes) -> Page:
    """The text and metadata of a PDF. Never raises for what is in the file."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        note = "password" if locked else f"damaged: {error}"
        return Page("", {"extract.note": note})
    with document:
        labels = _labels(document, content)
        pages, unreadable = _pages(document)
    text = text_of(pages)
    if unreadable:
        labels["extract.note"] = f"damaged: {unreadable} pages cannot be read"
    elif not text.strip():
        labels["extract.note"] = "no text layer"
    return Page(text, labels, text.count("\ufffd"))


def _pages(document: pypdfium2.PdfDocument) -> tuple[list[list[Line]], int]:
    """The lines of every page, and how many pages could not be read."""
    pages: list[list[Line]] = []
    unreadable = 0
    for number in range(len(document)):
        try:
            page = document[number]
            lines = page.get_textpage()
        except pypdfium2.PdfiumError:
            unreadable += 1
            continue
        pages.append(list(_lines(lines)))
        lines.close()
        page.close()
    return pages, unreadable


def _lines(page: pypdfium2.PdfTextPage) -> Iterator[Line]:
    """The lines of a page that hold something, in the order of the file."""
    text: str = page.get_text_range()
    start = unit = 0  # PDFium counts a character beyond U+FFFF as two
    while start < len(text):
        found = LINE_END.search(text, start)
        end = found.start() if found else len(text)
        raw = text[start:end]
        first = unit + _units(raw) - _units(raw.lstrip())
        last = unit + _units(raw.rstrip()) - 1
        words = " ".join(CONTROLS.sub(" ", raw).split())
        if words:
            broken = "-" if found and found[0] == "\ufffe" else ""
            yield _placed(page, words + broken, first, last)
        start = found.end() if found else end
        unit += _units(raw) + start - end


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _placed(page: pypdfium2.PdfTextPage, words: str, first: int, last: int) -> Line:
    """A line with its place, taken from its first, middle and last character."""
    boxes = [_box(page, place) for place in (first, (first + last) // 2, last)]
    baseline, height = ctypes.c_double(), max(top - bottom for _, bottom, _, top in boxes)
    across = ctypes.c_double()
    index = pdfium.FPDFText_GetCharIndexFromTextIndex(page, first)
    pdfium.FPDFText_GetCharOrigin(page, index, across, baseline)
    left, right, base, height = (
        value if math.isfinite(value) else 0.0
        for value in (boxes[0][0], boxes[-1][2], baseline.value, height)
    )
    return Line(words, left, right, base, max(height, 1.0))


def _box(page: pypdfium2.PdfTextPage, place: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of the character at a place in the page's text."""
    index = pdfium.FPDFText_GetCharIndexFromTextIndex(page, place)
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(page, index, box)
    return box.left, box.bottom, box.right, box.top


def _labels(document: pypdfium2.PdfDocument, content: bytes) -> dict[str, str]:
    title = PROGRAM.sub("", _stated(document, "Title")).strip()
    found = {
        "title": "" if title.lower() in NO_TITLE else title,
        "authors": _stated(document, "Author"),
        "date": pdf_date(_stated(document, "CreationDate")) or "",
        "declared_language": _language(document),
        "licence": _licence(content),
    }
    return {name: value[:MAX_LABEL_CHARS] for name, value in found.items() if value}


def pdf_date(value: str) -> str | None:
    """A date of ISO 32000-1 §7.9.4 as ISO 8601.

    >>> pdf_date("D:20210304050607+01'00'")
    '2021-03-04T05:06:07+01:00'
    >>> pdf_date("D:202103"), pdf_date("yesterday")
    ('2021-03', None)
    """
    found = DATE.match(value.strip())
    if not found:
        return iso_date(value)
    year, month, day, hour, minute, second, utc, hours, minutes = found.groups()
    if not day:
        return f"{year}-{month}" if month else year
    zone = "+00:00" if utc else f"{hours}:{minutes or '00'}" if hours else ""
    time = f"T{hour}:{minute}:{second or '00'}{zone}" if hour else ""
    return iso_date(f"{year}-{month}-{day}{time}")


def _language(document: pypdfium2.PdfDocument) -> str:
    """The language that the catalog names (`en-GB`)."""
    size = pdfium.FPDFCatalog_GetLanguage(document, None, 0)  # in 16-bit units
    buffer = (ctypes.c_ushort * size)()
    pdfium.FPDFCatalog_GetLanguage(document, buffer, size)
    return bytes(buffer).decode("utf-16-le", "ignore").rstrip("\0").strip()


def _stated(document: pypdfium2.PdfDocument, name: str) -> str:
    """A value of the information dictionary, white space collapsed; "" if it is not there."""
    try:
        return " ".join(CONTROLS.sub(" ", document.get_metadata_value(name)).split())
    except UnicodeDecodeError:
        return ""


def _licence(content: bytes) -> str:
    """What the XMP packet, which is stored uncompressed so that it can be found, says of rights."""
    start, end = content.rfind(b"<x:xmpmeta"), content.rfind(b"</x:xmpmeta>")
    found = XMP_RIGHTS.search(content, start, end) if 0 <= start < end else None
    value = next((group for group in found.groups() if group), b"") if found else b""
    return " ".join(html.unescape(value.decode("utf-8", "ignore")).split())
