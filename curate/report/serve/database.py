"""DuckDB over a run's committed files, and nothing else.

In: a finished run and a memory limit. Out: `Database`, whose queries are limited in time and number. The
decision: the engine itself is locked before the first question. It may open the listed files and its own
temporary folder, load nothing, and change no setting; `statement` comes before that lock, not instead
of it. A query ends when its time is over or when whoever asked has hung up.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from curate.document import SCHEMA
from curate.errors import InputError, MissingError, UserError, WorkError
from curate.finished import FinishedRun
from curate.report.serve.statement import checked, one_line
from curate.report.serve.tables import ServedTable, literal, served_tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXTRA = "curate[browse]"
AT_ONCE = 4
WAIT_SECONDS = 5.0
POLL_SECONDS = 0.1
SPILL_BYTES = "20GB"


def engine() -> ModuleType:
    """DuckDB's package; MissingError where it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise MissingError(f"--serve needs DuckDB: pip install '{EXTRA}'") from None
    return duckdb


class Query:
    """One question on a connection of its own. `why` it was ended: "late", "gone" or None."""

    def __init__(self, cursor: DuckDBPyConnection, client: socket.socket | None, seconds: float):
        self.cursor = cursor
        self.why: str | None = None
        self.seconds = seconds
        self._client = client
        self._done = threading.Event()
        self._ends = time.monotonic() + seconds

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows; for queries that have few."""
        return self.cursor.execute(sql, list(parameters)).fetchall()

    def watch(self) -> None:
        """Interrupt, again and again until it is over: an interruption before the start is lost."""
        while not self._done.wait(POLL_SECONDS):
            if self.why is None and time.monotonic() > self._ends:
                self.why = "late"
            if self.why is None and hung_up(self._client):
                self.why = "gone"
            if self.why is not None:
                self.cursor.interrupt()

    def end(self) -> None:
        """Stop watching."""
        self._done.set()


class Database:
    """The run's tables, open for reading."""

    def __init__(self, run: FinishedRun, memory: str, folder: Path) -> None:
        empty = folder / "empty.parquet"
        pq.write_table(SCHEMA.empty_table(), empty)
        self.run = run
        self.tables = served_tables(run, str(empty))
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._asked: set[Query] = set()
        self._connection = _open(self.tables, memory, folder)

    def table(self, name: str) -> ServedTable:
        """The table of that name."""
        found = next((table for table in self.tables if table.name == name), None)
        if found is None:
            raise UserError(f"no table {name} in this run")
        return found

    def check(self, sql: str) -> str:
        """See `statement.checked`."""
        with self._connection.cursor() as parser:
            return checked(sql, parser)

    @contextmanager
    def query(self, client: socket.socket | None, seconds: float) -> Iterator[Query]:
        """Something to ask with. UserError: what DuckDB says in one line; WorkError: no time left."""
        duckdb = engine()
        if not self._slots.acquire(timeout=WAIT_SECONDS):
            raise WorkError(f"{AT_ONCE} queries are running; wait for one or cancel it")
        try:
            with self._connection.cursor() as cursor:
                asked = Query(cursor, client, seconds)
                self._asked.add(asked)
                watcher = threading.Thread(target=asked.watch, daemon=True)
                watcher.start()
                try:
                    yield asked
                finally:
                    self._asked.discard(asked)
                    asked.end()
                    watcher.join()
        except duckdb.InterruptException:
            raise WorkError(_ended(asked)) from None
        except duckdb.OutOfMemoryException as error:
            raise WorkError(f"{one_line(error)}; give it more with --memory") from None
        except duckdb.Error as error:
            if self._is_another_run():
                raise WorkError("the run was made anew meanwhile; start this again") from None
            raise UserError(one_line(error)) from None
        finally:
            self._slots.release()

    def _is_another_run(self) -> bool:
        """Whether a table is no longer the one whose files were listed."""
        now = [(table.table.manifest or {}).get("fingerprint") for table in self.run.tables]
        return now != [table.manifest["fingerprint"] for table in self.run.tables]

    def end(self) -> None:
        """Interrupt what runs and give it a moment to end."""
        for query in list(self._asked):
            query.why = "gone"
        for _ in range(AT_ONCE):
            self._slots.acquire(timeout=WAIT_SECONDS / AT_ONCE)

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()


def _open(tables: Sequence[ServedTable], memory: str, folder: Path) -> DuckDBPyConnection:
    duckdb = engine()
    try:
        connection: DuckDBPyConnection = duckdb.connect(":memory:", config=_config(memory, folder))
    except duckdb.Error as error:
        raise UserError(f"--memory {memory}: {one_line(error)}") from None
    files = [path for table in tables for path in (*table.kept, *table.dropped)]
    allowed = ", ".join(map(literal, [*files, str(folder / "empty.parquet")]))
    try:
        for table in tables:
            connection.execute(table.view)
        connection.execute(f"SET allowed_paths = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        raise InputError(f"the run's files cannot be read: {one_line(error)}") from None
    return connection


def _config(memory: str, folder: Path) -> dict[str, str]:
    return {
        "memory_limit": memory,
        "temp_directory": str(folder / "spill"),
        "max_temp_directory_size": SPILL_BYTES,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_persistent_secrets": "false",
        "python_enable_replacements": "false",
    }


def hung_up(client: socket.socket | None) -> bool:
    """Whether whoever asked has hung up; nobody (None) never does."""
    if client is None:
        return False
    try:
        poll = select.poll()
        poll.register(client, select.POLLIN)
        return bool(poll.poll(0)) and client.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _ended(query: Query) -> str:
    if query.why == "late":
        return f"stopped after {query.seconds:.0f} s: ask for less, or narrow it"
    return "cancelled"
