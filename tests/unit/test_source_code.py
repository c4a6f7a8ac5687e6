"""Source code: languages, licences, marks, checkouts, notebooks, archives."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from curate.document import Document
from curate.errors import InputError
from curate.source import FORMATS, Origin, read
from curate.source.code import archive
from curate.source.code.languages import LANGUAGES, language_of
from curate.source.code.licence_files import folder_licence, manifest_licence
from curate.source.code.licence_texts import PERMISSIVE
from curate.source.code.licences import declared, expression, is_permissive, licence_of
from curate.source.code.marks import marks
from curate.source.code.notebook import read_notebook
from curate.source.formats import check_options

MIT = """MIT License

Copyright (c) 2020 Ada Example

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND.
"""
BSD2 = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list.
2. Redistributions in binary form must reproduce the above copyright notice, this list of
   conditions and the following disclaimer in the documentation.
"""
BSD3 = BSD2 + (
    "3. Neither the name of the author nor the names of its contributors may be used to endorse or\n"
    "   promote products derived from this software without specific prior written permission.\n"
)
GPL3_NOTICE = """This program is free software: you can redistribute it and/or modify it under the terms
of the GNU General Public License as published by the Free Software Foundation, either version 3 of
the License, or (at your option) any later version."""


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a.h", "#include <stdio.h>\nint f(void);", "C"),
        ("a.h", "namespace a {\nclass B {};\n}", "C++"),
        ("a.h", "#import <Foundation/Foundation.h>\n@interface A", "Objective-C"),
        ("a.m", "function y = f(x)\n% doubles\ny = 2*x;\nend", "MATLAB"),
        ("a.m", "#import \"A.h\"\n@implementation A\n@end", "Objective-C"),
        ("a.m", ":- module hello.\n:- interface.", "Mercury"),
        ("a.pl", "use strict;\nmy $x = 1;", "Perl"),
        ("a.pl", "parent(a, b).\nold(X) :- parent(X, _).", "Prolog"),
        ("a.v", "module top(input clk);\nalways @(posedge clk)\nendmodule", "Verilog"),
        ("a.v", "Theorem t : True.\nProof. exact I. Qed.", "Coq"),
        ("a.ts", "export const a: number = 1;", "TypeScript"),
        ("a.ts", '<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS version="2.1">', "XML"),
        ("a.cl", "(defun f (x) x)", "Common Lisp"),
        ("a.cl", "__kernel void f(__global int *a) { }", "OpenCL"),
        ("a.r", "REBOL [Title: \"x\"]", "Rebol"),
        ("a.R", "f <- function(x) x", "R"),
        ("a.fs", "module A\nlet x = 1", "F#"),
        ("a.fs", "#version 330\nuniform vec3 c;", "GLSL"),
        ("a.fs", ": square dup * ;", "Forth"),
        ("a.sql", "SELECT 1;", "SQL"),
        ("a.sql", "CREATE FUNCTION f() RETURNS int AS $$ BEGIN END $$ LANGUAGE plpgsql;", "PLpgSQL"),
        ("a.sql", "DECLARE @x int\nGO\n", "TSQL"),
        ("a.pro", "SOURCES += main.cpp\nQT += gui", "QMake"),
        ("a.pro", "likes(a, X) :- food(X).", "Prolog"),
        ("a.d", "module a;\nimport std.stdio;", "D"),
        ("a.d", "main.o: main.c main.h\n", "Makefile"),
        ("a.inc", "<?php\necho 1;", "PHP"),
        ("a.inc", "#define A 1\n", "C"),
        ("a.cgi", "#!/usr/bin/perl -w\n", "Perl"),
        ("run", "#!/usr/bin/env -S python3.11 -u\n", "Python"),
        ("run", "#!/bin/sh\n# \\\nexec tclsh \"$0\" \"$@\"\n", "Tcl"),
        ("run", "# -*- mode: ruby; coding: utf-8 -*-\n", "Ruby"),
        ("run.inc", "/* vim: set ft=cpp ts=4: */\n", "C++"),
        ("a.py", "# -*- coding: utf-8 -*-\n", "Python"),
        ("SConstruct", "env = 1", "Python"),
        ("notes", "Nothing to see.", None),
    ],
)  # fmt: skip
def test_language_by_name_and_content(path: str, text: str, language: str | None) -> None:
    assert language_of(path, text) == language


