"""`curate crawl`."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli.options import Json, Master, Output, print_json, say
from curate.errors import InputError


def crawl(
    urls: Annotated[list[str], typer.Argument(metavar="URL…", help="Where to start.")],
    output: Output,
    depth: Annotated[
        int | None, typer.Option(help="Links to follow from a start page; default all.")
    ] = None,
    max_pages: Annotated[int, typer.Option(help="Stop after this many pages.")] = 1000,
    max_pages_per_host: Annotated[
        int | None, typer.Option(help="Ask one host for at most so many URLs; default any number.")
    ] = None,
    delay_seconds: Annotated[float, typer.Option(help="Pause between requests to one host.")] = 1.0,
    concurrency_per_host: Annotated[int, typer.Option(help="Requests to one host at a time.")] = 1,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Regular expression of URLs to leave out.")
    ] = None,
    scope: Annotated[str, typer.Option(help="host, domain or any.")] = "host",
    sitemaps: Annotated[
        bool, typer.Option("--sitemaps", help="Begin with the sitemaps of the start hosts, too.")
    ] = False,
    obey: Annotated[
        list[str] | None,
        typer.Option(
            help="nofollow, noindex or noai in pages and headers; default nofollow, noai."
        ),
    ] = None,
    avoid_traps: Annotated[
        bool, typer.Option(help="Leave out endless paths, queries and calendars.")
    ] = True,
    file_bytes: Annotated[
        int, typer.Option(help="Begin a new WARC file after this many bytes.")
    ] = 1 << 30,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow private and loopback addresses.")
    ] = False,
    shards: Annotated[
        int | None, typer.Option(help="Crawl with so many Spark tasks, each with hosts of its own.")
    ] = None,
    round_seconds: Annotated[
        float, typer.Option(help="Shards exchange links after so long at the latest.")
    ] = 900.0,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Crawl politely into WARC files; a re-run resumes.

    Obeys robots.txt, delays and limits.

    Example: curate crawl https://example.org/ --output crawl --sitemaps
    """
    from curate.crawl import CrawlOptions
    from curate.crawl import crawl as start

    if master and shards is None:
        raise InputError("--master needs --shards: how many tasks share the hosts")
    options = CrawlOptions(
        depth=depth,
        max_pages=max_pages,
        max_pages_per_host=max_pages_per_host,
        delay_seconds=delay_seconds,
        exclude=tuple(exclude or ()),
        scope=scope,  # type: ignore[arg-type]
        sitemaps=sitemaps,
        obey=CrawlOptions.obey if obey is None else tuple(obey),
        avoid_traps=avoid_traps,
        allow_private=allow_private,
        concurrency_per_host=concurrency_per_host,
        file_bytes=file_bytes,
    )
    if shards is None:
        report = start(urls, output, options, say(True))
    else:
        from curate.crawl.shards import crawl_sharded

        report = crawl_sharded(urls, output, options, shards, master, round_seconds, say(True))
    print_json(report.as_dict()) if as_json else print(report.line())
