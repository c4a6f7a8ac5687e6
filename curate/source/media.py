"""What kind of thing some bytes are.

In: the media type that was declared, and the bytes. Out: the type to believe. The decision: a
declared type holds unless it says nothing (missing, octet-stream) or the bytes carry the signature
of something else.
"""

from __future__ import annotations

import re

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
TEXT_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown", "text/x-rst"})
SAYS_NOTHING = re.compile(
    r"(application/(octet-stream|binary|unknown|x-unknown|force-download|download)"
    r"|unknown(/unknown)?|\*/\*|no-type|none|text|html|content/unknown|[^/]*)"
)
# WHATWG MIME Sniffing Standard §7.1 (the tags), §6 (the signatures)
TAG = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*(?:<\?xml[^>]*>\s*)?(?>(?:<!--.*?-->\s*)*)"
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta"
    rb"|link)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EPUB = "application/epub+zip"
ZIP = "application/zip"
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"PK\x03\x04", ZIP),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"Rar!\x1a\x07", "application/x-rar-compressed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)
HEAD_BYTES = 1445  # WHATWG MIME Sniffing Standard §5.2, the resource header
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
UTF16_BOM = (b"\xfe\xff", b"\xff\xfe")


def believe(declared: str | None, content: bytes) -> str:
    """The media type of the content, in lower case.

    >>> believe("text/html", b"%PDF-1.4")
    'application/pdf'
    >>> believe("application/octet-stream", b"<!DOCTYPE html><p>")
    'text/html'
    """
    for signature, media_type in SIGNATURES:
        if content.startswith(signature):
            return zipped(content) if media_type == ZIP else media_type
    if declared and not SAYS_NOTHING.fullmatch(declared):
        return declared
    return sniff(content)


def zipped(content: bytes) -> str:
    """What a zip archive is: its first member names an EPUB (OCF 3.3, §4.2.6.3), the names of its
    members a Word document (ECMA-376-2, §10).

    >>> zipped(b"PK" + bytes(28) + b"mimetypeapplication/epub+zip")
    'application/epub+zip'
    """
    if content.startswith(b"mimetype" + EPUB.encode(), 30):
        return EPUB
    if b"[Content_Types].xml" in content and b"word/document.xml" in content:
        return DOCX
    return ZIP


def sniff(content: bytes) -> str:
    """text/html, text/xml, text/plain or application/octet-stream, by the first bytes."""
    head = content[:HEAD_BYTES]
    if TAG.match(head):
        return "text/html"
    if head.lstrip().startswith(b"<?xml"):
        return "text/xml"
    return "application/octet-stream" if is_binary(head) else "text/plain"


def is_binary(content: bytes) -> bool:
    """Whether the first bytes hold control characters that no text has.

    >>> is_binary(b"\\x7fELF\\x02"), is_binary(b"plain")
    (True, False)
    """
    head = content[:HEAD_BYTES]
    return not head.startswith(UTF16_BOM) and CONTROL.search(head) is not None
