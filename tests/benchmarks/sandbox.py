"""What the sandbox costs a page: an extractor called directly and through `Sandbox`, in turns.

    python tests/benchmarks/sandbox.py [--pages FOLDER] [--rounds 5] [--extractor resiliparse]

FOLDER holds HTML files; without it pages of 5 to 500 KB are made. Prints for each extractor the time
of a page (the mean over the pages, the median over the rounds) on the clock and on the processors
(parent and child together), both ways, and the difference. The order alternates from page to page,
so that neither way always finds the page in the cache.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from curate.extract.main_content import main_content
from curate.sandbox import Sandbox

SIZES_KB = (5, 10, 20, 40, 60, 80, 100, 120, 150, 200, 300, 500)
WORDS = ("the", "keeper", "wrote", "about", "weather", "ships", "and", "a", "price", "of", "oil")
EXTRACTORS: dict[str, Callable[[bytes], str | None]] = {
    "auto": lambda page: main_content(page.decode("utf-8", "replace")),
    "resiliparse": lambda page: extract_plain_text(
        page.decode("utf-8", "replace"), main_content=True
    ),
    "trafilatura": lambda page: trafilatura.extract(page.decode("utf-8", "replace")),
}


def made(kilobytes: int, draw: random.Random) -> bytes:
    """An article between lists of links and scripts: mostly markup, as pages are."""
    parts, written = ["<html><head><title>Made</title></head><body><article>"], 0
    while written < kilobytes << 10:
        prose = " ".join(draw.choices(WORDS, k=60)).capitalize()
        links = "".join(f'<li class="nav-{n}"><a href="/{n}">{n}</a></li>' for n in range(8))
        parts.append(f"<p>{prose}.</p><ul>{links}</ul><script>{'var a = {};' * 40}</script>")
        written += len(parts[-1])
    return "".join([*parts, "</article></body></html>"]).encode()


def processor_seconds(child: int) -> float:
    """Of this process and its child so far."""
    nanoseconds = int(Path(f"/proc/{child}/schedstat").read_text().split()[0])
    return time.process_time() + nanoseconds / 1e9


def measure(
    function: Callable[[bytes], str | None], pages: list[bytes], number: int, sandbox: Sandbox
) -> dict[tuple[str, str], float]:
    """One round: microseconds a page by clock and way."""
    assert sandbox.pid is not None
    spent = {(clock, way): 0.0 for clock in ("wall", "cpu") for way in ("direct", "boxed")}
    for at, page in enumerate(pages):
        for way in ("direct", "boxed") if (at + number) % 2 else ("boxed", "direct"):
            busy, start = processor_seconds(sandbox.pid), time.perf_counter()
            (function if way == "direct" else sandbox.call)(page)
            spent["wall", way] += time.perf_counter() - start
            spent["cpu", way] += processor_seconds(sandbox.pid) - busy
    return {key: seconds / len(pages) * 1e6 for key, seconds in spent.items()}


def compare(name: str, pages: list[bytes], rounds: int) -> None:
    """Print one extractor's lines."""
    function = EXTRACTORS[name]
    sandbox = Sandbox(function, 60, 1 << 30, recycle_calls=1 << 30)
    sandbox.call(pages[0])
    measured = [measure(function, pages, number, sandbox) for number in range(rounds + 1)][1:]
    sandbox.close()
    for clock in ("wall", "cpu"):
        pairs = [(each[clock, "direct"], each[clock, "boxed"]) for each in measured]
        direct, boxed = (median(side) for side in zip(*pairs, strict=True))
        more = median(b - a for a, b in pairs)
        print(
            f"{name:12} {clock:4}  direct {direct:6.0f} us a page  sandboxed {boxed:6.0f}  "
            f"overhead {more:4.0f} = {more / direct:.1%}"
        )


def main() -> None:
    """Compare on the pages of a folder or on made ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--extractor", choices=EXTRACTORS, action="append")
    given = parser.parse_args()
    draw = random.Random(1)
    if given.pages:
        pages = [file.read_bytes() for file in sorted(given.pages.glob("**/*.html"))]
    else:
        pages = [made(kilobytes, draw) for kilobytes in SIZES_KB]
    print(f"{len(pages)} pages, {median(map(len, pages)) / 1024:.0f} KB in the middle")
    for name in given.extractor or EXTRACTORS:
        compare(name, pages, given.rounds)


if __name__ == "__main__":
    main()