@given(st.sampled_from([s for v in LANGUAGES.values() for s in v.split()]), st.text(max_size=300))
def test_any_text_of_a_known_suffix_has_a_language(suffix: str, text: str) -> None:
    assert language_of(f"a{suffix}", text)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (MIT.upper().replace("\n", "\n * "), "MIT"),
        (MIT.replace("substantial portions", "major portions"), "MIT"),
        (MIT + "The Software shall be used for Good, not Evil.", "JSON"),
        (MIT + '"Commons Clause" License Condition v1.0', "NOASSERTION"),
        (BSD2, "BSD-2-Clause"),
        (BSD3, "BSD-3-Clause"),
        (MIT + BSD3, "MIT AND BSD-3-Clause"),
        ("Apache License\nVersion 2.0, January 2004\n3. Grant of Patent License.", "Apache-2.0"),
        ("Licensed under the Apache License, Version 2.0 (the ...", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007 GNU Lesser General", "GPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007", "AGPL-3.0"),
        (GPL3_NOTICE, "GPL-3.0-or-later"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("Do what you like, but ask first.", "NOASSERTION"),
        ("", "NOASSERTION"),
    ],
)
def test_licence_texts(text: str, licence: str) -> None:
    assert licence_of(text) == licence


@pytest.mark.parametrize(
    ("head", "licence"),
    [
        ("# SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */", "GPL-2.0 WITH Linux-syscall-note"),
        ("<!-- SPDX-License-Identifier: (mit OR Apache-2.0) -->", "(MIT OR Apache-2.0)"),
        ("// SPDX-License-Identifier: MIT OR ISC\n// SPDX-License-Identifier: 0BSD", "(MIT OR ISC) AND 0BSD"),
        ("/*\n" + GPL3_NOTICE.replace("\n", "\n * ") + "*/", "GPL-3.0-or-later"),
        ("#" + MIT.replace("\n", "\n# "), "MIT"),
        ("print('licence')", None),
        ("x = 1\n" * 1000 + "# SPDX-License-Identifier: MIT", None),
    ],
)  # fmt: skip
def test_a_file_names_its_licence_at_its_top(head: str, licence: str | None) -> None:
    assert declared(head) == licence


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("package.json", '{"license": "MIT"}', "MIT"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "ISC"}]}', "MIT OR ISC"),
        ("package.json", '{"license": "UNLICENSED"}', None),
        ("package.json", "[" * 100_000, None),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "MIT License"}', "MIT"),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved :: ISC License (ISCL)"]', "ISC"),
        ("setup.cfg", "[metadata]\nlicense = BSD-3-Clause\n", "BSD-3-Clause"),
        ("METADATA", "Name: a\nLicense-Expression: MIT AND ISC\n", "MIT AND ISC"),
        ("a.gemspec", "  s.licenses = ['MIT']\n", "MIT"),
    ],
)  # fmt: skip
def test_manifests(name: str, text: str, licence: str | None) -> None:
    assert manifest_licence(name, text) == licence


def test_the_licence_of_a_folder() -> None:
    npm = b'{"license": "ISC"}'
    rust = b'[package]\nlicense = "MIT OR Apache-2.0"'
    apache = b"Apache License Version 2.0, January 2004 Grant of Patent License"
    both = {"LICENSE-MIT": MIT.encode(), "LICENSE-APACHE": apache}
    assert folder_licence({"LICENSE": MIT.encode(), "package.json": npm}) == ("MIT", "LICENSE")
    assert folder_licence({"LICENSE": b"ask", "package.json": npm}) == ("ISC", "package.json")
    assert folder_licence(both | {"Cargo.toml": rust}) == ("MIT OR Apache-2.0", "Cargo.toml")
    assert folder_licence(both) == ("Apache-2.0 AND MIT", "LICENSE-APACHE")
    assert folder_licence({"LICENSE": b"ask"}) == ("NOASSERTION", "LICENSE")
    assert folder_licence({}) is None


