"""Deduplication: of what is there more than once, one stays.

documents/     equal and near-duplicate documents, and the index of earlier crawls
lines/         lines, paragraphs, runs of sentences
substrings/    spans of words, wherever they stand
semantic/      documents that say the same in other words
signatures/    what documents are compared by: n-grams, MinHash, bands
order          which document stays
alarms         what a person should look at
holes          a text without some of its parts
"""

from typing import Any

from curate.dedup.documents.step import Dedup
from curate.dedup.lines.step import DedupLines
from curate.dedup.semantic.step import DedupSemantic
from curate.dedup.substrings.step import DedupSubstrings

DEDUP: dict[str, Any] = {
    "dedup": Dedup,
    "dedup_lines": DedupLines,
    "dedup_substrings": DedupSubstrings,
    "dedup_semantic": DedupSemantic,
}

__all__ = ["DEDUP", "Dedup", "DedupLines", "DedupSemantic", "DedupSubstrings"]
