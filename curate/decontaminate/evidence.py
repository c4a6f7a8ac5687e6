"""What a document shares with evaluation items, and what is done about it. No Spark in here.

Enters: a document and the places where n-grams of items stand in it. Leaves: the same document, its
evidence in signals and labels, dropped or with the shared passages cut out. Most hits of an n-gram
rule are not contamination but a quotation that both share, so three numbers tell them apart: how much
of the item is there, how much of the document it is, and the words themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curate.decontaminate.index import Hits, Index
from curate.document import Document
from curate.text import Text

Method = Literal["ngram", "chars", "containment"]
Action = Literal["drop", "cut"]
Spans = NDArray[np.int64]
SHOWN_CHARS = 400
WORD_CHARS = 40
NAME = "decontaminate"


@dataclass(frozen=True)
class Evidence:
    """`matches`: places of the document where an n-gram of an item stands. `items`: those concerned,
    the one with most n-grams here first; `shared`: how many of their distinct n-grams are here;
    `shares`: the same as a share of what each has. `spans`: (m, 2) the passages, apart; `shown`: the
    first of them that the first item has."""

    matches: int
    items: NDArray[np.int32]
    shared: Spans
    shares: NDArray[np.float64]
    spans: Spans
    shown: tuple[int, int]


@dataclass(frozen=True)
class Cut:
    """How passages are cut out (Brown et al. 2020, arXiv:2005.14165, appendix C): with `margin_chars`
    on each side; a document of more than `most_pieces` pieces goes, and so do pieces of fewer than
    `least_chars`."""

    margin_chars: int = 200
    most_pieces: int = 10
    least_chars: int = 200


@dataclass(frozen=True)
class Judge:
    """The rule: what counts as contamination, and what is done then. `cut` None: drop the document."""

    method: Method = "ngram"
    threshold: float = 0.7
    cut: Cut | None = None

    def evidence(self, index: Index, hits: Hits) -> Evidence | None:
        """What the hits in one document amount to; None if the rule does not mind."""
        # by distinct n-gram: a page that holds all of a benchmark has many places and many owners
        runs, run_at = np.unique(hits.runs, return_inverse=True)
        owners, position = index.owners_of(runs)
        items, shared = np.unique(owners, return_counts=True)
        shares = shared / index.item_runs[items]
        if self.method == "containment":
            enough = shares >= self.threshold
            items, shared, shares = items[enough], shared[enough], shares[enough]
            guilty = np.isin(owners, items)
            owners, position = owners[guilty], position[guilty]
        if not len(items):
            return None
        order = np.lexsort((items, -shared))
        places = np.flatnonzero(np.isin(run_at, position))
        of_first = np.isin(run_at, position[owners == items[order[0]]])
        start, end = merged(hits.starts[of_first], hits.ends[of_first])[0].tolist()
        spans = merged(hits.starts[places], hits.ends[places])
        return Evidence(
            len(places), items[order], shared[order], shares[order], spans, (start, end)
        )

    def apply(self, document: Document, found: Evidence, index: Index) -> None:
        """Note the evidence, and drop or cut the document."""
        text = document.text or ""
        document.signals |= {
            f"{NAME}.matches": float(found.matches),
            f"{NAME}.items": float(len(found.items)),
            f"{NAME}.item_ratio": float(found.shares[0]),
            f"{NAME}.document_ratio": float(np.diff(found.spans).sum() / len(text)),
        }
        document.labels[f"{NAME}.match"] = index.name(int(found.items[0]))
        document.labels[f"{NAME}.text"] = excerpt(text, found.shown)
        if self.cut is None:
            document.drop = f"{NAME}.{self.method}"
            return
        pieces = list(remaining(text, found.spans, self.cut.margin_chars))
        long = [piece for piece in pieces if len(piece) >= self.cut.least_chars]
        if len(pieces) > self.cut.most_pieces:
            document.drop = f"{NAME}.pieces"
        elif not long:
            document.drop = f"{NAME}.short"
        else:
            document.text = Text("\n".join(long))
            document.signals[f"{NAME}.cut_chars"] = float(len(text) - sum(map(len, long)))


def merged(starts: Spans, ends: Spans) -> Spans:
    """(m, 2) the stretches that overlapping or touching spans cover, in order.

    >>> merged(np.array([8, 0, 2]), np.array([9, 3, 5])).tolist()
    [[0, 5], [8, 9]]
    """
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    is_first = np.append(True, starts[1:] > reach[:-1])
    last = np.append(np.flatnonzero(is_first)[1:] - 1, len(starts) - 1)
    return np.stack((starts[is_first], reach[last]), axis=1)


def remaining(text: str, spans: Spans, margin_chars: int) -> Iterator[str]:
    """What is left between the spans and their margins; a word at a border goes as a whole.

    >>> list(remaining("one two three four five", np.array([[8, 13]]), 2))
    ['one', 'five']
    """
    wide = merged(spans[:, 0] - margin_chars, spans[:, 1] + margin_chars)
    start = 0
    for begin, end in wide.tolist():
        begin, end = max(begin, 0), min(end, len(text))
        begin -= _word_chars(text[max(0, begin - WORD_CHARS) : begin + 1][::-1])
        if piece := text[start:begin].strip():
            yield piece
        start = end + _word_chars(text[end - 1 : end + WORD_CHARS])
    if piece := text[start:].strip():
        yield piece


def excerpt(text: str, span: tuple[int, int]) -> str:
    """A passage as a person reads it: on one line, not endless."""
    return " ".join(text[span[0] : min(span[1], span[0] + SHOWN_CHARS)].split())


def _word_chars(text: str) -> int:
    """How much of a word follows the first character, if that one is of the word."""
    return len(text.split()[0]) - 1 if text and not text[0].isspace() else 0