@given(st.recursive(st.sampled_from(sorted(PERMISSIVE)[:9]), lambda inner: st.builds(
    lambda a, joint, b: f"({a} {joint} {b})", inner, st.sampled_from(["AND", "OR"]), inner
)))  # fmt: skip
def test_permissive_stays_so_in_any_expression(licence: str) -> None:
    assert is_permissive(licence) is True
    assert is_permissive(f"{licence} AND GPL-3.0-only") is False
    assert is_permissive(f"GPL-3.0-only OR {licence}") is True
    assert expression(licence) == licence


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.go", "// Code generated by protoc-gen-go. DO NOT EDIT.", {"code.generated"}),
        ("a.py", "# @generated SignedSource<<0>>\n", {"code.generated"}),
        (
            "a.py",
            "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n",
            {"code.generated"},
        ),
        ("a.py", '"""Codec generated from \'MAP.TXT\' with gencodec.py.\n"""', {"code.generated"}),
        ("package-lock.json", "{}", {"code.generated"}),
        ("a.js", "x();\n//# sourceMappingURL=a.js.map\n", {"code.generated"}),
        ("a.py", "x = 1\n" * 100 + "# Code generated by me. DO NOT EDIT.\n", set()),
        ("a.py", "def make():\n    '''Return a token for a generated page.'''\n", set()),
        ("a.js", "var a=function(b){return b+1};" * 50, {"code.minified"}),
        (
            "a.js",
            "// a comment of many words, which is long but no minified code at all\n" * 9,
            set(),
        ),
        ("a.js", "let image = '" + "a b " * 200 + "';\n", set()),
        ("a.py", "x=1;" * 500, set()),
        ("web/jquery-3.6.0.js", "x", {"code.vendored"}),
        ("third_party/zlib/a.c", "x", {"code.vendored"}),
        ("src/vendors.py", "x", set()),
        ("lib/normalize.js", "x", set()),
    ],
)
def test_marks(path: str, text: str, found: set[str]) -> None:
    assert set(marks(path, text)) == found


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@e.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *settings, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "project"
    for name, text in {"LICENSE": MIT, "src/a.py": "x = 1\n", "lib/b.py": "y = 1\n",
                       "lib/COPYING": BSD3, "src/c.py": "# SPDX-License-Identifier: GPL-2.0-only\n"}.items():  # fmt: skip
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    git(tmp_path, "init", "-q", "-b", "main", str(top))
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    git(top, "remote", "add", "origin", "https://ada:secret@example.org/ada/project.git")
    return top


def test_what_a_checkout_knows(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    for root, name in ((checkout, "src/a.py"), (checkout / "src", "a.py")):
        (row,) = read("s", "code", str(root), name)
        assert row.labels == {
            "code.language": "Python", "charset": "utf-8", "path": "src/a.py", "commit": commit,
            "repository": "https://example.org/ada/project.git",
            "licence": "MIT", "licence.from": "LICENSE", "licence.permissive": "yes",
        }  # fmt: skip
    (nearest,) = read("s", "code", str(checkout), "lib/b.py")
    assert (nearest.labels["licence"], nearest.labels["licence.from"]) == (
        "BSD-3-Clause",
        "COPYING",
    )
    (own,) = read("s", "code", str(checkout), "src/c.py")
    assert (own.labels["licence"], own.labels["licence.permissive"]) == ("GPL-2.0-only", "no")


def test_packed_references_and_worktrees(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "pack-refs", "--all")
    git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    commit = git(checkout, "rev-parse", "HEAD")
    for top in (checkout, tmp_path / "tree"):
        (row,) = read("s", "code", str(top), "src/a.py")
        assert row.labels["commit"] == commit
        assert row.labels["repository"] == "https://example.org/ada/project.git"


def test_a_damaged_checkout_knows_less(checkout: Path) -> None:
    (checkout / ".git/HEAD").write_bytes(b"\xff\x00ref: nowhere")
    (checkout / ".git/config").write_bytes(b"[remote")
    (row,) = read("s", "code", str(checkout), "src/a.py")
    assert row.drop is None and row.labels["licence"] == "MIT"
    assert not {"commit", "repository"} & set(row.labels)


def test_another_file_system_is_asked_only_below_the_root() -> None:
    store: Any = fsspec.filesystem("memory")
    store.pipe("/code-test/LICENSE", BSD3.encode())
    store.pipe("/code-test/root/a/b.py", b"x = 1\n")
    store.pipe("/code-test/root/UNLICENSE", b"released into the wild")
    (row,) = read("s", "code", "memory://code-test/root", "a/b.py")
    assert (row.labels["path"], row.labels["licence"]) == ("a/b.py", "NOASSERTION")
    assert "licence.permissive" not in row.labels


def test_notebooks(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {"cell_type": "code", "source": "x = '''\n```\n'''", "outputs": [{"data": {"image/png": "AAAA"}}]},
        {"cell_type": "code", "source": []},
        "no cell",
    ]  # fmt: skip
    metadata = {"kernelspec": {"name": "ir", "language": "R"}}
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells, "metadata": metadata}))
    (tmp_path / "b.ipynb").write_text("{")
    (tmp_path / "c.ipynb").write_text('{"cells": []}')
    (row,) = read("s", "code", str(tmp_path), "a.ipynb")
    assert row.text == "# Title\nwords\n\n````r\nx = '''\n```\n'''\n````"
    assert (row.labels["code.language"], row.media_type) == ("R", "text/markdown")
    drops = [row.drop for name in "bc" for row in read("s", "code", str(tmp_path), f"{name}.ipynb")]
    assert drops == ["record.unreadable", "record.empty"]


