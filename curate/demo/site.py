"""A real web site without the internet: Python's own documentation server, `pydoc`.

In: nothing. Out: the base URL of a server on 127.0.0.1 that documents the standard library. The
decision that matters: the server runs in a child process that sees only the standard library, so
the pages are those of the interpreter and not of what happens to be installed, and a module whose
import does something (`import antigravity` opens a browser) does it there, to nobody.

pydoc's server answers one request at a time; two to four at once keep it busy.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from curate.errors import WorkError

EXCLUDE: tuple[str, ...] = (
    # pydoc's forms: a search reads every module there is, "get" repeats the pages
    r"/(search|get)\?",
    # their import runs a program, opens a window or a browser, or prints
    r"/(antigravity|this|idlelib|turtle|turtledemo|tkinter)[./]",
    r"/[\w.]*__main__[./]",
    # the test suite: huge, and its import may take minutes
    r"/(test|[\w.]+\.tests?)[./]",
    # installers, and a parser that rebuilds its grammar tables on import
    r"/(ensurepip|lib2to3|pip|_sysconfigdata\w*|_bootsubprocess)[./]",
)
"""Pages of the demo site a crawl leaves out, as `CrawlOptions.exclude` takes them."""

_STOP_SECONDS = 5
_SERVER = """
import os, pydoc, select, socketserver
parent, ear, mouth, nothing = os.getppid(), os.dup(0), os.dup(1), os.open(os.devnull, os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(nothing, stream)
socketserver.StreamRequestHandler.wbufsize = -1
locate = pydoc.locate
pydoc.locate = lambda path, forceload=0: locate(path)
server = pydoc._start_server(pydoc._url_handler, "127.0.0.1", 0)
os.write(mouth, f"{server.url}\\n".encode())
os.close(mouth)
while os.getppid() == parent:
    if select.select([ear], [], [], 1.0)[0]:
        break
os._exit(0)
"""


@contextmanager
def serve() -> Iterator[str]:
    """A running documentation server; yields its base URL, `http://127.0.0.1:PORT/`.

    The child ends with the block, and within a second if this process is killed. Errors: WorkError
    if the server does not start.
    """
    environment = {**os.environ, "BROWSER": "true", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=environment,
        start_new_session=True,
    )
    assert child.stdin and child.stdout
    try:
        url = child.stdout.readline().decode().strip()
        if not url:
            raise WorkError(
                f"the demo site did not start (exit status {child.wait(_STOP_SECONDS)})"
            )
        yield url
    finally:
        child.stdin.close()
        child.stdout.close()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
