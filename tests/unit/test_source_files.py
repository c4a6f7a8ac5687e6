"""JSON Lines, Parquet, HTML, text, code: every line, row and file becomes a row; and the listing."""

from __future__ import annotations

import bz2
import gzip
import http.server
import json
import lzma
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warc_builder import PAGE, gzip_members, page_record, warcinfo

from curate.document import Document, batches, document_id
from curate.errors import InputError
from curate.inputs import plan_scan
from curate.recipe import Source
from curate.source import FORMATS, FileInfo, Origin, detect_format, list_files, read

LINES = [
    {"text": f"text {number}", "url": f"http://e.org/{number}", "id": number} for number in range(9)
]
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def read_all(path: Path, format: str, **options: str) -> list[Document]:
    return list(read("s", format, str(path.parent), path.name, options))


def jsonl(*values: object) -> bytes:
    return b"".join(
        (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n"
        for value in values
    )


@pytest.mark.parametrize("suffix", COMPRESS)
def test_json_lines(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](jsonl(*LINES)))
    rows = read_all(path, "jsonl")
    assert [row.text for row in rows] == [line["text"] for line in LINES]
    assert rows[2].url == "http://e.org/2" and rows[2].labels["id"] == "2"
    assert rows[2].origin == f"a.jsonl{suffix}#3"
    assert rows[2].id == document_id("s", rows[2].origin)


def test_every_line_that_is_no_document_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    deep = b"[" * 100_000
    path.write_bytes(
        jsonl(
            {"text": "good"},
            b"{broken",
            b"",
            [1],
            b'{"text": "\xff"}',
            {"url": "u"},
            {"text": " "},
            deep,
        )
        + b'{"text": "\\ud800 half a pair"}'
    )
    rows = read_all(path, "jsonl")
    assert [(row.origin.split("#")[1], row.drop) for row in rows] == [
        ("1", None),
        ("2", "record.unreadable"),
        ("4", "record.unreadable"),
        ("5", "record.unreadable"),
        ("6", "record.no_text"),
        ("7", "record.empty"),
        ("8", "record.unreadable"),
        ("9", None),
    ]
    assert sum(batch.num_rows for batch in batches(rows)) == 8


def test_fields_are_the_recipes_to_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        jsonl(
            {"body": "words", "labels": {"gold": 1, "none": None}}, {"page": "<p>ü", "body": None}
        )
    )
    first, second = read_all(path, "jsonl", text="body", html="page")
    assert (first.text, first.labels) == ("words", {"gold": "1"})
    assert second.content == "<p>ü".encode() and second.media_type == "text/html"
    with pytest.raises(InputError, match=r"no option 'txt'; did you mean text\?"):
        read_all(path, "jsonl", txt="body")


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_a_cut_file_keeps_its_lines_and_says_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](jsonl(*({"text": str(n**77)} for n in range(4_000))))[:-600])
    rows = read_all(path, "jsonl")
    assert rows[-1].drop == "record.unreadable"
    assert sum(row.drop is None for row in rows) >= 3_000 or suffix == ".xz"


@given(st.binary(max_size=200))
def test_any_bytes_are_rows(content: bytes) -> None:
    for format in FORMATS.values():
        rows = list(format.read(BytesIO(content), Origin("s", "p.py")))
        assert rows or not content.strip() or format.name == "jsonl"
        assert len({row.id for row in rows}) == len(rows)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = {
        "content": ["a", None, "c"],
        "url": ["u", "v", None],
        "labels": [[("k", "v")], None, []],
    }
    types = pa.schema(
        [
            ("content", pa.string()),
            ("url", pa.string()),
            ("labels", pa.map_(pa.string(), pa.string())),
        ]
    )
    pq.write_table(pa.table(table, schema=types), path)
    rows = read_all(path, "parquet", text="content")
    assert [(row.origin, row.text, row.url, row.drop) for row in rows] == [
        ("a.parquet#0", "a", "u", None),
        ("a.parquet#1", None, "v", "record.no_text"),
        ("a.parquet#2", "c", None, None),
    ]
    assert rows[0].labels == {"k": "v"}
    assert [row.drop for row in read_all(path, "parquet")] == ["record.no_text"] * 3
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert [row.drop for row in read_all(path, "parquet")] == ["record.unreadable"]


