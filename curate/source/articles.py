"""Journal articles in JATS and papers in LaTeX: one file, one document.

In: a .nxml or .xml file; a .tex file, or an arXiv e-print (`2101.00001.tar.gz`, `hep-th9901001.gz`).
Out: one row with the file as content, to be extracted. The decision: an arXiv identifier is taken
from the file's name only, for no paper says its own reliably.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from curate.document import Document
from curate.source.origin import Origin
from curate.source.whole_file import reader_of

JATS = "application/jats+xml"
LATEX = "application/x-latex"
ARXIV = re.compile(  # arxiv.org/help/arxiv_identifier: since April 2007, and before
    r"(?:^|/)(?:arxiv[-_:])?(?:(?P<new>\d{4}\.\d{4,5})|(?P<archive>[a-z\-]+)(?:\.[A-Z]{2})?/?(?P<old>\d{7}))"
    r"(?P<version>v\d+)?(?=\.(?:tar|tgz|gz|tex)\b|/|$)",
    re.IGNORECASE,
)


read_jats = reader_of(JATS)


def read_latex(stream: BinaryIO, origin: Origin) -> Iterator[Document]:
    """The paper's source as `content`, without its compression."""
    for row in reader_of(LATEX)(stream, origin):
        if row.content is not None and (identifier := arxiv_identifier(origin.path)):
            row.labels["identifier"] = f"arXiv:{identifier}"
            row.labels["canonical_url"] = f"https://arxiv.org/abs/{identifier}"
        yield row


def arxiv_identifier(path: str) -> str | None:
    """The paper that a file's name says it is.

    >>> arxiv_identifier("2101/2101.00001v2.tar.gz"), arxiv_identifier("hep-th9901001.gz")
    ('2101.00001v2', 'hep-th/9901001')
    """
    every = list(ARXIV.finditer(path))
    if not every:
        return None
    found = every[-1]
    name = found["new"] or f"{found['archive'].lower()}/{found['old']}"
    return name + (found["version"] or "")
