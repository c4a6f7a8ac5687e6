"""Trying again what a busy server refused.

In: an action that raises `Busy` when a refusal may pass. Out: its result, or one `WorkError`. The
decision: the server's word (`Retry-After`) comes before our own arithmetic, no second attempt comes
sooner than a second after the first, and the number of attempts is limited: a slice that fails is
run again as a whole, so nothing is ever left out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from curate.errors import WorkError

ATTEMPTS = 10  # about five minutes
LISTING_ATTEMPTS = 4  # about ten seconds: somebody is waiting
FIRST_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 60.0
MAX_TOLD_SECONDS = 900.0

Result = TypeVar("Result")


class Busy(Exception):
    """A refusal that may pass; `wait_seconds` is what the server asked for."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_seconds = wait_seconds


def patiently(action: Callable[[], Result], what: str, attempts: int = ATTEMPTS) -> Result:
    """The result of `action`, which is tried `attempts` times. Raises WorkError naming `what`."""
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except Busy as busy:
            reason, told = busy.reason, busy.wait_seconds or 0.0
        if told > MAX_TOLD_SECONDS:
            raise WorkError(f"{what}: {reason}; the server asks to come back in {told:.0f} seconds")
        if attempt < attempts:
            time.sleep(max(told, wait_seconds(attempt)))
    raise WorkError(f"{what}: {reason}; given up after {attempts} attempts, run it again later")


def wait_seconds(attempt: int) -> float:
    """How long to wait after the `attempt`th failure: twice as long each time, and a random half
    more, so that many readers do not come back together."""
    wait = min(FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1), MAX_WAIT_SECONDS)
    return wait * random.uniform(1.0, 1.5)