def test_old_notebooks() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "A"},
        {"cell_type": "code", "input": "1"},
    ]
    text = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert read_notebook(text) == ("## A\n\n```python\n1\n```", "Python")


MEMBERS = {
    "p-1.0/a.py": b"x = 1\n",
    "p-1.0/README": b"words\n",
    "p-1.0/page.html": b"<p>words",
    "p-1.0/notes.md": b"# words",
    "p-1.0/bin/run": b"#!/bin/sh\necho\n",
    "p-1.0/logo.png": b"\x89PNG\r\n\x1a\n\x00",
    "p-1.0/data.json": b"{}",
    "p-1.0/empty.py": b"",
    "p-1.0/LICENSE": MIT.encode(),
}
DROPS = [None, None, None, None, None, "record.binary", "record.other_format", "record.empty_file", None]  # fmt: skip


def tar(files: dict[str, bytes], **settings: Any) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", **settings) as made:
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            made.addfile(header, io.BytesIO(content))
    return target.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


def rows_of(content: bytes, stream: type[io.BytesIO] = BytesIO, **settings: Any) -> list[Document]:
    return list(archive.read(stream(content), Origin("s", "a.tar", **settings)))


class OneWay(BytesIO):
    """A stream that cannot go back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *arguments: int) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize(
    "make",
    [
        tar,
        zipped,
        lambda files: gzip.compress(tar(files)),
        lambda files: zstandard.compress(tar(files)),
        lambda files: bz2.compress(tar(files)),
        lambda files: lzma.compress(tar(files, format=tarfile.GNU_FORMAT)),
    ],
)
def test_archives(make: Callable[[dict[str, bytes]], bytes]) -> None:
    rows = rows_of(make(MEMBERS))
    assert [row.origin for row in rows] == [f"a.tar#{number}" for number in range(9)]
    assert [row.labels["path"] for row in rows] == list(MEMBERS)
    assert [row.drop for row in rows] == DROPS
    assert {row.labels["licence"] for row in rows} == {"MIT"}
    assert (
        rows[0].labels["code.language"] == "Python" and rows[4].labels["code.language"] == "Shell"
    )
    assert (rows[2].content, rows[2].media_type) == (b"<p>words", "text/html")
    assert (rows[3].text, rows[3].media_type) == ("# words", "text/markdown")
    assert len({row.id for row in rows}) == 9


def test_a_stream_that_cannot_go_back() -> None:
    rows = rows_of(tar(MEMBERS), OneWay)
    assert [row.drop for row in rows] == DROPS
    assert [row.labels.get("licence") for row in rows] == [None] * 8 + ["MIT"]
    assert [row.drop for row in rows_of(zipped(MEMBERS), OneWay)] == DROPS


def test_only_some_members() -> None:
    rows = rows_of(tar(MEMBERS), options={"members": "code"})
    assert [row.drop for row in rows[:4]] == [None] + ["record.other_format"] * 3
    with pytest.raises(InputError, match="docx, jats, not 'cod'"):
        check_options(FORMATS["archive"], {"members": "code cod"})


def test_a_wheel_has_its_licence_in_another_folder() -> None:
    files = {"p/a.py": b"x = 1\n", "p-1.0.dist-info/METADATA": b"License-Expression: ISC\n"}
    assert rows_of(zipped(files))[0].labels["licence"] == "ISC"


def test_an_archive_made_by_git_knows_its_commit(checkout: Path) -> None:
    for form in ("tar", "zip"):
        path = checkout / f"a.{form}"
        git(
            checkout,
            "archive",
            "--prefix=project-main/",
            f"--format={form}",
            "-o",
            str(path),
            "HEAD",
        )
        rows = {row.labels["path"]: row for row in rows_of(path.read_bytes())}
        row = rows["project-main/src/a.py"]
        assert row.labels["commit"] == git(checkout, "rev-parse", "HEAD")
        assert row.labels["licence"] == "MIT"
        assert rows["project-main/lib/b.py"].labels["licence"] == "BSD-3-Clause"


def hostile() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as made:
        for kind, name in ((tarfile.DIRTYPE, "d"), (tarfile.SYMTYPE, "../../etc/passwd"),
                           (tarfile.LNKTYPE, "hard"), (tarfile.CHRTYPE, "dev"), (tarfile.FIFOTYPE, "f")):  # fmt: skip
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            made.addfile(header)
        for name, size in (("/etc/big.py", 5_000), ("../../up.py", 6)):
            header = tarfile.TarInfo(name)
            header.size = size
            made.addfile(header, io.BytesIO(b"x = 1\n" * 1_000))
    return target.getvalue()


def test_hostile_members_are_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = rows_of(hostile(), max_record_bytes=1_000)
    assert [row.drop for row in rows] == [
        "record.directory", "record.link", "record.link", "record.device", "record.device",
        "record.too_large", None,
    ]  # fmt: skip
    assert rows[-1].labels["path"] == "../../up.py" and rows[-1].text == "x = 1\n"
    assert not list(tmp_path.iterdir())


def test_a_bomb_is_too_large() -> None:
    bomb = zipped({"a.py": b"x" * 5_000_000, "b.py": b"y = 1\n"})
    assert [row.drop for row in rows_of(bomb, max_record_bytes=100_000)] == [
        "record.too_large",
        None,
    ]


def test_a_header_does_not_fill_the_memory() -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    whole = tar({"a.py": b"x = 1\n"})[:1024] + header.tobuf(tarfile.GNU_FORMAT)
    assert [row.drop for row in rows_of(whole)] == [None, "record.unreadable"]


def test_an_encrypted_member_is_unreadable() -> None:
    content = bytearray(zipped({"a.py": b"x = 1\n", "b.py": b"y = 1\n"}))
    entry = content.index(b"PK\x01\x02")
    content[entry + 8] |= 1
    content[6] |= 1
    rows = rows_of(bytes(content))
    assert [row.drop for row in rows] == ["record.unreadable", None]
    assert "password" in rows[0].labels["record.reason"]


@pytest.mark.parametrize("cut", [700, 1100, 1600, 2600])
@pytest.mark.parametrize("squeeze", [bytes, gzip.compress])
def test_a_damaged_tail_is_one_row(cut: int, squeeze: Callable[[bytes], bytes]) -> None:
    whole = tar({f"{number}.py": b"x = 1\n" * 100 for number in range(3)})
    rows = rows_of(squeeze(whole[:cut]))
    assert [row.drop for row in rows[:-1]] == [None] * (len(rows) - 1)
    assert rows[-1].drop == "record.unreadable"
    noise = rows_of(squeeze(whole[:1536] + b"\x07" * 512 + whole[2048:]))
    assert [row.drop for row in noise] == [None, "record.unreadable"]


@pytest.fixture(scope="module")
def archives() -> Iterator[list[bytes]]:
    files = {name: content * 5 for name, content in MEMBERS.items()}
    yield [tar(files), gzip.compress(tar(files)), zipped(files)]


@given(st.integers(0, 2), st.lists(st.tuples(st.integers(0), st.binary(max_size=8)), max_size=5))
def test_damage_anywhere_never_raises(
    archives: list[bytes], which: int, wounds: list[tuple[int, bytes]]
) -> None:
    content = bytearray(archives[which])
    for place, wound in wounds:
        at = place % len(content)
        content[at : at + len(wound)] = wound
    rows = rows_of(bytes(content))
    assert rows and len({row.id for row in rows}) == len(rows)


def test_hostile_names_and_texts_end() -> None:
    assert marks("d3" + ".1" * 100 + ".txt", "x") == {}
    assert marks("lib/d3.v1.2-min.js", "x")["code.vendored"] == "d3.v1.2-min.js"
    assert language_of("x", "#!/bin/sh\nexec " + "a" * 50_000) == "Shell"
    assert language_of("a.d", "import " + "a." * 25_000) == "D"


@pytest.mark.parametrize("cells", [{"a": 1}, 5, None])
def test_an_old_notebook_whose_cells_are_no_list(cells: object) -> None:
    sheets = [{"cells": cells}, {"cells": [{"cell_type": "markdown", "source": "words"}]}]
    assert read_notebook(json.dumps({"worksheets": sheets})) == ("words", "Python")
