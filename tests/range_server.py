"""A web server on loopback with byte ranges and the bad habits of real ones.

In: files by path. Out: their URL, and what was asked. Habits: `refusals` (answers to give before any
other), `drop_after` (bytes after which connections break), `ranges=False` (Range is ignored).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


@dataclass
class RangeServer:
    """`asked` holds (method, path, Range header); `versions` the ETags of files that change."""

    files: dict[str, bytes]
    address: str = ""
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    drop_after: list[int] = field(default_factory=list)
    ranges: bool = True
    lengths: bool = True
    head: bool = True
    versions: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def gets(self) -> list[str]:
        """The Range headers of the requests for bytes."""
        return [wanted for method, _, wanted in self.asked if method == "GET"]


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[RangeServer]:
    """Serve `files` while the context lasts."""
    state = RangeServer(files)

    class Handler(_Handler):
        server_state = state

    with _Quiet(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield state
        server.shutdown()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: RangeServer

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def _answer(self, with_body: bool) -> None:
        state, path = self.server_state, self.path.lstrip("/")
        state.asked.append((self.command, path, self.headers.get("Range", "")))
        if state.refusals:
            self._refuse(*state.refusals.pop(0))
        elif path in state.moved:
            self._refuse(302, {"Location": state.moved[path]})
        elif not with_body and not state.head:
            self._refuse(405, {})
        elif path not in state.files:
            self._refuse(404, {})
        else:
            self._send(state.files[path], state.versions.get(path, '"1"'), with_body)

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, content: bytes, etag: str, with_body: bool) -> None:
        state = self.server_state
        wanted = RANGE.match(self.headers.get("Range", "")) if state.ranges else None
        start, stop = 0, len(content)
        if wanted:
            start, stop = int(wanted[1]), min(int(wanted[2] or stop) + 1, stop)
            if start >= len(content):
                self._refuse(416, {"Content-Range": f"bytes */{len(content)}"})
                return
        # decided before the client can hear anything, and the test go on
        cut = state.drop_after.pop(0) if with_body and state.drop_after else stop - start
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
        if state.lengths:
            self.send_header("Content-Length", str(stop - start))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if with_body:
            body = content[start:stop]
            self.wfile.write(body[:cut])
            if cut < len(body):
                self.close_connection = True