@pytest.mark.parametrize(
    ("name", "content", "format", "text", "drop"),
    [
        ("a.txt", "Schöne Grüße. ".encode("cp1252") * 9, "text", "Schöne Grüße. " * 9, None),
        ("a.md.gz", gzip.compress("Grüße".encode(), mtime=0), "text", "Grüße", None),
        ("a.txt", b"", "text", None, "record.empty_file"),
        ("a.txt", b"\x7fELF\x02\x01\x00\x00", "text", None, "record.binary"),
        ("a.txt.gz", gzip.compress(b"x" * 999, mtime=0)[:-9], "text", None, "record.unreadable"),
        ("a.py", b"print(1)\n", "code", "print(1)\n", None),
        ("a.pyc", b"\xcb\x0d\x0d\x0a\x00\x00", "code", None, "record.binary"),
    ],
)
def test_whole_files(
    tmp_path: Path, name: str, content: bytes, format: str, text: str | None, drop: str | None
) -> None:
    (tmp_path / name).write_bytes(content)
    (row,) = read_all(tmp_path / name, format)
    assert (row.text, row.drop, row.origin) == (text, drop, name)


def test_html_and_code_labels(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "b.rs").write_text("fn main() {}")
    (page,) = read_all(tmp_path / "a.html", "html")
    assert (page.content, page.media_type, page.text) == (PAGE, "text/html", None)
    (code,) = read_all(tmp_path / "b.rs", "code")
    assert code.labels["code.language"] == "Rust"


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("a/b.warc.gz", "warc"), ("b.ARC", "warc"), ("x.warc.wet.gz", "warc"), ("s3://b/x.json.zst", "jsonl"),
        ("x.parquet", "parquet"), ("x.htm", "html"), ("README.md", "text"), ("Makefile", "code"),
        ("x.py", "code"),
    ],
)  # fmt: skip
def test_formats_are_known_by_name(path: str, format: str) -> None:
    assert detect_format(path) == format


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("crawl/b.warc.gz", "crawl/a.warc", "crawl/x/c.arc", "crawl/notes.txt", "crawl/.tmp/d.warc",
                 "src/m.py", "src/node_modules/n.js", "src/.git/o.py"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def names(root_and_files: tuple[str, list[FileInfo]]) -> list[str]:
    return [file.path for file in root_and_files[1]]


def test_listing(tree: Path) -> None:
    root, files = list_files(str(tree / "crawl"), "warc")
    assert root == str(tree / "crawl")
    assert [(file.path, file.size) for file in files] == [
        ("a.warc", 1),
        ("b.warc.gz", 1),
        ("x/c.arc", 1),
    ]
    assert all(file.mtime for file in files)
    assert names(list_files(str(tree / "crawl/*.warc*"))) == ["a.warc", "b.warc.gz"]
    assert names(list_files(str(tree / "crawl/**/*.arc"))) == ["x/c.arc"]
    assert names(list_files(str(tree / "src"), "code")) == ["m.py"]
    assert names(list_files([str(tree / "crawl/x/c.arc"), str(tree / "src/m.py")])) == [
        "crawl/x/c.arc",
        "src/m.py",
    ]
    assert list_files(str(tree / "crawl/notes.txt"), "warc")[0] == str(tree / "crawl")


def test_a_name_with_wildcard_marks_is_a_name_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].warc").write_bytes(b"x")
    assert names(list_files(str(tmp_path / "a[1].warc"))) == ["a[1].warc"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("crawl/b.warc.g", "no such file or folder; did you mean .*b.warc.gz"),
        ("crawl/*.parquet", "nothing matches"),
        ("src", "holds no file that ends in .warc .arc"),
        ("nowhere/at/all", "no such file or folder$"),
    ],
)
def test_a_wrong_path_is_the_users_mistake(tree: Path, path: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        list_files(str(tree / path), "warc")
    assert "\n" not in str(raised.value)


def test_other_mistakes(tree: Path) -> None:
    with pytest.raises(InputError, match="unknown format"):
        detect_format("a.xyz")
    with pytest.raises(InputError, match="known are: warc"):
        list_files(str(tree), "wrc")
    with pytest.raises(InputError, match="cannot be opened"):
        list(read("s", "warc", str(tree), "gone.warc"))
    with pytest.raises(InputError):
        list_files("nosuch://bucket/x", "warc")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server without byte ranges, the folder behind it being `tmp_path`."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))
    ) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def test_a_web_address(server: str, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(gzip_members([warcinfo(), page_record(1)]))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(jsonl(*LINES)))
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "c.parquet")
    for name, format, count in (
        ("a.warc.gz", "warc", 2),
        ("b.jsonl.gz", "jsonl", 9),
        ("c.parquet", "parquet", 1),
    ):
        root, files = list_files(f"{server}/{name}", format)
        assert (root, names((root, files))) == (server, [name])
        rows = list(read("s", format, root, name))
        assert len(rows) == count
        assert rows[0].origin.startswith(f"{name}#")
    with pytest.raises(InputError, match="no such file"):
        list_files(f"{server}/gone.warc.gz", "warc")


