"""Addresses and what stands there.

In: a path and its parameters. Out: a `Reply`. The decision: everything is in the address, so a page can
be kept as a bookmark and works without script; the script adds a way to cancel and a key to run a query.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from curate.errors import CurateError, OutputError, UserError
from curate.report import formats, report
from curate.report.page import PAGE, render
from curate.report.serve import answer, document
from curate.report.serve.browse import languages, page, place
from curate.report.serve.database import Database, hung_up
from curate.report.serve.narrowing import as_sql, from_address, to_address
from curate.report.serve.story import story
from curate.report.serve.tables import ServedTable, quoted
from curate.report.text import shown

HERE = Path(__file__).parent
ANSWER_ROWS = 100  # on a page
ANSWERS = 8  # remembered
TEXT_CHARS = 1_000_000
CONTENT_BYTES = 4_000
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Given = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """`body`: all of it, or parts as they come. `policy`: what the page may do."""

    body: bytes | Generator[bytes, None, None]
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    policy: str = "default-src 'none'; sandbox"
    name: str | None = field(default=None)  # of a file to keep


class Site:
    """The pages of one run."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._style = Markup(
            (HERE.parent / "page.css").read_text() + (HERE / "browse.css").read_text()
        )
        self._script = Markup((HERE / "browse.js").read_text())
        self._pages = _environment()
        self._pages.globals |= {
            "run": database.run, "style": self._style, "script": self._script,
            "address": address, "quoted": quoted,
        }  # fmt: skip
        self._answers: OrderedDict[str, tuple[answer.Answer, float]] = OrderedDict()
        self._languages: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._routes: dict[str, Callable[[Given, socket.socket | None], Reply]] = {
            "/": self._home, "/document": self._document, "/cell": self._cell, "/sql": self._sql,
            "/file": self._file, "/explain": self._explain, "/report": self._report,
        }  # fmt: skip

    def get(self, path: str, given: Given, client: socket.socket | None = None) -> Reply:
        """The page at an address; mistakes are pages of one line."""
        route = self._routes.get(path)
        if route is None:
            return self.message(f"there is no page {path[:200]}", 404)
        try:
            return route(given, client)
        except CurateError as error:
            return self.message(str(error), 400 if isinstance(error, UserError) else 503)

    def message(self, said: str, status: int) -> Reply:
        """A page of one line."""
        return self._page("message", status, is_missing=status == 404, said=shown(said))

    def opening(self) -> Reply:
        """What the first visit is answered with: it goes on to the tables, without the token."""
        return self._page("opening")

    def _page(self, name: str, status: int = 200, **facts: Any) -> Reply:
        text = self._pages.get_template(f"{name}.html.jinja").render(**facts)
        return Reply(text.encode("utf-8", "replace"), status=status, policy=self._policy)

    @property
    def _policy(self) -> str:
        return (
            f"default-src 'none'; style-src {_hash(self._style)}; script-src {_hash(self._script)}; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )

    def _home(self, given: Given, client: socket.socket | None) -> Reply:
        tables = self.database.tables
        documents = [table for table in tables if table.holds_documents]
        table = self.database.table(given.get("table") or (documents or tables)[-1].name)
        if not table.holds_documents:
            return self._sql({"q": f"SELECT * FROM {quoted(table.name)}"}, client)
        narrowed = from_address(given)
        forward = "before" not in given
        begin = place(given.get("from" if forward else "before", "0.0"))
        found = page(self.database, table, narrowed, begin, forward, client)
        return self._page(
            "home", tables=tables, table=table, narrowed=narrowed, page=found,
            forward=forward, given=to_address(table.name, narrowed), counted=narrowed.count(table.counts),
            languages=self._known_languages(table, client), sql=as_sql(table.name, narrowed),
        )  # fmt: skip

    def _known_languages(self, table: ServedTable, client: socket.socket | None) -> list[str]:
        if table.name not in self._languages:
            self._languages[table.name] = languages(self.database, table, client)
        return self._languages[table.name]

    def _document(self, given: Given, client: socket.socket | None) -> Reply:
        table = self.database.table(given.get("table", ""))
        at = place(given.get("at", ""))
        row = document.row(self.database, table, at, client)
        text, content = row.pop("text", None), row.pop("content", None)
        maps = {name: row.pop(name) for name, value in [*row.items()] if isinstance(value, dict)}
        return self._page(
            "document", table=table, at=given["at"], row=row, maps=maps, text=text, content=content,
            most_chars=TEXT_CHARS, most_bytes=CONTENT_BYTES,
        )  # fmt: skip

    def _cell(self, given: Given, client: socket.socket | None) -> Reply:
        table, column = self.database.table(given.get("table", "")), given.get("column", "text")
        at = place(given.get("at", ""))
        found = document.cell(self.database, table, at, column, client)
        name = f"{at[0]}-{at[1]}.{'txt' if column == 'text' else 'bin'}"
        return Reply(found, "application/octet-stream", name=name)

    def _sql(self, given: Given, client: socket.socket | None) -> Reply:
        sql = given.get("q", "").strip()
        facts: dict[str, Any] = {"sql": sql, "tables": self.database.tables, "answer": None}
        facts |= {"said": None, "seconds": 0.0, "at": 0, "rows": (), "most": answer.MOST_ROWS}
        if not sql:
            return self._page("sql", **facts)
        try:
            found, seconds = self._answer(sql, client)
        except CurateError as error:
            status = 400 if isinstance(error, UserError) else 503
            return self._page("sql", status, **facts | {"said": shown(str(error))})
        at = min(int(given["page"][:4]) if given.get("page", "").isdecimal() else 0, 1_000)
        rows = found.rows[at * ANSWER_ROWS :][:ANSWER_ROWS]
        facts |= {"answer": found, "seconds": seconds, "at": at, "rows": rows}
        return self._page("sql", **facts, per_page=ANSWER_ROWS)

    def _answer(self, sql: str, client: socket.socket | None) -> tuple[answer.Answer, float]:
        with self._lock:
            if sql in self._answers:
                self._answers.move_to_end(sql)
                return self._answers[sql]
        started = time.monotonic()
        found = answer.answer(self.database, sql, client), time.monotonic() - started
        with self._lock:
            self._answers[sql] = found
            while len(self._answers) > ANSWERS:
                self._answers.popitem(last=False)
        return found

    def _file(self, given: Given, client: socket.socket | None) -> Reply:
        sql = self.database.check(given.get("q", ""))
        as_csv = given.get("as") == "csv"
        kind = "text/csv; charset=utf-8" if as_csv else "application/x-ndjson"
        name = "answer.csv" if as_csv else "answer.jsonl"
        return Reply(self._lines(sql, as_csv, client), kind, name=name)

    def _lines(
        self, sql: str, as_csv: bool, client: socket.socket | None
    ) -> Generator[bytes, None, None]:
        with self.database.query(client, answer.FILE_SECONDS) as query:
            yield from answer.csv_parts(query, sql) if as_csv else answer.json_parts(query, sql)

    def _explain(self, given: Given, client: socket.socket | None) -> Reply:
        key = given.get("id", "").strip()
        lines = story(self.database.run.path, key, lambda: hung_up(client))
        return self._page("story", key=key, lines=[shown(line) for line in lines])

    def _report(self, given: Given, client: socket.socket | None) -> Reply:
        path = Path(self.database.run.path) / PAGE
        with self._writing:
            if not path.exists():
                with suppress(OutputError):  # a run that may only be read has its page all the same
                    report(self.database.run.path)
        text = path.read_bytes() if path.exists() else render(self.database.run).encode()
        return Reply(text, policy=REPORT_POLICY)


def address(path: str, **given: Any) -> str:
    """A path with those parameters that are something.

    >>> address("/sql", q="SELECT 1", page=None)
    '/sql?q=SELECT+1'
    """
    named = {name.rstrip("_"): value for name, value in given.items() if value not in (None, "")}
    return f"{path}?{urlencode(named)}" if named else path


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= formats.FILTERS | {"shown": lambda value: shown(str(value))}
    return found
