"""Whatever a function does in the sandbox, the next call works and no child stays behind."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.sandbox import Sandbox, SandboxCrash, SandboxError, SandboxMemory, SandboxTimeout


def act(what: str, argument: object = None) -> object:
    if what == "segfault":
        ctypes.string_at(0)
    elif what == "sleep":
        time.sleep(1e9)
    elif what == "spin in C":
        re.match(r"(a+)+$", "a" * 60 + "b")
    elif what == "exit":
        os._exit(3)
    elif what == "sys.exit":
        sys.exit(3)
    elif what == "close everything":
        os.closerange(3, 1024)
        time.sleep(1e9)
    elif what == "allocate":
        return len(bytearray(8 << 30))
    elif what == "many objects":
        return len([bytes(1 << 20) for _ in range(10**4)])
    elif what == "long":
        return bytes(1 << 20)
    elif what == "raise":
        raise ValueError("no good")
    elif what == "unpicklable":
        return lambda: None
    elif what == "pid":
        return os.getpid()
    elif what == "oom":
        return Path("/proc/self/oom_score_adj").read_text().strip()
    return argument


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(act, timeout_seconds=1, memory_bytes=256 << 20)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ("segfault", SandboxCrash, "SIGSEGV"),
        ("sleep", SandboxTimeout, "within 1 s"),
        ("spin in C", SandboxTimeout, "within 1 s"),
        ("exit", SandboxCrash, "status 3"),
        ("close everything", SandboxCrash, "stopped answering"),
        ("allocate", SandboxMemory, "memory"),
        ("many objects", SandboxMemory, "memory"),
        ("sys.exit", SandboxError, "SystemExit: 3"),
        ("raise", SandboxError, "ValueError: no good"),
        ("unpicklable", SandboxError, "pickle"),
    ],
)
def test_what_goes_wrong_is_named_and_the_next_call_works(
    sandbox: Sandbox, what: str, error: type[SandboxError], message: str
) -> None:
    assert sandbox.call("echo", 1) == 1
    with pytest.raises(error, match=message) as raised:
        sandbox.call(what)
    assert type(raised.value) is error
    assert sandbox.call("echo", 2) == 2


def test_large_values_pass_and_their_memory_is_given_back(sandbox: Sandbox) -> None:
    for value in (os.urandom(20 << 20), "zażółć 日本" * (1 << 19)):
        assert sandbox.call("echo", value) == value
    for small in (b"", {"a": [1.5, None]}):
        assert sandbox.call("echo", small) == small
    channel = sandbox._channel
    assert channel is not None
    assert not any(channel.memory[9 << 20 : 20 << 20])


def test_a_value_too_large_costs_only_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.sandbox.MAX_VALUE_BYTES", 1 << 20)
    sandbox = Sandbox(act, 5)
    for what, argument in (("echo", bytes(1 << 20)), ("long", None)):
        with pytest.raises(SandboxError, match="more than 1,048,576 bytes"):
            sandbox.call(what, argument)
        assert sandbox.call("echo", 3) == 3
    sandbox.close()


def test_nothing_stays_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    sandbox = Sandbox(act, 5, recycle_calls=1)
    for number in range(3):
        assert sandbox.call("echo", number) == number
    with pytest.raises(SandboxCrash):
        sandbox.call("exit")
    sandbox.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_one_child_serves_many_calls_and_is_recycled() -> None:
    sandbox = Sandbox(act, 5, None, recycle_calls=3)
    children = [sandbox.call("pid") for _ in range(7)]
    assert [len(set(children[at : at + 3])) for at in (0, 3, 6)] == [1, 1, 1]
    assert len(set(children)) == 3
    sandbox.close()
    assert not any(alive(child) for child in children)


def test_a_child_killed_while_idle_is_replaced(sandbox: Sandbox) -> None:
    sandbox.call("echo")
    assert sandbox.pid is not None
    os.kill(sandbox.pid, signal.SIGKILL)
    while alive(sandbox.pid):
        time.sleep(0.01)
    assert sandbox.call("echo", 5) == 5


def test_the_system_kills_the_child_before_its_parent(sandbox: Sandbox) -> None:
    assert sandbox.call("oom") == "1000"


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("then", ["s.call(1e6)", "time.sleep(1e6)"])
def test_no_child_outlives_its_killed_parent(then: str) -> None:
    program = (
        "import time; from curate.sandbox import Sandbox\n"
        f"s = Sandbox(time.sleep, 1e6); s.call(0); print(s.pid, flush=True); {then}"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)
    parent.stdout.close()


def in_daemon(_: int) -> object:
    return Sandbox(act, 5).call("echo", "from a daemon's child")


def test_it_works_in_a_daemonic_worker() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(in_daemon, [1]) == ["from a daemon's child"]


def test_answers_are_not_mixed_up_after_a_timeout() -> None:
    sandbox = Sandbox(act, 0.2)
    for number in range(5):
        with pytest.raises(SandboxTimeout):
            sandbox.call("sleep")
        assert sandbox.call("echo", number) == number
    sandbox.close()


def test_answers_are_not_mixed_up_after_an_interrupt(sandbox: Sandbox) -> None:
    def interrupt(*_: object) -> None:
        raise RuntimeError("the time limit of the caller")

    assert sandbox.call("echo", 0) == 0
    kept = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(RuntimeError):
            sandbox.call("sleep")
    finally:
        signal.signal(signal.SIGALRM, kept)
    assert sandbox.call("echo", 1) == 1


def test_errors_pickle() -> None:
    assert str(pickle.loads(pickle.dumps(SandboxTimeout("x")))) == "x"
