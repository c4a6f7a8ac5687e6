"""What a server sent: an HTTP response as status, header fields and decoded body.

In: the bytes of a record. Out: a `Response`. The decision: nothing is lost to a wrong header. A
body that is not encoded as the header says stays as it is, and `notes` tells.
(FastWARC 2.0.1 raises on such bodies: fake gzip and brotli, bodies that were dechunked already.)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from curate.source.web_archive.decoders import Brotli, Decoder, Gzip, Zstd, decode_body

STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?=\D|$)")
HEADER_END = re.compile(rb"\r?\n\r?\n")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
CHARSET = re.compile(r"""charset\s*=\s*+["']?\s*+([^\s"';,]+)""", re.IGNORECASE)
MAX_CODINGS = 8  # honest servers name one or two; each may cost a pass over the body
DECODERS: dict[str, tuple[Callable[[], Decoder], ...]] = {
    "gzip": (lambda: Gzip(47),),
    "x-gzip": (lambda: Gzip(47),),
    "deflate": (lambda: Gzip(15), lambda: Gzip(-15)),  # RFC 9110 §8.4.1.2: some send it bare
    "br": (Brotli,),
    "zstd": (Zstd,),
}


@dataclass
class Response:
    """`status` is None for a body without an HTTP header. Field names are in lower case."""

    status: int | None
    fields: dict[str, str]
    body: bytes
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str | None:
        """Type and subtype in lower case, without parameters."""
        return media_type(self.fields.get("content-type"))

    @property
    def charset(self) -> str | None:
        """The character encoding that the header names."""
        found = CHARSET.search(self.fields.get("content-type", ""))
        return found[1].lower() if found else None


def media_type(value: str | None) -> str | None:
    """A Content-Type without its parameters.

    >>> media_type("Text/HTML; charset=utf-8")
    'text/html'
    """
    return (value or "").split(";")[0].split(",")[0].strip().lower() or None


def fields(header: bytes) -> dict[str, str]:
    """Named fields by lower-case name; the first of a name counts, folded lines are joined.

    >>> fields(b"A: 1\\r\\n 2\\r\\na: 3\\r\\n 4\\r\\n")
    {'a': '1 2'}
    """
    found: dict[str, list[str]] = {}
    folded: list[str] = []
    for line in header.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if line.startswith((" ", "\t")):
            folded.append(line.strip())
        elif colon and (name := name.strip().lower()):
            folded = [value.strip()]
            found.setdefault(name, folded)
    return {name: " ".join(filter(None, parts)) for name, parts in found.items()}


def parse(block: bytes, max_bytes: int) -> Response:
    """A response; interim (1xx) responses before it are skipped.

    Raises TooLarge if the body decodes to more than `max_bytes`.
    """
    begin, end = _header(block)
    final = STATUS_LINE.match(block, begin)
    if final is None:
        return Response(None, {}, block, {"http.header": "absent"})
    response = Response(int(final[1]), fields(block[begin:end]), block[end:])
    _decode(response, max_bytes)
    return response


def body_start(block: bytes) -> int:
    """Where the body begins; 0 if there is no HTTP header.

    >>> body_start(b"HTTP/1.1 200 OK\\r\\n\\r\\nbody")
    19
    """
    return _header(block)[1]


def _header(block: bytes) -> tuple[int, int]:
    """Where the final response's header begins and ends."""
    begin = end = 0
    while status := STATUS_LINE.match(block, end):
        header_end = HEADER_END.search(block, end)
        begin, end = end, header_end.end() if header_end else len(block)
        if not status[1].startswith(b"1"):
            break
    return begin, end


def _decode(response: Response, max_bytes: int) -> None:
    if "chunked" in response.fields.get("transfer-encoding", "").lower() and response.body:
        response.body, note = dechunk(response.body)
        if note:
            response.notes["http.transfer_encoding"] = note
    codings = [c.strip().lower() for c in response.fields.get("content-encoding", "").split(",")]
    for coding in reversed(codings[-MAX_CODINGS:]):
        if coding in ("", "identity", "none", "utf-8") or not response.body:
            continue
        decoded, note = decompress(response.body, coding, max_bytes)
        response.body = decoded
        if note:
            response.notes["http.content_encoding"] = note


def dechunk(body: bytes) -> tuple[bytes, str | None]:
    """The joined chunks of RFC 9112 §7.1, and what was wrong with them.

    >>> dechunk(b"3\\r\\nabc\\r\\n0\\r\\n\\r\\n")
    (b'abc', None)
    >>> dechunk(b"<html>")
    (b'<html>', 'not chunked')
    """
    parts: list[bytes] = []
    at = 0
    while size := CHUNK_SIZE.match(body, at):
        length = int(size[1], 16)
        if length == 0:
            return b"".join(parts), None
        chunk = body[size.end() : size.end() + length]
        parts.append(chunk)
        at = size.end() + length
        if len(chunk) < length:
            return b"".join(parts), "the last chunk is cut"
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    if at >= len(body):
        return b"".join(parts), "no last chunk"
    if not parts:
        return body, "not chunked"
    return b"".join(parts) + body[at:], "a chunk has no size; the rest is as it was"


def decompress(body: bytes, coding: str, max_bytes: int) -> tuple[bytes, str | None]:
    """The body without one content coding, and what was wrong with it.

    A body that does not begin to decode stays as it is; one that stops decoding is what it gave.
    Raises TooLarge.
    """
    if coding not in DECODERS:
        return body, f"unknown coding {coding[:40]}"
    decoded, whole = b"", False
    for decoder in DECODERS[coding]:
        if not decoded and not whole:
            decoded, whole = decode_body(decoder(), body, max_bytes)
    if not decoded and not whole:
        return body, f"not {coding}"
    return decoded, None if whole else f"damaged {coding}"
