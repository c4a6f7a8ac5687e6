"""A run in the browser: its pages hold exactly the committed rows, its SQL reads and nothing else, and
only whoever started it may ask."""

from __future__ import annotations

import csv
import hashlib
import http.client
import io
import json
import random
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run, write_table

from curate.document import Document, encodable
from curate.errors import InputError, MissingError, UserError, WorkError
from curate.finished import open_run
from curate.text import Text

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")

from curate.report.serve import answer, browse, serve  # noqa: E402
from curate.report.serve.browse import Narrowing, Page, page, place  # noqa: E402
from curate.report.serve.database import Database, Query  # noqa: E402
from curate.report.serve.pages import Site  # noqa: E402
from curate.report.serve.server import HOST, Server, listen  # noqa: E402

ODD = '02-it\'s "odd"'
HOSTILE = (
    "<script>alert(1)</script>", "</textarea></pre><svg onload=alert(1)>", "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)", "{{ 7 * 7 }}{% for x in () %}", "javascript:alert(1)", "\x00\u202eabc",
    "50%_of it's \\ \"all\"", "\ud800 alone", "שלום עולם", "",
)  # fmt: skip
REASONS = ("gopher.word_count", "c4.sentence_count", "record.request", HOSTILE[0])
LONG = 3_000
ROWS_PER_FILE = 31
SLOW = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of two outcomes in several files, a table of a hostile name, an empty one, shards."""
    folder = tmp_path_factory.mktemp("serve") / "run"
    rows = many_rows()
    kept = [Document(r.id, r.source, r.origin, text=r.text) for r in rows if r.drop is None]
    shards = [{"split": "train", "file": "a'b.bin", "documents": 3, "tokens": 9, "bytes": 18}]
    tokens = TableSpec(
        "04-tokens", [{"tokenize": {}}], kept, "tokens", 1.0, {"tokens": {"shards": shards}}
    )
    specs = [
        TableSpec("01-filter", [{"gopher": {}}, {"c4": {}}], rows),
        TableSpec(ODD, [{"dedup": {}}], kept, "set"),
        TableSpec("03-empty", [{"mix": {}}], [], "set"),
        tokens,
    ]  # fmt: skip
    write_run(folder, specs)
    cut_into_files(folder / "01-filter", ROWS_PER_FILE)
    for stray in [*folder.rglob("*.parquet")][:2]:  # what an attempt that failed left behind
        shutil.copy(stray, stray.with_name("part-99.parquet"))
    return folder


def many_rows() -> list[Document]:
    draw = random.Random(3)
    rows = []
    for i in range(230):
        said = draw.choice(HOSTILE)
        text = None if i % 29 == 0 else Text(f"{said} number {i}" + " word" * draw.randrange(9))
        row = document(
            f"a.warc#{i}", text, draw.choice(["web", "book", HOSTILE[1]]), url=f"{said}/{i}",
            language=draw.choice(["en", "de", None]), signals={"gopher.word_count": i / 3, encodable(said): 1.0},
            labels={"split": "train", said: said}, drop=draw.choice([None, None, *REASONS]),
        )  # fmt: skip
        rows.append(row)
    rows[1].text, rows[1].drop = Text("x" * LONG), None
    rows[2].content = bytes(range(256)) * 40
    return rows


def cut_into_files(table: Path, rows: int) -> None:
    """The same table in files of so many rows."""
    manifest = json.loads((table / "manifest.json").read_text("utf-8"))
    files = []
    for name in manifest["slices"][0]["files"]:
        whole = pq.read_table(table / name)
        (table / name).unlink()
        for at in range(0, whole.num_rows, rows):
            files.append(f"{name.removesuffix('.parquet')}-{at:04}.parquet")
            pq.write_table(whole.slice(at, rows), table / files[-1], row_group_size=7)
    manifest["slices"][0]["files"] = files
    (table / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def open_database(run: Path, folder: Path) -> Database:
    folder.mkdir()
    return Database(open_run(str(run)), "300MB", folder)


@pytest.fixture(scope="module")
def database(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = open_database(run, tmp_path_factory.mktemp("scratch") / "duckdb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(browse, "ROWS", 9)
        yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(database: Database) -> Site:
    return Site(database)


@cache
def stored(run: Path, name: str = "01-filter") -> list[dict[str, Any]]:
    """The committed rows, kept ones first, in the order of the manifest's files."""
    table = next(table for table in open_run(str(run)).tables if table.name == name)
    rows = []
    for kept in (True, False):
        for path in table.table.files(kept):
            rows += [
                {**row, "kept": kept} for row in pq.read_table(path, partitioning=None).to_pylist()
            ]
    return rows


