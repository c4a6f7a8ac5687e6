"""The crawler against real sites on loopback; each crawl in a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from trap_site import HTML, RUN, Answer, begin, local, page, run, site, stored

from curate.crawl import CrawlOptions, crawl
from curate.crawl.archive import members
from curate.crawl.shards import crawl_sharded
from curate.demo.corpus import write_books, write_code
from curate.demo.site import EXCLUDE, serve
from curate.errors import InputError, OutputError, WorkError


def test_what_is_fetched_what_is_skipped_and_why(tmp_path: Path) -> None:
    packed = gzip.compress(b'<a href="/from-gzip">x</a>' + b"word " * 500)
    pages = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: curate-crawl\nDisallow: /no\n"),
        "/": page(
            "/a", "/a#part", "a", "/gzip", "/no/entry", "/image.png", "/data", "/gone", "/huge",
            "/moved", "/broken", "/empty", "/private/x", "http://other.invalid/", "mailto:a@b.c",
            more='<a rel="nofollow" href="/nofollow">x</a><a href="/café?q=ü">x</a>',
        ),
        "/a": (200, HTML | {"Set-Cookie": "id=1", "X-Odd": "a, b"}, b"<p>A</p>"),
        "/gzip": (200, HTML | {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}, packed),
        "/from-gzip": page(),
        "/data": (200, {"Content-Type": "application/zip"}, b"PK" * 1000),
        "/huge": (200, HTML, b"x" * 50_000),
        "/moved": (301, {"Location": "/plain?x=1"}, b""),
        "/plain?x=1": (200, {"Content-Type": "text/plain"}, b"just <a href='/not-a-link'>text"),
        "/broken": (500, HTML, b"oops"),
        "/empty": (200, HTML, b""),
        "/caf%C3%A9?q=%C3%BC": page(),
    }  # fmt: skip
    with site(pages) as running:
        report, said = run(
            [f"{running.url}/"],
            tmp_path,
            exclude=["/private/"],
            max_body_bytes=40_000,
            file_bytes=1500,
        )
        assert report, said
        expected = {"/", "/a", "/gzip", "/from-gzip", "/plain?x=1", "/caf%C3%A9?q=%C3%BC"}
        assert local(tmp_path) == expected
        assert report["fetched"] == len(expected)
        assert (report["pages"], report["revisits"]) == (len(expected) - 1, 1)
        assert report["skipped"] == {
            "robots": 1, "media_type": 2, "http_404": 1, "too_large": 1, "http_500": 1, "empty": 1,
            "exclude": 1, "nofollow": 1, "scope": 1,
        }  # fmt: skip
        assert json.loads((tmp_path / "crawl.json").read_text())["pages"] == report["pages"]
        assert report["body_bytes"] == sum(len(body) for body in {*stored(tmp_path).values()})
        assert "/image.png" not in running.paths() and "/nofollow" not in running.paths()
        assert len(running.paths()) == len(set(running.paths()))
        assert all("curate-crawl" in sent["user-agent"] for sent in running.headers)
        assert not any("cookie" in sent or "referer" in sent for sent in running.headers)
    assert len(report["files"]) > 1
    _check_records(tmp_path, packed)


def _check_records(output: Path, packed: bytes) -> None:
    for path in output.glob("*.warc.gz"):
        kinds = []
        for record in ArchiveIterator(path.open("rb"), parse_http=False):
            assert record.verify_block_digest()
            kinds.append(record.record_type)
            if record.record_type == WarcRecordType.response:
                record.parse_http()
                assert record.verify_payload_digest()
                assert record.headers["WARC-IP-Address"] == "127.0.0.1"
                assert record.http_headers.status_line == "HTTP/1.0 200 OK"
                body = record.reader.read()
                assert record.http_headers["Content-Length"] == str(len(body))
                assert "Content-Encoding" not in record.http_headers
                if record.headers["WARC-Target-URI"].endswith("/gzip"):
                    assert record.http_headers["X-Crawl-Content-Encoding"] == "gzip"
                    assert record.http_headers["X-Crawl-Content-Length"] == str(len(packed))
                    assert body == gzip.decompress(packed)
                if record.headers["WARC-Target-URI"].endswith("/a"):
                    assert record.http_headers["X-Odd"] == "a, b"
        assert kinds[0] == WarcRecordType.warcinfo and kinds.count(WarcRecordType.warcinfo) == 1
        assert len(list(members(path))) == len(kinds)


def test_depth_and_page_limits(tmp_path: Path) -> None:
    pages = {"/": page("/b", "/a"), "/a": page("/c"), "/b": page("/d"), "/d": page("/e")}
    with site(pages | {"/c": page(), "/e": page()}) as running:
        report, _ = run([running.url], tmp_path / "depth", depth=1)
        assert local(tmp_path / "depth") == {"/", "/a", "/b"}
        assert report["depth"] == 1 and report["skipped"] == {"depth": 2}
        report, _ = run([running.url], tmp_path / "pages", max_pages=4)
        assert local(tmp_path / "pages") == {"/", "/a", "/b", "/d"}
        assert report["skipped"] == {"max_pages": 2}


def test_kill_and_run_again_is_the_undisturbed_crawl(tmp_path: Path) -> None:
    pages = {f"/{i}": page(*(f"/{(i * 7 + j) % 60}" for j in range(4))) for i in range(60)}
    pages |= {
        "/": page("/1", "/2"),
        "/9": (302, {"Location": "/10"}, b""),
        "/11": (404, HTML, b"x"),
    }
    options: dict[str, Any] = {"concurrency_per_host": 3, "depth": 4}
    with site(pages) as calm:
        whole, _ = run([calm.url], tmp_path / "whole", **options)
    with site(pages, wait=0.03) as running:
        process = begin([running.url], tmp_path / "cut", **options)
        while len(running.asked) < 25:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "cut" / "crawl.json").exists()
        last = tmp_path / "cut" / "crawl-00000.warc.gz"
        os.truncate(last, last.stat().st_size - 9)
        before = local_whole(last)
        running.asked.clear()
        report, said = run([running.url], tmp_path / "cut", **options)
        assert "resuming" in said
        assert local(tmp_path / "cut") == local(tmp_path / "whole")
        assert report["pages"] == whole["pages"] and report["skipped"] == whole["skipped"]
        assert report["fetched"] == whole["pages"] - len(before) and len(before) > 10
        assert not before & set(running.paths())
        assert len(report["files"]) == 2
        running.asked.clear()
        again, _ = run([running.url], tmp_path / "cut", **options)
        assert running.asked == [] and again["fetched"] == 0
        assert again["files"] == report["files"] and again["pages"] == report["pages"]


def local_whole(path: Path) -> set[str]:
    contents = [content for _, _, content in members(path)]
    heads = [content.partition(b"\r\n\r\n")[0].decode() for content in contents]
    return {
        "/" + head.split("WARC-Target-URI: ")[1].split("\r\n")[0].split("/", 3)[3]
        for head in heads
        if "WARC-Type: response" in head
    }


def test_interrupt_keeps_the_pages_and_ends_as_an_interrupt(tmp_path: Path) -> None:
    pages = {f"/{i}": page(f"/{i + 1}") for i in range(500)}
    with site(pages, wait=0.02) as running:
        process = begin([running.url + "/0"], tmp_path)
        while len(running.asked) < 10:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode != 0 and errors.strip().endswith("KeyboardInterrupt")
    assert len(stored(tmp_path)) >= 8 and not (tmp_path / "crawl.json").exists()


PUBLIC_127_0_0_2 = """
import socket
asked, real = [], socket.getaddrinfo
def getaddrinfo(host, port, *more, **options):
    if host == "rebind.test":
        asked.append(host)
        host = "127.0.0.2" if len(asked) == 1 else "127.0.0.1"
    return real("127.0.0.2" if host == "public.test" else host, port, *more, **options)