def test_an_address_of_another_file_system(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    for name in ("crawl/b.warc", "crawl/x/a.warc", "crawl/.git/c.warc", "crawl/readme.txt"):
        store.pipe(f"/test/{name}", page_record(1))
    root, files = list_files("memory://test/crawl", "warc")
    assert [(file.path, bool(file.size)) for file in files] == [
        ("b.warc", True),
        ("x/a.warc", True),
    ]
    assert [row.drop for row in read("s", "warc", root, "x/a.warc")] == [None]
    assert names(list_files("memory://test/crawl/*.warc")) == ["b.warc"]
    with pytest.raises(InputError, match="did you mean .*b.warc"):
        list_files("memory://test/crawl/b.wrc")
    with pytest.raises(InputError, match="different file systems"):
        list_files(["memory://test/crawl", str(tmp_path)])


def test_json_of_any_shape_is_a_row_each(tmp_path: Path) -> None:
    odd = [
        [1, 2],
        {"labels": [1, 2]},
        {"labels": ["ab"], "text": "x"},
        {"text": 5},
        7,
        None,
        {"labels": 3},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(item) + "\n" for item in odd))
    assert len(list(read("s", "jsonl", str(tmp_path), "a.jsonl", {}))) == len(odd)


def test_nothing_but_blank_lines_is_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n \n\n")
    assert [row.drop for row in read("s", "jsonl", str(tmp_path), "a.jsonl", {})] == [
        "record.empty_file"
    ]


@pytest.mark.parametrize(
    "name, content", [("a.txt", b"\xef\xbb\xbf"), ("a.md", b"---\ntitle: x\n---\n")]
)
def test_a_file_without_text_is_empty(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (row,) = read_all(tmp_path / name, "text")
    assert (row.text, row.drop) == (None, "record.empty")


def test_a_page_whose_zstd_is_cut_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.html.zst").write_bytes(zstandard.compress(PAGE * 100)[:-3])
    (row,) = read_all(tmp_path / "a.html.zst", "html")
    assert (row.content, row.drop) == (None, "record.unreadable")


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl({"text": "a"}))
    os.mkfifo(tmp_path / "b.jsonl")
    (tmp_path / "c.jsonl").symlink_to(tmp_path / "nowhere")
    assert [file.path for file in list_files(str(tmp_path))[1]] == ["a.jsonl", "c.jsonl"]


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("a.jsonl", {"txt": "body"}, "format jsonl has no option 'txt'; did you mean text"),
        ("a.zip", {"members": "text, cod"}, "some of html, text, .*, not 'cod'"),
    ],
)
def test_options_are_checked_before_any_work(
    tmp_path: Path, name: str, options: dict[str, str], message: str
) -> None:
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(InputError, match=message):
        plan_scan((Source("s", (str(tmp_path),), None, options),), "")
