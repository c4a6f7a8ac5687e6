"""Sites on loopback for the crawler's tests, and crawls in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType

Answer = tuple[int, dict[str, str], Any]
HTML = {"Content-Type": "text/html; charset=utf-8"}

RUN = """
import json, sys
from curate.crawl import CrawlOptions, crawl
from curate.errors import CurateError
job = json.loads(sys.argv[1])
options = {k: tuple(v) if isinstance(v, list) else v for k, v in job["options"].items()}
try:
    options = CrawlOptions(**options)
    report = crawl(job["urls"], job["output"], options, lambda line: print(line, file=sys.stderr))
except CurateError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(json.dumps(report.as_dict()))
"""


def missing(path: str) -> Answer:
    return 404, HTML, b"<p>not here"


class Site:
    """A site on loopback: paths to answers, and a log of what was asked.

    An answer may be a function of how often it was asked for; `"*"` is a function of the path for
    all other paths. A body may be a generator that takes its time. Listening on 0.0.0.0 it is as many hosts
    as 127.0.0.0/8 has addresses: `hosts` is the log with the host asked for.
    """

    def __init__(self, pages: dict[str, Any], wait: float, address: str) -> None:
        self.asked: list[tuple[float, str]] = []
        self.hosts: list[tuple[float, str, str]] = []
        self.headers: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                count = site.paths().count(self.path)
                now = time.monotonic()
                site.asked.append((now, self.path))
                site.hosts.append((now, self.headers["Host"].split(":")[0], self.path))
                site.headers.append({k.lower(): v for k, v in self.headers.items()})
                time.sleep(wait)
                answer = pages.get(self.path) or pages.get("*", missing)(self.path)
                status, headers, body = answer(count) if callable(answer) else answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for chunk in [body] if isinstance(body, bytes) else body():
                        self.wfile.write(chunk)
                except OSError:
                    pass  # the crawler had enough

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [path for _, path in self.asked]


@contextmanager
def site(pages: dict[str, Any], wait: float = 0.0, address: str = "127.0.0.1") -> Iterator[Site]:
    running = Site(pages, wait, address)
    Thread(target=running.server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()


def page(*targets: str, more: str = "") -> Answer:
    anchors = "".join(f'<a href="{target}">to {target}</a>\n' for target in targets)
    return 200, HTML, f"<html><body>{anchors}{more}</body></html>".encode()


def begin(
    urls: list[str], output: Path, script: str = RUN, **options: Any
) -> subprocess.Popen[str]:
    options = {"delay_seconds": 0, "allow_private": True, "retries": 0} | options
    job = json.dumps({"urls": urls, "output": str(output), "options": options})
    return subprocess.Popen(
        [sys.executable, "-c", script, job],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    urls: list[str], output: Path, script: str = RUN, **options: Any
) -> tuple[dict[str, Any], str]:
    """The report (empty if it failed) and what was said."""
    process = begin(urls, output, script, **options)
    said, errors = process.communicate(timeout=60)
    return (json.loads(said) if process.returncode == 0 else {}), errors


def stored(output: Path) -> dict[str, bytes]:
    """Pages by URL, from response records and from revisit records through what they refer to."""
    pages = {}
    kinds = WarcRecordType.response | WarcRecordType.revisit
    for path in sorted(output.glob("**/*.warc.gz")):
        for record in ArchiveIterator(path.open("rb"), record_types=kinds):
            url = record.headers["WARC-Target-URI"]
            assert url not in pages
            first = record.headers.get("WARC-Refers-To-Target-URI")
            pages[url] = pages[first] if first else record.reader.read()
    return pages


def local(output: Path) -> set[str]:
    return {"/" + url.split("/", 3)[3] for url in stored(output)}
