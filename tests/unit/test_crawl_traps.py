"""The rules that meet what sites do to a crawler, one by one."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.crawl import CrawlOptions, sitemaps
from curate.crawl import round as round_of
from curate.crawl.archive import Archive, Note, Page
from curate.crawl.frontier import Arrival, Frontier, Share, shard_of
from curate.crawl.links import Reading, read
from curate.crawl.sitemaps import MAX_NESTING, Malformed, Sitemaps, parse
from curate.crawl.traps import Repeats, trap
from curate.crawl.urls import host, without_session
from curate.crawl.warc_writer import WarcWriter
from curate.errors import InputError

HOST = "http://example.org"
SITEMAP = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a/b/c", None), ("/a/a/x", None), ("/a/a/a", "trap_path"), ("/x/a/b/a/b/a/b/", "trap_path"),
        ("/en/w/en/x/en/y/en/z", "trap_path"), ("/1/2/1/3/1/4/1/5", None), ("/x" * 21, "trap_path"),
        ("/?a=1&a=2", None), ("/?a=1&b=2&a=1&a=1", "trap_query"),
        ("/?" + "&".join(f"p{n}=1" for n in range(21)), "trap_query"),
        ("/2019/05/a-post", None), ("/1850/05/", None), ("/2029/05/", "trap_calendar"),
        ("/calendar/2027-05-01", None), ("/calendar/2028-05-01", "trap_calendar"),
        ("/?date=20311201", "trap_calendar"), ("/events?month=3&year=1999", "trap_calendar"),
        ("/events/2018-06", None), ("/item/203112", None), ("/wiki/2050", None),
    ],
)  # fmt: skip
def test_traps_by_shape(path: str, reason: str | None) -> None:
    assert trap(HOST + path, 2026) == reason


@given(st.text(alphabet="/ab?=&;:0129-", max_size=60))
def test_any_url_is_judged_and_stays_itself_without_a_session(rest: str) -> None:
    url = f"{HOST}/{rest}"
    assert trap(url, 2026) in (None, "trap_path", "trap_query", "trap_calendar")
    once = without_session(url)
    assert without_session(once) == once


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("/x;jsessionid=AB.node1?a=1", "/x?a=1"), ("/x?PHPSESSID=abc", "/x"), ("/x?a=&b", "/x?a=&b"),
        ("/x?sid=12", "/x?sid=12"), (f"/x?sid={'0f' * 16}&a=2", "/x?a=2"), ("/x?utm_source=n&a=1", "/x?a=1"),
        (f"/({'S'}({'a' * 24}))/page.aspx", "/page.aspx"), ("/x?ASPSESSIONIDQABCDEFG=Q", "/x"),
    ],
)  # fmt: skip
def test_sessions_leave_a_url(url: str, same: str) -> None:
    assert without_session(HOST + url) == HOST + same


def test_a_session_that_a_server_insists_on_is_kept_once() -> None:
    frontier = Frontier([f"{HOST}/"], CrawlOptions())
    frontier.redirect(frontier.take(None)[0], f"{HOST}/;jsessionid=1")
    assert frontier.take(None) == [f"{HOST}/;jsessionid=1"]
    frontier.redirect(f"{HOST}/;jsessionid=1", f"{HOST}/")
    assert frontier.take(None) == []


def test_repeats_stop_a_folder_and_not_a_host() -> None:
    repeats = Repeats(3)
    assert [repeats.add(f"{HOST}/{n}", True) for n in range(9)] == [[]] * 9
    assert repeats.add(f"{HOST}/a/1", True) == repeats.add(f"{HOST}/a/2", True) == []
    assert repeats.add(f"{HOST}/a/3", False) == [] and not repeats.covers(f"{HOST}/a/4")
    stops = [repeats.add(f"{HOST}/a/?p={n}", True) for n in range(3)]
    assert stops == [[], [], [f"{HOST}/a/"]] and repeats.covers(f"{HOST}/a/b/c")
    assert not repeats.covers(f"{HOST}/b") and Repeats(None).add(f"{HOST}/a/1", True) == []


def test_limits_for_a_host_and_what_the_canonical_saves() -> None:
    frontier = Frontier([f"{HOST}/"], CrawlOptions(max_pages_per_host=3))
    links = tuple(f"{HOST}/{n}" for n in range(5))
    frontier.page(frontier.take(None)[0], Reading(links, (f"{HOST}/0", f"{HOST}/ad")))
    assert len(frontier.take(None)) == 2
    assert frontier.summary() == {"max_pages_per_host": 3, "nofollow": 1}


def heard(head: str, *tags: str, url: str = f"{HOST}/p?q=1", **options: Any) -> Reading:
    body = (
        f'<html><head>{head}</head><a href="/a">1</a><a href="/b" rel="ugc nofollow">2</a></html>'
    )
    return read(url, Page("text/html", body.encode(), tags), CrawlOptions(**options))


def test_what_pages_ask_of_robots() -> None:
    a, b = f"{HOST}/a", f"{HOST}/b"
    assert (heard("").links, heard("").nofollow) == ((a,), (b,))
    assert heard("", obey=()).links == (a, b)
    for reading in (
        heard('<meta name="ROBOTS" content="noindex, NoFollow">'),
        heard('<meta name="curate-crawl" content="none">'),
        heard("", "unavailable_after: 25 Jun 2010, nofollow"),
        heard("", "otherbot: noai", "curate-crawl: none"),
    ):
        assert (reading.links, set(reading.nofollow)) == ((), {a, b})
        assert "nofollow" in reading.words and "noai" not in reading.words
    assert heard('<meta name="otherbot" content="nofollow">', "otherbot: none").words == frozenset()
    with pytest.raises(InputError, match="obey 'follow' is unknown"):
        CrawlOptions(obey=("follow",))


def test_canonical_and_impossible_urls() -> None:
    canonical = '<link rel="canonical" href="{}">'
    assert heard(canonical.format("/p")).canonical == f"{HOST}/p"
    assert heard(canonical.format("/p?q=1")).canonical is None
    other = heard(canonical.format("/other"))
    assert other.canonical is None and other.links == (f"{HOST}/a", f"{HOST}/other")
    assert heard('<base href="/deep/">' + canonical.format("../p")).canonical == f"{HOST}/p"
    broken = '<base href="http://["><meta http-equiv="refresh" content="0; url=http://[">'
    assert heard(broken + canonical.format("http://[")).links == (f"{HOST}/a",)


def test_sitemaps_of_every_kind() -> None:
    urls = (f"{HOST}/1", f"{HOST}/2?a=1&b=2")
    inside = "".join(
        f"<url><loc> {u.replace('&', '&amp;')}\n</loc><lastmod>x</lastmod></url>" for u in urls
    )
    xml = SITEMAP.format(inside).encode()
    base = f"{HOST}/sitemap.xml"
    for body in (
        xml,
        gzip.compress(xml),
        b"\xef\xbb\xbf\n" + xml,
        xml[:-9],
        "\n".join(urls).encode(),
    ):
        assert parse(base, body).pages == urls
    index = b"<sitemapindex><sitemap><loc>a.xml</loc></sitemap></sitemapindex>"
    assert parse(base, index).sitemaps == (f"{HOST}/a.xml",)
    bomb = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset><url><loc>&e;</loc></url></urlset>'
    for wrong in (b"<html>no", b"\x1f\x8bno", b"no url at all", b"<", bomb):
        with pytest.raises(Malformed):
            assert parse(base, wrong).pages


def test_sitemaps_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_URLS", 5)
    monkeypatch.setattr(sitemaps, "MAX_BYTES", 1000)
    many = parse(f"{HOST}/s.txt", "\n".join(f"{HOST}/{n}" for n in range(12)).encode())
    assert (len(many.pages), many.more) == (5, 7)
    for large in (bytes(1001), gzip.compress(bytes(1 << 20))):
        with pytest.raises(Malformed, match="too_large"):
            parse(f"{HOST}/s.xml", large)


@given(st.binary(max_size=200))
def test_a_sitemap_of_any_bytes(body: bytes) -> None:
    for prefix in (b"", b"<urlset>", b"\x1f\x8b\x08"):
        try:
            assert parse(f"{HOST}/s.xml", prefix + body).more == 0
        except Malformed as error:
            assert str(error).startswith("sitemap_")


def test_sitemaps_that_name_each_other_end() -> None:
    queue, levels = Sitemaps([HOST], 1000), 0
    while urls := queue.take():
        levels += 1
        for url in urls:
            queue.answer(url, Note("sitemap", sitemaps=(url + "x", f"{HOST}/sitemap.xml")))
    assert levels == MAX_NESTING + 2 and queue.skipped == {"sitemap_limit": 1}


@given(
    st.lists(st.lists(st.integers(0, 20), max_size=4), min_size=21, max_size=21), st.integers(2, 4)
)
def test_shards_together_visit_what_one_crawl_visits(graph: list[list[int]], shards: int) -> None:
    def name(number: int) -> str:
        return f"http://h{number % 7}.org/{number}"

    def visit(share: Share, arrivals: list[Arrival]) -> tuple[dict[str, int], dict[str, Arrival]]:
        frontier, levels = Frontier([name(0)], options, share, arrivals), {}
        while urls := frontier.take(None):
            for url in urls:
                assert shard_of(host(url), shards) == share.number or share.shards == 1
                levels[url] = frontier.level
                number = int(url.rsplit("/")[-1])
                targets = [name(target) for target in graph[number]]
                if number % 5 == 4 and targets:
                    frontier.redirect(url, targets[0])
                else:
                    frontier.page(url, Reading(tuple(targets)))
        return levels, frontier.sent

    options = CrawlOptions(scope="any", depth=3, max_redirects=30)
    whole, _ = visit(Share(), [])
    mail: dict[str, Arrival] = {}
    while True:
        known, reached = dict(mail), {}
        for number in range(shards):
            arrivals = [
                each for each in known.values() if shard_of(host(each.url), shards) == number
            ]
            levels, sent = visit(Share(number, shards), arrivals)
            reached |= levels
            for url, each in sent.items():
                mail[url] = min(each, mail.get(url, each), key=lambda each: each.depth)
        if mail == known:
            break
    assert reached == whole


def test_revisits_are_read_through_their_page_and_fetched_again_without_it(tmp_path: Path) -> None:
    headers = [(b"Content-Type", b"text/html"), (b"X-Robots-Tag", b"noindex")]
    with WarcWriter(tmp_path, 1, {}) as writer:
        told = [
            writer.page(f"{HOST}/{n}", "HTTP/1.1", 200, headers, b"one", None) for n in range(2)
        ]
    with WarcWriter(tmp_path, 1, {}, Archive(tmp_path).payloads) as writer:
        told.append(writer.page(f"{HOST}/2", "HTTP/1.1", 200, headers, b"one", None))
    assert told == [False, True, True]
    archive = Archive(tmp_path)
    assert archive.read(f"{HOST}/2") == Page("text/html", b"one", ("noindex",), repeated=True)
    assert (archive.pages, len(archive)) == (3, 3)
    (tmp_path / "crawl-00000.warc.gz").unlink()
    assert len(Archive(tmp_path)) == 0


def test_mail_is_announced_again_when_its_round_is_played_again(tmp_path: Path) -> None:
    job = {"round": 2, "shards": 2, "options": {"depth": None}}
    sent = {f"http://h{n}.org/": Arrival(f"http://h{n}.org/", 3) for n in range(9)}
    first = round_of.send(job, tmp_path, sent)
    assert first == round_of.send(job, tmp_path, sent) == [0, 1]
    job = {**job, "round": 3}
    nearer = {url: replace(arrival, depth=1) for url, arrival in sent.items()}
    assert round_of.send(job, tmp_path, nearer) == []
    assert round_of.send({**job, "options": {"depth": 5}}, tmp_path, nearer) == []
    nearest = {url: replace(arrival, depth=0) for url, arrival in sent.items()}
    assert round_of.send({**job, "options": {"depth": 5}}, tmp_path, nearest) == [0, 1]
    lines = "".join(path.read_text() for path in tmp_path.glob("for-*.jsonl"))
    assert lines.count('"depth": 0') == lines.count("\n") == 9