socket.getaddrinfo = getaddrinfo
from curate.crawl import addresses
refusal = addresses.refusal
addresses.refusal = lambda address: None if address == "127.0.0.2" else refusal(address)
"""


def test_private_addresses_are_refused_unless_allowed(tmp_path: Path) -> None:
    with site({"/": page()}) as running:
        name = f"http://localhost:{running.port}/"
        _, said = run([name], tmp_path / "name", allow_private=False)
        assert "InputError: no page could be fetched" in said
        assert "is a loopback address" in said and "allow_private" in said
        with pytest.raises(InputError, match="127.0.0.1 is a loopback address; allow_private"):
            crawl([running.url], tmp_path)
        number = f"http://2130706433:{running.port}/"
        _, said = run([number], tmp_path / "number", allow_private=False)
        assert "127.0.0.1 is a loopback address" in said
        assert running.asked == []
        report, _ = run([name], tmp_path / "allowed")
        assert report["pages"] == 1


def test_private_addresses_are_refused_on_redirects_and_when_a_name_is_rebound(
    tmp_path: Path,
) -> None:
    pages = {"/": page("/name", "/number"), "/secret": page()}
    with site(pages, address="0.0.0.0") as running:
        for path, host in (("/name", "localhost"), ("/number", "127.0.0.1")):
            pages[path] = 302, {"Location": f"http://{host}:{running.port}/secret"}, b""
        public = f"http://public.test:{running.port}/"
        script = PUBLIC_127_0_0_2 + RUN
        report, said = run([public], tmp_path / "to", script, allow_private=False, scope="any")
        assert report["pages"] == 1 and report["skipped"] == {"refused_address": 2}
        assert said.count("refused localhost") == 1
        assert "/secret" not in running.paths()
        running.asked.clear()
        rebound = f"http://rebind.test:{running.port}/"
        _, said = run([rebound], tmp_path / "rebound", script, allow_private=False)
        assert running.paths() == ["/robots.txt"] and "is a loopback address" in said
        report, _ = run([public], tmp_path / "open", script, scope="any")
        assert report["fetched"] == 3 and running.paths().count("/secret") == 2


def test_the_server_is_asked_as_it_wishes(tmp_path: Path) -> None:
    def busy(count: int) -> Answer:
        return (503, {"Retry-After": "1"}, b"") if count == 0 else page()

    robots: Answer = (200, {}, b"User-agent: *\nCrawl-delay: 0.2\n")
    with site({"/robots.txt": robots, "/": page("/busy", "/x", "/y"), "/busy": busy,
               "/x": page(), "/y": page()}) as running:  # fmt: skip
        report, _ = run([running.url], tmp_path, retries=1, concurrency_per_host=2)
        assert report["fetched"] == 4 and report["skipped"] == {}
        times = [when for when, path in running.asked if path != "/robots.txt"]
        assert min(b - a for a, b in zip(times[1:], times[2:], strict=False)) > 0.18
        first, second = (when for when, path in running.asked if path == "/busy")
        assert second - first > 0.95


def test_one_request_at_a_time_unless_told_otherwise(tmp_path: Path) -> None:
    pages = {"/": page(*(f"/{i}" for i in range(12)))} | {f"/{i}": page() for i in range(12)}
    with site(pages, wait=0.02) as running:
        run([running.url], tmp_path)
        times = [when for when, _ in running.asked]
        assert min(b - a for a, b in zip(times, times[1:], strict=False)) >= 0.02


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({}, "http 404"),
        ({"/robots.txt": (200, {}, b"User-agent: *\nDisallow: /")}, "robots.txt forbids it"),
        ({"/robots.txt": (503, {}, b"")}, "robots.txt forbids it"),
        ({"/": (200, {"Content-Type": "image/png"}, b"x")}, "media type"),
    ],
)
def test_no_page_is_an_error_that_says_why(
    tmp_path: Path, pages: dict[str, Answer], words: str
) -> None:
    with site(pages) as running:
        _, said = run([running.url], tmp_path)
    lines = said.strip().splitlines()
    assert lines == [f"InputError: no page could be fetched from {running.url}/: {words}"]
    assert not (tmp_path / "crawl.json").exists()


@pytest.mark.parametrize("robots", [
    (200, {"Content-Length": "99"}, b"User-agent: *"),
    (302, {"Location": "/moved"}, b""),
])  # fmt: skip
def test_a_robots_txt_that_breaks_off_forbids_all(tmp_path: Path, robots: Answer) -> None:
    moved: Answer = (200, {"Content-Length": "99"}, b"User-agent: *")
    with site({"/robots.txt": robots, "/moved": moved, "/": page("/a"), "/a": page()}) as running:
        _, said = run([running.url], tmp_path)
        assert {*running.paths()} <= {"/robots.txt", "/moved"}
    (line,) = said.strip().splitlines()
    assert line.startswith("InputError: no page could be fetched") and "robots" not in line


def test_a_name_without_an_address_is_an_error_that_says_so(tmp_path: Path) -> None:
    _, said = run(["http://no.such.host.invalid/"], tmp_path)
    assert "the name no.such.host.invalid has no address" in said


def test_mistakes_are_answered_in_one_line(tmp_path: Path) -> None:
    for wrong in ("example.com", "ftp://example.com/", "http://", "http://a b/", ""):
        with pytest.raises(InputError, match="is not a URL"):
            crawl([wrong], tmp_path)
    with pytest.raises(InputError, match="no URL"):
        crawl([], tmp_path)
    with pytest.raises(InputError, match="regular expression"):
        CrawlOptions(exclude=("(",))
    for delay in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="number of at least 0"):
            CrawlOptions(delay_seconds=delay)
    for agent in ("", "/1.0", "é"):
        with pytest.raises(InputError, match="without a name"):
            CrawlOptions(user_agent=agent)
    with pytest.raises(InputError, match="host, domain, any"):
        CrawlOptions(scope="web")  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write to"):
        crawl(["http://example.com"], tmp_path / "file")
    (tmp_path / "shards.json").write_text('{"shards": 2}')
    with pytest.raises(InputError, match="go on with --shards"):
        crawl(["http://example.com"], tmp_path)
    with pytest.raises(InputError, match="begun with 2 shards"):
        crawl_sharded(["http://example.com"], str(tmp_path), CrawlOptions(), 3)
    (tmp_path / "shards.json").unlink()
    (tmp_path / "crawl-00000.warc.gz").write_bytes(b"not gzip at all")
    with pytest.raises(InputError, match="without shards"):
        crawl_sharded(["http://example.com"], str(tmp_path), CrawlOptions(), 3)
    with pytest.raises(OutputError, match="damaged at byte 0"):
        crawl(["http://example.com"], tmp_path)


def test_two_crawls_do_not_share_a_folder_nor_a_process(tmp_path: Path) -> None:
    twice = RUN.replace("print(json", "crawl(job['urls'], job['output'], options)\nprint(json")
    with site({"/": page("/a"), "/a": page()}, wait=0.3) as running:
        process = begin([running.url], tmp_path)
        while not running.asked:
            time.sleep(0.01)
        with pytest.raises(OutputError, match="another process is writing"):
            crawl([running.url], tmp_path, CrawlOptions(allow_private=True))
        process.communicate(timeout=20)
        _, said = run([running.url], tmp_path, twice)
    assert WorkError.__name__ in said and "only once" in said


def test_the_demo_site_is_crawled(tmp_path: Path) -> None:
    with serve() as url:
        options: dict[str, Any] = {"exclude": list(EXCLUDE), "depth": 1, "concurrency_per_host": 2}
        report, said = run([url + "topics.html"], tmp_path, **options)
    assert report, said
    names = {address.removeprefix(url) for address in stored(tmp_path)}
    assert {"topics.html", "index.html", "topic?key=CLASSES"} <= names
    assert report["pages"] > 70 and report["seconds"] < 20
    with pytest.raises(OSError):
        urlopen(url, timeout=2)


def test_the_demo_site_dies_with_its_owner() -> None:
    owner = (
        "from curate.demo.site import serve\nwith serve() as url: print(url, flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    url = process.stdout.readline().strip()
    page_of_index = urlopen(url, timeout=5).read()
    assert b"Index of Modules" in page_of_index and b"scrapy" not in page_of_index
    process.kill()
    process.communicate()
    for _ in range(50):
        try:
            urlopen(url, timeout=2).close()
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the server outlived its owner")


def test_the_corpus_is_the_standard_library(tmp_path: Path) -> None:
    some = write_code(tmp_path / "some", limit=20)
    again = write_code(tmp_path / "again", limit=20)
    names = {path.relative_to(tmp_path / "some") for path in (tmp_path / "some").rglob("*.py")}
    assert some == again and some.files == len(names) == 20
    assert names == {
        path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*.py")
    }
    everything = write_code(tmp_path / "all")
    assert everything.files > 400 and (tmp_path / "all" / "asyncio" / "tasks.py").is_file()
    assert not {"test", "site-packages", "idlelib"} & {
        path.name for path in (tmp_path / "all").iterdir()
    }
    books = write_books(tmp_path / "books")
    assert books.files > 60 and books.size_bytes > 300_000
    text = (tmp_path / "books" / "assert.txt").read_text()
    assert text.startswith('The "assert" statement') and not text.endswith("\n\n")
