"""WARC to text on Spark against the bare extractor loop, on as many processes, in one run.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.steady_state PAGES [--extractor auto] [--copies 3]

In: the collections of `pages.load`. Out: pages a second of both and their ratio. Both do the work
twice, once on the pages and once on several copies of them; the difference of the two times is that
of the additional pages alone, so starting up Spark, workers and imports counts for neither side.
A thread a process for both, as Spark tells its workers.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import os
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from curate import recipe
from curate.extract.extractors import extract
from curate.extract.page import Request
from curate.run import run
from tests.benchmarks.pages import GoldPage, load

PROCESSES = os.cpu_count() or 1
FILES = 2 * PROCESSES


def write_warcs(pages: Sequence[GoldPage], copies: int, folder: Path) -> None:
    """The pages as responses, spread over several compressed WARC files."""
    folder.mkdir(parents=True)
    outputs = [(folder / f"{index}.warc.gz").open("wb") for index in range(FILES)]
    writers = [WARCWriter(output, gzip=True) for output in outputs]
    for index in range(len(pages) * copies):
        page = pages[index % len(pages)]
        http = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
        writer = writers[index % FILES]
        body = io.BytesIO(page.content)
        writer.write_record(
            writer.create_warc_record(page.url, "response", payload=body, http_headers=http)
        )
    for output in outputs:
        output.close()


def curate_seconds(warcs: Path, extractor: str, output: Path) -> float:
    """A whole run of a recipe that extracts only."""
    text = (
        f"name: bench\nsources:\n  - {{name: web, path: '{warcs}'}}\n"
        f"steps:\n  - extract: {{extractor: {extractor}}}\n"
    )
    path = warcs.with_suffix(".yaml")
    path.write_text(text)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        run(recipe.load(str(path)), str(output), f"local[{PROCESSES}]", lambda line: None)
    return time.perf_counter() - start


def bare_seconds(pages: Sequence[GoldPage], copies: int, extractor: str) -> float:
    """The extractor over bytes in memory: no reading, no sandbox, no writing."""
    packed = [(gzip.compress(page.content, 1), page.url, extractor) for page in pages] * copies
    with get_context("fork").Pool(PROCESSES) as pool:
        pool.map(_warm, [extractor] * PROCESSES * 4)
        start = time.perf_counter()
        for _ in pool.imap_unordered(_bare, packed, chunksize=8):
            pass
        return time.perf_counter() - start


def _warm(extractor: str) -> None:
    extract(b"<p>warm</p>", Request(), extractor)


def _bare(packed: tuple[bytes, str, str]) -> int:
    content, url, extractor = packed
    return len(extract(gzip.decompress(content), Request(url=url), extractor).text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--extractor", default="auto")
    parser.add_argument("--copies", type=int, default=3)
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: NumPy reads it when it is imported")
    pages, name = load(arguments.pages), arguments.extractor
    additional = len(pages) * (arguments.copies - 1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_warcs(pages[: 2 * FILES], 1, folder / "few")
        curate_seconds(folder / "few", name, folder / "started")  # Spark starts here
        seconds = {}
        for copies in (1, arguments.copies):
            write_warcs(pages, copies, folder / f"warcs{copies}")
            ours = curate_seconds(folder / f"warcs{copies}", name, folder / f"out{copies}")
            seconds[copies] = (ours, bare_seconds(pages, copies, name))
    ours, bare = (
        additional / (seconds[arguments.copies][side] - seconds[1][side]) for side in (0, 1)
    )
    print(
        f"{name}: curate {ours:.1f} pages/s, bare loop {bare:.1f} pages/s, "
        f"{PROCESSES} processes: {ours / bare:.0%}"
    )


if __name__ == "__main__":
    main()
