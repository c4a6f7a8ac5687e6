"""LaTeX: one file and e-prints of several, the author's commands, and sources made to do harm."""

from __future__ import annotations

import gzip
import io
import tarfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.papers.latex import extract_latex
from curate.source.articles import LATEX, arxiv_identifier, read_latex
from curate.source.origin import Origin

PAPER = r"""\documentclass[11pt]{article}
\usepackage{amsmath} % mathematics
\newcommand{\R}{\mathbb{R}}
\newcommand{\norm}[1]{\lVert #1 \rVert}
\newcommand{\pair}[2][a]{(#1, #2)}
\newcommand{\modelname}{\textsc{LampNet}\xspace}
\def\eps{\varepsilon}
\let\epsilon\eps
\DeclareMathOperator{\argmax}{arg\,max}
\newtheorem{thm}{Theorem}[section]
\title{On Lamps \thanks{Funded by X.}\\ and G\"odel's Gulls}
\author{Ada Wei\ss$^{1}$ \and Jos\'e Mart{\'\i}nez\\ University of Light \\ \texttt{a@b.org}}
\date{March 4, 2021}
\begin{document}
\maketitle
\begin{abstract}
We study ``lamps''---and gulls~\cite{smith1900,b}. % comment
It costs 50\% more,
or \$5.
\end{abstract}
% a whole line
\section{Introduction}\label{sec:intro}
Let $x \in \R$ and $\norm{x} < \epsilon$, $\pair{b}$, $\pair[c]{d}$. In~\cite[p.~3]{k}, \modelname is
\emph{good} (see \ref{sec:intro}).\footnote{A note with $y$.}
The na\"{\i}ve \v{S}koda, Erd\H{o}s, \O re; pages 3--4. \iffalse hidden \ifx a\fi too \fi Shown.

\begin{equation}\label{eq:1}
  \argmax_x f(x) = \norm{x}^2
\end{equation}
and \[ a^2+b^2=c^2 \] and \(z\).
\begin{itemize}
\item First % c
\item[Two] second
  \begin{enumerate}
  \item deep
  \item deeper
  \end{enumerate}
\end{itemize}
\begin{thm}[Gauss]\label{t} Every lamp burns. \end{thm}
\begin{figure}[t]\centering\includegraphics[width=\linewidth]{lamp.pdf}
\caption[short]{A \textbf{lamp} at night \citep{x}.}\label{f}\end{figure}
\begin{table}\caption{Counts}\begin{tabular}{|l|c|}
\hline Year & Gulls \\ \hline
1900 & 3 \\[2pt]
\end{tabular}\end{table}
\begin{verbatim}
x = 100 % not a comment
  \section{kept}
\end{verbatim}
Inline \verb|a%b\c| code.
\subsection*{Deeper \& wider}
\vspace{-2mm}\noindent Text \textcolor{red}{red} \href{http://a.b}{link} \url{http://a.b/%7E}.
\unknowncmd[opt]{kept text} {\bf bold} tail.
\begin{tikzpicture}\draw (0,0);\end{tikzpicture}
\begin{align*} a &= b \label{q}\\ c &= d \nonumber \end{align*}
\begin{thebibliography}{9}\bibitem{smith1900} Smith. \end{thebibliography}
\end{document}
"""
TEXT = r"""# On Lamps and Gödel's Gulls

## Abstract

We study “lamps”—and gulls. It costs 50% more, or $5.

## Introduction

Let $x \in \mathbb{R}$ and $\lVert x \rVert < \varepsilon$, $(a, b)$, $(c, d)$. In, LampNet is good (see).[^1] The naïve Škoda, Erdős, Øre; pages 3–4. Shown.

\begin{equation}
\operatorname{arg\,max}_x f(x) = \lVert x \rVert^2
\end{equation}

and

$$a^2+b^2=c^2$$

and $z$.

- First
- Two second

  1. deep
  2. deeper

**Theorem** (Gauss). Every lamp burns.

Figure: A lamp at night.

Table: Counts

Year | Gulls
1900 | 3

```
x = 100 % not a comment
  \section{kept}
```

Inline a%b\c code.

### Deeper & wider

Text red link http://a.b/%7E. kept text bold tail.

\begin{align*}
a &= b \\ c &= d
\end{align*}

[^1]: A note with $y$."""


def text_of(source: str) -> str:
    return extract_latex(source.encode()).text


