"""A crawl of several shards: Spark tasks against three hosts on loopback."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator
from trap_site import Answer, page, site, stored

from curate.crawl import CrawlOptions
from curate.crawl.frontier import shard_of
from curate.crawl.shards import FOLDER, crawl_sharded
from curate.crawl.urls import host
from curate.errors import InputError

HOSTS = [f"127.0.0.{number}" for number in range(2, 5)]
SHARDS = 3
DELAY = 0.3
PAGES = 4  # of each host


def numbered(path: str) -> Answer:
    """Page n of a host links to page n + 1 there and to page n of the next host."""
    number, port = int(path.rpartition("/")[2] or 0), numbered.port  # type: ignore[attr-defined]
    onward = f"/{number + 1}" if number + 1 < PAGES else "/0"
    return page(onward, *(f"http://{name}:{port}/{number}" for name in HOSTS), more=f"<p>{path}")


def kill_one_round(output: Path, killed: list[int]) -> None:
    """Ends a running shard the hard way, once it has stored something."""
    until = time.monotonic() + 60
    while not killed and time.monotonic() < until:
        time.sleep(0.05)
        for process in Path("/proc").glob("[0-9]*"):
            try:
                log = Path(os.readlink(process / "fd" / "2"))
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            ours = output in log.parents and b"curate.crawl.round" in command
            if ours and next(log.parent.glob("*.warc.gz"), None):
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(int(process.name))
                return


def check_hosts(output: Path) -> None:
    for number in range(SHARDS):
        for path in (output / FOLDER.format(number)).glob("*.warc.gz"):
            for record in ArchiveIterator(path.open("rb"), parse_http=False):
                url = record.headers.get("WARC-Target-URI")
                assert url is None or shard_of(host(url), SHARDS) == number


def test_hosts_are_shared_out_and_the_delay_holds_over_the_job(spark: Any, tmp_path: Path) -> None:
    options = CrawlOptions(scope="any", delay_seconds=DELAY, allow_private=True, retries=0)
    said: list[str] = []
    killed: list[int] = []
    assert len({shard_of(name, SHARDS) for name in HOSTS}) > 1
    with site({"/robots.txt": (200, {}, b""), "*": numbered}, address="0.0.0.0") as running:
        numbered.port = running.port  # type: ignore[attr-defined]
        killer = Thread(target=kill_one_round, args=(tmp_path, killed), daemon=True)
        killer.start()
        urls = [f"http://{HOSTS[0]}:{running.port}/0"]
        report = crawl_sharded(urls, str(tmp_path), options, SHARDS, on_progress=said.append)
        killer.join(timeout=1)
        log = list(running.hosts)
        running.hosts.clear()
        again = crawl_sharded(urls, str(tmp_path), options, SHARDS, on_progress=said.append)
        assert [path for _, _, path in running.hosts if path != "/robots.txt"] == []
    wanted = {f"http://{name}:{running.port}/{n}" for name in HOSTS for n in range(PAGES)}
    assert set(stored(tmp_path)) == wanted and len(said) > 2
    assert report.pages + report.revisits == len(wanted) and report.skipped == {}
    assert (again.pages, again.revisits, again.fetched) == (report.pages, report.revisits, 0)
    assert len(killed) == 1
    check_hosts(tmp_path)
    for name in HOSTS:
        times = [when for when, asked, _ in log if asked == name]
        assert min(later - earlier for earlier, later in pairwise(times)) > DELAY - 0.1
        paths = [path for _, asked, path in log if asked == name and path != "/robots.txt"]
        assert len(paths) - len(set(paths)) <= 1  # the one in flight when the process was killed
    with pytest.raises(InputError, match="begun with 3 shards"):
        crawl_sharded(urls, str(tmp_path), options, 2)


def test_the_page_limit_holds_over_the_job(spark: Any, tmp_path: Path) -> None:
    options = CrawlOptions(
        scope="any", delay_seconds=0, allow_private=True, retries=0, max_pages=7, depth=2
    )
    with site({"/robots.txt": (200, {}, b""), "*": numbered}, address="0.0.0.0") as running:
        numbered.port = running.port  # type: ignore[attr-defined]
        urls = [f"http://{name}:{running.port}/0" for name in HOSTS]
        report = crawl_sharded(urls, str(tmp_path), options, 2, on_progress=lambda line: None)
    assert report.pages + report.revisits == len(stored(tmp_path)) == 7
    assert report.skipped["max_pages"] > 0
