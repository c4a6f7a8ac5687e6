"""What `curate explain` says of a record.

In: a run and an id or URL. Out: its lines. The decision: `curate.audit.explain` runs in a process of its
own. It does steps again, which fork children and set timers, and neither belongs in a server's threads;
a process can also be ended when nobody waits for it any more.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from curate.errors import UserError, WorkError

SECONDS = 300.0
POLL_SECONDS = 0.2


def story(run_path: str, key: str, is_gone: Callable[[], bool]) -> list[str]:
    """UserError: there is no such record; WorkError: it took too long, or nobody waits."""
    command = [sys.executable, "-m", "curate", "explain", "--", run_path, key]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except ValueError:
        raise UserError("an id or URL holds no NUL") from None
    ends = time.monotonic() + SECONDS
    while True:
        try:
            out, said = process.communicate(timeout=POLL_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if time.monotonic() > ends or is_gone():
                process.kill()
                process.communicate()
                raise WorkError("the story took too long, or was cancelled") from None
    if process.returncode:
        lines = said.decode("utf-8", "replace").splitlines() or ["explain failed"]
        raise UserError(lines[-1].removeprefix("curate: "))
    return out.decode("utf-8", "replace").splitlines()
