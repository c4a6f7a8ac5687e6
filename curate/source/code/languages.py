"""Which programming language a file is written in, by its name and its content.

In: a path, and the text if there is one. Out: a language by Linguist's name. The decision: the order
is that of GitHub Linguist (editor modeline, whole name, interpreter line, suffix), and a suffix that
several languages share is decided by telling lines (`language_rules`), or means the most common of
them.

Suffixes and names as in Linguist's languages.yml, for the languages that code corpora keep (The
Stack v2, arXiv 2402.19173, Appendix A).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from curate.source.code.language_rules import ALIASES, INTERPRETED, SHARED
from curate.source.opening import COMPRESSED_SUFFIXES

LANGUAGES: dict[str, str] = {
    "Ada": ".adb .ads",
    "Agda": ".agda",
    "Assembly": ".asm .s",
    "Awk": ".awk",
    "C": ".c .h",
    "C#": ".cs",
    "C++": ".cc .cpp .cxx .hh .hpp .hxx",
    "CMake": ".cmake",
    "CSS": ".css .scss .less .sass",
    "CUDA": ".cu .cuh",
    "Clojure": ".clj .cljs .cljc",
    "Common Lisp": ".lisp .cl .lsp",
    "Crystal": ".cr",
    "D": ".d",
    "Dart": ".dart",
    "Elixir": ".ex .exs",
    "Elm": ".elm",
    "Emacs Lisp": ".el",
    "Erlang": ".erl .hrl",
    "F#": ".fs .fsi .fsx",
    "Fortran": ".f .f77 .f90 .f95 .f03 .f08 .for",
    "Forth": ".fth .4th",
    "GLSL": ".glsl .vert .frag .geom .comp",
    "Go": ".go",
    "GraphQL": ".graphql .gql",
    "Groovy": ".groovy .gradle .gvy",
    "Haskell": ".hs .lhs",
    "Java": ".java",
    "JavaScript": ".js .jsx .mjs .cjs",
    "Julia": ".jl",
    "Jupyter Notebook": ".ipynb",
    "Kotlin": ".kt .kts",
    "Lean": ".lean",
    "Lua": ".lua",
    "MATLAB": ".m",
    "Nim": ".nim",
    "Nix": ".nix",
    "OCaml": ".ml .mli",
    "Objective-C": ".mm",
    "OpenCL": ".opencl",
    "PHP": ".php .phtml",
    "Pascal": ".pas .pp",
    "Perl": ".pl .pm .t",
    "PowerShell": ".ps1 .psm1",
    "Prolog": ".pro .prolog",
    "Protocol Buffer": ".proto",
    "Python": ".py .pyi .pyw .pyx .pxd",
    "R": ".r",
    "Racket": ".rkt",
    "Raku": ".raku .rakumod",
    "Ruby": ".rb .rake .gemspec .rbi",
    "Rust": ".rs",
    "SQL": ".sql",
    "Scala": ".scala .sbt",
    "Scheme": ".scm .ss .sld",
    "Shell": ".sh .bash .zsh .ksh .bats",
    "Solidity": ".sol",
    "Standard ML": ".sml",
    "Starlark": ".bzl .star",
    "Svelte": ".svelte",
    "Swift": ".swift",
    "SystemVerilog": ".sv .svh",
    "TeX": ".tex",
    "Tcl": ".tcl",
    "Terraform": ".tf",
    "TypeScript": ".ts .tsx .mts .cts",
    "VHDL": ".vhd .vhdl",
    "Verilog": ".v",
    "Vim Script": ".vim",
    "Visual Basic": ".vb",
    "Vue": ".vue",
    "Zig": ".zig",
}
NAMES: dict[str, str] = {
    "Dockerfile": "Dockerfile",
    "Makefile": "Makefile",
    "GNUmakefile": "Makefile",
    "CMakeLists.txt": "CMake",
    "Rakefile": "Ruby",
    "Gemfile": "Ruby",
    "makefile": "Makefile",
    "Containerfile": "Dockerfile",
    "Vagrantfile": "Ruby",
    "Podfile": "Ruby",
    "Jenkinsfile": "Groovy",
    "BUILD": "Starlark",
    "BUILD.bazel": "Starlark",
    "WORKSPACE": "Starlark",
    "SConstruct": "Python",
    "SConscript": "Python",
    "wscript": "Python",
    "Snakefile": "Python",
    "PKGBUILD": "Shell",
}
SUFFIXES: dict[str, str] = {
    suffix: language for language, suffixes in LANGUAGES.items() for suffix in suffixes.split()
}
CODE_SUFFIXES: tuple[str, ...] = tuple(dict.fromkeys((*SUFFIXES, *SHARED)))
CALLED: dict[str, str] = {
    name.lower(): name for name in (*LANGUAGES, *NAMES.values(), *INTERPRETED.values())
} | ALIASES
HEAD_CHARS = 50 << 10  # Linguist's HEURISTICS_CONSIDER_BYTES
MODELINE_LINES = 5  # at either end of the file, as Vim's `modelines` and Linguist's SEARCH_SCOPE
MODELINES = (
    re.compile(r"-\*-(?:[^\n]*?[;\s])?mode[ \t]*:[ \t]*([^\s;]+)[^\n]*-\*-", re.IGNORECASE),
    re.compile(r"-\*-[ \t]*([\w+#.]+(?:-[\w+#.]+)*)[ \t]*;?[ \t]*-\*-"),
    re.compile(r"(?:^|\s)(?:vim?|ex)[<=>\d]*:[^\n]*?\b(?:filetype|ft|syntax)=([\w+#.-]+)"),
)
SHEBANG = re.compile(r"#![ \t]*(\S+)(?:[ \t]+([^\n]*))?")
EXEC = re.compile(r"^[ \t]*exec[ \t]+([\w.-]++)[^\n]*\$0", re.MULTILINE)  # sh hands over to another
VERSION = re.compile(r"[-\d.]+$")


def language_of(path: str, text: str | None = None) -> str | None:
    """The programming language of a file; None if neither its name nor its text tells.

    >>> language_of("src/main.rs"), language_of("Makefile"), language_of("notes")
    ('Rust', 'Makefile', None)
    >>> language_of("a.h", "class A {"), language_of("bin/run", "#!/usr/bin/env python3")
    ('C++', 'Python')
    """
    name = PurePosixPath(path).name
    while name.lower().endswith(COMPRESSED_SUFFIXES):
        name = name.rsplit(".", 1)[0]
    suffix = PurePosixPath(name).suffix.lower()
    if text is None:
        return NAMES.get(name) or SUFFIXES.get(suffix)
    return (
        _by_modeline(text)
        or NAMES.get(name)
        or _by_interpreter(text)
        or _by_telling_lines(suffix, text)
        or SUFFIXES.get(suffix)
    )


def called(name: str) -> str | None:
    """The language that an editor, a notebook or a person calls so.

    >>> called("cpp"), called("Python3"), called("fundamental")
    ('C++', 'Python', None)
    """
    return CALLED.get(name.lower()) or CALLED.get(VERSION.sub("", name.lower()))


def _by_modeline(text: str) -> str | None:
    lines = text[:HEAD_CHARS].split("\n")[:MODELINE_LINES]
    lines += text[-HEAD_CHARS:].split("\n")[-MODELINE_LINES:]
    for line in lines:
        if "-*-" in line or "vi" in line or "ex:" in line:
            found = (match[1] for pattern in MODELINES if (match := pattern.search(line[:500])))
            if language := next(filter(None, map(called, found)), None):
                return language
    return None


def _by_interpreter(text: str) -> str | None:
    """By `#!`, also through env with its options, settings and paths."""
    if not (found := SHEBANG.match(text)):
        return None
    words = [found[1], *(found[2] or "").split()]
    if words[0].rsplit("/", 1)[-1] == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    name = words[0].rsplit("/", 1)[-1].lower() if words else ""
    if name == "sh" and (handed := EXEC.search("\n".join(text[:HEAD_CHARS].split("\n")[:5]))):
        name = handed[1].lower()
    return INTERPRETED.get(name) or INTERPRETED.get(VERSION.sub("", name))


def _by_telling_lines(suffix: str, text: str) -> str | None:
    head = text[:HEAD_CHARS]
    for language, has, lacks in SHARED.get(suffix, ()):
        if has.search(head) and not (lacks and lacks.search(head)):
            return language
    return None