def matching(rows: list[dict[str, Any]], n: Narrowing) -> list[str]:
    def fold(text: str) -> str:
        return text.lower() if n.ignore_case else text

    return [
        row["id"] for row in rows
        if (n.kept is None or row["kept"] == n.kept)
        and all(wanted in (None, row[key]) for key, wanted in (("drop", n.reason), ("source", n.source), ("language", n.language)))
        and (n.text is None or (row["text"] is not None and fold(n.text) in fold(row["text"])))
    ]  # fmt: skip


def walk(database: Database, name: str, narrowed: Narrowing) -> Iterator[Page]:
    """All pages from the first on."""
    found = page(database, database.table(name), narrowed)
    while True:
        yield found
        if found.next is None:
            return
        found = page(database, database.table(name), narrowed, found.next)


narrowings = st.builds(
    Narrowing, st.sampled_from([None, None, True, False]), st.sampled_from([None, None, *REASONS, "no"]),
    st.sampled_from([None, None, "web", "book", HOSTILE[1], "no"]), st.sampled_from([None, None, "en", "xx"]),
    st.sampled_from([None, None, "number 1", "%", "_of it's", "\\", "WORD", "\\ \"ALL", "(", ".*", "שלום", "script>"]), st.booleans(),
)  # fmt: skip


# --- pages of rows


@settings(deadline=None, max_examples=12)
@given(narrowings)
def test_the_pages_hold_what_a_plain_reading_finds(
    database: Database, run: Path, narrowed: Narrowing
) -> None:
    rows = stored(run)
    wanted = matching(rows, narrowed)
    pages = list(walk(database, "01-filter", narrowed))
    assert [row.id for found in pages for row in found.rows] == wanted
    assert all(len(found.rows) == browse.ROWS for found in pages[:-1])
    counted = narrowed.count(database.table("01-filter").counts)
    assert counted == (None if narrowed.language or narrowed.text else len(wanted))


@settings(deadline=None, max_examples=4)
@given(narrowings)
def test_the_page_before_ends_where_the_page_begins(
    database: Database, narrowed: Narrowing
) -> None:
    table = database.table("01-filter")
    pages = list(walk(database, "01-filter", narrowed))
    for before, found in zip(pages, pages[1:], strict=False):
        assert found.previous is not None
        again = page(database, table, narrowed, found.previous, forward=False)
        assert (again.rows, again.next) == (before.rows, before.next)


def test_every_row_opens_whole(site: Site, run: Path) -> None:
    rows = {row["id"]: row for row in stored(run)}
    for found in list(walk(site.database, "01-filter", Narrowing()))[::9]:
        for row in found.rows[:2]:
            at = f"{row.place[0]}.{row.place[1]}"
            text = get(site, "/document", table="01-filter", at=at)
            stands = rows[row.id]
            assert stands["id"] in text and stands["origin"] in text
            if stands["text"]:
                whole = site.get("/cell", {"table": "01-filter", "at": at, "column": "text"})
                assert whole.body == stands["text"].encode() and whole.name


