"""One progress line for long work: rate and time left on a terminal, a plain line now and then
without one."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TERMINAL_SECONDS = 0.5
PLAIN_SECONDS = 30.0


class Line:
    """Rewrites one line on a terminal; elsewhere prints at most every `PLAIN_SECONDS`."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.printed = time.monotonic()

    def show(self, text: str) -> None:
        """Say where the work stands."""
        now = time.monotonic()
        if self.live:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
        elif now - self.printed >= PLAIN_SECONDS:
            self.printed = now
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave nothing behind on a terminal."""
        if self.live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


@contextmanager
def spark_progress(spark: SparkSession, label: str) -> Iterator[None]:
    """Watch the Spark tasks that run inside: `01-extract  tasks 31/48  0:12, about 0:07 left`."""
    line, stop, start = Line(), threading.Event(), time.monotonic()
    tracker = spark.sparkContext.statusTracker()

    def watch() -> None:
        while not stop.wait(TERMINAL_SECONDS):
            done = total = 0
            for stage in tracker.getActiveStageIds():
                info = tracker.getStageInfo(stage)
                if info is not None:
                    done, total = done + info.numCompletedTasks, total + info.numTasks
            if total:
                line.show(
                    f"{label}  tasks {done}/{total}  {_clock(time.monotonic() - start, done, total)}"
                )

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        line.clear()


def _clock(seconds: float, done: int, total: int) -> str:
    left = f", about {_minutes(seconds * (total - done) / done)} left" if done else ""
    return f"{_minutes(seconds)}{left}"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
