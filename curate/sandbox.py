"""A function in a child process, with limits on time and memory.

In: a function and picklable arguments. Out: its result, or an error that says how the child ended.
The decision: one long-lived forked child serves many calls, so a call costs a pipe's round trip and
not a process; a call that hangs, crashes the interpreter or eats memory kills the child, and only
that call fails. No child outlives its parent. Arguments and results lie in memory that both share,
and the pipe only says whose turn it is: a large page costs two copies instead of a wake-up for every
64 KB.

Linux: the memory limit and the tie to the parent need /proc and prctl.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import mmap
import os
import pickle
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
MEMORY_STATUS = 75
MAX_MESSAGE_CHARS = 500
MAX_POLL_MILLISECONDS = 2**31 - 1  # a C int
MAX_VALUE_BYTES = 1 << 29  # pickled; address space only, until it is used
KEPT_BYTES = 8 << 20  # shared memory that stays in use from one call to the next


class SandboxError(Exception):
    """The function raised (or returned what cannot be pickled); the message is type and text."""


class SandboxTimeout(SandboxError):
    """No answer in time; the child was killed."""


class SandboxCrash(SandboxError):
    """The child ended without an answer: a fault in native code, or an exit."""


class SandboxMemory(SandboxError):
    """The call needed more memory than allowed, or the system killed the child for memory."""


@dataclass(frozen=True)
class _Channel:
    """One end of the way between parent and child: a pickle lies in `memory`, a byte on a pipe
    hands it over. Only the side whose turn it is touches the memory."""

    memory: mmap.mmap
    incoming: int
    outgoing: int

    def send(self, value: Any) -> None:
        """Raises BrokenPipeError if the other side is gone."""
        if LIBC and self.memory.tell() > KEPT_BYTES:  # the last value sent from here was large
            self.memory.madvise(mmap.MADV_REMOVE)
        self.memory.seek(0)
        try:
            pickle.dump(value, self.memory, pickle.HIGHEST_PROTOCOL)
        except ValueError:
            raise SandboxError(f"a value of more than {MAX_VALUE_BYTES:,} bytes") from None
        os.write(self.outgoing, b"!")

    def receive(self, timeout_seconds: float | None = None) -> Any:
        """Wait for a value. Raises EOFError if the other side is gone, TimeoutError if it is late."""
        if timeout_seconds is not None:
            poll = select.poll()
            poll.register(self.incoming, select.POLLIN)
            if not poll.poll(min(timeout_seconds * 1000, MAX_POLL_MILLISECONDS)):
                raise TimeoutError
        if not os.read(self.incoming, 1):
            raise EOFError
        return pickle.loads(self.memory)

    def close(self) -> None:
        """Close the ends of the pipes."""
        os.close(self.incoming)
        os.close(self.outgoing)


def _channel() -> tuple[_Channel, _Channel]:
    """The parent's end and the child's."""
    memory = mmap.mmap(-1, MAX_VALUE_BYTES)
    (from_child, to_parent), (from_parent, to_child) = os.pipe(), os.pipe()
    return _Channel(memory, from_child, to_child), _Channel(memory, from_parent, to_parent)


class Sandbox:
    """Calls `function` in a child that is forked at the first call and whenever it is gone.

    `memory_bytes` is what the child may take beyond what the parent had; None is no limit. The
    child is replaced after `recycle_calls` calls, so that a leak stays small. Calls from several
    threads wait for each other. Import what the function needs before the first call: the child
    inherits it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        timeout_seconds: float,
        memory_bytes: int | None = None,
        recycle_calls: int = 1000,
    ) -> None:
        self._function = function
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._recycle_calls = recycle_calls
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._channel: _Channel | None = None
        self._calls = 0

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._pid

    def call(self, *arguments: Any) -> Any:
        """The function's result. Raises SandboxError or one of its kinds; then just call again."""
        with self._lock:
            if self._calls >= self._recycle_calls:
                self._end()
            try:
                kind, value = self._answer(self._send(arguments))
            except SandboxError:
                raise
            except BaseException:  # a signal's handler: the child's answer would be the next call's
                self._end()
                raise
        if kind == "result":
            return value
        raise (SandboxMemory if kind == "memory" else SandboxError)(value)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _send(self, arguments: tuple[Any, ...]) -> _Channel:
        """Hand the call to the child; a child that died while idle is replaced first."""
        channel = self._channel or self._start()
        with contextlib.suppress(BrokenPipeError):
            channel.send(arguments)
            return channel
        self._end()
        channel = self._start()
        with contextlib.suppress(BrokenPipeError):  # waiting for the answer says how it ended
            channel.send(arguments)
        return channel

    def _answer(self, channel: _Channel) -> tuple[str, Any]:
        self._calls += 1
        try:
            answer: tuple[str, Any] = channel.receive(self._timeout_seconds)
        except TimeoutError:
            self._end()
            raise SandboxTimeout(f"no answer within {self._timeout_seconds:g} s") from None
        except (EOFError, OSError):
            status = self._end(patience_seconds=1)
            oom = status in (-signal.SIGKILL, MEMORY_STATUS)
            raise (SandboxMemory if oom else SandboxCrash)(_cause(status)) from None
        if answer[0] == "memory":
            self._end()
        return answer

    def _start(self) -> _Channel:
        parent, (ours, theirs) = os.getpid(), _channel()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _serve(theirs, self._function, self._memory_bytes, parent)
        theirs.close()
        self._channel, self._calls = ours, 0
        return ours

    def _end(self, patience_seconds: float = 0) -> int | None:
        """Kill and reap the child; its exit status, negative for a signal, None if unknown. One that
        is ending by itself is given some patience, so that its own status is seen."""
        pid, self._pid = self._pid, None
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        return None if pid is None else _reap(pid, patience_seconds)


def _reap(pid: int, patience_seconds: float) -> int | None:
    try:
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if (ended := os.waitpid(pid, os.WNOHANG))[0]:
                return os.waitstatus_to_exitcode(ended[1])
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ChildProcessError, ProcessLookupError):
        pass
    return None


def _cause(status: int | None) -> str:
    if status is None:
        return "the child stopped answering"
    if status < 0:
        return f"the child was ended by {signal.Signals(-status).name}"
    return f"the child exited with status {status}"


def _serve(
    channel: _Channel, function: Callable[..., Any], memory_bytes: int | None, parent: int
) -> NoReturn:
    """The child's whole life."""
    status = 0
    try:
        _confine(memory_bytes, parent)
        while True:
            _answer_call(channel, function, channel.receive())
    except (EOFError, OSError):
        pass
    except MemoryError:
        status = MEMORY_STATUS
    except BaseException:
        status = 1
    finally:
        os._exit(status)


def _answer_call(channel: _Channel, function: Callable[..., Any], arguments: Any) -> None:
    try:
        channel.send(("result", function(*arguments)))
    except MemoryError:
        channel.send(("memory", "the call needed more memory than allowed"))
    except BaseException as error:
        channel.send(("error", f"{type(error).__name__}: {error}"[:MAX_MESSAGE_CHARS]))


def _confine(memory_bytes: int | None, parent: int) -> None:
    """Tie the child to its parent and limit what it can take."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()
    if LIBC is None:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if memory_bytes is not None:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = held + memory_bytes
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
