"""Lists of files stand for the files they name; a wrong list is found before any work."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from range_server import serve

from curate.errors import CurateError, InputError, RecipeError
from curate.inputs import plan_scan
from curate.recipe import Source, parse
from curate.source import FileInfo, catalogue
from curate.source.catalogue import chosen, list_source
from curate.source.common_crawl.paths_list import base_of

CRAWL = "crawl-data/CC-MAIN-2024-10"
RECIPE = """\
sources:
  - {name: web, path: index/, SOURCE}
steps:
  - split
"""


def write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def listed(path: object, **keys: Any) -> list[tuple[str, int]]:
    listing = list_source(Source("s", (str(path),), "warc", **keys))
    return [(file.path, file.size) for file in listing.files]


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    """A folder as it looks below the root of Common Crawl's bucket; `warc.paths.gz` names two files."""
    names = [f"{CRAWL}/segments/{number}/warc/x.warc.gz" for number in (2, 1)]
    for size, name in enumerate(names, 5):
        write(tmp_path / name, b"x" * size)
    write(tmp_path / CRAWL / "warc.paths.gz", gzip.compress(("\n".join(names) + "\n\n").encode()))
    return tmp_path


def test_a_list_names_files_below_the_root_of_the_crawl(crawl: Path) -> None:
    expected = [
        (f"{CRAWL}/segments/1/warc/x.warc.gz", 6),
        (f"{CRAWL}/segments/2/warc/x.warc.gz", 5),
    ]
    source = Source("s", (str(crawl / CRAWL / "warc.paths.gz"),), "warc")
    listing = list_source(source)
    assert listing.root == str(crawl)
    assert [(file.path, file.size) for file in listing.files] == expected
    assert all(file.mtime for file in listing.files)
    assert listed(crawl / CRAWL / "*.paths.gz") == expected
    moved = write(crawl / "elsewhere/my.paths", (crawl / CRAWL / "warc.paths.gz").read_bytes())
    assert listed(moved, base=str(crawl)) == expected
    absolute = "\r\n".join(str(crawl / path) for path, _ in expected)
    assert listed(write(crawl / "other.paths", absolute)) == expected
    with serve({path: bytes(size) for path, size in expected}) as server:
        assert listed(moved, base=server.address) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the list is empty"),
        (" \n\n", ": the list is empty"),
        (f"{CRAWL}/segments/1/warc/x.warc.gz\n{CRAWL}/gone.warc.gz\n", ":2: names /"),
        (f"{CRAWL}/gone.warc.gz", "missing; set `base: https://data.commoncrawl.org`"),
        ("<html>\n", ":1: is no path; a list holds one path a line"),
        (b"\xff\xfe\n", ":1: is no path"),
        (b"a\x00b\n", ":1: is no path"),
        (gzip.compress(b"a\nb\n" * 999, mtime=0)[:-9], ": the list is damaged"),
        ("https://a.example/x\nhttps://b.example/y\n", ":1: names files on different servers"),
    ],
)
def test_a_bad_list_is_one_line(crawl: Path, content: bytes | str, message: str) -> None:
    path = write(crawl / "bad.paths", content)
    with pytest.raises(InputError) as raised:
        listed(path)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_lists_and_files_do_not_mix(crawl: Path) -> None:
    paths = (str(crawl / CRAWL / "warc.paths.gz"), str(crawl / CRAWL))
    with pytest.raises(InputError, match="a source of their own"):
        list_source(Source("s", paths, "warc"))
    with pytest.raises(InputError, match="no such file"):
        listed(crawl / "gone.paths.gz")


def test_a_repeated_line_is_one_file_and_told(crawl: Path) -> None:
    name = f"{CRAWL}/segments/1/warc/x.warc.gz\n"
    path = write(crawl / "twice.paths", name * 3)
    listing = list_source(Source("s", (str(path),), "warc"))
    assert len(listing.files) == 1
    assert listing.warnings == (f"{path}: 2 repeated lines are read once",)


def test_a_long_list_is_not_asked_for_file_by_file() -> None:
    files = {f"f/{number:04d}.warc.gz": bytes(number % 3 + 1) for number in range(2000)}
    names = "\n".join(files).encode()
    with serve({**files, "f/warc.paths": names}) as server:
        found = listed(server.url("f/warc.paths"), base=server.address)
        assert len(server.asked) <= catalogue.ASKED_FILES + 2
        assert [path for path, _ in found] == sorted(files)
        assert {size for _, size in found} <= {1, 2, 3} and found[-1][1] == 2
        files_found = list_source(Source("s", (server.url("f/warc.paths"),), base=server.address))
        exact = [file for file in files_found.files if file.is_exact]
        assert len(exact) == catalogue.ASKED_FILES and all(file.mtime for file in exact)
        del server.files["f/1999.warc.gz"]
        with pytest.raises(InputError, match=r"warc.paths:2000: names .*/1999.warc.gz"):
            listed(server.url("f/warc.paths"), base=server.address)
        server.refusals = [(403, {})] * 99
        with pytest.raises(InputError, match="HTTP 403"):
            listed(server.url("f/warc.paths"))


