"""A site that means the crawler harm, crawled by a process of its own."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import zstandard
from fastwarc.warc import ArchiveIterator
from trap_site import HTML, Answer, local, missing, page, run, site

from curate.source import read as read_source


def slowly() -> Iterator[bytes]:
    for _ in range(100):
        yield b"drop "
        time.sleep(0.1)


def endless(path: str) -> Answer:
    """Folders in folders, days after days, and one text under any number of names."""
    if path.startswith("/deep/"):
        return page(f"{path}deep/", "/", more=f"<p>{path}")
    if path.startswith("/days?"):
        month = int(path.rpartition("=")[2].replace("-", ""))
        after = month + 1 if month % 100 < 12 else month + 89
        return page(f"/days?month={after // 100}-{after % 100:02d}", more=f"<p>{month}")
    if path.startswith("/same/"):
        number = int(path.rpartition("/")[2])
        return (
            (200, HTML, b"<p>the same") if number else page(*(f"/same/{n}" for n in range(1, 40)))
        )
    if path.startswith("/who?"):
        return page(
            f"/who?PHPSESSID={time.monotonic_ns():032x}", f"/in;jsessionid={time.monotonic_ns()}"
        )
    return missing(path)


CANONICAL = b'<head><link rel="canonical" href="/canonical"></head><a href="/canonical">x</a>'
SITEMAP = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'


def trap_pages() -> dict[str, Any]:
    robots = b"User-agent: *\nDisallow: /no/\nSitemap: /maps/index.xml\n"
    bomb = gzip.compress(bytes(20_000_000))
    named = "".join(f"<url><loc>{{}}{path}</loc></url>" for path in ("/mapped", "/no/map"))
    away = "<url><loc>http://other.invalid/</loc></url>"
    pages: dict[str, Any] = {
        "/robots.txt": (200, {}, robots),
        "/": page(
            "/deep/", f"/days?month={datetime.now(UTC).year + 1}-06", "/same/0", "/who?x=1", "/loop", "/bomb", "/bomb/br", "/bomb/zstd", "/drip",
            "/headers", "/copy", "/copy?again", "/no/entry", "/odd", "/canonical?sort=up", "/noai", "/hush",
            more='<a rel="nofollow" href="/paid">x</a>',
        ),
        "/maps/index.xml": (200, {}, b"<sitemapindex><sitemap><loc>/maps/a.xml.gz</loc></sitemap>"
                                     b"<sitemap><loc>/maps/bad.xml</loc></sitemap></sitemapindex>"),
        "/maps/a.xml.gz": (200, {}, gzip.compress(SITEMAP.format(named + away).encode())),
        "/maps/bad.xml": (200, {}, b"<html>not here"),
        "/mapped": page(more="mapped"),
        "/loop": (302, {"Location": "/loop2"}, b""),
        "/loop2": (302, {"Location": "/loop"}, b""),
        "/bomb": (200, HTML | {"Content-Encoding": "gzip"}, bomb),
        "/bomb/br": (200, HTML | {"Content-Encoding": "br"}, brotli.compress(bytes(2_000_000))),
        "/bomb/zstd": (200, HTML | {"Content-Encoding": "zstd"}, zstandard.compress(bytes(2_000_000))),
        "/drip": (200, HTML, slowly),
        "/headers": (200, HTML | {f"X-{n}": "x" * 5000 for n in range(20)}, b"x"),
        "/copy": page(more="copy"),
        "/copy?again": page(more="copy"),
        "/in": page(more="in"),
        "/odd": (302, {"Location": "http://["}, b""),
        "/canonical?sort=up": (200, HTML, CANONICAL),
        "/noai": (200, HTML | {"X-Robots-Tag": "other: noindex"}, b'<meta name="Robots" content="noai"><p>mine'),
        "/hush": (200, HTML | {"X-Robots-Tag": "none"}, b'<a href="/hushed">x</a>'),
        "*": endless,
    }  # fmt: skip
    return pages


def test_a_site_of_traps(tmp_path: Path) -> None:
    pages = trap_pages()
    with site(pages) as running:
        packed = gzip.decompress(pages["/maps/a.xml.gz"][2]).decode().replace("{}", running.url)
        pages["/maps/a.xml.gz"] = (200, {}, gzip.compress(packed.encode()))
        options: dict[str, Any] = {
            "sitemaps": True, "timeout_seconds": 1, "max_repeats": 5, "max_body_bytes": 1_000_000,
        }  # fmt: skip
        report, said = run([running.url], tmp_path, **options)
        assert report, said
        asked = running.paths()
        assert len(asked) == len(set(asked)) and len(asked) < 60
        running.asked.clear()
        again, _ = run([running.url], tmp_path, **options)
        assert set(running.paths()) <= {"/robots.txt", "/drip"}
    skipped = {name: again["skipped"][name] for name in report["skipped"]}
    assert skipped == report["skipped"] and again["pages"] == report["pages"]
    assert skipped == {
        "canonical": 1, "header_too_large": 1, "http_404": 1, "noai": 1, "nofollow": 2, "redirect": 1, "redirect_loop": 1, "robots": 2,
        "scope": 1, "sitemap_absent": 1, "sitemap_malformed": 1, "timeout": 1, "too_large": 3,
        "trap_calendar": 1, "trap_path": 1, "trap_repeats": 33,
    }  # fmt: skip
    assert report["sitemaps"] == 2
    assert report["stopped"] == [f"{running.url}/same/"] and "stopped" in said
    assert "/noai" in asked and "/noai" not in local(tmp_path)
    assert {"/mapped", "/in", "/hush", "/copy", "/copy?again", "/canonical?sort=up"} <= local(
        tmp_path
    )
    assert not {"/paid", "/hushed", "/no/entry", "/canonical"} & set(asked)
    _check_revisits(tmp_path, report)


def _check_revisits(output: Path, report: dict[str, Any]) -> None:
    (path,) = output.glob("*.warc.gz")
    records = {}
    for record in ArchiveIterator(path.open("rb"), parse_http=False):
        assert record.verify_block_digest()
        records[record.headers.get("WARC-Target-URI"), record.headers["WARC-Type"]] = dict(
            record.headers
        )
    url = next(url for url, _ in records if url and url.endswith("/copy?again"))
    fields = records[url, "revisit"]
    first = records[fields["WARC-Refers-To-Target-URI"], "response"]
    assert fields["WARC-Profile"].endswith("/warc/1.1/revisit/identical-payload-digest")
    assert fields["WARC-Refers-To-Date"] == first["WARC-Date"]
    assert fields["WARC-Payload-Digest"] == first["WARC-Payload-Digest"]
    rows = list(read_source("web", "warc", str(output), path.name, {}))
    assert sum(row.drop == "record.revisit" for row in rows) == report["revisits"] == 6
    assert sum(row.drop is None for row in rows) == report["pages"]
