"""Which programming language a file is written in, by its name.

Suffixes and names as in GitHub Linguist's languages.yml, for the languages that code corpora keep
(The Stack v2, arXiv 2402.19173, Appendix A); a suffix that several languages share has the most
common one.
"""

from __future__ import annotations

from pathlib import PurePosixPath

LANGUAGES: dict[str, str] = {
    "Ada": ".adb .ads",
    "Assembly": ".asm .s",
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
    "Fortran": ".f .f90 .f95 .f03 .for",
    "GLSL": ".glsl .vert .frag",
    "Go": ".go",
    "GraphQL": ".graphql .gql",
    "Groovy": ".groovy .gradle",
    "Haskell": ".hs .lhs",
    "Java": ".java",
    "JavaScript": ".js .jsx .mjs .cjs",
    "Julia": ".jl",
    "Jupyter Notebook": ".ipynb",
    "Kotlin": ".kt .kts",
    "Lua": ".lua",
    "MATLAB": ".m",
    "Nim": ".nim",
    "Nix": ".nix",
    "OCaml": ".ml .mli",
    "Objective-C": ".mm",
    "PHP": ".php",
    "Pascal": ".pas .pp",
    "Perl": ".pl .pm",
    "PowerShell": ".ps1 .psm1",
    "Prolog": ".pro .prolog",
    "Protocol Buffer": ".proto",
    "Python": ".py .pyi .pyx",
    "R": ".r",
    "Racket": ".rkt",
    "Ruby": ".rb .rake",
    "Rust": ".rs",
    "SQL": ".sql",
    "Scala": ".scala .sbt",
    "Scheme": ".scm .ss",
    "Shell": ".sh .bash .zsh",
    "Solidity": ".sol",
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
    "Jenkinsfile": "Groovy",
    "BUILD.bazel": "Starlark",
}
SUFFIXES: dict[str, str] = {
    suffix: language for language, suffixes in LANGUAGES.items() for suffix in suffixes.split()
}


def language_of(path: str) -> str | None:
    """The programming language of a file; None if its name does not tell.

    >>> language_of("src/main.rs"), language_of("Makefile"), language_of("notes")
    ('Rust', 'Makefile', None)
    """
    name = PurePosixPath(path).name
    return NAMES.get(name) or SUFFIXES.get(PurePosixPath(name).suffix.lower())
