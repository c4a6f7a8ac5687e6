"""What the crawler decides without a network: addresses, URLs, links, order, limits, its own files."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.crawl import CrawlOptions
from curate.crawl.addresses import literal_refusal, refusal
from curate.crawl.archive import Archive, Page, members
from curate.crawl.frontier import Frontier
from curate.crawl.links import Reading, read
from curate.crawl.politeness import retry_after_seconds
from curate.crawl.urls import normalise
from curate.crawl.warc_writer import WarcWriter


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.8.9.1", "loopback"), ("::1", "loopback"), ("10.1.2.3", "private"), ("172.16.0.1", "private"),
        ("192.168.1.1", "private"), ("100.64.0.1", "private"), ("fd00::1", "private"),
        ("169.254.169.254", "link-local"), ("fe80::1%eth0", "link-local"), ("0.0.0.0", "reserved"),
        ("240.0.0.1", "reserved"), ("224.0.0.1", "multicast"), ("::ffff:127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"), ("64:ff9b::a00:1", "private"), ("64:ff9b:1::808:808", "reserved"), ("::7f00:1", "reserved"),
        ("fd00:ec2::254", "private"), ("fec0::1", "private"), ("100.100.100.200", "private"), ("168.63.129.16", "cloud metadata"),
        ("::ffff:169.254.169.254", "link-local"), ("192.0.2.1", "private"),
        ("8.8.8.8", None), ("2606:4700::1111", None), ("64:ff9b::808:808", None), ("::ffff:8.8.8.8", None),
    ],
)  # fmt: skip
def test_addresses(address: str, kind: str | None) -> None:
    assert refusal(address) == (kind and f"{address} is a {kind} address")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"), ("0xA9.254.0251.0xfe", "169.254.169.254"), ("::1", "::1"),
        ("134744072", None), ("example.org", None), ("1.2.3.4.5", None), ("face", None),
    ],
)  # fmt: skip
def test_spellings_of_addresses(host: str, address: str | None) -> None:
    found = literal_refusal(host)
    assert found is None if address is None else found and found.startswith(f"{address} is a ")


@given(st.text(max_size=40).map(lambda rest: f"http://example.com{rest}"))
def test_a_normalised_url_is_left_alone(url: str) -> None:
    once = normalise(url)
    assert once is None or normalise(once) == once


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a#b", "https://example.com/a"),
        ("http://example.com:8080", "http://example.com:8080/"),
        ("http://user:pw@example.com/", "http://example.com/"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
        ("http://example.com/a/./b/../c", "http://example.com/a/c"),
        ("http://example.com/a/%2E%2e/../x/.", "http://example.com/x/"),
        ("http://example.com/a..b/.c//d", "http://example.com/a..b/.c//d"),
        ("javascript:alert(1)", None),
        ("http://example.com:99999/", None),
    ],
)
def test_normalise(url: str, same: str | None) -> None:
    assert normalise(url) == same


@given(st.binary(max_size=200))
def test_links_of_any_bytes(body: bytes) -> None:
    assert isinstance(read("http://example.com/", Page("text/html", body), CrawlOptions()), Reading)


def test_links_follow_base_refresh_and_order() -> None:
    head = '<base href="/b/"><meta http-equiv="refresh" content="0; url=/later">'
    body = f'<html><head>{head}</head><a href="x">1</a><a href=" ../y ">2</a></html>'.encode()
    found = read("http://example.com/", Page("text/html", body), CrawlOptions()).links
    assert [url.removeprefix("http://example.com") for url in found] == ["/b/x", "/y", "/later"]


@given(st.lists(st.lists(st.integers(0, 15), max_size=4), min_size=16, max_size=16), st.randoms())
def test_the_order_of_answers_does_not_matter(graph: list[list[int]], random: Any) -> None:
    def visit(shuffle: bool) -> list[set[str]]:
        options = CrawlOptions(depth=3, max_pages_per_pattern=9)
        frontier, taken = Frontier(["http://s.org/0"], options), []
        while urls := frontier.take(None):
            taken.append(set(urls))
            for url in random.sample(urls, len(urls)) if shuffle else urls:
                number = int(url.rsplit("/")[-1])
                targets = [f"http://s.org/{target}" for target in graph[number]]
                if number % 5 == 4 and targets:
                    frontier.redirect(url, targets[0])
                else:
                    frontier.page(url, Reading(tuple(targets)))
        return [*taken, {f"{key} {count}" for key, count in frontier.skipped.items()}]

    assert visit(shuffle=False) == visit(shuffle=True)


def test_scope_patterns_and_redirected_seeds() -> None:
    def follow(targets: list[str], **options: Any) -> tuple[list[str], dict[str, int]]:
        frontier = Frontier(["http://www.example.co.uk/"], CrawlOptions(**options))
        frontier.page(frontier.take(None)[0], Reading(tuple(targets)))
        return frontier.take(None), dict(frontier.skipped)

    other, sub = "http://other.co.uk/", "https://sub.example.co.uk/x"
    assert follow([other, sub], scope="host") == ([], {"scope": 2})
    assert follow([other, sub], scope="domain") == ([sub], {"scope": 1})
    assert follow([other, sub], scope="any") == ([other, sub], {})
    days = [f"http://www.example.co.uk/day/{day}?view=list" for day in range(5)]
    assert follow(days, max_pages_per_pattern=2) == (days[:2], {"pattern": 3})
    assert follow(days, max_url_chars=30) == ([], {"url_length": 5})
    frontier = Frontier(["http://example.org/"], CrawlOptions())
    frontier.redirect(frontier.take(None)[0], "https://www.example.org/")
    assert frontier.take(None) == ["https://www.example.org/"]
    frontier.page("https://www.example.org/", Reading(("https://www.example.org/a",)))
    assert frontier.take(None) == ["https://www.example.org/a"] and frontier.level == 1


def test_endless_redirects_end() -> None:
    frontier, count = Frontier(["http://example.org/0"], CrawlOptions(max_redirects=3)), 0
    while urls := frontier.take(None):
        count += 1
        frontier.redirect(urls[0], f"http://example.org/{count}")
    assert count == 4 and frontier.skipped == {"redirect": 1}


@given(st.floats(0, 1))
def test_a_file_cut_anywhere_is_mended(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    bodies = [b"", b"1" * 20, b"2" * 40]
    with WarcWriter(folder, 1 << 20, {"software": "curate"}) as writer:
        for number, body in enumerate(bodies):
            header = (b"Content-Type", b"text/plain")
            writer.page(f"http://a.org/{number}", "HTTP/1.1", 200, [header], body, None)
    path = folder / "crawl-00000.warc.gz"
    ends = [end for _, end, _ in members(path)]
    size = round(share * ends[-1])
    os.truncate(path, size)
    archive = Archive(folder)
    whole = [end for end in ends if end <= size]
    assert (path.stat().st_size if path.exists() else 0) == max(whole, default=0)
    assert len(archive) == max(0, len(whole) - 1)
    for number in range(len(archive)):
        assert archive.read(f"http://a.org/{number}") == Page("text/plain", bodies[number])


def test_retry_after() -> None:
    assert retry_after_seconds(b"7") == 7 and retry_after_seconds(None) == 0
    assert retry_after_seconds(b"soon") == 0
    assert retry_after_seconds(b"Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_seconds(b"Wed, 21 Oct 2115 07:28:00 GMT") > 1e9