def test_a_long_text_is_cut_on_the_page_and_whole_as_a_file(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.report.serve.pages.TEXT_CHARS", 100)
    said = Seen(get(site, "/", table="01-filter", text="xxxx"))
    (link,) = [href for href in said.links if href.startswith("/document")]
    given = dict(part.split("=") for part in link.partition("?")[2].split("&"))
    opened = get(site, "/document", **given)
    assert "x" * 100 in opened and "x" * 101 not in opened and f"{LONG:,} characters" in opened
    assert site.get("/cell", given).body == b"x" * LONG


def test_the_content_of_a_record_is_shown_by_its_first_bytes(site: Site, run: Path) -> None:
    rows = stored(run)
    at = next(i for i, row in enumerate(rows) if row["content"])
    same = [i for i, row in enumerate(rows) if row["kept"] == rows[at]["kept"]]
    before = 0 if rows[at]["kept"] else len(site.database.table("01-filter").kept)
    file, row = divmod(same.index(at), ROWS_PER_FILE)
    given = {"table": "01-filter", "at": f"{before + file}.{row}"}
    assert "10,240 bytes as they were read" in get(site, "/document", **given)
    assert site.get("/cell", {**given, "column": "content"}).body == bytes(range(256)) * 40


def test_a_search_that_is_out_of_time_goes_on_where_it_stopped(
    database: Database, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrowed = Narrowing(text="number")
    table = database.table("01-filter")
    monkeypatch.setattr(browse, "ROWS", 10_000)
    real = Query.rows
    asked = iter(range(1_000))

    def impatient(query: Query, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        if "LIMIT" in sql and next(asked) % 3 == 2:
            query.why = "late"
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        return real(query, sql, parameters)

    monkeypatch.setattr(Query, "rows", impatient)
    ids: list[str] = []
    at: browse.Place | None = (0, 0)
    while at is not None:
        found = page(database, table, narrowed, at)
        ids += [row.id for row in found.rows]
        at = found.stopped
    assert ids == matching(stored(run), narrowed)
    asked = iter([2])
    with pytest.raises(WorkError, match="narrow it"):
        page(database, table, narrowed)


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "-1.2", "1.2.3", "².1", "1.x", "9" * 40 + ".1"]
)
def test_a_place_that_is_none_is_said(text: str) -> None:
    with pytest.raises(UserError):
        place(text)


def test_a_place_behind_all_rows_is_an_empty_page(site: Site) -> None:
    assert "No row here matches" in get(site, "/", table="01-filter", **{"from": "900.0"})
    assert "has no row 900.0" in get(site, "/document", 400, table="01-filter", at="900.0")
    assert "no table nope" in get(site, "/", 400, table="nope")
    assert "there is no page /nope" in get(site, "/nope", 404)


# --- views


def test_the_views_hold_the_committed_rows_and_no_others(database: Database, run: Path) -> None:
    for name in ("01-filter", ODD, "03-empty"):
        quoted = name.replace('"', '""')
        sql = f'SELECT id, kept, text, "drop" FROM "{quoted}" ORDER BY id'
        with database.query(None, 60) as query:
            found = query.rows(database.check(sql))
        rows = sorted(
            (row["id"], row["kept"], row["text"], row["drop"]) for row in stored(run, name)
        )
        assert found == rows


def test_token_shards_are_the_rows_of_their_table(site: Site) -> None:
    said = Seen(get(site, "/", table="04-tokens"))
    assert said.cells[:5] == ["train", "a'b.bin", "3", "9", "18"]


def test_one_table_is_a_run(run: Path, tmp_path: Path) -> None:
    opened = open_database(run / "01-filter", tmp_path / "scratch")
    assert [table.name for table in opened.tables] == ["01-filter"]
    assert "match" in get(Site(opened), "/")
    opened.close()


@pytest.mark.parametrize("name", ["a*b", "a?b", "a[b]"])
def test_a_path_that_would_be_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    write_table(tmp_path / name, TableSpec("t", [], [document("a", Text("x"))]))
    with pytest.raises(InputError, match="rename it"):
        open_database(tmp_path / name / "t", tmp_path / "scratch")


def test_a_run_made_anew_meanwhile_is_said(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    opened = open_database(tmp_path / "run", tmp_path / "scratch")
    shutil.rmtree(tmp_path / "run" / "01-filter")
    assert "start this again" in get(Site(opened), "/", 503, table="01-filter")
    opened.close()


# --- SQL

READS = (
    'SELECT * FROM "01-filter"', 'SELECT "drop", count(*) AS n FROM "01-filter" GROUP BY ALL ORDER BY n DESC',
    'WITH a AS (SELECT 1 AS x) SELECT x, x FROM a', 'DESCRIBE "01-filter"', "DESCRIBE SELECT 1;",
    'SUMMARIZE SELECT source FROM "01-filter"', 'FROM "01-filter" LIMIT 3', "VALUES (1), (2)", "SELECT 1 -- c",
    "SELECT signals['gopher.word_count'], list_transform(['a'], lambda x: x || 'b'), text[1:2] FROM \"01-filter\"",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "SELECT CAST(1 AS DECIMAL(3, 1)), CASE WHEN 1 IN (1, 2) THEN 1 END, row_number() OVER (ORDER BY 1), NULL",
    "SELECT * FROM range(3) UNION ALL SELECT 2", "SELECT * FROM (PIVOT (SELECT 1 a, 2 b) ON a IN (1) USING sum(b))",
    'SELECT a.id FROM "01-filter" a LEFT JOIN "03-empty" b USING (id) WHERE b.id IS NULL LIMIT 2',
    "SHOW TABLES", "SELECT 'a''b', \"id\" FROM \"01-filter\" USING SAMPLE 10%", "SELECT unnest([1, 2])",
)  # fmt: skip
ATTACKS = (
    "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM '/etc/hosts.csv'",
    "COPY (SELECT 1) TO '{out}/x.csv'", "WITH x AS (COPY (SELECT 1) TO '{out}/x.csv') SELECT 1",
    "WITH x AS (COPY (SELECT 1 AS a) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)) SELECT 1",
    "SELECT (WITH x AS (COPY (SELECT 1) TO '{scratch}/x.csv') SELECT 1)", "COPY (SELECT 1) TO '{scratch}/x.csv'",
    "DESCRIBE (WITH x AS (COPY (SELECT 1) TO '{scratch}/x.csv') SELECT 1)",
    "ATTACH '{out}/x.db'", "INSTALL httpfs", "LOAD httpfs", "SET memory_limit = '1TB'", "RESET memory_limit",
    "SET VARIABLE a = 1", "PRAGMA database_list", "SELECT getenv('HOME')", "SELECT * FROM glob('/*')",
    "SELECT * FROM read_parquet('{outside}')", "SELECT * FROM '{outside}'", "SELECT * FROM read_parquet('{run}/**')",
    "SELECT 1; SELECT 2", "SELECT 1; COPY (SELECT 1) TO '{out}/x.csv'", "", ";", "-- nothing", "SELEC 1", "SELECT 'a",
    "CREATE TABLE t AS SELECT 1", "CREATE MACRO f() AS 1", 'DROP VIEW "01-filter"', "USE memory", "CALL glob('/*')",
    "INSERT INTO t VALUES (1)", "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x", "VACUUM",
    "EXPORT DATABASE '{out}'", "IMPORT DATABASE '{out}'", "CHECKPOINT", "BEGIN", "PREPARE p AS SELECT 1", "DEALLOCATE p",
    "SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('01-filter')", "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM enable_logging(storage = 'file', storage_config = {{'path': '{out}/log'}})",
    "SELECT * FROM enable_profiling(save_location = '{out}/profile')", "SELECT * FROM json_execute_serialized_sql('{{}}')",
    "SELECT * FROM main.read_text('/etc/passwd')", "SELECT * FROM READ_BLOB('/proc/self/environ')",
    "SELECT * FROM (VALUES ('/etc/passwd')) v(p), LATERAL read_text(p)", "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
    "SELECT * FROM 'https://127.0.0.1:9/x.parquet'", "SELECT * FROM pandas_scan(1)", "SELECT * FROM secret_local",
    "EXPLAIN ANALYZE SELECT 1", "SELECT $a", "SELECT 1 / * 2", "SELECT " + "+".join(["1"] * 3_000), "SELECT " + "x" * 60_000,
)  # fmt: skip
secret_local = "a Python variable is no table"


@pytest.mark.parametrize("sql", READS)
def test_what_reads_is_run(database: Database, sql: str) -> None:
    assert answer.answer(database, sql, None).columns


def digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}  # fmt: skip


def written_out(sql: str, run: Path, tmp_path: Path, database: Database) -> str:
    if "{" not in sql:
        return sql
    outside = tmp_path / "outside.parquet"
    pq.write_table(pq.read_table(database.tables[0].kept[0], partitioning=None), outside)
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    scratch = Path(answer.answer(database, "SELECT current_setting('temp_directory')", None).rows[0][0].text or "")  # fmt: skip
    return sql.format(out=out, file=database.tables[0].kept[0], scratch=scratch, outside=outside, run=run)  # fmt: skip


@pytest.mark.parametrize("sql", ATTACKS)
def test_what_does_more_than_read_is_refused_in_one_line(
    site: Site, run: Path, tmp_path: Path, sql: str
) -> None:
    sql = written_out(sql, run, tmp_path, site.database)
    before = digests(run), digests(tmp_path)
    with pytest.raises(UserError) as refused:
        answer.answer(site.database, sql, None)
    assert (
        str(refused.value) and "\n" not in str(refused.value) and "root:" not in str(refused.value)
    )
    for path in ("/sql", "/file"):
        reply = site.get(path, {"q": sql, "as": "csv"})
        if path == "/file" and not isinstance(reply.body, bytes):
            with pytest.raises(UserError):
                list(reply.body)
        else:
            assert reply.status == 400 or not sql
    assert (digests(run), digests(tmp_path)) == before


@pytest.mark.parametrize(
    "sql",
    [sql for sql in ATTACKS if "/" in sql and not sql.startswith("--") and "{scratch}" not in sql and " / " not in sql]
    + ["SET memory_limit = '1TB'", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true",
       "SET allowed_directories = ['/']", "SELECT * FROM secret_local"],
)  # fmt: skip
def test_the_engine_itself_refuses_too(
    database: Database, run: Path, tmp_path: Path, sql: str
) -> None:
    """Whatever slipped through the check of the statement finds the engine locked."""
    sql = written_out(sql, run, tmp_path, database)
    if database.tables[0].kept[0] in sql:
        pytest.skip("the engine may open that file; only the check of the statement keeps it")
    before = digests(run), digests(tmp_path)
    with pytest.raises((UserError, WorkError)), database.query(None, 30) as query:
        query.rows(sql)
    assert (digests(run), digests(tmp_path)) == before


def test_cells_are_cut_and_rows_are_limited(site: Site) -> None:
    found = answer.answer(
        site.database,
        "SELECT repeat('é', 5000) AS a, range AS n, NULL, 'ab'::BLOB FROM range(3000)",
        None,
    )
    assert found.cut and len(found.rows) == answer.MOST_ROWS
    text, number, null, blob = found.rows[7]
    assert (text.text, text.chars) == ("é" * answer.CELL_CHARS, 5000)
    assert (number.text, number.chars, null.text, blob.text) == ("7", None, None, "6162")
    assert [numeric for _, _, numeric in found.columns] == [False, True, False, False]
    sql = "SELECT range AS n FROM range(3000) ORDER BY n DESC"
    numbers = [int(cell) for at in range(10) for cell in Seen(get(site, "/sql", q=sql, page=str(at))).cells]  # fmt: skip
    assert numbers == list(range(2999, 1999, -1))


def test_an_answer_is_kept_whole(site: Site, run: Path) -> None:
    sql = 'SELECT id, text, signals, content, signals AS id FROM "01-filter" ORDER BY 1'
    rows = sorted(stored(run), key=lambda row: str(row["id"]))
    body = site.get("/file", {"q": sql, "as": "json"}).body
    assert not isinstance(body, bytes)
    found = [json.loads(line) for line in b"".join(body).splitlines()]
    assert [(row["id"], row["text"], row["signals"], row["id_2"]) for row in found] == [
        (row["id"], row["text"], dict(row["signals"]), dict(row["signals"])) for row in rows
    ]
    body = site.get("/file", {"q": sql, "as": "csv"}).body
    assert not isinstance(body, bytes)
    lines = list(csv.reader(io.StringIO(b"".join(body).decode(), newline="")))
    assert lines[0] == ["id", "text", "signals", "content", "id"]
    assert [line[:2] for line in lines[1:]] == [[row["id"], row["text"] or ""] for row in rows]


def test_a_query_has_a_time_limit(database: Database) -> None:
    with pytest.raises(WorkError, match="stopped after 0 s"):
        answer.answer(database, SLOW, None, seconds=0.2)


def test_hanging_up_cancels_a_query(database: Database) -> None:
    ours, theirs = socket.socketpair()
    threading.Timer(0.3, theirs.close).start()
    with ours, pytest.raises(WorkError, match="cancelled"):
        answer.answer(database, SLOW, ours, seconds=60)


def test_memory_is_limited(database: Database) -> None:
    with pytest.raises(
        WorkError, match=r"^Out of Memory Error: [^\n]*; give it more with --memory$"
    ):
        answer.answer(database, "SELECT list(range) FROM range(100000000)", None)


# --- hostile documents


class Seen(HTMLParser):
    """What a browser makes of a page, as far as it matters here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.scripts = 0
        self.cells: list[str] = []
        self.is_cell = False
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "action", "src")]
        self.scripts += tag == "script"
        if tag == "td":
            self.cells.append("")
            self.is_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.is_cell = self.is_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.is_cell:
            self.cells[-1] += data


def get(site: Site, path: str, status: int = 200, **given: str) -> str:
    reply = site.get(path, given)
    assert reply.status == status and isinstance(reply.body, bytes)
    return reply.body.decode()


def test_what_documents_say_never_becomes_markup(site: Site) -> None:
    plain = Seen(get(site, "/", table="03-empty"))
    assert plain.scripts == 1
    pages = [get(site, "/", table=name) for name in ("01-filter", ODD)]
    pages += [get(site, "/", table="01-filter", text=h, source=h, language=h, reason=h) for h in map(encodable, HOSTILE)]  # fmt: skip
    pages += [get(site, "/sql", q='SELECT id, source, signals, labels, text FROM "01-filter"')]
    pages += [get(site, "/sql", 400, q=f"SELECT '{h}' x FROM \"{h}\"") for h in HOSTILE[:3]]
    pages += [get(site, h, 404) for h in map(encodable, HOSTILE)]
    for text in list(pages):
        links = [href for href in Seen(text).links if href.startswith("/document")]
        for link in links[:3]:
            pages.append(get(site, "/document", **dict(p.split("=") for p in link.partition("?")[2].replace("%22", '"').replace("%27", "'").replace("+", " ").split("&"))))  # fmt: skip
    assert len(pages) > 30
    for text in pages:
        seen = Seen(text)
        assert seen.scripts == 1 and not seen.tags & {
            "img",
            "svg",
            "iframe",
            "base",
            "link",
            "object",
        }
        assert not [name for name in seen.attributes if name.startswith("on") or name == "style"]
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in seen.links)
        assert not set("\x00\u202e") & set(seen.text)


# --- who may ask


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    with listen(site, 0) as started:
        threading.Thread(target=started.serve_forever, args=(0.05,), daemon=True).start()
        yield started
        started.shutdown()


def ask(
    server: Server, path: str = "/", head: Mapping[str, str] | None = None, method: str = "GET",
    kept: bool = True,
) -> http.client.HTTPResponse:  # fmt: skip
    """A request with the cookie (`kept`), and other fields of the head."""
    connection = http.client.HTTPConnection(HOST, server.server_address[1], timeout=20)
    fields = {"Cookie": f"a=b; {server.gate.cookie}={server.gate.token}"} if kept else {}
    connection.request(method, path, headers={**fields, **(head or {})})
    reply = connection.getresponse()
    reply.text = reply.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return reply


def test_the_first_visit_brings_a_cookie(server: Server) -> None:
    path = server.address.partition(str(server.server_address[1]))[2]
    reply = ask(server, path, {"Sec-Fetch-Site": "cross-site"}, kept=False)
    cookie = reply.getheader("Set-Cookie") or ""
    assert reply.status == 200 and all(
        word in cookie for word in ("HttpOnly", "SameSite=Strict", server.gate.token)
    )
    assert "Tables" not in reply.text  # type: ignore[attr-defined]
    again = ask(server, head={"Cookie": cookie.partition(";")[0]}, kept=False)
    assert again.status == 200 and "01-filter" in again.text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "head", "kept"),
    [
        ("/", {}, False), ("/sql?q=SELECT+1", {}, False), ("/report", {}, False),
        ("/?token=wrong", {}, True), ("/?token=%E2%82%AC", {}, False), ("/sql?token=TOKEN", {}, False),
        ("/", {"Cookie": "curate-1=TOKEN"}, False), ("/", {"Cookie": "COOKIE=TOKENx"}, False), ("/", {"Cookie": "\x7f=;;="}, False),
        ("/", {"Host": "evil.example"}, True), ("/", {"Host": "evil.example:PORT"}, True), ("/?token=TOKEN", {"Host": "evil.example:PORT"}, False),
        ("/", {"Host": "127.0.0.1:1"}, True), ("/", {"Host": ""}, True),
        ("/", {"Origin": "http://evil.example"}, True), ("/", {"Origin": "null"}, True), ("/", {"Origin": "https://127.0.0.1:PORT"}, True),
        ("/sql?q=SELECT+1", {"Sec-Fetch-Site": "cross-site"}, True), ("/sql?q=SELECT+1", {"Sec-Fetch-Site": "same-site"}, True),
    ],
)  # fmt: skip
def test_whoever_may_not_ask_is_refused(
    server: Server, path: str, head: dict[str, str], kept: bool
) -> None:
    def full(text: str) -> str:
        text = text.replace("TOKEN", server.gate.token).replace("COOKIE", server.gate.cookie)
        return text.replace("PORT", str(server.server_address[1]))

    reply = ask(server, full(path), {name: full(value) for name, value in head.items()}, kept=kept)
    assert reply.status == 403 and not reply.getheader("Set-Cookie")
    assert "01-filter" not in reply.text and reply.text.count("\n") == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "head", [{}, {"Host": "localhost:PORT"}, {"Sec-Fetch-Site": "none"},
             {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:PORT"}],
)  # fmt: skip
def test_whoever_may_ask_is_answered(server: Server, head: dict[str, str]) -> None:
    port = str(server.server_address[1])
    reply = ask(server, head={name: value.replace("PORT", port) for name, value in head.items()})
    assert reply.status == 200
    policy = reply.getheader("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert reply.getheader("X-Content-Type-Options") == "nosniff"
    assert reply.getheader("Cache-Control") == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_only_get_is_answered(server: Server, method: str) -> None:
    assert ask(server, "/sql?q=SELECT+1", method=method).status == 501


def test_it_listens_on_the_loopback_address_only(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("line", [b"GET", b"\xff\xfe\r\n", b"GET /" + b"a" * 70_000, b"GET http://[ HTTP/1.1\r\n\r\n"])  # fmt: skip
def test_what_is_no_request_does_no_harm(server: Server, line: bytes) -> None:
    with socket.create_connection((HOST, server.server_address[1]), 10) as raw:
        raw.sendall(line + b"\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        assert b"Traceback" not in raw.recv(4_000)
    assert ask(server).status == 200


def test_a_file_that_breaks_off_is_not_taken_for_whole(server: Server) -> None:
    sql = "SELECT CASE WHEN range < 30000 THEN range ELSE error('broken')::BIGINT END AS n FROM range(40000)"
    path = "/file?" + urlencode({"q": sql, "as": "csv"})
    with pytest.raises(http.client.IncompleteRead):
        ask(server, path)
    whole = ask(server, "/file?" + urlencode({"q": "SELECT * FROM range(3)", "as": "csv"}))
    assert whole.text == "range\r\n0\r\n1\r\n2\r\n"  # type: ignore[attr-defined]
    assert whole.getheader("Content-Disposition") == 'attachment; filename="answer.csv"'


def test_a_browser_that_hangs_up_frees_the_engine(server: Server, database: Database) -> None:
    path = "/sql?" + urlencode({"q": SLOW})
    head = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{server.server_address[1]}\r\nCookie: {server.gate.cookie}={server.gate.token}\r\n\r\n"
    with socket.create_connection((HOST, server.server_address[1]), 10) as raw:
        raw.sendall(head.encode())
        ends = time.monotonic() + 20
        while not database._asked and time.monotonic() < ends:
            time.sleep(0.02)
        assert database._asked
    while database._asked and time.monotonic() < ends:
        time.sleep(0.02)
    assert not database._asked


# --- the report, and what can be wrong at the start


def test_the_report_page_is_written_when_it_is_first_asked_for(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    opened = open_database(tmp_path / "run", tmp_path / "scratch")
    reply = Site(opened).get("/report", {})
    written = (tmp_path / "run" / "report.html").read_bytes()
    assert reply.body == written and b"curate report" in written
    assert reply.policy.startswith("sandbox allow-scripts; default-src 'none'")
    (tmp_path / "run" / "report.html").write_text("the older one", "utf-8")
    assert Site(opened).get("/report", {}).body == b"the older one"
    opened.close()


def test_mistakes_at_the_start_are_one_line(
    run: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"port \d+ is in use; choose another with --port"):
        listen(server.site, server.server_address[1])
    with pytest.raises(UserError, match="port 99999 cannot be had"):
        listen(server.site, 99_999)
    with pytest.raises(InputError, match="not a local folder"):
        serve("s3://bucket/run")
    with pytest.raises(InputError, match="no finished run"):
        serve(str(tmp_path))
    with pytest.raises(UserError, match="^--memory lots: [^\n]+$"):
        serve(str(run), memory="lots")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingError, match=r"pip install 'curate\[browse\]'"):
        serve(str(run))
