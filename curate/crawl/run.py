"""A crawl from the first check to `crawl.json`.

In: seeds, a folder, options. Out: WARC files in the folder, `crawl.json` written last, and the
report. The decision that matters: one crawl a process, because Twisted's reactor starts only once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.dupefilters import BaseDupeFilter
from scrapy.resolver import CachingHostnameResolver
from scrapy.utils.reactor import is_reactor_installed

from curate import __version__
from curate.crawl.addresses import PublicResolver, literal_refusal
from curate.crawl.archive import Archive
from curate.crawl.frontier import Frontier
from curate.crawl.options import CrawlOptions, CrawlReport
from curate.crawl.politeness import RobotsStatus, Wire
from curate.crawl.sitemaps import Sitemaps
from curate.crawl.spider import Budget, Pages
from curate.crawl.urls import normalise
from curate.crawl.warc_writer import PATTERN, WarcWriter
from curate.errors import CurateError, InputError, WorkError
from curate.store import locked

REPORT, SHARDS = "crawl.json", "shards.json"
_logger = logging.getLogger(__name__)
_SILENT = logging.CRITICAL + 1


def crawl(
    urls: Sequence[str],
    output: str | os.PathLike[str],
    options: CrawlOptions | None = None,
    on_progress: Callable[[str], None] = _logger.info,
) -> CrawlReport:
    """Fetches `urls` and what they link to into `output/crawl-00000.warc.gz` … and `crawl.json`.

    The same call on the same folder goes on where an earlier one stopped: what the archive holds is
    not fetched again, and a URL that failed for a passing reason is tried again.

    Errors: InputError (a URL that is none, no page to be had), OutputError (the folder cannot be
    written, another crawl writes it, a damaged file), WorkError (a second crawl in one process).
    KeyboardInterrupt after SIGINT or SIGTERM, with every finished page on disk.
    """
    options = options or CrawlOptions()
    seeds = check_seeds(urls, options)
    _check_process()
    begin = monotonic()
    with locked(str(output)) as folder:
        if (folder / SHARDS).exists():
            raise InputError(f"{folder} holds a crawl of several shards; go on with --shards")
        (folder / REPORT).unlink(missing_ok=True)
        archive = Archive(folder)
        spider = visit(folder, archive, Frontier(seeds, options), seeds, options, on_progress)
        report = CrawlReport(
            seeds=seeds,
            pages=spider.pages,
            revisits=spider.revisits,
            fetched=spider.fetched,
            body_bytes=spider.body_bytes,
            depth=spider.depth,
            seconds=round(monotonic() - begin, 3),
            sitemaps=spider.sitemaps.read,
            skipped=left_out(spider),
            stopped=tuple(spider.frontier.repeats.stopped),
            files=tuple(path.name for path in sorted(folder.glob(PATTERN))),
            options=options,
        )
        finish(folder, report, spider.first_reason)
    return report


def check_seeds(urls: Sequence[str], options: CrawlOptions) -> tuple[str, ...]:
    """The seeds of a crawl, normalised; InputError for one that is none."""
    seeds = tuple(dict.fromkeys(_seed(url, options) for url in urls))
    if not seeds:
        raise InputError("there is no URL to crawl; give at least one")
    return seeds


def finish(folder: Path, report: CrawlReport, first_reason: str | None) -> None:
    """Writes the report of a crawl that fetched something; InputError if there was nothing."""
    if not report.pages:
        why = first_reason or ", ".join(report.skipped)
        raise InputError(f"no page could be fetched from {report.seeds[0]}: {why}")
    _write(folder / REPORT, json.dumps(report.as_dict(), indent=2))


def visit(
    folder: Path,
    archive: Archive,
    frontier: Frontier,
    seeds: Sequence[str],
    options: CrawlOptions,
    on_progress: Callable[[str], None],
    budget: Budget | None = None,
) -> Pages:
    """Fetches what the archive lacks; sitemaps are those of the hosts of `seeds`."""
    if len(archive):
        on_progress(f"resuming: {len(archive)} URLs are in {folder} already")
    sites = [f"{urlsplit(seed).scheme}://{urlsplit(seed).netloc}" for seed in seeds]
    sitemaps = Sitemaps(sites if options.sitemaps else [], options.max_sitemaps)
    information = _information(options)
    with WarcWriter(folder, options.file_bytes, information, archive.payloads) as writer:
        spider = (frontier, sitemaps, archive, writer, options, on_progress, budget)
        return _run(options, spider)


def left_out(spider: Pages) -> dict[str, int]:
    """URLs that a crawl left out, by reason."""
    counts = spider.sitemaps.skipped + Counter(spider.frontier.summary())
    return dict(sorted(counts.items()))


def _seed(url: str, options: CrawlOptions) -> str:
    seed = normalise(url)
    if seed is None:
        raise InputError(f"{url!r} is not a URL to crawl; write http:// or https:// and a host")
    refused = literal_refusal(urlsplit(seed).hostname or "")
    if refused and not options.allow_private:
        raise InputError(f"{url} is refused: {refused}; allow_private permits it")
    return seed


def _check_process() -> None:
    try:
        running = asyncio.get_running_loop().is_running()
    except RuntimeError:
        running = False
    if running or is_reactor_installed():
        raise WorkError(
            "a process can crawl only once, and not inside an event loop; start another"
        )


def _run(options: CrawlOptions, arguments: tuple[Any, ...]) -> Pages:
    """The crawl itself, until it is done, broken or interrupted; `arguments` are the spider's."""
    with _signals_kept():
        process = AsyncCrawlerProcess(settings(options))
        logging.captureWarnings(False)
        for name in ("scrapy", "twisted"):
            logging.getLogger(name).setLevel(_SILENT)
        crawler = process.create_crawler(Pages)
        task = process.crawl(crawler, *arguments)
        in_main_thread = threading.current_thread() is threading.main_thread()
        process.start(install_signal_handlers=in_main_thread)
    spider = crawler.spider
    error = spider.failure if isinstance(spider, Pages) else task.exception()
    if isinstance(error, CurateError):
        raise error
    if error or not isinstance(spider, Pages):
        raise WorkError(f"the crawl broke: {type(error).__name__}: {error}") from error
    if spider.end == "shutdown":
        raise KeyboardInterrupt
    return spider


