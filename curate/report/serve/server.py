"""The HTTP server of `curate report RUN --serve`.

In: a run's folder. Out: nothing; it answers until Ctrl-C. The decision: it listens on the loopback
address only, answers GET only, and asks `gate` before anything is computed. A run has to be local: the
engine opens files itself, and one that may open addresses could also send something to them.
"""

from __future__ import annotations

import errno
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from curate.errors import CurateError, InputError, UserError
from curate.finished import open_run
from curate.report import report
from curate.report.serve.database import Database, engine
from curate.report.serve.gate import Gate
from curate.report.serve.pages import Reply, Site

HOST = "127.0.0.1"
PORT = 8765
MEMORY = "2GB"
REQUEST_SECONDS = 60.0
SETTLE_SECONDS = 2.0
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Connection": "close",
}


def serve(
    run_dir: str, port: int = PORT, memory: str = MEMORY, price_per_hour: float | None = None
) -> None:  # fmt: skip
    """Answer until Ctrl-C. `port` 0: any free one. With a price, the report page is written anew.

    InputError: no finished local run. MissingError: no DuckDB. UserError: the port is taken, or
    `memory` is no amount.
    """
    if "://" in run_dir:
        raise InputError(f"{run_dir} is not a local folder; copy the run here to browse it")
    engine()
    run = open_run(str(Path(run_dir).resolve()))
    if not run.tables:
        raise InputError(f"{run_dir} holds no table; run its recipe to the end")
    if price_per_hour is not None:
        report(run.path, price_per_hour=price_per_hour)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="curate-serve-") as folder,
        closing(Database(run, memory, Path(folder))) as database,
    ):
        _answer_until_stopped(database, port)


def _answer_until_stopped(database: Database, port: int) -> None:
    with listen(Site(database), port) as server:
        print(f"{database.run.name}: {server.address}\nCtrl-C stops it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped", flush=True)
        database.end()
        server.settle()


def listen(site: Site, port: int) -> Server:
    """A server that is bound and not yet answering. UserError: the port cannot be had."""
    try:
        return Server(site, port)
    except (OSError, OverflowError) as error:
        code = getattr(error, "errno", None)
        why = "is in use" if code == errno.EADDRINUSE else f"cannot be had: {error}"
        raise UserError(
            f"port {port} {why}; choose another with --port, or any free one with --port 0"
        ) from None


class Server(ThreadingHTTPServer):
    """One thread a request; those that still run end with the process."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, site: Site, port: int) -> None:
        super().__init__((HOST, port), Handler)
        self.site = site
        self.gate = Gate(self.server_address[1])
        self._answering: set[threading.Thread] = set()

    @property
    def address(self) -> str:
        """What to open first."""
        return f"http://{HOST}:{self.server_address[1]}/?token={self.gate.token}"

    @contextmanager
    def answering(self) -> Iterator[None]:
        """This thread has work to finish."""
        self._answering.add(thread := threading.current_thread())
        try:
            yield
        finally:
            self._answering.discard(thread)

    def settle(self) -> None:
        """Let answers that are nearly there go out: the engine must not end under their hands."""
        for thread in list(self._answering):
            thread.join(SETTLE_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up is not told; all else is a mistake of ours and is seen."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """GET, and nothing else."""

    protocol_version = "HTTP/1.1"
    server_version = "curate"
    sys_version = ""
    timeout = REQUEST_SECONDS
    server: Server

    def do_GET(self) -> None:
        """Answer one request."""
        with self.server.answering():
            self._answer()

    def _answer(self) -> None:
        try:
            parts = urlsplit(self.path)
            found = parse_qs(parts.query, max_num_fields=50)
        except ValueError:
            return self.send_error(400, "that is no address")
        given = {name: values[0] for name, values in found.items()}
        head = {name.title(): value for name, value in self.headers.items()}
        token = given.get("token") if parts.path == "/" else None
        site, gate = self.server.site, self.server.gate
        refused = gate.refusal(head, token)
        if refused is not None:
            self._send(Reply(f"{refused}\n".encode(), "text/plain; charset=utf-8", 403))
        elif token is not None:
            self._send(site.opening(), {"Set-Cookie": gate.set_cookie()})
        else:
            self._send(site.get(parts.path, given, self.connection))
        return None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that is none, or not a GET."""
        said = "only GET is answered here\n" if code == 501 else f"{message or 'bad request'}\n"
        self._send(Reply(said.encode("utf-8", "replace"), "text/plain; charset=utf-8", code))

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses hold what was searched for, and once the token."""

    def _send(self, reply: Reply, more: dict[str, str] | None = None) -> None:
        if isinstance(reply.body, bytes):
            self._send_head(reply, {"Content-Length": str(len(reply.body)), **(more or {})})
            self.wfile.write(reply.body)
        else:
            with closing(reply.body) as parts:
                self._send_parts(reply, parts)

    def _send_head(self, reply: Reply, more: dict[str, str]) -> None:
        self.close_connection = True
        self.send_response(reply.status)
        for name, value in {**HEADERS, **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", reply.policy)
        self.send_header("Content-Type", reply.kind)
        if reply.name is not None:
            self.send_header("Content-Disposition", f'attachment; filename="{reply.name}"')
        self.end_headers()

    def _send_parts(self, reply: Reply, parts: Iterator[bytes]) -> None:
        """In chunks, so that an answer that breaks off is seen to: its last chunk is missing."""
        try:
            part = next(parts, None)
        except CurateError as error:
            return self._send(self.server.site.message(str(error), 400))
        self._send_head(reply, {"Transfer-Encoding": "chunked"})
        while part is not None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            try:
                part = next(parts, None)
            except CurateError:
                return None
        self.wfile.write(b"0\r\n\r\n")
        return None