@given(st.sets(st.text("abc/", min_size=1), min_size=1), st.integers(1, 9))
def test_more_files_hold_the_fewer_ones(paths: set[str], number: int) -> None:
    files = [FileInfo(path, 0, None) for path in sorted(paths)]
    few, more = chosen(files, number), chosen(files, number + 1)
    assert set(few) <= set(more) and len(few) == min(number, len(files))
    assert more == sorted(more, key=lambda file: file.path)
    assert chosen(files[::-1], number) == few and chosen(files, None) == files


def test_files_limits_every_kind_of_source(crawl: Path) -> None:
    assert len(listed(crawl / CRAWL / "warc.paths.gz", files=1)) == 1
    assert len(listed(crawl / CRAWL, files=1)) == 1
    assert len(listed(crawl / CRAWL, files=9)) == 2


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("https://data.commoncrawl.org/cc-index/table/a/b.parquet", "https://data.commoncrawl.org"),
        (
            "https://index.commoncrawl.org/C-index?url=x/crawl-data/",
            "https://data.commoncrawl.org",
        ),
        ("s3://commoncrawl/crawl-data/C/cc-index.paths.gz", "s3://commoncrawl"),
        ("/data/lists/warc.paths", "/data/lists"),
    ],
)
def test_the_default_base(path: str, base: str) -> None:
    assert base_of(path) == base


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("selct: {}", ":2: unknown key of a source 'selct'; did you mean 'select'?"),
        ("select: {domian: x}", ":2: unknown key of select 'domian'; did you mean 'domain'?"),
        ("select: [x]", ":2: select: expected a mapping"),
        ("select: {status: ok}", ":2: select.status: expected a status such as 200, got 'ok'"),
        ("select: {status: []}", ":2: select.status: expected a value"),
        ("select: {language: en}", ":2: select.language: expected an ISO 639-3 code"),
        ("select: {domain: https://x}", ":2: select.domain: expected a name such as example.org"),
        ("select: {url_prefix: 5}", ":2: select.url_prefix: expected text, got 5"),
        ("select: {}, format: jsonl", ":2: select: an index names records of WARC files"),
        ("files: none", ":2: files: expected a number of files, got 'none'"),
        ("files: 0", ":2: files: expected a number"),
        ("base: []", ":2: base: expected a folder or URL"),
    ],
)
def test_a_mistake_in_the_recipe_is_one_line(keys: str, message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        parse(RECIPE.replace("SOURCE", keys), "my.yaml")
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_new_keys_are_part_of_the_fingerprint_only_when_set() -> None:
    plain = parse(RECIPE.replace(", SOURCE", "")).describe()["sources"][0]
    assert plain == {"name": "web", "path": ["index/"], "format": None, "options": {}}
    keys = "base: s3://b, files: 7, select: {domain: [Example.ORG], status: '200'}"
    described = parse(RECIPE.replace("SOURCE", keys)).describe()["sources"][0]
    assert {key: described[key] for key in ("base", "files", "select")} == {
        "base": "s3://b",
        "files": 7,
        "select": {"domain": ["example.org"], "status": [200]},
    }
    assert parse(RECIPE.replace("SOURCE", "select: {}")).describe()["sources"][0]["select"] == {}


def test_a_list_that_names_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "crawl/a.warc", b"x")
    write(tmp_path / "some.paths", "crawl\n")
    with pytest.raises(InputError, match="some.paths:1: names .*/crawl, which is a folder"):
        listed(tmp_path / "some.paths")


def test_a_path_below_a_file_or_beyond_any_name(tmp_path: Path) -> None:
    file = write(tmp_path / "a.warc", b"x")
    with pytest.raises(InputError, match="a.warc/b: no such file or folder"):
        listed(file / "b")
    write(tmp_path / "some.paths", "a.warc/b\n")
    with pytest.raises(InputError, match="some.paths:1: names .*a.warc/b, which is missing"):
        listed(tmp_path / "some.paths")
    with pytest.raises(CurateError, match="File name too long"):
        plan_scan((Source("s", (f"{tmp_path}/{'a' * 5_000}",)),), "")
