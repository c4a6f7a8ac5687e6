"""Filters: steps that measure a document and decide whether it stays.

In: a document. Out: the same document with signals, and `drop` set if a rule was broken (C4 also
removes lines, as its paper does). `FILTERS` is the one list, in the order of cost: the cheap ones
first, so that the dear ones see fewer documents.
"""

from __future__ import annotations

from curate.filters.c4 import C4
from curate.filters.fineweb import FINEWEB, FINEWEB_DATATROVE
from curate.filters.gopher import GOPHER
from curate.filters.language import Language
from curate.filters.repetition import REPETITION
from curate.filters.toxicity import Toxicity
from curate.filters.url import Url
from curate.step import RowStep

FILTERS: dict[str, RowStep | type] = {
    "url": Url,
    "language": Language,
    "gopher": GOPHER,
    "repetition": REPETITION,
    "c4": C4,
    "fineweb": FINEWEB,
    "fineweb_datatrove": FINEWEB_DATATROVE,
    "toxicity": Toxicity,
}