def eprint(files: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            archive.addfile(entry, BytesIO(content.encode()))
    return sink.getvalue()


def test_a_paper() -> None:
    page = extract_latex(PAPER.encode())
    assert page.text == TEXT
    assert page.labels == {
        "title": "On Lamps and Gödel's Gulls",
        "authors": "Ada Weiß; José Martínez",
        "date": "2021-03-04",
    }
    assert "Smith." in extract_latex(PAPER.encode(), references=True).text
    assert extract_latex(gzip.compress(PAPER.replace("\n", "\r\n").encode())).text == TEXT


def test_an_eprint_of_several_files() -> None:
    files = {
        "appendix.tex": r"\documentclass[main]{subfiles}\begin{document}\section{Proofs} Long. \end{document} no",
        "sections/intro.tex": r"\section{Intro} From \lamp. \input{../deep}",
        "deep.tex": r"Deep. \input{sections/intro}",
        "mine.sty": r"\newcommand{\lamp}{a lamp}",
        "other.tex": r"\documentclass{letter}\begin{document}Dear editor\end{document}",
        "ms.tex": r"\documentclass{article}\usepackage{natbib,mine}\begin{document}"
        r"\input{sections/intro.tex}\subfile{appendix}\input ../../etc/passwd \include{none}End.\end{document}",
        "fig.png": "\x89PNG",
    }
    for content in (eprint(files), gzip.compress(eprint(files))):
        assert (
            extract_latex(content).text
            == "## Intro\n\nFrom a lamp. Deep.\n\n## Proofs\n\nLong. End."
        )


def test_inputs_end() -> None:
    twice = {f"{n}.tex": rf"x \input{{{n + 1}}}\input{{{n + 1}}}" for n in range(40)}
    text = extract_latex(eprint({"main.tex": r"\documentclass{a} \input{0}", **twice})).text
    assert text.count("x") <= 600
    sink = eprint(
        {
            "../../a.tex": r"\documentclass{a}\begin{document}\input{/../b}\end{document}",
            "b.tex": "here",
        }
    )
    assert extract_latex(sink).text == "here"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a % c\n  b\n%whole\nc\n\n d%e\n\nf", "a b c\n\nd\n\nf"),
        (r"100\% and \\% comment", "100% and"),
        (r"\def\a#1{<#1>}\a{\a{x}} \a y", "<<x>> <y>"),
        (r"\newcommand\x{Foo}\x{} \x bar \xy", "Foo Foo bar"),
        (r"\'E \^{\i}\c{c}\`a \~{n} {\aa}ngstr\""+r"om", "É îçà ñ ångström"),
        (r"\textbf{a \emph{b}} {\it c\/}", "a b c"),
        ("$x$ costs \\$5 or $6\n\nnext", "$x$ costs $5 or $6\n\nnext"),
        (r"\ensuremath{\alpha}-decay", r"$\alpha$-decay"),
        ("\\begin{lstlisting}[language=C]\nint x; // $a$\n\\end{lstlisting}", "```\nint x; // $a$\n```"),
        (r"\begin{minipage}{3cm}in\end{minipage}\vskip 2pt out", "in\n\nout"),
        (r"\begin{quote}q\end{quote}\begin{unknown}[o]u\end{unknown}", "q\n\nu"),
        (r"\chapter{A}\section{B}x", "## A\n\n### B\n\nx"),
        (r"see \citet{a} and (\cite{b}; \citep{c}) [\ref{x}].", "see and."),
        (r"Call \texttt{main()} ; as~\cite{a} \citep{b} say", "Call main() ; as say"),
    ],
)  # fmt: skip
def test_pieces(source: str, text: str) -> None:
    assert text_of(source) == text


def test_old_sources_degrade() -> None:
    plain = "\\magnification=1200 \\hsize=6truein\n\\beginsection 1. On lamps\n\nLamps burn; $x$.\\par Next.\n\\bye junk"
    assert text_of(plain) == "## 1. On lamps\n\nLamps burn; $x$.\n\nNext."
    old = r"\documentstyle[12pt]{article}\begin{document}\title{T}\author{A B}\maketitle{\em Old} text\end{document}"
    page = extract_latex(old.encode())
    assert (page.text, page.labels["authors"]) == ("# T\n\nOld text", "A B")


N = 5_000
HOSTILE = {
    "braces": "{" * N,
    "bars": "\\" * N,
    "dollars": "$ \n\n" * N,
    "open": r"\begin{equation}\begin{verbatim}\iffalse\[" * (N // 8),
    "notes": r"\footnote{" * N + "}" * N,
    "macros": r"\def\a#1{<#1#1>}" + r"\a{" * 2000 + "}" * 2000,
    "bomb": "".join(rf"\def\{chr(97 + n)}{{{f'{chr(92)}{chr(98 + n)}' * 10}}}" for n in range(12)) + r"\a",
    "blanks": r"\a" + " " * N + "." + "\n" * N,
    "options": r"\foo[" * N + "]",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sources_end(name: str) -> None:
    assert len(extract_latex(HOSTILE[name].encode()).text) < 2_000_000


TOKENS = [
    r"\begin{itemize}", r"\end{itemize}", r"\item", "{", "}", "$", "$$", r"\[", r"\]", "%", r"\verb|", "|",
    r"\section{", r"\def\a#1{", r"\a", r"\'e", "[", "]", "&", r"\\", r"\begin{tabular}{l}", r"\end{tabular}",
    r"\footnote{", r"\begin{verbatim}", r"\end{verbatim}", r"\iffalse", r"\fi", "word", " ", "\n", "\n\n",
    "\x02", "\x05", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS), max_size=40))
def test_any_tokens_are_text(tokens: list[str]) -> None:
    assert not set("\x01\x02\x03\x05\x06\x07\x0e") & set(text_of("".join(tokens)))


@given(st.binary(max_size=600), st.sampled_from([b"", b"\x1f\x8b", eprint({"a.tex": "x"})[:600]]))
def test_any_bytes_are_a_page(content: bytes, head: bytes) -> None:
    assert isinstance(extract_latex(head + content).text, str)


@pytest.mark.parametrize(
    ("path", "identifier"),
    [
        ("2101/2101.00001.gz", "2101.00001"),
        ("arXiv-2101.00001v3.tar.gz", "2101.00001v3"),
        ("hep-th9901001.gz", "hep-th/9901001"),
        ("2101.00001/main.tex", "2101.00001"),
        ("papers/main.tex", None),
        ("2021.tex", None),
    ],
)
def test_identifiers(path: str, identifier: str | None) -> None:
    assert arxiv_identifier(path) == identifier


def test_a_file_is_a_row() -> None:
    content = eprint({"main.tex": PAPER})
    (row,) = read_latex(BytesIO(gzip.compress(content)), Origin("s", "2101.00001.tar.gz"))
    assert (row.content, row.media_type) == (content, LATEX)
    assert row.labels == {
        "identifier": "arXiv:2101.00001",
        "canonical_url": "https://arxiv.org/abs/2101.00001",
    }