def settings(options: CrawlOptions) -> dict[str, Any]:
    """Scrapy's settings. No console, no remote control, no cookies, no proxy, no extensions."""
    return {
        "USER_AGENT": options.user_agent,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": options.robots_token,
        "DEFAULT_REQUEST_HEADERS": {"Accept": ",".join((*options.media_types, "*/*;q=0.1"))},
        "DOWNLOAD_DELAY": options.delay_seconds,
        "DOWNLOAD_DELAY_JITTER": 0,
        "CONCURRENT_REQUESTS": options.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": options.concurrency_per_host,
        "DOWNLOAD_TIMEOUT": options.timeout_seconds,
        "DOWNLOAD_MAXSIZE": options.max_body_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": options.retries,
        "DOWNLOADER_MIDDLEWARES": {Wire: 595, RobotsStatus: 545},
        "TWISTED_DNS_RESOLVER": CachingHostnameResolver
        if options.allow_private
        else PublicResolver,
        "DUPEFILTER_CLASS": BaseDupeFilter,
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
        "EXTENSIONS_BASE": {},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "COOKIES_ENABLED": False,
        "HTTPPROXY_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "REFERER_ENABLED": False,
        "HTTPERROR_ALLOW_ALL": True,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "STATS_DUMP": False,
    }


def _information(options: CrawlOptions) -> dict[str, str]:
    return {
        "software": f"curate {__version__}",
        "format": "WARC File Format 1.1",
        "robots": "classic",
        "http-header-user-agent": options.user_agent,
    }


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Scrapy's handlers of SIGINT and SIGTERM would outlive the crawl and swallow Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)
