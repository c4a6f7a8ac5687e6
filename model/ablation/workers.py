"""Where runs are trained: processes of one thread each on a CPU, this process on a GPU.

The decision that matters: a run ends with its result or leaves nothing, so workers may be killed at
any moment. Ctrl-C kills them at once and silently; if this process dies, they do too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any

from curate.progress import Line
from model.ablation.profiles import Profile
from model.ablation.trial import Trial, run_trial


class InProcess(Executor):
    """Does the work at once, where it is handed in: a GPU's graph and data stay where they are."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A finished future. What is no Exception, as Ctrl-C, is raised here."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def workers(profile: Profile) -> Iterator[Executor]:
    """Two runs side by side beat one run on two cores; on a GPU one process beats several."""
    if profile.device != "cpu":
        yield InProcess()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(profile.workers, context, _end_with_parent)
    try:
        _start(pool, profile.workers)
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _start(pool: Executor, count: int) -> None:
    """Start the workers, deaf to Ctrl-C until they are able to die of it without a traceback."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in range(count):
            pool.submit(os.getpid)
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def _end_with_parent() -> None:
    """In a worker: die without a word on Ctrl-C, and when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_all(trials: Sequence[Trial], prepare: Callable[[Trial], None], pool: Executor, at_once: int) -> None:  # fmt: skip
    """Do the runs whose results are missing; `prepare` makes what one needs just before it starts.

    No more runs are handed out than there are workers, so after an error nothing new begins.
    """
    line, start = Line(), time.monotonic()
    missing = [trial for trial in trials if not trial.result.exists()]
    queue, running, done = iter(missing), set[Future[None]](), 0
    try:
        while running or done < len(missing):
            for trial in islice(queue, at_once - len(running)):
                prepare(trial)
                running.add(pool.submit(run_trial, trial))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
            done += len(finished)
            left = (time.monotonic() - start) / done * (len(missing) - done)
            line.show(f"ablate  run {done}/{len(missing)}  about {left:.0f} s left")
    finally:
        line.clear()
