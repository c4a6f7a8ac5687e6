"""What in a file's content tells its programming language: interpreters, aliases, telling lines.

Tables only. The decisions follow GitHub Linguist (lib/linguist/heuristics.yml, languages.yml; the
patterns here are our own): a suffix that several languages share is decided by the first rule that
fits the head of the file, and by the suffix's most common language if none does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

INTERPRETERS: dict[str, str] = {
    "ash bash dash fish ksh mksh rc sh zsh": "Shell",
    "awk gawk mawk nawk": "Awk",
    "bun deno": "TypeScript",
    "bb clojure": "Clojure",
    "crystal": "Crystal",
    "dart": "Dart",
    "elixir": "Elixir",
    "escript": "Erlang",
    "gnuplot": "Gnuplot",
    "groovy": "Groovy",
    "guile scheme chibi-scheme csi": "Scheme",
    "julia": "Julia",
    "kotlin": "Kotlin",
    "lua luajit": "Lua",
    "make gmake": "Makefile",
    "node nodejs qjs rhino": "JavaScript",
    "ocaml ocamlrun ocamlscript": "OCaml",
    "octave": "MATLAB",
    "osascript": "AppleScript",
    "perl cperl": "Perl",
    "php": "PHP",
    "pwsh": "PowerShell",
    "python pypy jython uv": "Python",
    "racket": "Racket",
    "raku perl6": "Raku",
    "rscript littler": "R",
    "ruby jruby rake macruby rbx": "Ruby",
    "runghc runhaskell stack": "Haskell",
    "sbcl clisp ecl": "Common Lisp",
    "scala": "Scala",
    "sed": "sed",
    "swift": "Swift",
    "swipl yap": "Prolog",
    "tclsh wish expect": "Tcl",
}
INTERPRETED: dict[str, str] = {
    name: language for names, language in INTERPRETERS.items() for name in names.split()
}

ALIASES: dict[str, str] = {  # how editors and notebooks call a language, where not by its name
    "bash": "Shell",
    "cpp": "C++",
    "cperl": "Perl",
    "csharp": "C#",
    "cs": "C#",
    "clojurescript": "Clojure",
    "cuda": "CUDA",
    "dockerfile": "Dockerfile",
    "elisp": "Emacs Lisp",
    "fsharp": "F#",
    "f90": "Fortran",
    "golang": "Go",
    "ipython": "Python",
    "javascript1.5": "JavaScript",
    "js": "JavaScript",
    "js2": "JavaScript",
    "ksh": "Shell",
    "latex": "TeX",
    "lisp": "Common Lisp",
    "make": "Makefile",
    "makefile": "Makefile",
    "objc": "Objective-C",
    "octave": "MATLAB",
    "perl6": "Raku",
    "plaintex": "TeX",
    "ps1": "PowerShell",
    "py": "Python",
    "python3": "Python",
    "rb": "Ruby",
    "rs": "Rust",
    "sage": "Python",
    "sagemath": "Python",
    "sh": "Shell",
    "ts": "TypeScript",
    "typescriptreact": "TypeScript",
    "javascriptreact": "JavaScript",
    "vim": "Vim Script",
    "zsh": "Shell",
}


class Telling(NamedTuple):
    """A language, the pattern its files have, and one they lack."""

    language: str
    has: re.Pattern[str]
    lacks: re.Pattern[str] | None = None


def _telling(language: str, *patterns: str, lacks: str | None = None) -> Telling:
    has = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.MULTILINE)
    return Telling(language, has, re.compile(lacks, re.MULTILINE) if lacks else None)


_OBJECTIVE_C = _telling(
    "Objective-C",
    r"^[ \t]*@(?:interface|implementation|protocol|property|class|end|synthesize|selector)\b",
    r"^[ \t]*#import[ \t]+[\"<]",
)
_CPP = _telling(
    "C++",
    r"^[ \t]*#[ \t]*include[ \t]*<(?:c?std(?:arg|bool|def|int|io|lib)|[a-z_]+)>",
    r"^[ \t]*template[ \t]*<",
    r"^[ \t]*(?:class|namespace|using[ \t]+namespace)[ \t]+\w+",
    r"^[ \t]*(?:public|private|protected)[ \t]*:",
    r"^[ \t]*(?:constexpr|catch[ \t]*\(|try[ \t]*\{)",
    r"\bstd::\w",
)
_PERL = _telling(
    "Perl",
    r"^[ \t]*use[ \t]+(?:strict|warnings|utf8|lib|v?5)\b",
    r"^[ \t]*package[ \t]+[\w:]+[ \t]*;",
    r"^[ \t]*(?:my|our|local)[ \t]+[$@%(]",
    r"^[ \t]*sub[ \t]+\w+[^;{]{0,200}\{",
    r"^[ \t]*(?:use|require)[ \t]+[\w:]+(?:[ \t][^;\n]*)?;",
    lacks=r"^[ \t]*use[ \t]+v6\b",
)
_RAKU = _telling("Raku", r"^[ \t]*(?:use[ \t]+v6\b|unit[ \t]+\w|multi[ \t]+sub|my[ \t]+class\b)")
_PROLOG = _telling("Prolog", r"^[ \t]*:-", r"^[a-z]\w*(?:\([^#\n]*\))?[ \t]*:-")
_PHP = _telling("PHP", r"^[ \t]*<\?(?:php\b|=|\s)")
_PASCAL = _telling(
    "Pascal", r"(?i:^[ \t]*end\.)", r"(?i:^[ \t]*(?:unit|uses|procedure)[ \t]+\w[^{}\n]*;)"
)
_ASSEMBLY = _telling(
    "Assembly",
    r"(?i:^[ \t]*(?:\w+:[ \t]*)?(?:movl?|jmp|push|add|xor|ldr|db|dw|equ|org)[ \t]+[\w$%#\[(][^;{}]*$)",
    r"^[ \t]*\.(?:text|data|globl|global|section)\b",
)
_FORTH = _telling("Forth", r"^: ", r"^(?:variable|constant|also|new-device)[ \t]")
_SCHEME = _telling("Scheme", r"^[ \t]*\((?:define|library|import|lambda|let)\b")

SHARED: dict[str, tuple[Telling, ...]] = {
    ".h": (_OBJECTIVE_C, _CPP),
    ".m": (
        _OBJECTIVE_C,
        _telling("Mercury", r"^[ \t]*:-[ \t]*module\b"),
        _telling("Wolfram Language", r"^[ \t]*\(\*", r"^BeginPackage\["),
        _telling(
            "MATLAB", r"^[ \t]*%", r"^[ \t]*function\b", r"^[ \t]*(?:end|clear|clc|close all)\b"
        ),
        _telling("C", r"^[ \t]*#[ \t]*include\b"),
        _telling("M", r"^\w*[ \t]*;[^\n]*$"),
    ),
    ".pl": (_PERL, _PROLOG, _RAKU),
    ".pm": (_PERL, _RAKU, _telling("X PixMap", r"^[ \t]*/\* XPM \*/")),
    ".t": (_PERL, _RAKU, _telling("Turing", r"^[ \t]*var[ \t]+\w+[ \t]*:(?:=|[ \t]*\w+)")),
    ".v": (
        _telling(
            "Coq",
            r"^[ \t]*(?:Proof|Qed|Defined|Admitted)\.",
            r"^[ \t]*(?:From[ \t]+\w+[ \t]+)?Require[ \t]+(?:Import|Export)\b",
            r"^[ \t]*(?:Theorem|Lemma|Inductive|Fixpoint|Definition)[ \t]+\w",
        ),
        _telling("Verilog", r"^[ \t]*(?:module|endmodule|always|initial|assign)\b", r"^[ \t]*`\w+"),
        _telling("V", r"^[ \t]*(?:pub[ \t]+)?fn[ \t]+[^\n]*\{", r"^module[ \t]+\w+[ \t]*$"),
    ),
    ".ts": (_telling("XML", r"\A\s*(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE TS>\s*)?<TS\b"),),
    ".tsx": (_telling("XML", r"\A\s*<\?xml\b"),),
    ".cl": (
        _telling("Common Lisp", r"(?i:^[ \t]*\((?:defun|defmacro|defvar|in-package|defpackage)\b)"),
        _telling("OpenCL", r"\b__?(?:kernel|global|local)\b", r"^[ \t]*//", r"/\*", r"^\}"),
        _telling("Cool", r"^class[ \t]+[A-Z]"),
    ),
    ".r": (_telling("Rebol", r"(?i:\A[\s;#!/\w]*rebol[ \t]*\[)", r"^R(?:EBOL|ebol)\b"),),
    ".fs": (
        _FORTH,
        _telling(
            "GLSL", r"^[ \t]*(?:#version|precision[ \t]|uniform[ \t]|varying[ \t]|vec[234][ \t])"
        ),
        _telling("Filterscript", r"^[ \t]*#(?:include|pragma[ \t]+(?:rs|version))\b"),
    ),
    ".f": (_FORTH,),
    ".for": (_FORTH,),
    ".frag": (_telling("JavaScript", r"^[ \t]*\(?function\b"),),
    ".gs": (
        _telling("GLSL", r"^#version[ \t]+\d"),
        _telling("Genie", r"^\[indent=\d+\]"),
        _telling("Gosu", r"^uses[ \t]+(?:java|gw)\."),
    ),
    ".sql": (
        _telling("PLpgSQL", r"(?i:\bAS[ \t\n]+\$\w*\$|\bLANGUAGE[ \t]+'?plpgsql\b)"),
        _telling("PLSQL", r"(?i:\$\$PLSQL_|\bXMLTYPE\b|\bsystimestamp\b|\w\.nextval\b)"),
        _telling("PLSQL", r"(?i:\bCONNECT[ \t]+BY\b|\bVARCHAR2\b|^[ \t]*CREATE[^\n;]*\bPACKAGE\b)"),
        _telling("TSQL", r"(?i:^[ \t]*GO[ \t]*$|\bBEGIN[ \t]+(?:TRY|CATCH)\b|\bDECLARE[ \t]+@)"),
        _telling("TSQL", r"(?i:\[dbo\]|\bOUTPUT[ \t]+INSERTED\b)"),
    ),
    ".pro": (
        _telling("Proguard", r"^-(?:keep\w*|dontwarn|include)\b"),
        _PROLOG,
        _telling("QMake", r"^[ \t]*(?:HEADERS|SOURCES|TEMPLATE|CONFIG|QT)[ \t]*[+*-]?="),
        _telling("IDL", r"(?i:^[ \t]*(?:function|pro|compile_opt)[ \t]+\w)"),
    ),
    ".d": (
        _telling(
            "D",
            r"^[ \t]*module[ \t]+[\w.]+[ \t]*;",
            r"^[ \t]*(?:public[ \t]+|static[ \t]+)?import[ \t]+[\w.][^;\n]*;",
            r"^[ \t]*unittest\b",
        ),
        _telling("DTrace", r"^\w*:\w*:\w*:\w*", r"^#pragma[ \t]+D[ \t]", r"^(?:BEGIN|END)[ \t]*$"),
        _telling("Makefile", r"^[^#\n:]+\.(?:o|lo|d)[ \t]*:", r"^[^\n:]*:[^\n]*\\$"),
    ),
    ".inc": (
        _PHP,
        _PASCAL,
        _telling(
            "SourcePawn", r"^methodmap[ \t]+\w+", r"^[ \t]*(?:native|forward)[ \t]+\w+[^\n]*\("
        ),
        _telling("POV-Ray SDL", r"^[ \t]*#(?:declare|local|macro|while)[ \t]"),
        _CPP,
        _telling("C", r"^[ \t]*#[ \t]*(?:include|define|ifn?def)\b", r"^[ \t]*(?:/\*|//)"),
        _ASSEMBLY,
        _telling("BitBake", r"^(?:inherit|require|SRC_URI|DEPENDS)\b"),
    ),
    ".cgi": (
        _PERL,
        _telling("Python", r"^(?:import|from)[ \t]+[\w.]+", r"^def[ \t]+\w+\("),
        _telling("Shell", r"^[ \t]*(?:echo|if[ \t]+\[|export)[ \t]"),
    ),
    ".cs": (_telling("Smalltalk", r"![\w\s]+methodsFor: "),),
    ".hh": (_telling("Hack", r"<\?hh\b"),),
    ".php": (_telling("Hack", r"\A(?:#![^\n]*\n)?<\?hh\b"),),
    ".lsp": (_telling("NewLisp", r"^[ \t]*\(define[ \t]"),),
    ".ml": (
        _telling(
            "OCaml",
            r"^[ \t]*(?:module|open|let[ \t]+rec)\b",
            r"\bmatch\b[^\n]{0,200}\bwith\b",
            r"->",
        ),
        _telling(
            "Standard ML", r"=> ", r"\bcase[ \t]+\S+[ \t]+of\b", r"^[ \t]*(?:structure|fun)[ \t]"
        ),
    ),
    ".pp": (
        _PASCAL,
        _telling("Puppet", r"^[ \t]+\w+[ \t]+=>[ \t]", r"^(?:class|node|define)[ \t]"),
    ),
    ".rs": (
        _telling("Rust", r"^[ \t]*(?:use|fn|mod|pub|impl|macro_rules|struct|#!?\[)"),
        _telling("RenderScript", r"^[ \t]*#(?:include|pragma[ \t]+(?:rs|version))\b"),
        _telling("XML", r"\A\s*<\?xml\b"),
    ),
    ".sol": (_telling("Gerber Image", r"^[DGMT]\d\d\*\r?$"),),
    ".scm": (
        _telling("Tree-sitter Query", r"^\([^;\n]*\)[ \t]*@[\w.]+", lacks=_SCHEME.has.pattern),
    ),
    ".ex": (_telling("Euphoria", r"^[ \t]*(?:include[ \t]+\w|(?:global[ \t]+)?procedure[ \t])"),),
}
